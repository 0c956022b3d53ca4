package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/litefwd/litefwd/internal/fault"
)

// Should the configuration have let in what it must not, the connection is
// refused all the same.
func TestStateIsChecked(t *testing.T) {
	verified := [][]*x509.Certificate{{{}}}
	for name, test := range map[string]struct {
		state tls.ConnectionState
		certs bool
		ok    bool
	}{
		"certificates":   {tls.ConnectionState{Version: tls.VersionTLS13, VerifiedChains: verified}, true, true},
		"secret":         {tls.ConnectionState{Version: tls.VersionTLS13}, false, true},
		"no certificate": {tls.ConnectionState{Version: tls.VersionTLS13}, true, false},
		"old TLS":        {tls.ConnectionState{Version: tls.VersionTLS12, VerifiedChains: verified}, true, false},
		"old secret":     {tls.ConnectionState{Version: tls.VersionTLS12}, false, false},
	} {
		err := (&tlsCredentials{verified: test.certs}).check(test.state, "peer")
		if test.ok != (err == nil) || !test.ok && !errors.Is(err, fault.Auth) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
