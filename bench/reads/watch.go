package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// sighting is when a position was first seen, by rig.Now.
type sighting struct {
	at   time.Duration
	txid uint64
}

// watcher notes when a LiteFS gets to which position, as its events tell it: to read
// the position all the time takes a tenth of a processor from those who are measured.
type watcher struct {
	first sighting
	then  chan sighting // closed when LiteFS sends no more
}

// mostSightings is more than a run has commits.
const mostSightings = 1 << 16

// watch watches the LiteFS at url until ctx ends, in a goroutine; txid tells where its
// database is.
func watch(ctx context.Context, url string, txid func() (uint64, error)) (*watcher, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/events", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Scan() // it begins with one about its role, and sends all that follow
	first, err := txid()
	if err = errors.Join(lines.Err(), err); err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("LiteFS's events: %w", err), resp.Body.Close())
	}
	w := &watcher{sighting{rig.Now(), first}, make(chan sighting, mostSightings)}
	go func() {
		defer resp.Body.Close()
		defer close(w.then)
		for lines.Scan() {
			if n := txidOf(lines.Bytes()); n > 0 {
				w.then <- sighting{rig.Now(), n}
			}
		}
	}()
	return w, nil
}

// txidOf returns the number of the transaction that an event is about, or 0.
func txidOf(event []byte) uint64 {
	var e struct {
		DB   string `json:"db"`
		Data struct {
			TXID string `json:"txID"`
		} `json:"data"`
	}
	if json.Unmarshal(event, &e) != nil || e.DB != rig.Database {
		return 0
	}
	n, err := strconv.ParseUint(e.Data.TXID, 16, 64)
	if err != nil {
		return 0
	}
	return n
}

// reached waits until txid has been seen, and returns all sightings up to it.
func (w *watcher) reached(ctx context.Context, txid uint64) ([]sighting, error) {
	seen := []sighting{w.first}
	for seen[len(seen)-1].txid < txid {
		select {
		case s, ok := <-w.then:
			if !ok {
				return nil, errors.New("LiteFS sends no events any more")
			}
			seen = append(seen, s)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return seen, nil
}

// wait waits for the goroutine, whose context has ended.
func (w *watcher) wait() {
	for range w.then { //nolint:revive // until it is closed
	}
}
