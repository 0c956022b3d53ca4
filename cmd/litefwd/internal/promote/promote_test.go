package promote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/secure"
	"github.com/litefwd/litefwd/internal/serve"
)

const testSecret = "0123456789abcdef"

func secretCredentials(t *testing.T, secret string) credentials.TransportCredentials {
	t.Helper()
	creds, err := secure.Secret([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

var (
	oldState = engine.State{Role: engine.Replica, Primary: engine.Peer{Name: "node-1", Addr: "one:1"}, Term: 1}
	newState = engine.State{Role: engine.Primary, Primary: engine.Peer{Name: "node-2", Addr: "two:2"}, Term: 2}
)

// fakeNode is node-2, which answers Hello with state and does hook when it is
// asked to become primary.
type fakeNode struct {
	addr  string
	state atomic.Pointer[engine.State]
	stop  func()
}

func startNode(t *testing.T, hook func(context.Context, *fakeNode) error) *fakeNode {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &fakeNode{addr: listener.Addr().String()}
	n.state.Store(&oldState)
	options := serve.Options{
		Credentials: secretCredentials(t, testSecret), Cluster: "c1", Name: "node-2",
		State: func() engine.State { return *n.state.Load() },
	}
	if hook != nil {
		options.Promote = func(ctx context.Context) error { return hook(ctx, n) }
	}
	server := serve.New(options)
	served := make(chan struct{})
	go func() { // until Stop
		defer close(served)
		server.Serve(listener)
	}()
	n.stop = func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		server.Stop(ended)
		<-served
	}
	t.Cleanup(n.stop)
	return n
}

func TestAsk(t *testing.T) {
	t.Parallel()
	moves := func(_ context.Context, n *fakeNode) error { n.state.Store(&newState); return nil }
	for _, c := range []struct {
		name  string
		hook  func(context.Context, *fakeNode) error
		first *engine.State // nil: oldState
		role  string
		says  string // a part of the text
	}{
		{"moved", moves, nil, Moved, " ms\n  before  node-1 (one:1)\n  after   node-2 (two:2)"},
		{"already", func(context.Context, *fakeNode) error { return nil }, &newState, Unneeded, "is primary already"},
		{"refused", func(context.Context, *fakeNode) error {
			return fault.Refuse(fault.Unsupported, "no candidate")
		}, nil, Unchanged, "no candidate\n  the primary role stays where it was: node-1 (one:1)"},
		{"an engine that cannot", nil, nil, Unchanged, "cannot become primary when asked to"},
		{"refused, and another took it meanwhile", func(_ context.Context, n *fakeNode) error {
			n.state.Store(&engine.State{Role: engine.Replica, Primary: engine.Peer{Name: "node-3", Addr: "three:3"}})
			return fault.Refuse(fault.NotPrimary, "it was another")
		}, nil, Unknown, "now     node-3 (three:3)"},
		{"failed after the engine was asked", func(context.Context, *fakeNode) error {
			return fault.New(fault.NoPrimary, "half way")
		}, nil, Unknown, "half way"},
		{"failed, and is primary", func(_ context.Context, n *fakeNode) error {
			n.state.Store(&newState)
			return errors.New("the old primary did not say goodbye")
		}, nil, Moved, "is primary"},
		{"too slow", func(ctx context.Context, _ *fakeNode) error { <-ctx.Done(); return ctx.Err() }, nil, Unknown, "may have, or still do so"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := startNode(t, c.hook)
			if c.first != nil {
				n.state.Store(c.first)
			}
			patience := 10 * time.Second
			if c.name == "too slow" {
				patience = 300 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			o := Ask(ctx, n.addr, secretCredentials(t, testSecret))
			says := strings.ReplaceAll(o.text(), n.addr, "ADDR")
			if o.Role != c.role || !strings.Contains(says, c.says) || o.OK() != (o.Error == "") {
				t.Errorf("role %q, want %q; error %q; says %q, want %q in it", o.Role, c.role, o.Error, says, c.says)
			}
		})
	}
}

// Where nothing was asked, nothing has changed.
func TestAskInVain(t *testing.T) {
	t.Parallel()
	n := startNode(t, nil)
	gone := startNode(t, nil)
	gone.stop()
	for _, c := range []struct {
		name, addr string
		creds      credentials.TransportCredentials
		says       string
	}{
		{"another secret", n.addr, secretCredentials(t, strings.Repeat("x", 16)), "authentication refused"},
		{"nobody listens", gone.addr, secretCredentials(t, testSecret), "connection refused"},
		{"insecure, and not loopback", "192.0.2.1:7020", secure.Insecure(), "loopback"},
	} {
		o := Ask(t.Context(), c.addr, c.creds)
		if o.Role != Unchanged || !strings.Contains(o.text(), c.says) {
			t.Errorf("%s: role %q, says %q", c.name, o.Role, o.text())
		}
	}
}

func TestRunPrints(t *testing.T) {
	t.Parallel()
	n := startNode(t, func(_ context.Context, n *fakeNode) error { n.state.Store(&newState); return nil })
	o := Options{Addr: n.addr, Credentials: secretCredentials(t, testSecret), Timeout: 10 * time.Second, JSON: true}
	var out, errOut bytes.Buffer
	if _, err := Run(t.Context(), o, &out, &errOut); err != nil {
		t.Fatal(err)
	}
	var got Outcome
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Role != Moved || got.Before.Name != "node-1" ||
		got.After.Addr != "two:2" || got.Node != "node-2" || errOut.Len() > 0 {
		t.Errorf("printed %s, %q (%v)", &out, &errOut, err)
	}

	out.Reset()
	o.JSON, o.Addr = false, "127.0.0.1:1"
	if outcome, err := Run(t.Context(), o, &out, &errOut); err != nil || outcome.OK() || out.Len() > 0 || errOut.Len() == 0 {
		t.Errorf("a failure printed %q and %q (%v)", &out, &errOut, err)
	}
}

func TestParseOptions(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	long, short := file("long", testSecret+"\n"), file("short", "short\n")
	for _, c := range []struct {
		name, args, env string
		says            string // "" if all is well
	}{
		{"secret file", "-secret-file " + long + " h:1", "", ""},
		{"flags after the address", "h:1 --secret-file " + long + " --json", "", ""},
		{"secret in the environment", "h:1", testSecret, ""},
		{"a flag counts more than the environment", "-insecure localhost:1", "short", ""},
		{"no secret", "h:1", "", SecretEnv},
		{"short secret", "h:1 -secret-file " + short, "", "the secret has 5 bytes"},
		{"short secret in the environment", "h:1", "short", SecretEnv + ": litefwd: configuration: the secret has 5 bytes"},
		{"no such file", "h:1 -secret-file " + dir + "/none", "", "no such file"},
		{"two ways", "h:1 -insecure -secret-file " + long, "", "choose one"},
		{"half a certificate", "h:1 -cert c.pem", "", "all of -cert, -key and -ca"},
		{"no such certificate", "h:1 -cert c.pem -key k.pem -ca a.pem", "", "c.pem"},
		{"no address", "-insecure", "", "no node is named"},
		{"no port", "-insecure localhost", "", "not host:port"},
		{"two addresses", "-insecure h:1 h:2", "", `unexpected argument "h:2"`},
		{"timeout", "-insecure -timeout 0s h:1", "", "not positive"},
		{"a secret on the command line", "-secret x h:1", "", "not defined"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(SecretEnv, c.env)
			var out, errOut bytes.Buffer
			o, err := ParseOptions(strings.Fields(c.args), &out, &errOut)
			if (err == nil) != (c.says == "") || !strings.Contains(errOut.String(), c.says) || out.Len() > 0 {
				t.Errorf("%v, printed %q and %q", err, &out, &errOut)
			}
			if err == nil && (o.Addr == "" || o.Credentials == nil) {
				t.Errorf("options %+v", o)
			}
		})
	}
	var out, errOut bytes.Buffer
	if _, err := ParseOptions([]string{"-h"}, &out, &errOut); !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), "-secret-file") {
		t.Errorf("-h: %v, %q", err, &out)
	}
}
