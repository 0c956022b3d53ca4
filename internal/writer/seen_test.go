package writer

import (
	"context"
	"testing"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// slowEngine confirms commits when the test lets it; only then are they in its
// position.
type slowEngine struct {
	*replicatedEngine
	confirms chan struct{} // a value for each; nil: at once
	asked    chan struct{} // gets a value when it waits for that
	at       engine.Position
	pos      chan engine.Position // capacity 1
}

func newSlowEngine(d engine.Database) *slowEngine {
	e := &slowEngine{replicatedEngine: &replicatedEngine{Database: d}, asked: make(chan struct{}, 1), pos: make(chan engine.Position, 1)}
	e.pos <- engine.Position{}
	return e
}

func (e *slowEngine) Watch() (engine.Position, <-chan struct{}) {
	p := <-e.pos
	e.pos <- p
	return p, nil
}

func (e *slowEngine) Committed(ctx context.Context) (engine.Position, error) {
	if e.confirms != nil {
		e.asked <- struct{}{}
		<-e.confirms
	}
	p, err := e.Database.Committed(ctx)
	<-e.pos
	e.pos <- p
	return p, err
}

// A read's position is not older than what it shows, although a commit shows
// before the engine has its position.
func TestReadsSayWhatTheySaw(t *testing.T) {
	for _, journal := range []string{"WAL", "DELETE"} {
		for _, d := range testDrivers {
			t.Run(journal+"/"+d.name, func(t *testing.T) {
				t.Parallel()
				var slow *slowEngine
				e := newEnv(t, d, func(o *Options) {
					slow = newSlowEngine(o.Database)
					o.Database, o.Classifier = slow, sqlclass.New()
				})
				if journal == "DELETE" {
					e.values("PRAGMA journal_mode=DELETE")
				}
				if _, err := e.Exec(t.Context(), stmt("CREATE TABLE t(v)")); err != nil {
					t.Fatal(err)
				}
				before, _ := slow.Watch()
				slow.confirms = make(chan struct{})
				wrote := make(chan error, 1)
				go func() {
					_, err := e.Exec(context.Background(), stmt("INSERT INTO t VALUES (1)"))
					wrote <- err
				}()
				<-slow.asked // it is committed
				seen := make(chan engine.Position, 1)
				go func() {
					rows, err := e.Query(context.Background(), stmt("SELECT count(*) FROM t"))
					if err != nil {
						t.Error(err)
						seen <- engine.Position{}
						return
					}
					seen <- rows.(forward.Seer).Seen()
					rows.Close()
				}()
				select {
				case p := <-seen:
					t.Errorf("the read says %v while the commit, which it shows, is not confirmed", p)
				case <-time.After(20 * time.Millisecond):
				}
				slow.confirms <- struct{}{}
				if err := <-wrote; err != nil {
					t.Fatal(err)
				}
				if p := <-seen; p.TXID != before.TXID+1 {
					t.Errorf("the read says %v, want the transaction after %v", p, before)
				}

				// In rollback mode COMMIT waits for readers, so they must not wait for it.
				slow.confirms = nil
				tx, err := e.Begin(t.Context(), forward.TxOptions{ReadOnly: true})
				if err != nil {
					t.Fatal(err)
				}
				if res, err := tx.Exec(t.Context(), stmt("SELECT 1")); err != nil || res.Position.TXID != before.TXID+1 {
					t.Errorf("a read-only transaction says %+v, %v", res, err)
				}
				go func() {
					_, err := e.Exec(context.Background(), stmt("INSERT INTO t VALUES (2)"))
					wrote <- err
				}()
				began := time.Now()
				rows, err := e.Query(t.Context(), stmt("SELECT count(*) FROM t"))
				if err == nil {
					err = rows.Close()
				}
				if took := time.Since(began); took > 2*time.Second && err == nil {
					t.Errorf("a read beside a COMMIT took %v", took)
				}
				if err := tx.Rollback(t.Context()); err != nil {
					t.Error(err)
				}
				if err := <-wrote; err != nil {
					t.Error(err)
				}
			})
		}
	}
}
