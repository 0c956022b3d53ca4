// Package rig is what the benchmarks on real LiteFS have in common: two LiteFS nodes,
// applications on them that are processes of their own, flags and figures.
//
// An application is the benchmark's own program, started again (Start) as a worker
// (Serve): it obeys orders that come on its standard input, a line of JSON each.
// Whatever happens, workers and LiteFS end with the benchmark: a worker when its
// standard input ends, LiteFS as internal/litefstest says.
package rig
