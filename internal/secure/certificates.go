package secure

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"slices"

	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd/internal/fault"
)

// LoadCertificates makes a configuration for [Certificates] from PEM files:
// this node's certificate and key, and the authority that signs all nodes'.
// Errors are of kind fault.Config and name the file.
func LoadCertificates(certFile, keyFile, caFile string) (*tls.Config, error) {
	certificate, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fault.New(fault.Config, "certificate %s with key %s: %w", certFile, keyFile, err)
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fault.New(fault.Config, "certificate authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fault.New(fault.Config, "certificate authority %s has no PEM certificate", caFile)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, RootCAs: pool, ClientCAs: pool}, nil
}

// Certificates returns credentials of mutual TLS, 1.3 or later: each side
// shows a certificate that the other side's authorities have signed, and the
// server's must be valid for the host name or address that was dialled, or for
// cfg.ServerName. A missing ClientCAs is RootCAs. cfg is not changed and must
// not be changed afterwards.
//
// A configuration without a certificate or without authorities is an error of
// kind fault.Config: the system's authorities would let in anybody who has a
// certificate for any host. So is one with GetConfigForClient, which could ask
// for no certificate; GetCertificate and GetClientCertificate change
// certificates while the node runs.
func Certificates(cfg *tls.Config) (credentials.TransportCredentials, error) {
	hasOwn := cfg != nil && (len(cfg.Certificates) > 0 || cfg.GetCertificate != nil && cfg.GetClientCertificate != nil)
	switch {
	case !hasOwn:
		return nil, fault.New(fault.Config, "the TLS configuration has no certificate of this node")
	case cfg.RootCAs == nil:
		return nil, fault.New(fault.Config, "the TLS configuration has no RootCAs; "+
			"set the authority that signs the nodes' certificates")
	case cfg.InsecureSkipVerify:
		return nil, fault.New(fault.Config, "the TLS configuration has InsecureSkipVerify, which lets anybody in")
	case cfg.GetConfigForClient != nil:
		return nil, fault.New(fault.Config, "the TLS configuration has GetConfigForClient, which would replace "+
			"what this node demands of others; use GetCertificate and GetClientCertificate")
	}
	base := cfg.Clone()
	base.MinVersion = max(base.MinVersion, tls.VersionTLS13)
	if !slices.Contains(base.NextProtos, "h2") {
		base.NextProtos = []string{"h2"}
	}
	server := base.Clone()
	server.ClientAuth = tls.RequireAndVerifyClientCert
	server.SessionTicketsDisabled = true // each connection shows its certificates
	if server.ClientCAs == nil {
		server.ClientCAs = server.RootCAs
	}
	return &tlsCredentials{
		protocol: "tls", client: base, server: server, exchange: welcome{}, verified: true,
	}, nil
}

// welcome is the exchange of Certificates: one byte from the server. In TLS
// 1.3 a client learns only from the first byte it reads whether the server
// accepted its certificate.
type welcome struct{}

func (welcome) client(conn *tls.Conn, _ string) error {
	_, err := conn.Read(make([]byte, 1))
	return err
}

func (welcome) server(conn *tls.Conn, _ string) error {
	_, err := conn.Write([]byte{accepted})
	return err
}
