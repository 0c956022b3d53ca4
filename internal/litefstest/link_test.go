package litefstest

import (
	"io"
	"net"
	"testing"
)

func TestLink(t *testing.T) {
	t.Parallel()
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() { // until echo is closed
		for {
			conn, err := echo.Accept()
			if err != nil {
				return
			}
			io.Copy(conn, conn)
			conn.Close()
		}
	}()
	l, err := newLink(echo.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()

	dial := func() net.Conn {
		conn, err := net.Dial("tcp", l.addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.Write([]byte("x")) // if that fails, so does the read
		return conn
	}
	reads := func(conn net.Conn, want bool) {
		t.Helper()
		_, err := conn.Read(make([]byte, 1))
		if (err == nil) != want {
			t.Fatalf("read: %v", err)
		}
	}
	conn := dial()
	reads(conn, true)
	l.setCut(true)
	reads(conn, false)
	reads(dial(), false)
	l.setCut(false)
	reads(dial(), true)
}
