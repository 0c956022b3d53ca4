package conformance

import (
	"fmt"
	"slices"
)

// differs are the ways that rightly give something else, for one reason.
func differs(reason string, ways ...string) []Difference {
	out := make([]Difference, len(ways))
	for i, w := range ways {
		out[i] = Difference{Way: w, Reason: reason}
	}
	return out
}

// The ways of litefwd, as a mark names them.
var (
	plain  = []string{"primary", "replica"}
	inTx   = []string{"primary/tx", "replica/tx"}
	always = slices.Concat(plain, inTx)
)

// afterwards stands for the dump among the numbers of a mark's steps.
const afterwards = -1

// mark is one reason for which some cases give something else with litefwd.
type mark struct {
	reason string
	// driver limits the mark to one local driver; "" is all.
	driver string
	ways   []string
	// steps are the cases, each with the numbers of the steps that differ,
	// from 1. All others must be as on the bare driver.
	steps map[string][]int
	// perhaps: it depends on timing or on the driver whether it differs.
	perhaps bool
}

// applyMarks adds the differences of marks to cases. It panics on a mark for
// a case that is not there.
func applyMarks(cases []Case, marks []mark) {
	byID := map[string]*Case{}
	for i := range cases {
		byID[cases[i].ID()] = &cases[i]
	}
	for _, m := range marks {
		for id, steps := range m.steps {
			c := byID[id]
			if c == nil {
				panic("conformance: a mark for an unknown case: " + id)
			}
			for _, way := range m.ways {
				c.Differs = append(c.Differs, Difference{
					Way: way, Driver: m.driver, Reason: m.reason, Check: onlyAt(steps), MustDiffer: !m.perhaps,
				})
			}
		}
	}
}

// onlyAt demands that two transcripts differ in no other steps than these.
func onlyAt(steps []int) func(want, got *Transcript) error {
	return func(want, got *Transcript) error {
		for i, s := range want.Steps {
			if !slices.Contains(steps, i+1) && !slices.Equal(s.Lines, got.Steps[i].Lines) {
				return fmt.Errorf("step %d differs too", i+1)
			}
		}
		if !slices.Contains(steps, afterwards) && !slices.Equal(want.Dump, got.Dump) {
			return fmt.Errorf("the database differs too")
		}
		if want.Commit != got.Commit {
			return fmt.Errorf("the transaction ends differently: %s, not %s", got.Commit, want.Commit)
		}
		return nil
	}
}
