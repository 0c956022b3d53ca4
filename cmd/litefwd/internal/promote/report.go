package promote

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
)

// Run asks as o says and prints the outcome: a success to stdout, a failure to
// stderr, JSON always to stdout.
func Run(ctx context.Context, o Options, stdout, stderr io.Writer) (Outcome, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.Timeout, fmt.Errorf("not done within %v (-timeout)", o.Timeout))
	defer cancel()
	outcome := Ask(ctx, o.Addr, o.Credentials)
	if !outcome.OK() && ctx.Err() != nil {
		outcome.Error = context.Cause(ctx).Error()
	}
	switch {
	case o.JSON:
		out := json.NewEncoder(stdout)
		out.SetIndent("", "  ")
		return outcome, out.Encode(outcome)
	case outcome.OK():
		_, err := fmt.Fprint(stdout, outcome.text())
		return outcome, err
	default:
		_, err := fmt.Fprint(stderr, outcome.text())
		return outcome, err
	}
}

// text renders an outcome for people.
func (o Outcome) text() string {
	node := o.Addr
	if o.Node != "" {
		node = fmt.Sprintf("%s (%s)", o.Node, o.Addr)
	}
	switch o.Role {
	case Unneeded:
		return fmt.Sprintf("%s is primary already\n", node)
	case Moved:
		return fmt.Sprintf("%s is primary, after %.0f ms\n  before  %s\n  after   %s\n", node, o.Millis, o.Before, o.After)
	case Unchanged:
		s := fmt.Sprintf("litefwd promote: %s: %s\n  the primary role stays where it was", node, o.Error)
		if o.Before != nil {
			s += ": " + o.Before.String()
		}
		return s + "\n"
	default:
		s := fmt.Sprintf("litefwd promote: %s: %s\n  whether the role moves is unknown: it may have, or still do so\n  before  %s\n",
			node, o.Error, o.Before)
		if o.After != nil {
			s += fmt.Sprintf("  now     %s\n", o.After)
		}
		return s
	}
}

// String names the primary.
func (p *Primary) String() string {
	switch {
	case p == nil:
		return "not known, it did not answer"
	case p.Name == "" && p.Addr == "":
		return "none is known"
	default:
		return fmt.Sprintf("%s (%s)", p.Name, p.Addr)
	}
}
