package litefwdtest

import (
	"time"

	"github.com/litefwd/litefwd/litefwdtest/internal/faultnet"
)

// Lag makes node i apply each transaction d after the primary committed it;
// 0 ends that. Promote and Settle wait for it.
func (c *core) Lag(i int, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[i].lag = d
	c.bumpLocked()
}

// Pause keeps node i's copy as it is, from when Pause returns until Resume.
// The node knows its role and the primary, and can forward to it.
func (c *core) Pause(i int) {
	m := c.members[i]
	c.mu.Lock()
	m.paused = true
	c.mu.Unlock()
	m.hold()() // waits for a transaction that is being applied
}

// Resume ends Pause.
func (c *core) Resume(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[i].paused = false
	c.bumpLocked()
}

// Partition breaks the connections between nodes i and j, and their
// replication, until Heal. Both still know who is primary.
func (c *core) Partition(i, j int) {
	c.mu.Lock()
	c.partitionLocked(i, j)
	c.publishLocked()
	c.mu.Unlock()
	c.members[i].hold()()
	c.members[j].hold()()
}

func (c *core) partitionLocked(i, j int) {
	c.cut[pairOf(c.members[i], c.members[j])] = true
	c.links[i][j].Cut()
	c.links[j][i].Cut()
}

// Isolate partitions node i from all others and from what decides about
// roles: if it is primary it may not commit any more, which is what loss of
// the lease means. Nobody takes its place until Failover; Heal gives it back.
func (c *core) Isolate(i int) {
	c.mu.Lock()
	c.members[i].isolated = true
	for j := range c.members {
		if j != i {
			c.partitionLocked(i, j)
		}
	}
	c.publishLocked()
	c.mu.Unlock()
	c.members[i].hold()()
}

// Stall lets connections between nodes i and j stay, but nothing arrives on
// them until Heal, as if the other process was frozen. Replication goes on.
func (c *core) Stall(i, j int) {
	c.links[i][j].Stall()
	c.links[j][i].Stall()
}

// Heal ends every Partition, Isolate and Stall, takes back every DropReply,
// and tells a primary that was usurped. It does not end Pause or Lag.
func (c *core) Heal() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.cut)
	for _, m := range c.members {
		m.isolated = false
		if m.tenure != nil && m != c.primary {
			m.endTenureLocked(false)
		}
	}
	c.eachLink(func(_, _ int, l *faultnet.Link) { l.Heal() })
	c.publishLocked()
}

// DropReply makes the next write that node i forwards and that commits lose
// its reply: the write has run, the connection breaks, and node i cannot know.
//
// The network cannot tell whose commit it was, so let no other node write
// meanwhile.
func (c *core) DropReply(i int) {
	for j, l := range c.links[i] {
		if j != i {
			l.DropReply()
		}
	}
}

// Dropped is the number of replies to node i that were lost by DropReply.
func (c *core) Dropped(i int) int {
	n := 0
	for j, l := range c.links[i] {
		if j != i {
			n += l.Dropped()
		}
	}
	return n
}

// AtFence has f called once, when a primary's next transaction is about to
// commit, while it holds the database's write lock. f may use every method of
// the Cluster but Promote, Capture and Close, which wait for that lock.
func (c *core) AtFence(f func()) { c.setHook(&c.atFence, f) }

// AtCommit has f called once, after a primary's next transaction has been
// committed on its own disk, and before anything of it is replicated or
// anyone is told. f may use every method of the Cluster but Close.
func (c *core) AtCommit(f func()) { c.setHook(&c.atCommit, f) }

func (c *core) setHook(hook *func(), f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*hook = f
}

func (c *core) runHook(hook *func()) {
	c.mu.Lock()
	f := *hook
	*hook = nil
	c.mu.Unlock()
	if f != nil {
		f()
	}
}

// connectLocked points the links to m at where it listens now, if it does.
func (c *core) connectLocked(m *member) {
	addr := m.self.Addr
	if !m.running || m.down {
		addr = ""
	}
	for _, row := range c.links {
		if l := row[m.index]; l != nil {
			l.SetTarget(addr)
		}
	}
}

func (c *core) eachLink(do func(from, to int, l *faultnet.Link)) {
	for i, row := range c.links {
		for j, l := range row {
			if l != nil {
				do(i, j, l)
			}
		}
	}
}
