//go:build !linux

package rawconn

import "net"

// Wrap returns c: it was measured on Linux only.
func Wrap(c net.Conn) net.Conn { return c }
