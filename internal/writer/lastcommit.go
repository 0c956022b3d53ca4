package writer

import "github.com/litefwd/litefwd/engine"

// lastCommit is the last one of a connection.
type lastCommit struct {
	at      engine.Position // zero if a transaction has begun since
	version int64           // data_version then
}

// base returns where the database is, in a transaction that has just begun: where the
// connection's last commit has led, unless another connection has committed since
// (https://www.sqlite.org/pragma.html#pragma_data_version).
func (c *conn) base(r engine.Replicated) (at engine.Position) {
	if r == nil || c.readOnly {
		return at
	}
	version, ok := int64(0), false
	if row, err := c.row(c.dataVersion); err == nil && len(row) == 1 {
		version, ok = row[0].(int64)
	}
	if ok && version == c.last.version {
		at = c.last.at
	}
	c.last = lastCommit{version: version}
	return at
}
