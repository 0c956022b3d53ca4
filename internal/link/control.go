package link

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/wire"
)

// Hello is what a node says of itself.
type Hello struct {
	Version       int
	Cluster, Name string
	Role          engine.Role
	// Primary and Term are what that node knows.
	Primary engine.Peer
	Term    uint64
	// MaxMessage is the largest statement that it accepts, in bytes.
	MaxMessage int
}

// Hello asks the other node who it is. Errors are fault.Auth (another cluster
// or secret), fault.Protocol (another version), fault.NoPrimary (not
// reachable), or ctx's.
func (p *Peer) Hello(ctx context.Context) (Hello, error) {
	if _, err := p.session(ctx); err != nil {
		return Hello{}, err
	}
	r, err := p.client.Hello(p.outgoing(ctx), &wire.HelloRequest{
		Version: wire.Version, Cluster: []byte(p.opts.Cluster), Node: []byte(p.opts.Name),
	})
	if err != nil {
		return Hello{}, p.control(ctx, err)
	}
	return Hello{
		Version: int(r.GetVersion()), Cluster: string(r.GetCluster()), Name: string(r.GetNode()),
		Role: engine.Role(min(r.GetRole(), 255)), Term: r.GetTerm(),
		Primary:    engine.Peer{Name: string(r.GetPrimaryName()), Addr: string(r.GetPrimaryAddr())},
		MaxMessage: int(min(r.GetMaxMessage(), 1<<40)),
	}, nil
}

// Outcome asks what became of the statement with that id: its result, its
// error, fault.OutcomeUnknown if the other node does not know, or why the node
// could not be asked (fault.NoPrimary and so on, with NothingRan).
func (p *Peer) Outcome(ctx context.Context, database string, id forward.ID) (forward.Result, error) {
	if _, err := p.session(ctx); err != nil {
		return forward.Result{}, err
	}
	r, err := p.client.Outcome(p.outgoing(ctx), &wire.OutcomeRequest{Database: []byte(database), Id: id[:]})
	if err != nil {
		return forward.Result{}, p.control(ctx, err)
	}
	return r.GetResult().Forward(), r.GetError().Err()
}

// control makes the error of a call that runs nothing.
func (p *Peer) control(ctx context.Context, err error) error {
	if said := wire.FromStatus(err); said != nil {
		return said
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if status.Code(err) == codes.DeadlineExceeded { // the other node's clock was first
		return context.DeadlineExceeded
	}
	return p.notSent(err)
}

// Outcome is Peer.Outcome for this database.
func (d *database) Outcome(ctx context.Context, id forward.ID) (forward.Result, error) {
	return d.peer.Outcome(ctx, d.name, id)
}
