package demo

import (
	"context"
	"fmt"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/opticks"
)

// examine resolves what is in doubt, counts the rows on every node, checks
// the database and searches it.
func (d *demo) examine(ctx context.Context) (result, error) {
	r := result{
		Text: opticks.Title + " by " + opticks.Author, Lines: len(d.lines),
		Problems: []string{},
	}
	live := d.cluster.live()
	if len(live) == 0 {
		return r, fmt.Errorf("no node is left to ask")
	}
	asked := live[0]
	if _, primary, ok := d.cluster.primary(); ok {
		asked = primary // it has every write that is committed
	}
	if err := settleDoubts(ctx, asked.client, d.load.ledger, d.lines); err != nil {
		return r, err
	}
	d.load.ledger.writeOff()
	if err := d.awaitCopies(ctx, asked); err != nil {
		r.problem("the copies did not become the same: %v", err)
	}
	for _, m := range live {
		n, err := d.examineNode(ctx, m)
		if err != nil {
			return r, fmt.Errorf("ask %s for its rows: %w", m.name, err)
		}
		r.Nodes = append(r.Nodes, n)
	}
	var err error
	if r.Search, err = searchAll(ctx, d.options.Search, live); err != nil {
		return r, err
	}
	r.tallyFates(d.load.ledger)
	r.judge()
	return r, nil
}

// awaitCopies waits until every node's copy is what m's is.
func (d *demo) awaitCopies(ctx context.Context, m *member) error {
	for i, other := range d.cluster.all() {
		if other == m && d.servers != nil {
			return d.servers.awaitReplicated(ctx, i)
		}
	}
	return nil
}

func (d *demo) examineNode(ctx context.Context, m *member) (nodeResult, error) {
	rows, err := m.client.rows(ctx)
	if err != nil {
		return nodeResult{}, err
	}
	check, err := m.client.check(ctx)
	if err != nil {
		return nodeResult{}, err
	}
	fates, through, _ := d.load.ledger.counts()
	return nodeResult{
		Name: m.name, PID: m.pid(), Role: m.state(), Acknowledged: through[m.name],
		tally: audit(d.lines, fates, rows), Check: check.Problems,
	}, nil
}
