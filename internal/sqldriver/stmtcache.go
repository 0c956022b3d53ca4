package sqldriver

import "database/sql/driver"

// StmtCache keeps the prepared forms of the statements used last on one Conn, and is
// used like it. SQLite prepares them anew by itself when the schema has changed.
type StmtCache struct {
	// Limit is how many are kept; 0 is none.
	Limit int
	kept  map[string]*Kept
	clock uint64
}

// Kept is a prepared statement that a cache keeps, or may.
type Kept struct {
	*Stmt
	// Note is the caller's, for as long as the statement is kept.
	Note any
	sql  string
	used uint64
	out  bool // somebody uses it
}

// MaxKeptSQL bounds the text of a statement that is kept, and keptArgBytes its
// arguments, which drivers leave bound until the next execution.
const (
	MaxKeptSQL   = 16 << 10
	keptArgBytes = 16 << 10
)

// ArgBytes is what texts and blobs among the arguments take.
func ArgBytes(args []driver.NamedValue) (size int) {
	for _, a := range args {
		switch v := a.Value.(type) {
		case string:
			size += len(v)
		case []byte:
			size += len(v)
		}
	}
	return size
}

// Take returns the prepared form of sql, or nil if there is none that nobody uses.
// Put or Drop is to follow.
func (c *StmtCache) Take(sql string) *Kept {
	k := c.kept[sql]
	if k == nil || k.out {
		return nil
	}
	k.out = true
	return k
}

// New is for a statement that Take did not find and the caller has prepared. Put or
// Drop is to follow.
func (c *StmtCache) New(sql string, stmt *Stmt) *Kept { return &Kept{Stmt: stmt, sql: sql, out: true} }

// Put keeps k, which was run with args, for the next Take, if there is room and reason.
func (c *StmtCache) Put(k *Kept, args []driver.NamedValue) {
	if c.Limit == 0 || len(k.sql) > MaxKeptSQL || ArgBytes(args) > keptArgBytes {
		c.Drop(k)
		return
	}
	if there := c.kept[k.sql]; there != k {
		if there != nil || len(c.kept) >= c.Limit && !c.evict() {
			k.Close() //nolint:errcheck // it is given up
			return
		}
		if c.kept == nil {
			c.kept = map[string]*Kept{}
		}
		c.kept[k.sql] = k
	}
	c.clock++
	k.out, k.used = false, c.clock
}

// Drop closes k.
func (c *StmtCache) Drop(k *Kept) {
	if c.kept[k.sql] == k {
		delete(c.kept, k.sql)
	}
	k.Close() //nolint:errcheck // it is given up
}

// evict closes the statement that was not used for longest.
func (c *StmtCache) evict() bool {
	var oldest *Kept
	for _, k := range c.kept {
		if !k.out && (oldest == nil || k.used < oldest.used) {
			oldest = k
		}
	}
	if oldest != nil {
		c.Drop(oldest)
	}
	return oldest != nil
}

// Close closes all that nobody uses.
func (c *StmtCache) Close() {
	for _, k := range c.kept {
		if !k.out {
			k.Close() //nolint:errcheck // it is given up
		}
	}
	c.kept = nil
}
