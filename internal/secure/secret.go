package secure

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd/internal/fault"
)

// MinSecret is the least length of a secret, in bytes.
const MinSecret = 16

// Secret returns credentials for nodes that share a secret.
//
// The connection is TLS 1.3 with a certificate that means nothing: made for
// this process, signed by itself. Inside it both sides prove that they know
// the secret, by an HMAC over the connection's TLS exporter value (RFC 5705)
// and their role. The exporter value differs between any two connections, so
// that a proof cannot be replayed, nor passed on by someone in the middle; the
// role keeps a proof from being sent back to whom it came from. The secret
// itself never travels, and the server proves nothing to a client that has
// not proved itself.
//
// The secret must be random (openssl rand -hex 32): who is connected to, or
// sits in the middle, gets a client's proof for a connection of his own and
// can test guesses against it at leisure. A secret of fewer than MinSecret
// bytes is refused with an error of kind fault.Config.
func Secret(secret []byte) (credentials.TransportCredentials, error) {
	if len(secret) < MinSecret {
		return nil, fault.New(fault.Config, "the secret has %d bytes; use %d or more, random (openssl rand -hex 32)",
			len(secret), MinSecret)
	}
	certificate, err := throwAway()
	if err != nil {
		return nil, fmt.Errorf("litefwd: make a certificate for this process: %w", err)
	}
	return &tlsCredentials{
		protocol: "litefwd-secret",
		// The proofs authenticate both sides, not the certificates.
		client: &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}, InsecureSkipVerify: true},
		server: &tls.Config{
			MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
			Certificates: []tls.Certificate{certificate}, SessionTicketsDisabled: true,
		},
		exchange: proof{key: append([]byte(nil), secret...)},
	}, nil
}

// throwAway makes a self-signed certificate whose key leaves no trace.
func throwAway() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "litefwd"},
		// Nobody looks at the dates; clocks of nodes may differ.
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().AddDate(100, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// proof is the exchange of Secret. The client sends its proof; the server
// answers with one byte, accepted or refused, and its own proof, or as many
// zeros.
type proof struct{ key []byte }

const (
	exporterLabel = "EXPORTER-litefwd-secret-v1"
	roleClient    = "litefwd v1 client"
	roleServer    = "litefwd v1 server"

	accepted = 1
	refused  = 0
)

// of computes role's proof for this connection.
func (p proof) of(conn *tls.Conn, role string) ([]byte, error) {
	state := conn.ConnectionState()
	exported, err := state.ExportKeyingMaterial(exporterLabel, nil, 32)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, p.key)
	io.WriteString(mac, role)
	mac.Write(exported)
	return mac.Sum(nil), nil
}

func (p proof) client(conn *tls.Conn, peer string) error {
	mine, err := p.of(conn, roleClient)
	if err != nil {
		return err
	}
	want, err := p.of(conn, roleServer)
	if err != nil {
		return err
	}
	if _, err := conn.Write(mine); err != nil {
		return err
	}
	answer := make([]byte, 1+len(want))
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	if answer[0] != accepted || !hmac.Equal(answer[1:], want) {
		return fault.Refuse(fault.Auth, "the peer at %s does not know this cluster's secret: "+
			"give all nodes the same one", peer)
	}
	return nil
}

func (p proof) server(conn *tls.Conn, peer string) error {
	want, err := p.of(conn, roleClient)
	if err != nil {
		return err
	}
	mine, err := p.of(conn, roleServer)
	if err != nil {
		return err
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil {
		return err
	}
	answer := make([]byte, 1+len(mine))
	if !hmac.Equal(got, want) {
		answer[0] = refused
		conn.Write(answer) // the refusal stands whether or not the peer hears of it
		return fault.Refuse(fault.Auth, "the node at %s does not know this cluster's secret", peer)
	}
	answer[0] = accepted
	copy(answer[1:], mine)
	_, err = conn.Write(answer)
	return err
}
