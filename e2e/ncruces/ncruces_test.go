// Package ncruces tests what a program meets that uses github.com/ncruces/go-sqlite3
// on LiteFS. It is a package of its own, because that driver registers the same
// name as mattn's, which two of one program cannot.
package ncruces

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sqlite "github.com/ncruces/go-sqlite3/driver"
	_ "github.com/ncruces/go-sqlite3/embed"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/internal/litefstest"
)

func liteFS(t *testing.T) string {
	t.Helper()
	if err := litefstest.Available(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if os.Getenv(litefstest.BinaryEnv) != "" {
		path, err := litefstest.Find()
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	path := filepath.Join(t.TempDir(), "litefs")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, "github.com/superfly/litefs/cmd/litefs")
	cmd.Dir = "../litefs"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build LiteFS: %v\n%s", err, out)
	}
	return path
}

// This driver locks by fcntl's locks of open file descriptions, which do not work
// on LiteFS: it cannot write there. Without litefwd it fails at the first write;
// litefwd says so when it is opened.
func TestNCrucesOnLiteFS(t *testing.T) {
	c, err := litefstest.Start(t.Context(), litefstest.Options{Binary: liteFS(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	const cause = "disk I/O error"
	bare, err := sql.Open("sqlite3", "file:"+filepath.Join(c.Mount(0), "bare.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = bare.ExecContext(t.Context(), "CREATE TABLE t(v)")
	if err == nil || !strings.Contains(err.Error(), cause) {
		t.Errorf("without litefwd: %v; if it works now, so may litefwd", err)
	}
	if err := bare.Close(); err != nil {
		t.Error(err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	n, err := litefwd.Open(ctx, litefwd.Config{
		Path:        filepath.Join(c.Mount(0), "app.db"),
		LiteFSURL:   c.URL(0),
		Listen:      "127.0.0.1:0",
		Secret:      "a secret of tests, not of anybody else's",
		PrimaryWait: time.Second,
		Connector:   func(path string) (driver.Connector, error) { return (&sqlite.SQLite{}).OpenConnector("file:" + path) },
	})
	if err == nil {
		n.Close()
	}
	if !errors.Is(err, litefwd.ErrConfig) || !strings.Contains(err.Error(), "ncruces") {
		t.Errorf("with litefwd: %v", err)
	}
	if pos, err := c.Pos(ctx, 0, "app.db"); err == nil && pos.TXID != 0 {
		t.Errorf("something was written: %v", pos)
	}
}
