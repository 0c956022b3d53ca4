// Package litefstest runs clusters of real LiteFS processes for tests, on one
// machine. It needs Linux, /dev/fuse and fusermount3 (see Available) and a
// litefs binary (see Find).
//
//	c, err := litefstest.Start(ctx, litefstest.Options{Nodes: 3, Lease: litefstest.Consul})
//	defer c.Close()
//	db, err := sql.Open("sqlite", filepath.Join(c.Mount(0), "app.db"))
//
// Node 0 is primary at first. Under the static lease it stays so; under the
// consul lease, which is internal/consultest's, it can be killed, frozen,
// isolated, or its lease can be moved (Promote) or ended (Consul().Expire).
//
// # What is left behind
//
// Close ends the processes, unmounts and removes the files, whatever has
// happened before. If the test process itself is killed, the kernel kills its
// LiteFS processes too, and the next Start on this machine removes the dead
// mounts and their directories. Leftovers checks that nothing is left.
//
// # Frozen nodes
//
// Whoever touches the mount of a frozen node hangs, and cannot even be killed,
// until the node is thawed or killed. Close does that.
package litefstest
