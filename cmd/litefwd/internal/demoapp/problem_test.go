package demoapp

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/litefwd/litefwd"
)

func TestProblem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		err    error
		status int
		fate   Fate
	}{
		{"request", badRequest{errors.New("x")}, 400, NotApplied},
		{"safe to retry", fmt.Errorf("x: %w", &litefwd.Error{NothingRan: true}), 503, NotApplied},
		{"outcome unknown", &litefwd.Error{}, 504, Unknown},
		{"SQLite's", &litefwd.SQLError{Code: 19}, 500, NotApplied},
		{"before COMMIT", rolledBack{errors.New("x")}, 500, NotApplied},
		{"cancelled", context.Canceled, 504, Unknown},
	} {
		status, body := problem(c.err)
		if status != c.status || body.Fate != c.fate {
			t.Errorf("%s: %d, %q, want %d, %q", c.name, status, body.Fate, c.status, c.fate)
		}
	}
}
