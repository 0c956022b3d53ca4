package litefstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseMounts(t *testing.T) {
	t.Parallel()
	const mountinfo = `22 1 0:20 / /proc rw,nosuid - proc proc rw
61 29 0:52 / /tmp/litefstest-10-99-abc/node0/mnt rw,nosuid,nodev,relatime shared:1 - fuse litefs rw,user_id=0,group_id=0
62 29 0:53 / /tmp/with\040blank\134/mnt rw - fuse litefs rw
63 29 0:54 / /mnt/other rw - fuse sshfs rw
`
	got, err := parseMounts(strings.NewReader(mountinfo))
	want := []mount{{"/tmp/litefstest-10-99-abc/node0/mnt", 52}, {`/tmp/with blank\/mnt`, 53}}
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("got %v %v, want %v", got, err, want)
	}
	if _, err := parseMounts(strings.NewReader("1 2 0:x / /m rw - fuse litefs rw\n")); err == nil {
		t.Error("a line that makes no sense gave no error")
	}
}

func TestOwnedDir(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ dir, want string }{
		{"/tmp/litefstest-10-99-abc/node0/mnt", "/tmp/litefstest-10-99-abc 10 99"},
		{"/tmp/TestX/001/litefstest-1-2-x", "/tmp/TestX/001/litefstest-1-2-x 1 2"},
		{"/tmp/litefstest-x-99-abc/node0/mnt", ""},
		{"/var/lib/litefs", ""},
	} {
		var got string
		if m := ownedDir.FindStringSubmatch(test.dir); m != nil {
			got = strings.Join(m[1:4], " ")
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.dir, got, test.want)
		}
	}
}

func TestAlive(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc here")
	}
	pid := fmt.Sprint(os.Getpid())
	start, err := startOf(pid)
	if err != nil || !isAlive(pid, start) {
		t.Errorf("this process, started at %q (%v), is not alive", start, err)
	}
	if isAlive(pid, start+"0") {
		t.Error("a process that started at another time is taken for this one")
	}
}

func TestParsePos(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want Pos
		ok   bool
	}{
		{"0000000000000000/0000000000000000\n", Pos{}, true},
		{"000000000000001f/ab00000000000001\n", Pos{31, 0xab00000000000001}, true},
		{"000000000000001f/ab00000000000001", Pos{31, 0xab00000000000001}, true},
		{"", Pos{}, false},
		{"1f/ab", Pos{}, false},
		{"00000000000000xx/0000000000000000\n", Pos{}, false},
	} {
		got, err := ParsePos(test.text)
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("%q: %v %v, want %v", test.text, got, err, test.want)
		}
		if test.ok && got.String() != strings.TrimSpace(test.text) {
			t.Errorf("%q is written as %q", test.text, got)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	o, err := Options{Binary: "litefs"}.normalize()
	if err != nil || o.Nodes != 2 || o.Lease != Static || !slices.Equal(o.Hostnames, []string{"node0", "node1"}) {
		t.Errorf("defaults: %+v %v", o, err)
	}
	for _, wrong := range []Options{
		{Nodes: -1},
		{Hostnames: []string{"a"}},
		{Lease: "etcd"},
		{TTL: time.Millisecond},
	} {
		wrong.Binary = "litefs"
		if _, err := wrong.normalize(); err == nil {
			t.Errorf("%+v gave no error", wrong)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	o, err := Options{Binary: "litefs", Lease: Consul, TTL: 1500 * time.Millisecond, Retention: time.Minute}.normalize()
	if err != nil {
		t.Fatal(err)
	}
	got := config{opts: o, data: `/a b/"d"`, mount: "/m", addr: "127.0.0.1:1", hostname: "h:1",
		advertiseURL: "http://a", candidate: true, consulURL: "http://:node0@c/p"}.yaml()
	const want = `strict-verify: false
fuse:
  dir: "/m"
data:
  dir: "/a b/\"d\""
  compress: true
  retention: "1m0s"
  retention-monitor-interval: "1m0s"
http:
  addr: "127.0.0.1:1"
log:
  timestamp: true
tracing:
  enabled: false
lease:
  type: "consul"
  hostname: "h:1"
  advertise-url: "http://a"
  candidate: true
  reconnect-delay: "100ms"
  demote-delay: "1s"
  consul:
    url: "http://:node0@c/p"
    key: "primary"
    ttl: "1.5s"
    lock-delay: "500ms"
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := &tail{name: "n", out: &out}
	fmt.Fprint(l, "one\ntw")
	fmt.Fprint(l, "o\nthree")
	if out.String() != "n: one\nn: two\n" || l.String() != "one\ntwo\nthree" {
		t.Errorf("out %q, tail %q", out.String(), l)
	}
	fmt.Fprint(l, strings.Repeat("x", 2*tailSize))
	if len(l.String()) != tailSize {
		t.Errorf("the tail has %d bytes", len(l.String()))
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	tries := 0
	err := Wait(t.Context(), "three", func(context.Context) error {
		if tries++; tries < 3 {
			return errors.New("too early")
		}
		return nil
	})
	if err != nil || tries != 3 {
		t.Errorf("%d tries: %v", tries, err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err = Wait(ctx, "a miracle", func(context.Context) error { return errors.New("not yet") })
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "a miracle") || !strings.Contains(err.Error(), "not yet") {
		t.Errorf("at the deadline: %v", err)
	}

	useless := errors.New("useless")
	err = Wait(t.Context(), "it", func(context.Context) error { return stopError{useless} })
	if !errors.Is(err, useless) {
		t.Errorf("stopped: %v", err)
	}
}

func TestBounded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	frozen := make(chan struct{})
	defer close(frozen)
	_, err := bounded(ctx, func() (int, error) { <-frozen; return 1, nil })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a mount that does not answer: %v", err)
	}
}

func TestFind(t *testing.T) {
	t.Setenv("PATH", "")
	t.Setenv(BinaryEnv, "")
	if _, err := Find(); err == nil || !strings.Contains(err.Error(), "go build") {
		t.Errorf("nothing to find: %v", err)
	}
	t.Setenv(BinaryEnv, "/does/not/exist")
	if _, err := Find(); err == nil || !strings.Contains(err.Error(), BinaryEnv) {
		t.Errorf("nothing at %s: %v", BinaryEnv, err)
	}
	t.Setenv(BinaryEnv, os.Args[0])
	if path, err := Find(); err != nil || path != os.Args[0] {
		t.Errorf("%q %v", path, err)
	}
}
