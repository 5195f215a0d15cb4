// Command ferretdb serves MongoDB's protocol, on a database of PostgreSQL.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:      ferretdb.ListenerConfig{TCP: os.Getenv("LISTEN")},
		Handler:       "postgresql",
		PostgreSQLURL: os.Getenv("POSTGRESQL_URL"),
	})
	if err != nil {
		log.Fatal(err)
	}
	told, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := server.Run(told); err != nil {
		log.Fatal(err)
	}
}
