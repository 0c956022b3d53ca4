package litefwd

import (
	"os/exec"
	"strings"
	"testing"
)

// Importing the root package must stay light: the application chooses its
// SQLite driver, and whoever wants metrics or a command line brings their own.
func TestRootLinksNoDriver(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	allowed := []string{
		"github.com/litefwd/litefwd",
		"google.golang.org/grpc", "google.golang.org/protobuf", "google.golang.org/genproto/googleapis/rpc/status",
		"golang.org/x/net/", "golang.org/x/text/", "golang.org/x/sys/unix",
	}
	for pkg := range strings.Lines(string(out)) {
		pkg = strings.TrimSpace(pkg)
		domain, _, _ := strings.Cut(pkg, "/")
		if !strings.Contains(domain, ".") {
			continue // the standard library
		}
		ok := false
		for _, prefix := range allowed {
			ok = ok || strings.HasPrefix(pkg, prefix)
		}
		if !ok || strings.HasPrefix(pkg, "github.com/litefwd/litefwd/litefwdtest") {
			t.Errorf("importing the root package links %s", pkg)
		}
	}
}
