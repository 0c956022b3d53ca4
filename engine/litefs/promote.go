package litefs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// Candidate implements [engine.Promoter]. It cannot see whether the lease is
// a static one, whose role nothing moves; there Promote fails after it asked.
func (e *Engine) Candidate(ctx context.Context) error {
	info, err := e.api.info(ctx, e.timing.httpWait)
	if err != nil {
		return err
	}
	return candidate(info)
}

func candidate(info nodeInfo) error {
	if !info.Candidate {
		return fault.Refuse(fault.Unsupported, "this node's LiteFS cannot become primary: "+
			"its configuration says lease.candidate: false (with a static lease only one node can ever be primary)")
	}
	return nil
}

// Promote implements [engine.Promoter]. LiteFS's answer to POST /promote says
// only that the primary was asked and agreed; the role moves later, so Promote
// waits, until ctx ends, for the event that says so. An error after asked was
// called does not mean that the role stays: it may still move.
func (e *Engine) Promote(ctx context.Context, asked func() error) error {
	if s, _ := e.Watch(); s.Role == engine.Primary {
		return nil
	}
	if !e.listens() {
		return fault.Refuse(fault.Unsupported, "a node without a listen address cannot become primary")
	}
	if err := asked(); err != nil {
		return err
	}
	resp, err := e.api.call(ctx, http.MethodPost, "/promote")
	if err != nil {
		return promoteError(err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxLine))
	resp.Body.Close()
	for {
		s, changed := e.Watch()
		if s.Role == engine.Primary {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("LiteFS has accepted the promotion, but this node was not primary in time (the role may still move): %w", ctx.Err())
		case <-e.alone.Done():
			return errClosed
		}
	}
}

func (e *Engine) listens() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.facts.self.Addr != ""
}

// promoteError gives LiteFS's answers their kinds (http/server.go,
// handlePostPromote).
//
//	409                                   | Unsupported: not a candidate
//	500 "static lease ... not support"    | Unsupported
//	500 "no primary is currently ..."     | NoPrimary
//	otherwise                             | as it is
func promoteError(err error) error {
	var answer *apiError
	switch {
	case !errors.As(err, &answer):
		return fmt.Errorf("promote: %w", err)
	case answer.status == http.StatusConflict:
		return candidate(nodeInfo{})
	case strings.Contains(answer.text, "static lease"):
		return fault.New(fault.Unsupported, "a static lease cannot move the primary role: %w", err)
	case strings.Contains(answer.text, "no primary"):
		return fault.New(fault.NoPrimary, "the primary role cannot be asked for: %w", err)
	default:
		return fmt.Errorf("promote: %w", err)
	}
}
