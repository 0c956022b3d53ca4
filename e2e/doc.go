// Package e2e has the tests that run on real LiteFS processes: CI=1 go test .
//
// They need Linux, root, /dev/fuse and fusermount3, and build LiteFS from the
// module litefs below. Without these they are skipped, or fail where CI is set.
package e2e
