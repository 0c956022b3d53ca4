//go:build linux || darwin || freebsd

package shared

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// What earlier processes, crashes and people leave in .litefwd keeps no node
// from becoming primary, with a term above any that the files prove.
func TestStartsOnDamagedFiles(t *testing.T) {
	t.Parallel()
	headerOf := func(epoch uint64) string { m := markOf(epoch); return string(m[:]) + strings.Repeat("\x00", 8) }
	for name, c := range map[string]struct {
		lock, primary string
		term          uint64
	}{
		"both empty":                 {"", "", 1},
		"lock truncated":             {"litef", "", 1},
		"lock truncated in epoch":    {"litefwd1\x00\x00", "", 1},
		"lock garbage":               {strings.Repeat("x", 24), "", 1},
		"lock garbage, record":       {strings.Repeat("x", 24), `{"epoch":41,"name":"old","addr":"old:1"}`, 42},
		"lock huge epoch":            {headerOf(1 << 63), `{"epoch":7}`, 8},
		"lock of a dead process":     {headerOf(5), `{"epoch":5,"name":"dead","addr":"dead:1"}`, 6},
		"record older than the lock": {headerOf(5), `{"epoch":3,"name":"dead","addr":"dead:1"}`, 6},
		"record newer than the lock": {headerOf(5), `{"epoch":9,"name":"dead","addr":"dead:1"}`, 10},
		"record garbage":             {headerOf(5), "\x00\xff{", 6},
		"record of other types":      {headerOf(5), `{"epoch":"many","addr":[]}`, 6},
		"record huge epoch":          {headerOf(5), `{"epoch":18446744073709551615}`, 6},
		"record not JSON, long":      {headerOf(5), strings.Repeat("[", 1<<20), 6},
		"lock long":                  {headerOf(5) + strings.Repeat("x", 1<<16), "", 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			mustDo(t, os.Mkdir(statePath(dir), 0o700))
			writeFile(t, statePath(dir, "lock"), c.lock)
			writeFile(t, statePath(dir, "primary"), c.primary)
			e := start(t, dir, "a", quick)
			got, _ := e.Watch()
			want := engine.State{Role: engine.Primary, Primary: engine.Peer{Name: "a", Addr: "a:1"}, Term: c.term}
			if got != want {
				t.Errorf("state = %+v, want %+v", got, want)
			}
			wantPasses(t, e)
			b := start(t, dir, "b", quick)
			waitFor(t, b, "the primary", follows("a"))
		})
	}
}

