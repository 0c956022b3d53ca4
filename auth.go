package litefwd

import (
	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/secure"
)

// credentials chooses how nodes prove to each other who they are. There is no
// default that lets anybody in.
func (c *Config) credentials(e engine.Engine) (credentials.TransportCredentials, error) {
	switch {
	case c.Secret != "":
		return secure.Secret([]byte(c.Secret))
	case c.TLS != nil:
		return secure.Certificates(c.TLS)
	case c.CertFile != "":
		cfg, err := secure.LoadCertificates(c.CertFile, c.KeyFile, c.CAFile)
		if err != nil {
			return nil, configError("cert", "%w", err)
		}
		return secure.Certificates(cfg)
	case c.Insecure:
		return secure.Insecure(), nil
	}
	if s, ok := e.(engine.Secreter); ok {
		secret, err := s.Secret()
		if err != nil {
			return nil, configError("secret", "%w", err)
		}
		return secure.Secret(secret)
	}
	return nil, configError("secret", "nodes must authenticate each other: set Secret (16 bytes or more, the same on all nodes, "+
		"for instance from: openssl rand -hex 32), or CertFile, KeyFile and CAFile; "+
		"for tests on loopback only, Insecure")
}
