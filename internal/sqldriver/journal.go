package sqldriver

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
)

// CheckJournal refuses a connection whose settings would break what litefwd
// relies on: journal_mode MEMORY or OFF loses the database in a crash (and on
// LiteFS is not replicated at all), locking_mode EXCLUSIVE keeps every other
// connection out.
func CheckJournal(ctx context.Context, c *Conn) error {
	for _, p := range []struct {
		name   string
		unsafe []string
		why    string
	}{
		{"journal_mode", []string{"memory", "off"}, "a crash would corrupt the database; use WAL or DELETE"},
		{"locking_mode", []string{"exclusive"}, "it keeps every other connection out; use NORMAL"},
	} {
		row, err := c.QueryRow(ctx, "PRAGMA "+p.name)
		if err != nil {
			return err
		}
		if len(row) == 0 {
			continue
		}
		mode := strings.ToLower(fmt.Sprintf("%s", row[0]))
		for _, unsafe := range p.unsafe {
			if mode == unsafe {
				return fault.Refuse(fault.Config, "driver_dsn: the local driver's connections have %s=%s: %s", p.name, mode, p.why)
			}
		}
	}
	return nil
}

// SetJournalMode changes the database's journal mode unless it has it already.
func (c *Conn) SetJournalMode(ctx context.Context, mode string) error {
	row, err := c.QueryRow(ctx, "PRAGMA journal_mode")
	if err != nil || len(row) == 1 && strings.EqualFold(fmt.Sprintf("%s", row[0]), mode) {
		return err
	}
	row, err = c.QueryRow(ctx, "PRAGMA journal_mode="+mode)
	switch {
	case err != nil:
		return fmt.Errorf("set journal_mode=%s: %w", mode, err)
	case len(row) != 1 || !strings.EqualFold(fmt.Sprintf("%s", row[0]), mode):
		return fault.Refuse(fault.Config, "driver_dsn: the engine needs journal_mode=%s, but SQLite answers %s", mode, row)
	}
	return nil
}

// WithBusyTimeout runs f while SQLite itself waits for others' locks no longer than
// that.
func (c *Conn) WithBusyTimeout(ctx context.Context, wait time.Duration, f func() error) error {
	before, err := c.QueryRow(ctx, "PRAGMA busy_timeout")
	if err != nil {
		return err
	}
	if len(before) != 1 { // it is no SQLite that we know
		return f()
	}
	if err := c.setBusyTimeout(ctx, wait.Milliseconds()); err != nil {
		return err
	}
	err = f()
	if e := c.setBusyTimeout(context.WithoutCancel(ctx), before[0]); err == nil {
		err = e
	}
	return err
}

func (c *Conn) setBusyTimeout(ctx context.Context, ms any) error {
	_, err := c.Exec(ctx, fmt.Sprintf("PRAGMA busy_timeout=%v", ms), nil)
	return err
}

// SetBusyTimeout sets how long SQLite itself waits for locks, unless the
// connection has a time of its own already. Litefwd's writes wait in a queue;
// this is for locks held by others: a checkpoint, a recovery, a program that
// writes the file without litefwd.
func (c *Conn) SetBusyTimeout(ctx context.Context, d time.Duration) error {
	row, err := c.QueryRow(ctx, "PRAGMA busy_timeout")
	if err != nil {
		return err
	}
	if len(row) == 1 && row[0] != int64(0) {
		return nil
	}
	return c.setBusyTimeout(ctx, d.Milliseconds())
}
