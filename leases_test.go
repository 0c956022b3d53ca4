package litefwd

import "testing"

// TestLeasesInUse: short reads wait for one of a few leases; those that may take long
// do not, and take nothing from the short ones.
func TestLeasesInUse(t *testing.T) {
	for _, c := range []struct {
		name               string
		opened, free, long int
		forLong            bool
		taken, open        bool
	}{
		{name: "the first", open: true},
		{name: "one is free", opened: 1, free: 1, taken: true},
		{name: "enough short reads", opened: enoughLeases},
		{name: "enough short reads, one is free of long ones", opened: enoughLeases + 1, free: 1},
		{name: "as many long ones", opened: enoughLeases, long: enoughLeases, open: true},
		{name: "long ones, and one is free", opened: enoughLeases + 1, free: 1, long: enoughLeases, taken: true},
		{name: "long ones, and enough short ones", opened: 2 * enoughLeases, long: enoughLeases},
		{name: "a long one after enough short ones", opened: enoughLeases, long: 1, forLong: true, open: true},
		{name: "no more than there may be", opened: maxLeases, long: maxLeases, forLong: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := leases{opened: c.opened, long: c.long}
			for range c.free {
				l.free = append(l.free, new(handle))
			}
			enough := enoughLeases
			if c.forLong {
				enough = maxLeases
			}
			h, open := l.getLocked(enough)
			if (h != nil) != c.taken || open != c.open {
				t.Errorf("taken: %v, to be opened: %v; want %v, %v", h != nil, open, c.taken, c.open)
			}
			inUse := c.opened - c.free
			if c.taken || c.open {
				inUse++
			}
			if n := l.opened - len(l.free); n != inUse {
				t.Errorf("%d in use, not %d", n, inUse)
			}
		})
	}
}
