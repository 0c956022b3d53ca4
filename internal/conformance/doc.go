// Package conformance is the suite that says what "application code keeps its
// *sql.DB" means: every case is run four ways, and all must give the same.
//
//	bare        the local SQLite driver alone: the reference
//	primary     litefwd on the primary
//	replica     litefwd on a replica, which forwards what writes
//	…/tx        each of the above inside a sql.Tx
//
// A [Case] is a sequence of steps. What each step gives (rows affected, last
// insert id, column types, values with their Go types, errors with code,
// extended code and text) is written into a [Transcript]. The bare driver's
// transcript is the reference; any other way must produce the same text, or
// the case names the way and the reason ([Difference]). After the steps the
// whole database is dumped into the transcript too, so that a write that went
// to the wrong place is seen even when every answer was right.
//
// A transaction is compared with the bare driver's transaction, and that one
// with the bare driver's run without it.
//
// Two bare drivers differ from each other in many answers; the suite only ever
// compares a driver with itself. Expectations that hold for every driver are
// given with the step ([Step.gives], [Step.fails]) and are checked on the
// reference, so that a case with a slip in its SQL cannot pass by failing
// alike four times.
//
// The cases are in cases_*.go, one area a file. What differs with litefwd is
// listed in differences.go, each entry with its reason and the very steps. An
// entry whose case does not differ any more fails.
//
// The runner is ordinary code, without a SQLite driver, so that the root
// package's tests, the tests on real LiteFS and other tools can use it:
//
//	conformance.Run(t, conformance.Config{
//		Driver: "sqlite",
//		Bare:   func(t *testing.T) conformance.Session { … },
//		Ways:   []conformance.Way{{Name: "primary", Open: …}, {Name: "replica", Open: …}},
//	})
package conformance
