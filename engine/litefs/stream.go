package litefs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/litefwd/litefwd/engine"
)

// runStream receives /events, and connects again whenever that ends, with a
// jittered backoff that Suspect cuts short. Close ends it.
func (e *Engine) runStream() {
	backoff := e.timing.backoffMin
	for {
		began, err := e.stream()
		if e.alone.Err() != nil {
			return
		}
		e.disconnected(err)
		if began {
			backoff = e.timing.backoffMin
		}
		timer := time.NewTimer(backoff/2 + rand.N(backoff/2+1))
		select {
		case <-timer.C:
			backoff = min(2*backoff, e.timing.backoffMax)
		case <-e.kickStream:
			backoff = e.timing.backoffMin
		case <-e.alone.Done():
		}
		timer.Stop()
	}
}

// stream receives one connection's events until it ends. began: the first
// event has come.
func (e *Engine) stream() (began bool, err error) {
	ctx, cancel := context.WithCancelCause(e.alone)
	defer cancel(nil)
	silence := time.AfterFunc(e.timing.httpWait, func() {
		cancel(fmt.Errorf("%s/events has not answered for %s: is litefs_url the HTTP API of LiteFS, and LiteFS not stopped?",
			e.opts.URL, e.timing.httpWait))
	})
	defer silence.Stop()
	cause := func(err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	resp, err := e.api.call(ctx, http.MethodGet, "/events")
	if err != nil {
		return false, cause(err)
	}
	defer resp.Body.Close()
	events := newEventReader(resp.Body)
	first, err := events.next()
	if err == nil && first.kind != eventInit {
		err = fmt.Errorf("%s/events began with %q instead of init: is litefs_url LiteFS's HTTP API?", e.opts.URL, first.kind)
	}
	if err != nil {
		return false, cause(err)
	}
	if !silence.Stop() {
		return false, cause(io.ErrUnexpectedEOF)
	}
	e.connected(first.role)
	for {
		ev, err := events.next()
		if errors.Is(err, io.EOF) {
			// Too many events at once (1024), or LiteFS ends.
			err = fmt.Errorf("LiteFS has ended the events of %s", e.opts.URL)
		}
		if err != nil {
			return true, cause(err)
		}
		e.receive(ev)
	}
}

// connected is called when the subscription stands. What happened before it
// is read from the "-pos" files, and only then the histories are raised: a
// connection opened after that is of a state that those files showed, or of a
// later one, to which the events lead.
func (e *Engine) connected(r role) {
	type reading struct {
		pos engine.Position
		ok  bool
	}
	readings := make(map[*database]reading)
	for _, d := range e.allDatabases() {
		d.file.reopen() // it may be another mount
		pos, err := d.readWithin(e.alone, e.timing.readWait)
		readings[d] = reading{pos, err == nil}
		if err != nil {
			break // one bound for all of them
		}
	}
	var told []func()
	e.update(func(f *facts) {
		for _, d := range e.databases {
			at := readings[d]
			c := d.connect(at.pos, at.ok, !f.everConnected, f.role != r)
			told = append(told, func() { e.tell(d.name, c) })
		}
		f.gap = f.everConnected
		f.connected, f.everConnected, f.streamErr = true, true, nil
		f.setRole(r)
	})
	kick(e.kickInfo)
	kick(e.kickLook)
	for _, tell := range told {
		tell()
	}
}

func (e *Engine) disconnected(err error) {
	e.update(func(f *facts) {
		f.connected, f.streamErr = false, err
		for _, d := range e.databases {
			d.disconnect()
		}
	})
	kick(e.kickLook)
}

// receive handles an event after the first.
func (e *Engine) receive(ev event) {
	switch ev.kind {
	case eventInit, eventPrimaryChange:
		e.update(func(f *facts) { f.setRole(ev.role) })
		kick(e.kickLook)
		kick(e.kickInfo)
	case eventTx:
		e.mu.Lock()
		d, replica, term := e.databases[ev.db], !e.facts.role.isPrimary, e.facts.term
		e.mu.Unlock()
		if d != nil {
			d.event(ev, replica, term)
		}
	}
}

func (f *facts) setRole(r role) {
	f.role = r
	f.roleEvents++
}
