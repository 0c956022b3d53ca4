package demo

import (
	"context"
	"fmt"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
)

// settleRounds bounds how often a line in doubt is looked for and sent again,
// each time with an unknown outcome.
const settleRounds = 5

// settleDoubts looks for the lines whose outcome is unknown, when nothing is
// being written any more, and sends those again that are not there. That is
// what an application does with such an error, if it can recognise its write.
func settleDoubts(ctx context.Context, c *client, l *ledger, lines []demoapp.Line) error {
	for range settleRounds {
		doubts := l.inDoubt()
		if len(doubts) == 0 {
			return nil
		}
		rows, err := c.rows(ctx)
		if err != nil {
			return fmt.Errorf("look for the writes with unknown outcome: %w", err)
		}
		there := map[int]bool{}
		for _, row := range rows {
			there[row.N] = true
		}
		for _, n := range doubts {
			if there[n] {
				l.resolve(n, unknownFound, "")
				continue
			}
			// Lines are numbered from 1, in order.
			if err := c.write(ctx, lines[n-1]); err == nil {
				l.resolve(n, unknownResent, c.name)
			}
		}
	}
	if left := l.inDoubt(); len(left) > 0 {
		return fmt.Errorf("%d writes still have an unknown outcome after %d attempts to resolve them", len(left), settleRounds)
	}
	return nil
}
