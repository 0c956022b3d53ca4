// Package secure decides who may talk to whom: gRPC transport credentials for
// the connections between nodes. There are three kinds:
//
//   - [Secret]: TLS 1.3 and proof on both sides of knowing a shared secret.
//   - [Certificates]: mutual TLS with certificates of one authority.
//   - [Insecure]: plain text, on loopback connections only.
//
// A refusal is an error of kind fault.Auth that says who refused whom. It is
// what ClientHandshake returns; gRPC makes a text of it, so that package link
// keeps the error and gives it to the callers.
package secure

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd/internal/fault"
)

// handshakeTimeout bounds a handshake for which the context has no deadline.
const handshakeTimeout = 5 * time.Second

// exchange is what both sides do on the TLS connection before gRPC sees it. A
// peer's name is its address.
type exchange interface {
	client(conn *tls.Conn, peer string) error
	server(conn *tls.Conn, peer string) error
}

// tlsCredentials is TLS followed by an exchange.
type tlsCredentials struct {
	protocol       string
	client, server *tls.Config
	exchange       exchange
	// verified: certificates authenticate both sides, and the server's is
	// valid for the name or address that was dialled.
	verified bool
}

var _ credentials.TransportCredentials = (*tlsCredentials)(nil)

// ClientHandshake implements credentials.TransportCredentials.
func (c *tlsCredentials) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	cfg := c.client
	if c.verified && cfg.ServerName == "" {
		cfg = cfg.Clone()
		cfg.ServerName = hostOf(authority)
	}
	peer := raw.RemoteAddr().String()
	return c.handshake(ctx, raw, tls.Client(raw, cfg), func(conn *tls.Conn) error {
		return c.exchange.client(conn, peer)
	})
}

// ServerHandshake implements credentials.TransportCredentials.
func (c *tlsCredentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	peer := raw.RemoteAddr().String()
	return c.handshake(context.Background(), raw, tls.Server(raw, c.server), func(conn *tls.Conn) error {
		return c.exchange.server(conn, peer)
	})
}

func (c *tlsCredentials) handshake(
	ctx context.Context, raw net.Conn, conn *tls.Conn, exchange func(*tls.Conn) error,
) (net.Conn, credentials.AuthInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	// The context is watched for the exchange as well, which is plain reads
	// and writes; TLS does it by itself for its own part.
	watch := context.AfterFunc(ctx, func() { raw.SetDeadline(time.Unix(1, 0)) })
	err := conn.HandshakeContext(ctx)
	if err == nil {
		err = c.check(conn.ConnectionState(), raw.RemoteAddr().String())
	}
	if err == nil {
		err = exchange(conn)
	}
	if !watch() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		// The alert or the refusal must reach the peer, so close in order.
		conn.Close()
		return nil, nil, explain(err, raw.RemoteAddr().String())
	}
	state := conn.ConnectionState()
	return conn, credentials.TLSInfo{
		State:          state,
		CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
	}, nil
}

// check looks once more at what the configuration is to have made sure of.
func (c *tlsCredentials) check(state tls.ConnectionState, peer string) error {
	switch {
	case state.Version < tls.VersionTLS13:
		return fault.Refuse(fault.Auth, "the peer at %s speaks %s, which is too old", peer, tls.VersionName(state.Version))
	case c.verified && len(state.VerifiedChains) == 0:
		return fault.Refuse(fault.Auth, "the peer at %s showed no certificate that was verified", peer)
	}
	return nil
}

// explain sorts a handshake's error: what will fail again in the same way is
// of kind fault.Auth, what another attempt may mend is not.
func explain(err error, peer string) error {
	var own *fault.Error
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var verify *tls.CertificateVerificationError
	var netErr *net.OpError
	switch {
	case errors.As(err, &own):
		return err
	case errors.As(err, &record):
		return fault.Refuse(fault.Auth, "the peer at %s does not speak TLS: %w", peer, err)
	case errors.As(err, &verify):
		return fault.Refuse(fault.Auth, "the certificate of the peer at %s is not accepted: %w", peer, err)
	case errors.As(err, &alert), errors.As(err, &netErr) && netErr.Op == "remote error":
		return fault.Refuse(fault.Auth, "the peer at %s refused this node's certificate or TLS version: %w", peer, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &netErr),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe):
		return fault.Refuse(fault.NoPrimary, "handshake with %s: %w", peer, err)
	default:
		// The rest of crypto/tls's errors are plain texts about versions,
		// protocols and missing certificates.
		return fault.Refuse(fault.Auth, "handshake with %s: %w", peer, err)
	}
}

func hostOf(authority string) string {
	if host, _, err := net.SplitHostPort(authority); err == nil {
		return host
	}
	return authority
}

// Info implements credentials.TransportCredentials.
func (c *tlsCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: c.protocol}
}

// Clone implements credentials.TransportCredentials.
func (c *tlsCredentials) Clone() credentials.TransportCredentials { clone := *c; return &clone }

// OverrideServerName implements credentials.TransportCredentials.
//
// Deprecated: gRPC does not call it any more; the interface still has it.
func (c *tlsCredentials) OverrideServerName(string) error { return nil }
