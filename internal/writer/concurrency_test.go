package writer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// TestConcurrentWritersAreExact runs 32 callers that write in every way there
// is. Afterwards:
//
//   - what was acknowledged is there exactly once;
//   - what failed for certain is not there;
//   - of what is unknown, Outcome tells which it is;
//   - each caller's LastInsertID and RowsAffected were its own.
func TestConcurrentWritersAreExact(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)")
		h := &history{e: e, want: map[string]bool{}}
		var wg sync.WaitGroup
		for n := range 32 {
			wg.Go(func() { h.caller(t, n, rand.New(rand.NewPCG(uint64(n), 1))) })
		}
		wg.Wait()
		h.check(t)
	}, func(o *Options) { o.BusyTimeout = time.Minute })
}

type history struct {
	e *env

	// mu guards the following.
	mu      sync.Mutex
	want    map[string]bool // value → committed or certainly not
	unknown []forward.ID
	values  []string // of unknown
}

func (h *history) note(v string, committed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.want[v] = committed
}

func (h *history) caller(t *testing.T, n int, r *rand.Rand) {
	last := int64(0)
	for i := range 30 {
		v := fmt.Sprintf("%d-%d", n, i)
		sess := forward.Session{LastInsertID: last}
		switch r.IntN(6) {
		case 0, 1:
			last = h.insert(t, context.Background(), v, sess)
		case 2:
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(2000))*time.Microsecond)
			if id := h.insert(t, ctx, v, sess); id != 0 {
				last = id
			} else {
				last = -1 - int64(n)
			}
			cancel()
		case 3:
			res, err := h.e.Exec(context.Background(), in(sess, stmt("INSERT OR IGNORE INTO t SELECT id, v FROM t LIMIT 1")))
			if err != nil || res.LastInsertID != last || res.RowsAffected != 0 || res.Changed != 0 {
				t.Errorf("got %+v, %v; the last id was %d", res, err, last)
			}
		case 4:
			last = h.tx(t, v, sess, r.IntN(3) > 0)
		case 5:
			rows, err := h.e.Query(context.Background(), in(sess, stmt("INSERT INTO t (v) VALUES (?) RETURNING id", v)))
			if err != nil {
				t.Error(err)
				return
			}
			h.note(v, true)
			last = rows.Result().LastInsertID
			if got, err := fetch(rows); err != nil || got != fmt.Sprint(last) {
				t.Errorf("got %q, %v; want %d", got, err, last)
			}
		}
	}
}

func (h *history) insert(t *testing.T, ctx context.Context, v string, sess forward.Session) int64 {
	st := in(sess, stmt("INSERT INTO t (v) VALUES (?)", v))
	res, err := h.e.Exec(ctx, st)
	switch {
	case err == nil:
		h.note(v, true)
		if res.RowsAffected != 1 || res.Changed != 1 {
			t.Errorf("got %+v", res)
		}
		return res.LastInsertID
	case errors.Is(err, fault.OutcomeUnknown):
		h.mu.Lock()
		h.unknown, h.values = append(h.unknown, st.ID), append(h.values, v)
		h.mu.Unlock()
	case errors.As(err, new(*fault.SQLError)) && errors.Is(err, context.DeadlineExceeded):
		// The caller left before it ran.
		h.note(v, false)
	default:
		t.Error(err)
	}
	return 0
}

func (h *history) tx(t *testing.T, v string, sess forward.Session, commit bool) int64 {
	tx, err := h.e.Begin(context.Background(), forward.TxOptions{ID: forward.NewID(), Session: sess})
	if err != nil {
		t.Error(err)
		return sess.LastInsertID
	}
	res, err := tx.Exec(context.Background(), stmt("INSERT INTO t (v) VALUES (?)", v))
	if err != nil {
		t.Error(err)
	}
	if commit {
		_, err = tx.Commit(context.Background())
	} else {
		err = tx.Rollback(context.Background())
	}
	if err != nil {
		t.Error(err)
	}
	h.note(v, commit)
	return res.LastInsertID
}

func (h *history) check(t *testing.T) {
	for i, id := range h.unknown {
		_, err := h.e.Outcome(context.Background(), id)
		h.want[h.values[i]] = err == nil
	}
	committed := 0
	for v, want := range h.want {
		if want {
			committed++
		}
		if got := h.e.values("SELECT count(*) FROM t WHERE v = '" + v + "'"); got != map[bool]string{true: "1", false: "0"}[want] {
			t.Errorf("%s is there %s times, committed: %v", v, got, want)
		}
	}
	h.e.wantValues("SELECT count(*) FROM t", fmt.Sprint(committed))
	t.Logf("%d committed, %d not, %d were unknown at first; %+v",
		committed, len(h.want)-committed, len(h.unknown), h.e.Stats())
}

// TestExpiryRaces lets limits, statements and Close meet at all moments.
func TestExpiryRaces(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		var wg sync.WaitGroup
		var mu sync.Mutex
		acknowledged := 0
		for n := range 8 {
			wg.Go(func() {
				for range 20 {
					tx, err := e.Begin(context.Background(), forward.TxOptions{IdleLimit: time.Duration(n*20) * time.Microsecond, TotalLimit: time.Millisecond})
					if err != nil {
						continue
					}
					tx.Exec(context.Background(), stmt("INSERT INTO t VALUES (1)"))
					if rows, err := tx.Query(context.Background(), stmt("SELECT a FROM t")); err == nil {
						fetch(rows)
					}
					if _, err := tx.Commit(context.Background()); err == nil {
						mu.Lock()
						acknowledged++
						mu.Unlock()
					} else if !errors.Is(err, fault.TxExpired) {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		e.wantValues("SELECT count(*) FROM t", fmt.Sprint(acknowledged))
	})
}

func TestCloseUnderLoad(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		var wg sync.WaitGroup
		var mu sync.Mutex
		acknowledged := 0
		for n := range 16 {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				if n%2 == 0 {
					ctx = context.Background()
				}
				for {
					_, err := e.Exec(ctx, stmt("INSERT INTO t VALUES (1)"))
					if errors.Is(err, fault.Closed) {
						return
					}
					mu.Lock()
					if err == nil {
						acknowledged++
					} else if fault.Code(err) != fault.CodeInterrupt {
						t.Error(err)
					}
					mu.Unlock()
				}
			})
		}
		eventually(t, "it runs", func() bool { return e.Stats().Executed > 100 })
		wantNoError(t, e.Close())
		wg.Wait()
		e.wantValues("SELECT count(*) FROM t", fmt.Sprint(acknowledged))
	})
}
