package litefs

import (
	"cmp"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
)

// The defaults of [Options].
const (
	DefaultURL          = "http://localhost:20202"
	DefaultStartTimeout = 30 * time.Second
)

// Options adjusts an [Engine]. The zero value is the default.
type Options struct {
	// URL is the HTTP API of the LiteFS on this machine, the one that serves
	// the mount (http.addr in litefs.yml). Default DefaultURL.
	URL string
	// Peers maps the hostnames that LiteFS tells (lease.hostname) to host:port
	// of those nodes' litefwd ports.
	Peers map[string]string
	// PeerAddr, if set, is asked first for a hostname's host:port; "" and no
	// error means that it does not know. It runs on a goroutine of its own and
	// its answer is kept until the primary changes. It should return: Close
	// does not wait long for it.
	PeerAddr func(hostname string) (string, error)
	// Port is the litefwd port of a node that has no other mapping.
	Port string
	// StartTimeout bounds how long Start waits for LiteFS. Default 30 s.
	StartTimeout time.Duration
	// Logger hears of role changes (Debug: the Node tells of them) and of
	// trouble (Warn). Default: discard.
	Logger *slog.Logger
}

func (o Options) normalize() (Options, error) {
	o.URL = strings.TrimRight(cmp.Or(o.URL, DefaultURL), "/")
	u, err := url.Parse(o.URL)
	if err != nil {
		return o, fault.New(fault.Config, "litefs_url: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return o, fault.New(fault.Config,
			"litefs_url is %q; it must be the address of LiteFS's HTTP API, such as %s", o.URL, DefaultURL)
	}
	o.Peers = maps.Clone(o.Peers)
	for host, addr := range o.Peers {
		if host == "" || !isHostPort(addr) {
			return o, fault.New(fault.Config,
				"peers maps %q to %q; it must map a LiteFS hostname to host:port of that node's litefwd port", host, addr)
		}
	}
	if o.Port != "" && !isPort(o.Port) {
		return o, fault.New(fault.Config, "litefs.Options.Port is %q; it must be a port number", o.Port)
	}
	if o.StartTimeout < 0 {
		return o, fault.New(fault.Config, "litefs.Options.StartTimeout is %s; it must not be negative", o.StartTimeout)
	}
	o.StartTimeout = cmp.Or(o.StartTimeout, DefaultStartTimeout)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// isHostPort reports whether addr can be dialled as it is.
func isHostPort(addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	return err == nil && host != "" && isPort(port)
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n != 0
}

// timing holds what tests shorten.
type timing struct {
	backoffMin, backoffMax time.Duration // between attempts to connect to /events

	httpWait time.Duration // for an answer to GET /info, and for the first event
	infoTurn time.Duration // between polls of /info
	lookTurn time.Duration // between looks at the mount
	lookFast time.Duration // the same while the mount contradicts the events

	staleAfter    time.Duration // .lag above it is a problem
	contradiction time.Duration // .primary may remain so long after this node became primary
	resolveWait   time.Duration // for Options.PeerAddr before that is a problem
	snapshotWait  time.Duration // for an event that is on its way, in Snapshot
	commitWait    time.Duration // the same in Committed
	readWait      time.Duration // for a read of the mount by an internal goroutine
	closeWait     time.Duration // for goroutines that may be stuck in the kernel
}

var defaultTiming = timing{
	backoffMin: 20 * time.Millisecond, backoffMax: time.Second,
	httpWait: 2 * time.Second, infoTurn: 2 * time.Second,
	lookTurn: time.Second, lookFast: 100 * time.Millisecond,
	staleAfter: 5 * time.Second, contradiction: time.Second,
	resolveWait: 2 * time.Second, snapshotWait: time.Second, commitWait: 5 * time.Second,
	readWait: 2 * time.Second, closeWait: time.Second,
}
