// Package migrations holds the versions of the database, in the order in which they are applied.
package migrations

import "embed"

// Files are the migrations: plain SQL, with goose's two comments.
//
//go:embed *.sql
var Files embed.FS
