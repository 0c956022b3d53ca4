package litefstest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	consulPrefix = "litefstest"
	consulKey    = "primary"

	// LeaseKey is the key in Consul that the primary holds.
	LeaseKey = consulPrefix + "/" + consulKey
)

// config is what a node's litefs.yml says.
type config struct {
	opts         Options
	data, mount  string
	addr         string // of LiteFS's HTTP server
	hostname     string
	advertiseURL string
	candidate    bool
	consulURL    string
}

// yaml returns the configuration file. Every string is quoted: JSON's quoting,
// which Go's is for what occurs here, is YAML's.
func (c config) yaml() string {
	var b strings.Builder
	section := func(name string, pairs ...any) {
		fmt.Fprintf(&b, "%s:\n", name)
		for i := 0; i < len(pairs); i += 2 {
			v := fmt.Sprint(pairs[i+1])
			switch pairs[i+1].(type) {
			case string, time.Duration:
				v = strconv.Quote(v)
			}
			fmt.Fprintf(&b, "  %s: %s\n", pairs[i], v)
		}
	}
	o := c.opts
	fmt.Fprintf(&b, "strict-verify: %v\n", o.StrictVerify)
	section("fuse", "dir", c.mount)
	data := []any{"dir", c.data, "compress", !o.Uncompressed}
	if o.Retention > 0 {
		data = append(data, "retention", o.Retention, "retention-monitor-interval", o.Retention)
	}
	section("data", data...)
	section("http", "addr", c.addr)
	section("log", "timestamp", true)
	section("tracing", "enabled", false)
	section("lease",
		"type", o.Lease,
		"hostname", c.hostname,
		"advertise-url", c.advertiseURL,
		"candidate", c.candidate,
		"reconnect-delay", o.ReconnectDelay,
		"demote-delay", o.DemoteDelay)
	if o.Lease == Consul {
		fmt.Fprintf(&b, "  consul:\n    url: %q\n    key: %q\n    ttl: %q\n    lock-delay: %q\n",
			c.consulURL, consulKey, o.TTL, o.LockDelay)
	}
	return b.String()
}
