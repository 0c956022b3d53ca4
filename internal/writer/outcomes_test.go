package writer

import (
	"context"
	"sync"
	"testing"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

func TestDeliveredTwice(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a UNIQUE)")
		st := stmt("INSERT INTO t VALUES (1)")
		first, err := e.Exec(t.Context(), st)
		wantNoError(t, err)
		again, err := e.Exec(t.Context(), st)
		if err != nil || again != first {
			t.Errorf("got %+v, %v; want %+v", again, err, first)
		}
		got, err := e.Outcome(t.Context(), st.ID)
		if err != nil || got != first {
			t.Errorf("got %+v, %v; want %+v", got, err, first)
		}
		_, err = e.Outcome(t.Context(), forward.NewID())
		wantKind(t, err, fault.OutcomeUnknown, "never seen by this primary since it took over")

		// Its failure is an outcome, too.
		bad := stmt("INSERT INTO t VALUES (1)")
		for range 2 {
			_, err = e.Exec(t.Context(), bad)
			wantCode(t, err, 19)
		}
		rows := stmt("INSERT INTO t VALUES (2) RETURNING a")
		_, err = e.Query(t.Context(), rows)
		wantNoError(t, err)
		_, err = e.Query(t.Context(), rows)
		wantKind(t, err, fault.OutcomeUnknown, "rows are not kept")
		e.wantValues("SELECT a FROM t", "1 2")

		// In a transaction, it is the last statement that may come again.
		id := forward.NewID()
		tx := e.begin(forward.TxOptions{ID: id})
		st = stmt("INSERT INTO t VALUES (3)")
		for range 2 {
			res, err := tx.Exec(t.Context(), st)
			wantNoError(t, err)
			wantResult(t, res, 3, 1, 1)
		}
		res, err := tx.Commit(t.Context())
		wantNoError(t, err)
		got, err = e.Outcome(t.Context(), id)
		if err != nil || got != res {
			t.Errorf("got %+v, %v; want %+v", got, err, res)
		}
		_, err = e.Begin(t.Context(), forward.TxOptions{ID: id})
		wantKind(t, err, fault.Protocol, id.String())
		id = forward.NewID()
		tx = e.begin(forward.TxOptions{ID: id})
		wantNoError(t, tx.Rollback(t.Context()))
		_, err = e.Outcome(t.Context(), id)
		wantKind(t, err, fault.TxExpired, "owner ended it")
	})
}

// TestDeliveredTwiceAtOnce: the copy waits for the first, and does not run.
func TestDeliveredTwiceAtOnce(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		g, n := newGate(t)
		st := stmt("INSERT INTO t VALUES (gate(?))", n)
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				res, err := e.Exec(context.Background(), st)
				if err != nil || res.LastInsertID != 1 {
					t.Errorf("got %+v, %v", res, err)
				}
			})
		}
		<-g.entered
		close(g.open)
		wg.Wait()
		e.wantValues("SELECT count(*) FROM t", "1")
	})
}

// TestRefusedMayComeAgain: what did not run leaves no outcome behind.
func TestRefusedMayComeAgain(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		e.engine.set(func(e *testEngine) { e.fence = fault.Refuse(fault.NotPrimary, "not yet") })
		st := stmt("INSERT INTO t VALUES (1)")
		_, err := e.Exec(t.Context(), st)
		wantKind(t, err, fault.NotPrimary, "not yet")
		e.engine.set(func(e *testEngine) { e.fence = nil })
		_, err = e.Exec(t.Context(), st)
		wantNoError(t, err)
		e.wantValues("SELECT a FROM t", "1")
	})
}

func TestOutcomesAreBounded(t *testing.T) {
	t.Parallel()
	o := newOutcomes(4)
	var ids []forward.ID
	running := forward.NewID()
	o.claim(running)
	for i := range 20 {
		id := forward.NewID()
		if _, first := o.claim(id); !first {
			t.Fatal("a new id was seen before")
		}
		o.finish(id, forward.Result{Changed: int64(i)}, nil)
		ids = append(ids, id)
	}
	if len(o.byID) != 4 {
		t.Errorf("%d are kept", len(o.byID))
	}
	if o.find(running) == nil {
		t.Error("a running one was forgotten")
	}
	if o.find(ids[19]) == nil || o.find(ids[17]) == nil || o.find(ids[16]) != nil {
		t.Error("not the last ones are kept")
	}
	if o.find(forward.ID{}) != nil {
		t.Error("the zero id is kept")
	}
}
