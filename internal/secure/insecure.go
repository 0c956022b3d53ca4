package secure

import (
	"context"
	"net"
	"strings"

	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd/internal/fault"
)

// Insecure returns credentials without authentication and encryption. They
// refuse, with an error of kind fault.Auth, every connection that is not
// between loopback addresses of this machine (or a pipe in this process),
// whichever side accepted it.
func Insecure() credentials.TransportCredentials { return plain{} }

// An AddrChecker is a TransportCredentials that knows before a connection is
// made that an address will not do. Whoever listens or dials asks it.
type AddrChecker interface {
	// CheckAddr returns nil or an error of kind fault.Auth. addr is what
	// net.Listen or net.Dial takes, and may have a host name.
	CheckAddr(addr string) error
}

type plain struct{}

var (
	_ credentials.TransportCredentials = plain{}
	_ AddrChecker                      = plain{}
)

type plainInfo struct{ credentials.CommonAuthInfo }

func (plainInfo) AuthType() string { return "insecure" }

// CheckAddr implements AddrChecker.
func (plain) CheckAddr(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	host = strings.TrimSuffix(host, ".")
	if i := strings.IndexByte(host, '%'); i >= 0 {
		host = host[:i] // IPv6 zone
	}
	if ip := net.ParseIP(host); strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fault.Refuse(fault.Auth, "insecure connections are for loopback addresses only, and %q is none: "+
		"set a secret or certificates", addr)
}

// check refuses a connection that is not within this machine.
func (p plain) check(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	for _, addr := range []net.Addr{conn.LocalAddr(), conn.RemoteAddr()} {
		switch addr.Network() {
		case "pipe", "bufconn", "unix":
			continue
		}
		if err := p.CheckAddr(addr.String()); err != nil {
			return nil, nil, err
		}
	}
	return conn, plainInfo{credentials.CommonAuthInfo{SecurityLevel: credentials.NoSecurity}}, nil
}

func (p plain) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return p.check(conn)
}

func (p plain) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return p.check(conn)
}

func (plain) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "insecure"}
}

func (p plain) Clone() credentials.TransportCredentials { return p }
func (plain) OverrideServerName(string) error           { return nil }
