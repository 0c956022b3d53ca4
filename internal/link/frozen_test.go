package link_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/link"
)

// A node that is frozen accepts connections (its kernel does) and says
// nothing. That is no answer, however often it is asked.
func TestFrozenNodeIsNoPrimary(t *testing.T) {
	t.Parallel()
	checkGoroutines(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	peer, err := link.Dial(link.Options{
		Addr: listener.Addr().String(), Credentials: secret(t, testSecret), ConnectTimeout: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	for range 4 {
		_, err := peer.Database("x").Exec(within(t), forward.Statement{ID: forward.NewID()})
		if !errors.Is(err, fault.NoPrimary) || !fault.SafeToRetry(err) {
			t.Errorf("error %v", err)
		}
	}
}

// Once refused, a node that then falls silent is not taken to refuse still.
func TestFrozenAfterRefusal(t *testing.T) {
	t.Parallel()
	p := newPair(t, pairOptions{link: func(o *link.Options) {
		o.Credentials, o.ConnectTimeout = secret(t, []byte("another secret of the same length")), 200*time.Millisecond
	}})
	exec := func() error {
		_, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID()})
		return err
	}
	if err := exec(); !errors.Is(err, fault.Auth) {
		t.Fatalf("error %v", err)
	}
	p.conns.freezeNew()
	for end := within(t); ; {
		err := exec()
		if errors.Is(err, fault.NoPrimary) && fault.SafeToRetry(err) {
			return
		}
		if !errors.Is(err, fault.Auth) || end.Err() != nil {
			t.Fatalf("error %v", err)
		}
	}
}

// The link ends first when a node stops; what still runs on the
// other connection must not wait for a node that freezes then.
func TestSilentWhileStopping(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 4 s, the server's pings")
	}
	t.Parallel()
	g := newGate()
	p := newPair(t, pairOptions{target: &fakeTarget{onTx: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
		return forward.Result{}, g.pass(ctx)
	}}})
	defer g.open()
	tx := begun(t, p)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		p.server.Stop(within(t)) //nolint:errcheck // ctx's error
	}()
	wait(t, "end of the link", p.broken)
	result := make(chan error, 1)
	go func() {
		_, err := tx.Exec(within(t), forward.Statement{ID: forward.NewID()})
		result <- err
	}()
	wait(t, "execution", g.entered)
	p.conns.each((*faultConn).freeze)
	began := time.Now()
	if err := wait(t, "result", result); !errors.Is(err, fault.TxExpired) {
		t.Errorf("error %v", err)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("noticed after %v", took)
	}
	wait(t, "Stop", stopped)
}
