package demo

import (
	"context"
	"fmt"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
)

// lookAtSurvivors notes which lines the survivors' own copies have, after the
// primary's death and before one of them is primary: the winner's copy is what
// the database is from then on.
func (d *demo) lookAtSurvivors(ctx context.Context, victim *member) error {
	<-victim.gone
	ctx, cancel := context.WithTimeout(ctx, takeoverLimit)
	defer cancel()
	copies := map[string]map[int]bool{}
	for i, m := range d.cluster.all() {
		if m == victim {
			continue
		}
		if err := d.servers.awaitCutOff(ctx, i, victim.name); err != nil {
			return err
		}
		rows, err := m.client.rows(ctx)
		if err != nil {
			return fmt.Errorf("look at what %s has of the killed primary's writes: %w", m.name, err)
		}
		copies[m.name] = linesOf(rows)
	}
	if !d.servers.hasLease(victim.name) {
		return fmt.Errorf("a survivor of %s took over before it was seen what its copy had, "+
			"so that it cannot be told what must be there; run the demo again", victim.name)
	}
	d.load.ledger.survive(copies)
	return nil
}

// linesOf returns the numbers of the lines that are there.
func linesOf(rows []demoapp.Row) map[int]bool {
	there := make(map[int]bool, len(rows))
	for _, row := range rows {
		there[row.N] = true
	}
	return there
}
