package main

import (
	"context"
	"os"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// walSize is what the primary's WAL file measures at a time.
type walSize struct {
	At    time.Duration // since the readers began
	Bytes int64
}

// watchWAL looks at the file's size until ctx ends; it does not open it.
func watchWAL(ctx context.Context, c *rig.Cluster) <-chan []walSize {
	done := make(chan []walSize, 1) // nobody waits for who does not come
	go func() {
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		began := time.Now()
		var all []walSize
		for {
			if info, err := os.Stat(c.Path(primary) + "-wal"); err == nil { // none in DELETE mode
				all = append(all, walSize{time.Since(began), info.Size()})
			}
			select {
			case <-ctx.Done():
				done <- all
				return
			case <-ticker.C:
			}
		}
	}()
	return done
}

// most is the largest size from one time until another.
func most(sizes []walSize, from, until time.Duration) (bytes int64) {
	for _, s := range sizes {
		if s.At >= from && s.At < until {
			bytes = max(bytes, s.Bytes)
		}
	}
	return bytes
}
