package link

import (
	"net"
	"testing"
)

// Looking does no harm to what reads, or does not read yet.
func TestLook(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	c := watchConn(here)
	defer c.Close()
	for range 100 {
		c.look()
		written := make(chan error, 1)
		go func() {
			for range 10 {
				c.look()
			}
			_, err := there.Write([]byte("x"))
			written <- err
		}()
		var b [1]byte
		if n, err := c.Read(b[:]); n != 1 || err != nil {
			t.Fatalf("Read: %d, %v", n, err)
		}
		if err := <-written; err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	c.look()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a closed connection is read")
	}
}
