package sqlclass

import (
	"fmt"
	"strings"
	"testing"
)

const benchQuery = "SELECT id, a, b FROM t WHERE id = ? AND b <> :b ORDER BY a LIMIT 10"

func BenchmarkHit(b *testing.B) {
	c, cl := open(b, drivers["modernc"]), New()
	classify := func() {
		if stmts, err := cl.Classify(b.Context(), c, benchQuery); err != nil || stmts[0].Kind != Read {
			b.Fatal(stmts, err)
		}
	}
	classify()
	b.ReportAllocs()
	for b.Loop() {
		classify()
	}
}

func BenchmarkHitParallel(b *testing.B) {
	c, cl := open(b, drivers["modernc"]), New()
	if _, err := cl.Classify(b.Context(), c, benchQuery); err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			cl.Classify(b.Context(), c, benchQuery)
		}
	})
}

func BenchmarkMiss(b *testing.B) {
	texts := map[string]string{
		"query":  benchQuery,
		"insert": "INSERT INTO t(a,b) VALUES(?,?)",
		"bulk":   "INSERT INTO t(a,b) VALUES" + strings.Repeat("(?,?),", 1000) + "(?,?)",
		"pragma": "PRAGMA cache_size=-2000",
	}
	for driver, drv := range drivers {
		for name, sql := range texts {
			b.Run(fmt.Sprint(name, "/", driver), func(b *testing.B) {
				c := open(b, drv)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := classify(b.Context(), c, nil, sql); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// TestHitAllocatesNothing keeps the cheap path cheap.
func TestHitAllocatesNothing(t *testing.T) {
	c, cl := open(t, drivers["modernc"]), New()
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if _, err := cl.Classify(ctx, c, benchQuery); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