// A replica believes no address but that of the lock's own epoch.
func TestStaleAddressIsIgnored(t *testing.T) {
	t.Parallel()
	for name, primary := range map[string]string{
		"absent": "", "garbage": "{", "older": `{"epoch":1,"name":"x","addr":"x:1"}`, "newer": `{"epoch":3,"name":"x","addr":"x:1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			_ = start(t, dir, "z", quick).Close()
			start(t, dir, "a", lazy) // term 2, and repairs nothing
			writeFile(t, statePath(dir, "primary"), primary)
			b := start(t, dir, "b", quick)
			if s, _ := b.Watch(); s.Primary != (engine.Peer{}) || s.Role != engine.Replica || s.Problem == nil {
				t.Errorf("state = %+v, want a replica that knows of no primary", s)
			}
		})
	}
}

// Accidents while two nodes run: afterwards one is primary again, of a term
// not below the old one, the other follows, and both have the identity that
// they had.
func TestRecoversWhileRunning(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		accident func(t *testing.T, dir string)
		newTerm  bool
	}{
		"primary deleted":  {func(t *testing.T, dir string) { mustDo(t, os.Remove(statePath(dir, "primary"))) }, false},
		"primary garbage":  {func(t *testing.T, dir string) { writeFile(t, statePath(dir, "primary"), "{{{") }, false},
		"secret deleted":   {func(t *testing.T, dir string) { mustDo(t, os.Remove(statePath(dir, "secret"))) }, false},
		"lock truncated":   {func(t *testing.T, dir string) { mustDo(t, os.Truncate(statePath(dir, "lock"), 0)) }, true},
		"lock overwritten": {func(t *testing.T, dir string) { writeFile(t, statePath(dir, "lock"), "mine") }, true},
		"lock deleted":     {func(t *testing.T, dir string) { mustDo(t, os.Remove(statePath(dir, "lock"))) }, true},
		"directory deleted": {func(t *testing.T, dir string) {
			// Moved first, because the nodes are quick to make a new one.
			mustDo(t, os.Rename(statePath(dir), filepath.Join(dir, "gone")))
			mustDo(t, os.RemoveAll(filepath.Join(dir, "gone")))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			nodes := []*Engine{start(t, dir, "a", quick), start(t, dir, "b", quick)}
			secret, _ := nodes[0].Secret()
			c.accident(t, dir)
			lowest := uint64(1)
			if c.newTerm {
				lowest = 2
			}
			// Agreement: the file, the primary and the follower say the same.
			var r record
			for {
				for _, e := range nodes {
					waitFor(t, e, "a primary", func(s engine.State) bool {
						return s.Term >= lowest && s.Primary.Name != "" && s.Problem == nil
					})
				}
				a, _ := nodes[0].Watch()
				b, _ := nodes[1].Watch()
				r, _ = readRecord(statePath(dir, "primary"))
				if a.Primary == b.Primary && a.Term == b.Term && r.Epoch == a.Term && isPrimary(a) != isPrimary(b) {
					break
				}
			}
			// A heartbeat has to pass for what only it puts right.
			for _, err := os.Stat(statePath(dir, "secret")); err != nil; _, err = os.Stat(statePath(dir, "secret")) {
				runtime.Gosched()
			}
			e := start(t, dir, "late", quick)
			waitFor(t, e, "the same primary", follows(r.Name))
			if again, _ := e.Secret(); string(again) != string(secret) || e.Cluster() != nodes[0].Cluster() {
				t.Error("the secret or the cluster changed")
			}
		})
	}
}

func TestReplacedDirectories(t *testing.T) {
	t.Parallel()
	t.Run("state directory of others", func(t *testing.T) {
		t.Parallel()
		dir, other := t.TempDir(), t.TempDir()
		mustOpen(t, other, quick)
		e := start(t, dir, "a", lazy)
		mustDo(t, os.Rename(statePath(dir), filepath.Join(dir, "old")))
		mustDo(t, os.Rename(statePath(other), statePath(dir)))
		wantRefused(t, e)
		s := waitFor(t, e, "the Problem", hasProblem("was replaced by another one while in use: restart"))
		if s.Role != engine.Unknown || s.Primary != (engine.Peer{}) {
			t.Errorf("state = %+v, want unknown", s)
		}
	})
	t.Run("directory", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "data")
		mustDo(t, os.Mkdir(dir, 0o700))
		e := start(t, dir, "a", quick)
		mustDo(t, os.Rename(dir, dir+"-old"))
		waitFor(t, e, "the Problem", hasProblem("no such file"))
		mustDo(t, os.Mkdir(dir, 0o700))
		waitFor(t, e, "the Problem", hasProblem("restart this process"))
		mustDo(t, os.Remove(dir))
		mustDo(t, os.Rename(dir+"-old", dir))
		s := waitFor(t, e, "the role, after the directory came back", isPrimary)
		if s.Term < 2 {
			t.Errorf("term = %d, want a new one", s.Term)
		}
	})
}

// A primary that cannot publish its address is primary all the same, says so,
// and publishes when it can.
func TestCannotPublish(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustDo(t, os.MkdirAll(statePath(dir, "primary", "in the way"), 0o700))
	mustDo(t, os.Chmod(statePath(dir), 0o700))
	e := start(t, dir, "a", quick)
	if s, _ := e.Watch(); s.Role != engine.Primary || !hasProblem("cannot publish")(s) {
		t.Errorf("state = %+v, want primary with a Problem", s)
	}
	mustDo(t, os.RemoveAll(statePath(dir, "primary")))
	waitFor(t, e, "the end of the Problem", func(s engine.State) bool { return isPrimary(s) && s.Problem == nil })
	r, err := readRecord(statePath(dir, "primary"))
	if err != nil || r.Name != "a" || r.PID != os.Getpid() {
		t.Errorf("record = %+v, %v", r, err)
	}
}

func TestExhaustedEpoch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustDo(t, os.Mkdir(statePath(dir), 0o700))
	b, _ := json.Marshal(record{Epoch: maxEpoch - 1})
	writeFile(t, statePath(dir, "primary"), string(b))
	e := start(t, dir, "a", quick)
	if s, _ := e.Watch(); s.Role != engine.Unknown || !hasProblem("damaged")(s) {
		t.Errorf("state = %+v, want unknown and a Problem", s)
	}
	wantRefused(t, e)
	mustDo(t, os.Remove(statePath(dir, "primary")))
	waitFor(t, e, "the role", isPrimary)
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir, other := filepath.Join(parent, "data"), filepath.Join(parent, "other")
	for _, d := range []string{dir, other, filepath.Join(dir, "sub")} {
		mustDo(t, os.Mkdir(d, 0o700))
	}
	writeFile(t, filepath.Join(other, "x.db"), "")
	writeFile(t, filepath.Join(dir, "app.db"), "")
	for link, to := range map[string]string{
		filepath.Join(parent, "alias"):    dir,
		filepath.Join(dir, "inside.db"):   "app.db",
		filepath.Join(dir, "outside.db"):  filepath.Join(other, "x.db"),
		filepath.Join(dir, "dangling.db"): "nowhere.db",
	} {
		mustDo(t, os.Symlink(to, link))
	}
	e := mustOpen(t, filepath.Join(parent, "alias"), quick)
	app, err := e.Database(filepath.Join(dir, "app.db"))
	mustDo(t, err)
	for name, c := range map[string]struct{ path, refused string }{
		"same":              {filepath.Join(dir, "app.db"), ""},
		"unclean":           {dir + "/sub/..//app.db", ""},
		"through a link":    {filepath.Join(parent, "alias", "app.db"), ""},
		"link inside":       {filepath.Join(dir, "inside.db"), ""},
		"link out":          {filepath.Join(dir, "outside.db"), "not a file directly in"},
		"dangling link":     {filepath.Join(dir, "dangling.db"), "leads nowhere"},
		"outside":           {filepath.Join(other, "x.db"), "not a file directly in"},
		"outside by dots":   {filepath.Join(dir, "..", "other", "x.db"), "not a file directly in"},
		"below":             {filepath.Join(dir, "sub", "x.db"), "not a file directly in"},
		"the directory":     {dir, "not a file directly in"},
		"the state":         {statePath(dir, "x.db"), "not a file directly in"},
		"missing directory": {filepath.Join(dir, "none", "x.db"), "no such file"},
		"empty":             {"", "not a file directly in"},
		"similar prefix":    {dir + "-2.db", "not a file directly in"},
		"state dir as a db": {statePath(dir), "not a file directly in"},
	} {
		db, err := e.Database(c.path)
		if c.refused != "" {
			wantError(t, err, fault.Config, c.refused)
		} else if err != nil || db != app {
			t.Errorf("%s: Database = %p, %v; want the same as app.db", name, db, err)
		}
	}
	pos, changed := app.Watch()
	if !pos.IsZero() || changed == nil {
		t.Errorf("Watch = %v, %v", pos, changed)
	}
	select {
	case <-changed:
		t.Error("the position's channel is closed")
	default:
	}
	if _, err := e.Database(filepath.Join(dir, "new.db")); err != nil {
		t.Errorf("a database that does not exist yet: %v", err)
	}
}
