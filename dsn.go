package litefwd

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dsnKeys maps each DSN key to the Config field it spells. Fields that are Go
// values (Connector, CustomEngine, PeerAddr, TLS, MapError, Logger) have no key.
func dsnKeys(c *Config) map[string]dsnValue {
	return map[string]dsnValue{
		"engine":                stringValue{(*string)(&c.Engine)},
		"litefs_url":            stringValue{&c.LiteFSURL},
		"peers":                 peersValue{&c.Peers},
		"driver":                stringValue{&c.Driver},
		"driver_dsn":            stringValue{&c.DriverDSN},
		"listen":                stringValue{&c.Listen},
		"advertise":             stringValue{&c.Advertise},
		"name":                  stringValue{&c.Name},
		"secret":                stringValue{&c.Secret},
		"cert":                  stringValue{&c.CertFile},
		"key":                   stringValue{&c.KeyFile},
		"ca":                    stringValue{&c.CAFile},
		"insecure":              boolValue{&c.Insecure},
		"await":                 stringValue{(*string)(&c.Await)},
		"await_timeout":         durationValue{&c.AwaitTimeout},
		"strict":                boolValue{&c.Strict},
		"primary_wait":          durationValue{&c.PrimaryWait},
		"busy_timeout":          durationValue{&c.BusyTimeout},
		"tx_mode":               stringValue{(*string)(&c.TxMode)},
		"tx_idle_limit":         durationValue{&c.TxIdleLimit},
		"tx_total_limit":        durationValue{&c.TxTotalLimit},
		"max_message":           intValue{&c.MaxMessage},
		"max_result":            intValue{&c.MaxResult},
		"read_buffer":           intValue{&c.ReadBuffer},
		"read_lease":            leaseValue{durationValue{&c.ReadLease}},
		"max_local_read":        durationValue{&c.MaxLocalRead},
		"long_reads_on_primary": boolValue{&c.LongReadsOnPrimary},
		"max_peer_tx":           intValue{&c.MaxPeerTx},
		"max_peer_statements":   intValue{&c.MaxPeerStatements},
	}
}

// ParseDSN reads a DSN: the database file's path, '?' and key=value pairs in
// URL encoding, for instance
//
//	/data/app.db?engine=shared&driver=sqlite&listen=127.0.0.1:0&await_timeout=2s
//
// The path may have a prefix "file:"; "%3F" stands for a '?' in it and "%25"
// for a '%'. Each key is a Config field in lower case with underscores (cert,
// key and ca for the files). Unknown and repeated keys are errors.
func ParseDSN(dsn string) (Config, error) {
	var c Config
	path, query, _ := strings.Cut(dsn, "?")
	path, err := url.PathUnescape(strings.TrimPrefix(path, "file:"))
	if err != nil {
		return c, configError("path", "%w", err)
	}
	if path == "" {
		return c, configError("path", "the DSN names no database file")
	}
	c.Path = path
	values, err := url.ParseQuery(query)
	if err != nil {
		return c, configError("dsn", "the part after '?' is not key=value&…: %w", err)
	}
	keys := dsnKeys(&c)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		v, known := keys[key]
		switch {
		case strings.HasPrefix(key, "_"):
			return c, configError(key, "unknown DSN key; if it is the SQLite driver's own, it goes in driver_dsn, "+
				"URL-encoded: driver_dsn=%s", url.QueryEscape("file:{path}?"+key+"="+values.Get(key)))
		case !known:
			return c, configError(key, "unknown DSN key; known are %s",
				strings.Join(slices.Sorted(maps.Keys(keys)), ", "))
		case len(values[key]) > 1:
			return c, configError(key, "given %d times", len(values[key]))
		}
		if err := v.set(values[key][0]); err != nil {
			return c, configError(key, "%q: %w", values[key][0], err)
		}
	}
	return c, nil
}

// DSN spells c as a DSN that ParseDSN reads back. Fields that are Go values
// are left out.
func (c Config) DSN() string {
	values := url.Values{}
	for key, v := range dsnKeys(&c) {
		if s := v.String(); s != "" {
			values.Set(key, s)
		}
	}
	path := strings.NewReplacer("%", "%25", "?", "%3F").Replace(c.Path)
	if strings.HasPrefix(path, "file:") {
		path = "file:" + path
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// dsnValue is one field's text form; "" is the zero value.
type dsnValue interface {
	set(string) error
	String() string
}

type stringValue struct{ p *string }

func (v stringValue) set(s string) error { *v.p = s; return nil }
func (v stringValue) String() string     { return *v.p }

type boolValue struct{ p *bool }

func (v boolValue) set(s string) (err error) { *v.p, err = strconv.ParseBool(s); return err }
func (v boolValue) String() string {
	if *v.p {
		return "true"
	}
	return ""
}

// leaseValue is a duration of which 0 is none, which a Config spells as a negative
// one.
type leaseValue struct{ durationValue }

func (v leaseValue) set(s string) error {
	err := v.durationValue.set(s)
	if *v.p == 0 {
		*v.p = -1
	}
	return err
}

func (v leaseValue) String() string {
	if *v.p < 0 {
		return "0s"
	}
	return v.durationValue.String()
}

type durationValue struct{ p *time.Duration }

func (v durationValue) set(s string) (err error) {
	if *v.p, err = time.ParseDuration(s); err != nil {
		return fmt.Errorf("%w; write 5s or 5000ms", err)
	}
	return nil
}
func (v durationValue) String() string {
	if *v.p == 0 {
		return ""
	}
	return v.p.String()
}

type intValue struct{ p *int }

func (v intValue) set(s string) (err error) { *v.p, err = strconv.Atoi(s); return err }
func (v intValue) String() string {
	if *v.p == 0 {
		return ""
	}
	return strconv.Itoa(*v.p)
}

// peersValue is hostname=host:port, several separated by commas.
type peersValue struct{ p *map[string]string }

func (v peersValue) set(s string) error {
	peers := map[string]string{}
	for _, pair := range strings.Split(s, ",") {
		host, addr, ok := strings.Cut(pair, "=")
		if _, twice := peers[host]; !ok || host == "" || addr == "" || twice {
			return errors.New("write hostname=host:port,hostname=host:port, each hostname once")
		}
		peers[host] = addr
	}
	*v.p = peers
	return nil
}

func (v peersValue) String() string {
	pairs := make([]string, 0, len(*v.p))
	for _, host := range slices.Sorted(maps.Keys(*v.p)) {
		pairs = append(pairs, host+"="+(*v.p)[host])
	}
	return strings.Join(pairs, ",")
}
