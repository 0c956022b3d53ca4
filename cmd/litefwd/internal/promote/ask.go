// Package promote is "litefwd promote": it asks a node, at its litefwd port, to
// become primary, and says what came of it.
package promote

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/link"
)

// lookTime bounds one question of who is primary: it must not use up the time
// for the answer to the other one.
const lookTime = 3 * time.Second

// What became of the primary role.
const (
	Moved     = "moved"     // to the node that was asked
	Unneeded  = "unneeded"  // the node was primary already
	Unchanged = "unchanged" // it certainly stays where it was
	Unknown   = "unknown"   // it may have moved, or may still do so
)

// Outcome is what came of asking a node to become primary.
type Outcome struct {
	// Role is one of the constants above.
	Role string `json:"role"`
	// Node is the name of the node that was asked, "" if it did not say.
	Node string `json:"node"`
	Addr string `json:"addr"`
	// Before and After are what that node knew of the primary; nil if it did
	// not answer.
	Before *Primary `json:"before"`
	After  *Primary `json:"after"`
	// Millis is how long the node took.
	Millis float64 `json:"took_ms"`
	// Error is set if Role is Unchanged or Unknown.
	Error string `json:"error,omitempty"`
}

// Primary is a node's idea of who is primary.
type Primary struct {
	Name string `json:"name"` // "" if it knows none
	Addr string `json:"addr"`
	Term uint64 `json:"term"` // the asked node's own count of changes
}

// OK reports whether the node that was asked is primary.
func (o Outcome) OK() bool { return o.Role == Moved || o.Role == Unneeded }

// Ask asks the node at addr to become primary and waits until it is, or ctx
// ends. What goes wrong is in the Outcome.
func Ask(ctx context.Context, addr string, creds credentials.TransportCredentials) Outcome {
	o := Outcome{Addr: addr, Role: Unchanged}
	peer, err := link.Dial(link.Options{Addr: addr, Credentials: creds, Name: callerName()})
	if err != nil {
		return o.failed(err)
	}
	defer peer.Close()
	before, err := hello(ctx, peer)
	if err != nil {
		return o.failed(err) // nothing was asked
	}
	o.Node, o.Before = before.Name, primaryOf(before)

	start := time.Now()
	err = peer.Promote(ctx)
	o.Millis = float64(time.Since(start).Microseconds()) / 1000
	// Also when ctx has ended: then it is the more wanted.
	after, lookErr := hello(context.WithoutCancel(ctx), peer)
	if lookErr == nil {
		o.After = primaryOf(after)
	}
	switch {
	case before.Role == engine.Primary && err == nil:
		o.Role = Unneeded
	case err == nil || lookErr == nil && after.Role == engine.Primary && before.Role != engine.Primary:
		o.Role = Moved
	case fault.SafeToRetry(err) && lookErr == nil && after.Primary == before.Primary:
		return o.failed(err)
	default:
		o.Role = Unknown
		return o.failed(err)
	}
	return o
}

func (o Outcome) failed(err error) Outcome {
	o.Error = err.Error()
	return o
}

func hello(ctx context.Context, peer *link.Peer) (link.Hello, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	return peer.Hello(ctx)
}

func primaryOf(h link.Hello) *Primary {
	return &Primary{Name: h.Primary.Name, Addr: h.Primary.Addr, Term: h.Term}
}

// callerName is what the node logs as who asked.
func callerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("litefwd promote on %s, pid %d", host, os.Getpid())
}
