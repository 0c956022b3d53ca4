//go:build linux || darwin || freebsd

package shared

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// takeOver makes this node primary; it has just got the kernel lock.
func (e *Engine) takeOver() (err error) {
	n := &e.node
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("take over as primary: %w", err), n.drop())
		}
	}()
	// The lock may be on a file that was replaced before it was got.
	if err := n.lock.current(); err != nil {
		return err
	}
	h, err := n.lock.readHeader()
	if err != nil {
		return err
	}
	// The record's epoch counts for a lock file that was emptied or made
	// anew; if it cannot be read there is nothing to learn from it.
	old, _ := readRecord(e.file("primary"))
	epoch := max(h.epoch, old.Epoch, n.term) + 1
	if epoch >= maxEpoch {
		return fault.New(fault.Config, "the term %d in %s is damaged: stop all processes that use the directory and remove %s",
			epoch-1, filepath.Join(e.place.dir, stateDir), stateDir)
	}
	n.beat = h.beat + 1
	if err := n.lock.writeHeader(header{epoch: epoch, beat: n.beat}); err != nil {
		return err
	}
	n.term = epoch
	n.stall.reset()
	n.rec = record{Epoch: epoch, Name: n.self.Name, Addr: n.self.Addr, PID: os.Getpid(), Started: time.Now()}
	// Without a published address this node can still write for itself; it
	// tries again every heartbeat.
	problem := e.publishRecord()
	e.tenure.Store(&tenure{lock: n.lock, epoch: epoch, mark: markOf(epoch)})
	e.publish(engine.State{Role: engine.Primary, Primary: n.rec.peer(), Term: epoch, Problem: problem})
	return nil
}

// serve is the primary's turn. An error means that this node is primary no more.
func (e *Engine) serve(t *tenure) error {
	n := &e.node
	if err := t.check(); err != nil {
		return err
	}
	// Taking a lock that is held changes nothing; one that fell silently is
	// taken back, unless another process was quicker.
	switch ok, err := tryLock(t.lock.file); {
	case err != nil:
		return err
	case !ok:
		return errors.New("another process has the lock")
	}
	n.beat++
	err := t.lock.writeBeat(n.beat)
	e.publish(engine.State{
		Role: engine.Primary, Primary: n.rec.peer(), Term: t.epoch,
		Problem: errors.Join(err, e.publishRecord(), e.restoreIdentity()),
	})
	return nil
}

// publishRecord puts this node's address back wherever it is not.
func (e *Engine) publishRecord() error {
	path := e.file("primary")
	if r, err := readRecord(path); err == nil && r.sameNode(e.node.rec) {
		return nil
	}
	if err := writeRecord(path, e.node.rec); err != nil {
		return fmt.Errorf("cannot publish the primary's address, so other processes do not find it: %w", err)
	}
	return nil
}

// stepDown ends the tenure; the fence refuses from its first line on.
func (e *Engine) stepDown(cause error) {
	e.tenure.Store(nil)
	err := e.node.drop()
	e.opts.Logger.LogAttrs(context.Background(), slog.LevelWarn, "shared: lost the primary role",
		slog.String("node", e.node.self.Name), slog.String("dir", e.place.dir),
		slog.Any("err", errors.Join(cause, err)))
	e.publish(engine.State{Role: engine.Replica, Term: e.node.term, Problem: cause})
}
