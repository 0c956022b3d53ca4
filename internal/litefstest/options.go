package litefstest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// The kinds of lease.
const (
	Static = "static" // node 0 is primary for ever
	Consul = "consul" // the primary holds a lease
)

// Options describe a cluster. The zero value of a field is its default.
type Options struct {
	Binary string // the litefs program; default: Find's
	Nodes  int    // default 2
	Dir    string // where the cluster's own directory is made; default: os.TempDir()

	Lease          string        // Static, the default, or Consul
	TTL            time.Duration // of the consul lease; default 2s, at least 1s
	LockDelay      time.Duration // of the consul lease; default 500ms (LiteFS: 1s)
	DemoteDelay    time.Duration // default 1s (LiteFS: 10s)
	ReconnectDelay time.Duration // default 100ms (LiteFS: 1s)

	// Hostnames are the nodes' lease.hostname; default node0, node1, …
	Hostnames []string

	// Retention is how long LTX files are kept; default LiteFS's 10 minutes.
	Retention time.Duration

	Uncompressed bool // LTX files are not compressed
	StrictVerify bool // LiteFS checks the database's checksum at each transaction

	// Isolatable leads replication through this process, so that Isolate
	// can cut it.
	Isolatable bool

	Log io.Writer // receives all nodes' logs, a line at a time; default: none
}

// normalize returns o with its defaults filled in.
func (o Options) normalize() (Options, error) {
	var err error
	if o.Binary == "" {
		if o.Binary, err = Find(); err != nil {
			return o, err
		}
	}
	fill(&o.Nodes, 2)
	fill(&o.Dir, os.TempDir())
	fill(&o.Lease, Static)
	fill(&o.TTL, 2*time.Second)
	fill(&o.LockDelay, 500*time.Millisecond)
	fill(&o.DemoteDelay, time.Second)
	fill(&o.ReconnectDelay, 100*time.Millisecond)
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Hostnames == nil {
		for i := range o.Nodes {
			o.Hostnames = append(o.Hostnames, fmt.Sprintf("node%d", i))
		}
	}
	switch {
	case o.Nodes < 1:
		return o, errors.New("a cluster has at least one node")
	case len(o.Hostnames) != o.Nodes:
		return o, fmt.Errorf("%d hostnames for %d nodes", len(o.Hostnames), o.Nodes)
	case o.Lease != Static && o.Lease != Consul:
		return o, fmt.Errorf("lease %q is neither %q nor %q", o.Lease, Static, Consul)
	case o.TTL < time.Second:
		return o, fmt.Errorf("a TTL of %v is shorter than 1s", o.TTL)
	}
	return o, nil
}

// fill sets v to its default if it is the zero value.
func fill[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}
