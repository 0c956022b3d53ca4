package serve

import (
	"context"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/wire"
)

// Hello implements wire.ForwardServer.
func (s *Server) Hello(_ context.Context, req *wire.HelloRequest) (*wire.HelloReply, error) {
	said := wire.Meta{Version: int(req.GetVersion()), Cluster: string(req.GetCluster()), Node: string(req.GetNode())}
	if err := s.me.Accept(said); err != nil {
		return nil, wire.Status(err)
	}
	var state engine.State
	if s.opts.State != nil {
		state = s.opts.State()
	}
	return &wire.HelloReply{
		Version: wire.Version, Cluster: []byte(s.opts.Cluster), Node: []byte(s.opts.Name),
		Role: uint32(state.Role), Term: state.Term,
		PrimaryName: []byte(state.Primary.Name), PrimaryAddr: []byte(state.Primary.Addr),
		MaxMessage: uint64(s.opts.MaxMessage),
	}, nil
}

// Outcome implements wire.ForwardServer.
func (s *Server) Outcome(ctx context.Context, req *wire.OutcomeRequest) (*wire.OutcomeReply, error) {
	id, err := wire.NewID(req.GetId())
	if err != nil {
		return nil, wire.Status(err)
	}
	if s.opts.Outcome == nil {
		e := fault.New(fault.OutcomeUnknown, "node %q keeps no outcomes", s.opts.Name)
		e.RequestID = id.String()
		return &wire.OutcomeReply{Error: wire.NewError(e)}, nil
	}
	res, err := s.opts.Outcome(ctx, string(req.GetDatabase()), id)
	if err != nil {
		return &wire.OutcomeReply{Error: wire.NewError(err)}, nil
	}
	return &wire.OutcomeReply{Result: wire.NewResult(res)}, nil
}
