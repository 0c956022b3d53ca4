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

// PrimaryAt returns how far n knows the primary's database of that name to have come,
// and whether it has been told.
func PrimaryAt(n *Node, name string) (pos engine.Position, term uint64, known bool) {
	a, known := n.core.known(name).primaryAt()
	return a.pos, a.term, known
}

// MaxLeases is how many leases there are at most.
var MaxLeases = maxLeases
