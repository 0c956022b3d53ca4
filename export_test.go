package litefwd

import (
	"context"
	"time"
)

// ShutGate shuts n's gate for local reads, as moving the role does; open opens
// it.
func ShutGate(ctx context.Context, n *Node, grace time.Duration) (open func(), err error) {
	return n.core.gate.ShutWithin(ctx, grace)
}
