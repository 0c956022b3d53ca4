package litefwd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/engine/shared"
)

// clusterOf is an engine that claims to belong to another cluster.
type clusterOf struct {
	engine.Engine
	name string
}

func (e clusterOf) Cluster() string { return e.name }

// withoutSecret hides that an engine keeps a secret.
type withoutSecret struct{ engine.Engine }

func sharedEngine(t *testing.T, dir string) *shared.Engine {
	t.Helper()
	e, err := shared.Open(dir, shared.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A peer that cannot prove who it is gets an answer at once, not a time-out.
func TestWrongPeerIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*testing.T, string, *litefwd.Config)
	}{
		{"other secret", func(_ *testing.T, _ string, c *litefwd.Config) { c.Secret = "not the secret of this cluster" }},
		{"other cluster", func(t *testing.T, dir string, c *litefwd.Config) {
			c.CustomEngine = clusterOf{c.CustomEngine, "elsewhere"}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			primary := openNode(t, dir, "sqlite")
			waitRole(t, primary, litefwd.RolePrimary)
			stranger := openNode(t, dir, "sqlite", func(c *litefwd.Config) {
				tt.change(t, dir, c)
				c.PrimaryWait = time.Minute
			})
			_, err := stranger.DB().Exec("CREATE TABLE t(v)")
			if !errors.Is(err, litefwd.ErrAuth) {
				t.Errorf("write: %v, want ErrAuth", err)
			}
			mustExec(t, primary.DB(), "CREATE TABLE t(v)") // it did not run before
		})
	}
}

func TestNoAuthenticationIsRefused(t *testing.T) {
	dir := t.TempDir()
	cfg := litefwd.Config{
		Path: filepath.Join(dir, "app.db"), Driver: "sqlite", Listen: "127.0.0.1:0",
		CustomEngine: withoutSecret{sharedEngine(t, dir)},
	}
	_, err := litefwd.Open(t.Context(), cfg)
	if !errors.Is(err, litefwd.ErrConfig) || !strings.Contains(err.Error(), "Secret") {
		t.Errorf("Open = %v, want an error that says what to set", err)
	}
}

func TestInsecureOnLoopback(t *testing.T) {
	primary, replica := openPair(t, "sqlite", func(c *litefwd.Config) { c.Secret, c.Insecure = "", true })
	mustExec(t, replica.DB(), "CREATE TABLE t(v)")
	mustExec(t, primary.DB(), "INSERT INTO t VALUES (1)")
}

func TestCertificates(t *testing.T) {
	dir := t.TempDir()
	ca, caKey := newCA(t, dir, "ca")
	issue(t, dir, "node", ca, caKey)
	otherCA, otherKey := newCA(t, dir, "other-ca")
	issue(t, dir, "stranger", otherCA, otherKey)
	with := func(cert, ca string) func(*litefwd.Config) {
		return func(c *litefwd.Config) {
			c.Secret = ""
			c.CertFile, c.KeyFile, c.CAFile = filepath.Join(dir, cert+".pem"), filepath.Join(dir, cert+".key"), filepath.Join(dir, ca+".pem")
		}
	}
	data := t.TempDir()
	primary := openNode(t, data, "sqlite", with("node", "ca"))
	waitRole(t, primary, litefwd.RolePrimary)
	replica := openNode(t, data, "sqlite", with("node", "ca"))
	mustExec(t, replica.DB(), "CREATE TABLE t(v)")

	stranger := openNode(t, data, "sqlite", with("stranger", "ca"), func(c *litefwd.Config) { c.PrimaryWait = time.Second })
	if _, err := stranger.DB().Exec("INSERT INTO t VALUES (1)"); err == nil {
		t.Error("a certificate of another authority was accepted")
	}
	if n := queryInt(t, primary.DB(), "SELECT count(*) FROM t"); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func newCA(t *testing.T, dir, name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	return writeCert(t, dir, name, template, nil, nil)
}

func issue(t *testing.T, dir, name string, ca *x509.Certificate, caKey *ecdsa.PrivateKey) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	writeCert(t, dir, name, template, ca, caKey)
}

// writeCert signs template (by itself, if ca is nil) and writes it and its key.
func writeCert(t *testing.T, dir, name string, template, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if ca == nil {
		ca, caKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, &key.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".pem": {Type: "CERTIFICATE", Bytes: der},
		name + ".key": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")); err != nil {
		t.Fatal(err)
	}
	return cert, key
}
