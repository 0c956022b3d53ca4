package litefwd

import (
	"context"
	"sync"
	"testing"
	"time"
)

// TestLeasesFor: a short read takes a free lease, or begins one while there are few
// beside those of long reads, which leave some to it.
func TestLeasesFor(t *testing.T) {
	most := maxLeases - enoughLeases // for long reads
	for _, c := range []struct {
		name               string
		opened, free, long int
		forLong            bool
		taken, open        bool
	}{
		{name: "the first", open: true},
		{name: "one is free", opened: enoughLeases, free: 1, taken: true},
		{name: "enough", opened: enoughLeases},
		{name: "rows that are not read keep enough, and one is free", opened: enoughLeases + 1, free: 1, taken: true},
		{name: "long reads have as many", opened: enoughLeases, long: enoughLeases, open: true},
		{name: "and enough short ones", opened: 2 * enoughLeases, long: enoughLeases},
		{name: "long reads have all that they may", opened: most, long: most, open: true},
		{name: "no more than there may be", opened: maxLeases, long: most},
		{name: "a long read", opened: enoughLeases, forLong: true, open: true},
		{name: "a long read, and one is free", opened: enoughLeases, free: 1, forLong: true, taken: true},
		{name: "one long read too many", opened: most, long: most, forLong: true},
		{name: "one long read too many, and one is free", opened: maxLeases, free: 1, long: most, forLong: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := leases{opened: c.opened, long: c.long}
			for range c.free {
				l.free = append(l.free, new(handle))
			}
			limit := enoughLeases + c.long
			if c.forLong {
				limit = maxLeases
			}
			h, open := l.getLocked(c.forLong, limit)
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
			inLong := c.long
			if c.forLong && (c.taken || c.open) {
				inLong++
			}
			if l.long != inLong {
				t.Errorf("%d of long reads, not %d", l.long, inLong)
			}
		})
	}
}

// TestLeasesCounts: whatever becomes of reads, in the end all leases that are opened are
// free, and none counts as a long read's.
func TestLeasesCounts(t *testing.T) {
	l := leases{db: new(database)}
	read := func(long, opens, hurried bool) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if hurried {
			cancel()
		}
		defer cancel()
		h, open := l.get(ctx, long)
		switch {
		case open && opens:
			l.give(&handle{long: long})
		case open:
			l.forget(long)
		case h != nil:
			l.give(h)
		}
	}
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			for n := range 200 {
				read(i%2 == 0, n%3 != 0, n%5 == 0)
			}
		})
	}
	all.Wait()
	if l.long != 0 || l.opened != len(l.free) || l.opened > maxLeases || len(l.waiting) != 0 {
		t.Errorf("%d long reads, %d leases of which %d are free, %d waiting", l.long, l.opened, len(l.free), len(l.waiting))
	}
}
