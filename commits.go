package litefwd

import "sync/atomic"

// commits counts a writer's commits. In WAL mode others can read one before the
// engine knows its position: LiteFS sets that where SQLite gives the write lock up.
// A lease must not outlive the begin of a commit, or begin before its end, or it
// would show less than another connection has shown.
type commits struct{ begun, over atomic.Uint64 }

// begin is writer.Options.Committing.
func (c *commits) begin() (over func()) {
	c.begun.Add(1)
	return func() { c.over.Add(1) }
}

// settled returns how many have begun, and whether all of them are over.
func (c *commits) settled() (begun uint64, all bool) {
	over := c.over.Load() // first: it can only fall short
	begun = c.begun.Load()
	return begun, begun == over
}
