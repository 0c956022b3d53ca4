package litefwd

import (
	"context"
	"time"

	"github.com/litefwd/litefwd/engine"
)

// ShutGate shuts n's gate for local reads, as moving the role does; open opens
// it.
func ShutGate(ctx context.Context, n *Node, grace time.Duration) (open func(), err error) {
	return n.core.gate.ShutWithin(ctx, grace)
}

// Ahead returns what n was told last of how far its database of that name has come
// on the primary, and by whom.
func Ahead(n *Node, name string) (pos engine.Position, term uint64, from string, told bool) {
	if a := n.core.known(name).ahead.Load(); a != nil {
		return a.at.pos, a.at.term, a.from, true
	}
	return pos, 0, "", false
}
