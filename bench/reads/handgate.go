package main

import (
	"errors"
	"sync"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// handGate is about the least that lets a replica replicate while the bare driver
// reads: a lock that all reads share, and that is taken while the replica is behind. So
// what litefwd does can be told from what LiteFS costs. It looks at both positions, for
// which litefwd has its links.
type handGate struct {
	sync.RWMutex
	replica, primary *rig.Position
}

const (
	gateLook = 500 * time.Microsecond // how often it looks at a position
	gateRest = 2                      // how long it stays open, in times that it was shut
)

func openHandGate(replica, primary string) (*handGate, error) {
	r, err := rig.OpenPosition(replica)
	if err != nil {
		return nil, err
	}
	p, err := rig.OpenPosition(primary)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return &handGate{replica: r, primary: p}, nil
}

func (g *handGate) close() error { return errors.Join(g.replica.Close(), g.primary.Close()) }

// run shuts and opens the gate until end.
func (g *handGate) run(end time.Time) error {
	for time.Now().Before(end) {
		shut, err := g.turn(end)
		if err != nil {
			return err
		}
		rig.Pause(min(max(gateRest*shut, gateLook), time.Until(end)))
	}
	return nil
}

// turn shuts the gate if the replica is behind, until it has caught up, and returns how
// long that took.
func (g *handGate) turn(end time.Time) (time.Duration, error) {
	want, err := g.primary.TXID()
	if err != nil {
		return 0, err
	}
	at, err := g.replica.TXID()
	if err != nil || at >= want {
		return 0, err
	}
	began := time.Now()
	g.Lock()
	defer g.Unlock()
	for at < want && time.Now().Before(end) {
		rig.Pause(gateLook)
		if at, err = g.replica.TXID(); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}
