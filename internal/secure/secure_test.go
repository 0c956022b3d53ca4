package secure_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/secure"
)

var secretA, secretB = []byte("aaaaaaaaaaaaaaaa"), []byte("bbbbbbbbbbbbbbbb")

func mustSecret(t *testing.T, s []byte) credentials.TransportCredentials {
	t.Helper()
	c, err := secure.Secret(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tcpPair returns the two ends of a connection over loopback.
func tcpPair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := l.Accept()
		accepted <- c
	}()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	server = <-accepted
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// shake makes both sides' handshakes and, if both succeed, sends a word.
func shake(t *testing.T, client, server credentials.TransportCredentials) (clientErr, serverErr error) {
	t.Helper()
	rawClient, rawServer := tcpPair(t)
	done := make(chan error, 1)
	go func() {
		conn, _, err := server.ServerHandshake(rawServer)
		if err == nil {
			_, err = io.WriteString(conn, "hello")
		} else {
			rawServer.Close()
		}
		done <- err
	}()
	conn, info, clientErr := client.ClientHandshake(t.Context(), "127.0.0.1", rawClient)
	if clientErr == nil {
		if info.AuthType() == "" {
			t.Error("no AuthType")
		}
		word := make([]byte, 5)
		if _, err := io.ReadFull(conn, word); err != nil || string(word) != "hello" {
			clientErr = errors.Join(err, errors.New("connection does not work"))
		}
	} else {
		rawClient.Close()
	}
	return clientErr, <-done
}

func TestSecret(t *testing.T) {
	c, s := shake(t, mustSecret(t, secretA), mustSecret(t, secretA))
	if c != nil || s != nil {
		t.Fatalf("same secret: client %v, server %v", c, s)
	}
	c, s = shake(t, mustSecret(t, secretA), mustSecret(t, secretB))
	for side, err := range map[string]error{"client": c, "server": s} {
		if !errors.Is(err, fault.Auth) || !fault.SafeToRetry(err) ||
			!strings.Contains(err.Error(), "does not know this cluster's secret") || !strings.Contains(err.Error(), "127.0.0.1:") {
			t.Errorf("%s: %v", side, err)
		}
	}
	for _, err := range []error{c, s} {
		if strings.Contains(err.Error(), string(secretA)) || strings.Contains(err.Error(), string(secretB)) {
			t.Errorf("the secret is in %q", err)
		}
	}
	if _, err := secure.Secret(secretA[:15]); !errors.Is(err, fault.Config) {
		t.Errorf("short secret: %v", err)
	}
}

// A man in the middle who ends TLS on both sides and passes the proofs on is
// refused: they are proofs for other connections.
func TestSecretManInTheMiddle(t *testing.T) {
	clientEnd, attackerServer := tcpPair(t)
	attackerClient, serverEnd := tcpPair(t)
	result := make(chan error, 2)
	go func() {
		_, _, err := mustSecret(t, secretA).ClientHandshake(context.Background(), "x", clientEnd)
		result <- err
	}()
	go func() {
		_, _, err := mustSecret(t, secretA).ServerHandshake(serverEnd)
		result <- err
	}()
	toServer := tls.Client(attackerClient, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	cert, _ := certificate(t, nil, nil, "attacker")
	toClient := tls.Server(attackerServer, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}})
	proof := make([]byte, 32)
	if _, err := io.ReadFull(toClient, proof); err != nil {
		t.Fatal(err)
	}
	if _, err := toServer.Write(proof); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 33)
	if _, err := io.ReadFull(toServer, answer); err != nil {
		t.Fatal(err)
	}
	if answer[0] != 0 || string(answer[1:]) != string(make([]byte, 32)) {
		t.Error("the server accepted a proof of another connection, or proved itself")
	}
	// Nor does the client accept its own proof back.
	toClient.Write(append([]byte{1}, proof...))
	for range 2 {
		if err := <-result; !errors.Is(err, fault.Auth) {
			t.Errorf("handshake: %v", err)
		}
	}
}

func TestNotTLS(t *testing.T) {
	client, server := tcpPair(t)
	go func() {
		server.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	}()
	_, _, err := mustSecret(t, secretA).ClientHandshake(t.Context(), "x", client)
	if !errors.Is(err, fault.Auth) || !strings.Contains(err.Error(), "does not speak TLS") {
		t.Errorf("client: %v", err)
	}
	client, server = tcpPair(t)
	io.WriteString(client, "GET / HTTP/1.1\r\n\r\n")
	if _, _, err := mustSecret(t, secretA).ServerHandshake(server); !errors.Is(err, fault.Auth) {
		t.Errorf("server: %v", err)
	}
}

