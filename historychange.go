package litefwd

import "github.com/litefwd/litefwd/engine"

// Position is how far a database has come: LiteFS's pair of transaction id and
// checksum. After a failover ids are used again, so that the checksum counts.
type Position = engine.Position

// HistoryChange says that a database's history does not contain any more what
// this node had seen of it: a failover has made a node primary that did not have
// it. See Config.OnHistoryChange.
type HistoryChange struct {
	// Database is the file's name.
	Database string
	// Was is the newest position that is lost, or may be: one that this node's
	// copy had, or that the primary had acknowledged to this node. Writes after
	// the last transaction that both histories have, up to Was, are concerned.
	Was Position
	// Is is where the new history was when that was found.
	Is Position
	// Certain: Was is lost. Otherwise it may be: this node's copy was replaced by
	// one that is further, and what lies between nobody saw. If the copy was only
	// far behind, nothing is lost.
	Certain bool
	// Reason describes how it was found.
	Reason string
}
