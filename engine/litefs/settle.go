package litefs

import (
	"context"
	"errors"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// Result codes by which SQLite shows what happens below it
// (https://www.sqlite.org/rescode.html), as seen on LiteFS v0.5.14.
const (
	extIOErrRead   = 266  // SQLITE_IOERR_READ: the mount died
	extIOErrFstat  = 1802 // SQLITE_IOERR_FSTAT: so did it, or the file was dropped
	extIOErrLock   = 3850 // SQLITE_IOERR_LOCK: the mount died
	extIOErrInPage = 8714 // SQLITE_IOERR_IN_PAGE: a fault in the mapped -shm file
	extReadOnlyDir = 1544 // SQLITE_READONLY_DIRECTORY: a journal on a replica
)

// extended returns the extended SQLite code in err's chain, or 0.
func extended(err error) int {
	var e *fault.SQLError
	if errors.As(fault.FromDriver(err), &e) {
		return e.ExtendedCode
	}
	return 0
}

// breaksConnections reports whether an SQLite error means that connections
// which are open will not recover. After a new mount they do not.
func breaksConnections(err error) bool {
	switch ext := extended(err); ext & 0xff {
	case fault.CodeCantOpen, fault.CodeProtocol, fault.CodeCorrupt, fault.CodeNotADB:
		return true
	case fault.CodeIOErr:
		return ext == extIOErrRead || ext == extIOErrFstat || ext == extIOErrLock || ext == extIOErrInPage
	default:
		return false
	}
}

// Failed implements [engine.Replicated]. The history is raised after the mount
// has been looked at, for errors after which connections do not recover.
func (d *database) Failed(err error) {
	d.mu.Lock()
	d.failed = d.failed || breaksConnections(err)
	d.verify = true
	d.mu.Unlock()
	kick(d.engine.kickLook)
	kick(d.engine.kickInfo)
}

// Settle implements [engine.Replicated].
//
//	not COMMIT | LiteFS says it is not primary, or the term ended | NotPrimary
//	           | SQLITE_READONLY_DIRECTORY (only a replica has it)| NotPrimary
//	           | IOERR, CANTOPEN, PROTOCOL and LiteFS is silent   | NotPrimary
//	           | otherwise                                        | err
//	COMMIT     | "-pos" unreadable, or not where it was at Fence  | OutcomeUnknown
//	           | otherwise as above
//
// It asks GET /info, which the role's loss reaches before SQLite does.
func (d *database) Settle(ctx context.Context, term uint64, committing bool, err error) error {
	if breaksConnections(err) {
		d.Failed(err)
	}
	if committing {
		if why := d.movedSince(ctx, term); why != "" {
			return fault.New(fault.OutcomeUnknown,
				"COMMIT failed, and whether LiteFS has made the commit cannot be told (%s): %w", why, err)
		}
	}
	e := d.engine
	info, infoErr := e.api.info(ctx, e.timing.httpWait)
	t := e.tenure.Load()
	lost := t == nil || t.term != term || infoErr == nil && !info.IsPrimary
	ext := extended(err)
	switch {
	case lost, ext == extReadOnlyDir:
		d.Failed(err)
		return fault.Refuse(fault.NotPrimary, "nothing was committed to %s: this node has lost the primary role: %w", d.name, err)
	case infoErr != nil && (ext&0xff == fault.CodeIOErr || breaksConnections(err)):
		d.Failed(err)
		return fault.Refuse(fault.NotPrimary, "nothing was committed to %s: this node's LiteFS does not answer: %w", d.name, err)
	default:
		return err
	}
}

// movedSince says why it is not certain that the copy is where it was when
// the transaction of that term passed Fence, or "".
func (d *database) movedSince(ctx context.Context, term uint64) string {
	d.mu.Lock()
	f := d.fenced
	d.mu.Unlock()
	if f.tenure == nil || f.tenure.term != term || !f.based {
		return "its position before is not known"
	}
	p, err := d.within(ctx, d.engine.timing.commitWait, func() (engine.Position, error) { return d.readFenced(f) })
	switch {
	case err != nil:
		return err.Error()
	case p != f.at:
		return "the position has gone from " + f.at.String() + " to " + p.String()
	default:
		return ""
	}
}
