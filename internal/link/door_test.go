package link_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/proto"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/link"
	"github.com/litefwd/litefwd/internal/secure"
	"github.com/litefwd/litefwd/internal/serve"
	"github.com/litefwd/litefwd/internal/wire"
)

// withCredentials is a pair whose sides both have c.
func withCredentials(c credentials.TransportCredentials) pairOptions {
	return pairOptions{
		serve: func(o *serve.Options) { o.Credentials = c },
		link:  func(o *link.Options) { o.Credentials = c },
	}
}

// certificates are credentials of one self-signed certificate, for all nodes.
func certificates(t *testing.T) credentials.TransportCredentials {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	c, err := secure.Certificates(&tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, RootCAs: pool,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The link and gRPC share the port.
func TestBothKindsOfConnection(t *testing.T) {
	for name, c := range map[string]credentials.TransportCredentials{
		"insecure": secure.Insecure(), "secret": secret(t, testSecret), "certificates": certificates(t),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, withCredentials(c))
			for range 2 {
				if _, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID()}); err != nil {
					t.Errorf("Exec: %v", err)
				}
				if err := drain(p.db.Query(within(t), forward.Statement{ID: forward.NewID()})); err != nil {
					t.Errorf("Query: %v", err)
				}
				if _, err := p.peer.Hello(within(t)); err != nil {
					t.Errorf("Hello: %v", err)
				}
			}
			if n := len(p.conns.all); n != 2 {
				t.Errorf("%d connections, want 2", n)
			}
		})
	}
}

// Whatever a stranger begins with, the connection ends, and others are served.
func TestGarbageInsteadOfALink(t *testing.T) {
	hello, err := proto.Marshal(rawMeta.LinkHello())
	if err != nil {
		t.Fatal(err)
	}
	for name, words := range map[string]string{
		"HTTP/1":          "GET / HTTP/1.1\r\n\r\n",
		"zeros":           "",
		"half a preface":  "PRI * HTTP/2.0\r\n\r\nXX",
		"oversize hello":  wire.LinkMagic + "\xff\xff\xff\xff",
		"malformed hello": wire.LinkMagic + "\x00\x00\x00\x04\xff\xff\xff\xff",
		"no magic":        "\x00\x00\x00" + string(rune(len(hello))) + string(hello),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, withCredentials(secure.Insecure()))
			conn := rawConn(t, p.addr, secure.Insecure())
			if _, err := io.WriteString(conn, words+string(make([]byte, 100))); err != nil {
				t.Fatal(err)
			}
			conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection stays")
			}
			if _, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID()}); err != nil {
				t.Errorf("others: %v", err)
			}
		})
	}
}

// Who does not say what he wants is not waited for.
func TestStopDoesNotWaitForStrangers(t *testing.T) {
	p := newPair(t, withCredentials(secure.Insecure()))
	strangers(t, p, 256, 1)
	began := time.Now()
	p.stop()
	if took := time.Since(began); took > 5*time.Second { // half of what a handshake may take
		t.Errorf("Stop took %v", took)
	}
}

func TestRefusalsOfLinksAreTyped(t *testing.T) {
	p := newPair(t, pairOptions{})
	for want, said := range map[fault.Kind]wire.Meta{
		fault.Auth:     {Version: wire.Version, Cluster: "c2"},
		fault.Protocol: {Version: wire.Version + 1, Cluster: "c1"},
	} {
		l := &rawLink{Conn: rawConn(t, p.addr, secret(t, testSecret))}
		welcome, err := l.begin(said)
		if err != nil {
			t.Fatal(err)
		}
		if e := welcome.GetError().Err(); !errors.Is(e, want) || !fault.SafeToRetry(e) || welcome.GetServer() != nil {
			t.Errorf("got %v, want %v", e, want)
		}
		l.Close()
	}
	p.server.Refuse()
	l := &rawLink{Conn: rawConn(t, p.addr, secret(t, testSecret))}
	if welcome, err := l.begin(rawMeta); err != nil || !errors.Is(welcome.GetError().Err(), fault.Closed) {
		t.Errorf("after Refuse: %v, %v", welcome, err)
	}
	l.Close()
	if got := p.server.Peers(); len(got) != 0 {
		t.Errorf("peers %v", got)
	}
}

// The refusal reaches the caller as it is.
func TestRefusedLink(t *testing.T) {
	for _, want := range []fault.Kind{fault.Protocol, fault.Auth, fault.Overloaded} {
		addr := serveStub(t, func(l *rawLink) { l.welcome(fault.Refuse(want, "not you")); l.untilClosed() })
		peer, err := link.Dial(link.Options{Addr: addr, Credentials: secret(t, testSecret)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := peer.Database("x").Exec(within(t), forward.Statement{}); !errors.Is(err, want) || !fault.SafeToRetry(err) {
			t.Errorf("got %v, want %v", err, want)
		}
		peer.Close()
	}
}
