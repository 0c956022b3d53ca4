package conformance

import (
	"context"
	"maps"
	"slices"
	"testing"
)

// Features that not every build of SQLite has.
const (
	fts5  = "fts5"
	rtree = "rtree"
	json1 = "json"
	maths = "math functions"
	fts4  = "fts4"
	// updateLimit is SQLITE_ENABLE_UPDATE_DELETE_LIMIT.
	updateLimit = "update limit"
)

var featureProbes = map[string]string{
	fts5:  `CREATE VIRTUAL TABLE temp.probe_fts5 USING fts5(a)`,
	rtree: `CREATE VIRTUAL TABLE temp.probe_rtree USING rtree(id, a, b)`,
	json1: `SELECT json('[1]') -> 0`,
	maths: `SELECT sqrt(4)`,
	fts4:  `CREATE VIRTUAL TABLE temp.probe_fts4 USING fts4(a)`,

	updateLimit: `CREATE TEMP TABLE probe_limit(a); DELETE FROM probe_limit LIMIT 1`,
}

// probe finds out which features the bare driver has.
func probe(t *testing.T, cfg Config) map[string]bool {
	t.Helper()
	ctx := context.Background()
	db := cfg.Bare(t).DB()
	have := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(featureProbes)) {
		_, err := db.ExecContext(ctx, featureProbes[name])
		have[name] = err == nil
		if err != nil {
			t.Logf("driver %s has no %s: its cases are skipped (%v)", cfg.Driver, name, err)
		}
	}
	for _, name := range cfg.Require {
		if !have[name] {
			t.Errorf("driver %s must have %s", cfg.Driver, name)
		}
	}
	return have
}
