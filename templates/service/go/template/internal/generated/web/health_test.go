package web

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReadyAsksEveryDependency(t *testing.T) {
	up := func(context.Context) error { return nil }
	down := func(context.Context) error { return errors.New("secret address refused") }
	slow := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	tests := map[string]struct {
		checks map[string]Check
		status int
		part   string
	}{
		"no dependency": {nil, 200, `"status":"ready"`},
		"all there":     {map[string]Check{"a": up, "b": up}, 200, `"status":"ready"`},
		"one away":      {map[string]Check{"a": up, "b": down}, 503, `"b":{"status":"down","error":"unreachable"}`},
		"one too slow":  {map[string]Check{"a": slow}, 503, `"a":{"status":"down","error":"timeout"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			answer := httptest.NewRecorder()
			if err := ready(test.checks)(answer, httptest.NewRequest("GET", "/health/ready", nil)); err != nil {
				t.Fatal(err)
			}
			if answer.Code != test.status || !strings.Contains(answer.Body.String(), test.part) {
				t.Errorf("answer = %d %s", answer.Code, answer.Body)
			}
		})
	}
}
