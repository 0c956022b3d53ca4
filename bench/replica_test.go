package bench

import (
	"testing"

	"github.com/litefwd/litefwd/litefwdtest"
)

// BenchmarkSnapshotRead: a prepared point read on a replica whose copy is
// replaced by another process, as LiteFS does it, against the bare driver on a
// plain file. What LiteFS itself costs is not in it (make bench-reads).
func BenchmarkSnapshotRead(b *testing.B) {
	perDriver(b, func(b *testing.B, driver string) {
		bare := openBare(b, driver)
		c := litefwdtest.New(b, 2, litefwdtest.WithDriver(driver))
		must(b, c.DB(0), schema)
		must(b, c.DB(0), thousand)
		must(b, bare, thousand)
		must(b, c.DB(1), "UPDATE t SET v = v WHERE id = 1") // and it is here
		interleave(b, side{"bare", pointRead(b, bare)}, side{"litefwd", pointRead(b, c.DB(1))})
	})
}
