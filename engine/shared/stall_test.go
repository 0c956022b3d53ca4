//go:build linux || darwin || freebsd

package shared

import (
	"testing"
	"time"
)

func TestStallWatch(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	type turn struct {
		after time.Duration
		beat  uint64
		want  string
	}
	const text = "p holds the lock but has not shown a sign of life for "
	const advice = ": it is stopped or hung; restart it"
	for name, turns := range map[string][]turn{
		"moving":                   {{0, 1, ""}, {500 * ms, 2, ""}, {500 * ms, 3, ""}, {900 * ms, 4, ""}},
		"stopped and continued":    {{0, 1, ""}, {500 * ms, 1, ""}, {500 * ms, 1, text + "1.0 s" + advice}, {300 * ms, 1, text + "1.3 s" + advice}, {10 * ms, 2, ""}, {500 * ms, 2, ""}},
		"the watcher was stopped":  {{0, 1, ""}, {time.Hour, 1, ""}, {10 * ms, 2, ""}},
		"both were, one came back": {{0, 1, ""}, {time.Hour, 1, ""}, {500 * ms, 1, text + "1.0 s" + advice}},
		"another epoch's counter":  {{0, 7, ""}, {500 * ms, 7, ""}, {400 * ms, 6, ""}, {500 * ms, 6, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			w := stallWatch{bound: time.Second, limit: 500 * ms}
			now := time.Now()
			for i, c := range turns {
				now = now.Add(c.after)
				got := ""
				if err := w.note(now, header{epoch: 1, beat: c.beat}, "p"); err != nil {
					got = err.Error()
				}
				if got != c.want {
					t.Errorf("turn %d: %q, want %q", i, got, c.want)
				}
			}
		})
	}
}
