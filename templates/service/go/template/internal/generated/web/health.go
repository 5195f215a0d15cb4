package web

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

const checkTimeout = time.Second

// Check asks a dependency; an error means that it is not there.
type Check func(ctx context.Context) error

// live says that the process serves; dependencies do not matter here.
func live(w http.ResponseWriter, _ *http.Request) error {
	return JSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// result is the state of one dependency.
type result struct {
	Status   string  `json:"status"`
	Error    string  `json:"error,omitempty"`
	Duration float64 `json:"duration_ms,omitempty"`
}

// ready asks every dependency at once; 503 while one of them does not answer.
func ready(checks map[string]Check) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		status, answer := http.StatusOK, "ready"
		results := ask(r.Context(), checks)
		for _, result := range results {
			if result.Status != "up" {
				status, answer = http.StatusServiceUnavailable, "unavailable"
			}
		}
		return JSON(w, status, map[string]any{"status": answer, "checks": results})
	}
}

func ask(ctx context.Context, checks map[string]Check) map[string]result {
	var group sync.WaitGroup
	var lock sync.Mutex
	results := make(map[string]result, len(checks))
	for name, check := range checks {
		group.Go(func() {
			found := askOne(ctx, check)
			lock.Lock()
			defer lock.Unlock()
			results[name] = found
		})
	}
	group.Wait()
	return results
}

func askOne(ctx context.Context, check Check) result {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	started := time.Now()
	err := check(ctx)
	switch {
	case err == nil:
		return result{Status: "up", Duration: float64(time.Since(started).Microseconds()) / 1000}
	case errors.Is(err, context.DeadlineExceeded):
		return result{Status: "down", Error: "timeout"}
	default:
		return result{Status: "down", Error: "unreachable"}
	}
}