func TestHandshakeEndsWithContext(t *testing.T) {
	late, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, ctx := range []context.Context{late, canceled} {
		client, _ := tcpPair(t) // nobody answers
		_, _, err := mustSecret(t, secretA).ClientHandshake(ctx, "x", client)
		if !errors.Is(err, fault.NoPrimary) || !fault.SafeToRetry(err) {
			t.Errorf("error %v, want one that another attempt may mend", err)
		}
	}
}

func TestInsecure(t *testing.T) {
	if c, s := shake(t, secure.Insecure(), secure.Insecure()); c != nil || s != nil {
		t.Errorf("loopback: %v, %v", c, s)
	}
	check := secure.Insecure().(secure.AddrChecker).CheckAddr
	for addr, ok := range map[string]bool{
		"127.0.0.1:80": true, "127.9.9.9:1": true, "[::1]:80": true, "localhost:80": true,
		":80": false, "0.0.0.0:80": false, "[::]:80": false, "10.0.0.1:80": false, "example.com:80": false, "": false,
		"localhost.example.com:1": false,
	} {
		if err := check(addr); (err == nil) != ok || err != nil && !errors.Is(err, fault.Auth) {
			t.Errorf("%q: %v", addr, err)
		}
	}
	far := farConn{}
	if _, _, err := secure.Insecure().ServerHandshake(far); !errors.Is(err, fault.Auth) || !strings.Contains(err.Error(), "192.0.2.7") {
		t.Errorf("accept: %v", err)
	}
	if _, _, err := secure.Insecure().ClientHandshake(t.Context(), "", far); !errors.Is(err, fault.Auth) {
		t.Errorf("dial: %v", err)
	}
}

// farConn is a connection from another machine.
type farConn struct{ net.Conn }

func (farConn) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (farConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 1} }

// certificate makes a certificate for 127.0.0.1, signed by parent or itself.
func certificate(t *testing.T, parent *x509.Certificate, parentKey *ecdsa.PrivateKey, name string) (tls.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: parent == nil, BasicConstraintsValid: true,
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, key
}

// files writes a node's certificate, its key and its authority as PEM.
func files(t *testing.T, node, ca tls.Certificate) (cert, key, caFile string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(node.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return write("cert", "CERTIFICATE", node.Certificate[0]), write("key", "PRIVATE KEY", keyDER),
		write("ca", "CERTIFICATE", ca.Certificate[0])
}

func load(t *testing.T, node, ca tls.Certificate) credentials.TransportCredentials {
	t.Helper()
	cfg, err := secure.LoadCertificates(files(t, node, ca))
	if err != nil {
		t.Fatal(err)
	}
	c, err := secure.Certificates(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCertificates(t *testing.T) {
	ca, caKey := certificate(t, nil, nil, "ca")
	otherCA, otherKey := certificate(t, nil, nil, "other ca")
	a, _ := certificate(t, ca.Leaf, caKey, "a")
	b, _ := certificate(t, ca.Leaf, caKey, "b")
	stranger, _ := certificate(t, otherCA.Leaf, otherKey, "stranger")

	if c, s := shake(t, load(t, a, ca), load(t, b, ca)); c != nil || s != nil {
		t.Errorf("same authority: client %v, server %v", c, s)
	}
	// The client believes the server, the server does not believe the client.
	if c, s := shake(t, load(t, stranger, ca), load(t, b, ca)); !errors.Is(c, fault.Auth) || !errors.Is(s, fault.Auth) {
		t.Errorf("strange client: client %v, server %v", c, s)
	}
	if c, s := shake(t, load(t, a, ca), load(t, stranger, ca)); !errors.Is(c, fault.Auth) || s == nil {
		t.Errorf("strange server: client %v, server %v", c, s)
	}
}

func TestCertificateConfigErrors(t *testing.T) {
	ca, caKey := certificate(t, nil, nil, "ca")
	a, _ := certificate(t, ca.Leaf, caKey, "a")
	cert, key, caFile := files(t, a, ca)
	if _, err := secure.LoadCertificates("missing", key, caFile); !errors.Is(err, fault.Config) || !strings.Contains(err.Error(), "missing") {
		t.Errorf("missing certificate: %v", err)
	}
	if _, err := secure.LoadCertificates(cert, key, "nowhere"); !errors.Is(err, fault.Config) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("missing authority: %v", err)
	}
	if _, err := secure.LoadCertificates(cert, key, key); !errors.Is(err, fault.Config) {
		t.Errorf("key as authority: %v", err)
	}
	pool := x509.NewCertPool()
	for name, cfg := range map[string]*tls.Config{
		"nil": nil, "no certificate": {RootCAs: pool}, "no authority": {Certificates: []tls.Certificate{a}},
		"skip": {Certificates: []tls.Certificate{a}, RootCAs: pool, InsecureSkipVerify: true},
		"config for client": {Certificates: []tls.Certificate{a}, RootCAs: pool,
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, nil }},
	} {
		if _, err := secure.Certificates(cfg); !errors.Is(err, fault.Config) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
