package wire

import (
	"strconv"

	"google.golang.org/grpc/metadata"

	"github.com/litefwd/litefwd/internal/fault"
)

// Version is the protocol's version. Nodes of different versions refuse each
// other; it rises only when an old node could misunderstand a new one.
const Version = 1

const (
	keyVersion = "litefwd-version"
	keyCluster = "litefwd-cluster-bin"
	keyNode    = "litefwd-node-bin"
	keyAddr    = "litefwd-addr-bin"
	keyMax     = "litefwd-max-message"
)

// Meta is what both sides say when a link begins, and the client with every
// call.
type Meta struct {
	Version int
	// Cluster is "" if the sender does not know it.
	Cluster, Node string
	// Addr is host:port of the sender's litefwd port, "" if it has none.
	Addr string
	// MaxMessage is the largest message that the sender accepts; 0 is unknown.
	MaxMessage int
}

// MD returns m as gRPC metadata.
func (m Meta) MD() metadata.MD {
	md := metadata.Pairs(
		keyVersion, strconv.Itoa(m.Version), keyCluster, m.Cluster, keyNode, m.Node,
		keyMax, strconv.Itoa(m.MaxMessage))
	if m.Addr != "" {
		md.Set(keyAddr, m.Addr)
	}
	return md
}

// MetaFrom reads gRPC metadata; what is missing or malformed is zero.
func MetaFrom(md metadata.MD) Meta {
	first := func(key string) string {
		if v := md.Get(key); len(v) > 0 {
			return v[0]
		}
		return ""
	}
	version, _ := strconv.Atoi(first(keyVersion))
	limit, _ := strconv.Atoi(first(keyMax))
	return Meta{
		Version: version, Cluster: first(keyCluster), Node: first(keyNode), Addr: first(keyAddr), MaxMessage: max(0, limit),
	}
}

// LinkHello returns m as the message that begins a link.
func (m Meta) LinkHello() *LinkHello {
	return &LinkHello{
		Version: uint32(m.Version), Cluster: []byte(m.Cluster), Node: []byte(m.Node), Addr: []byte(m.Addr),
		MaxMessage: uint64(m.MaxMessage),
	}
}

// Meta is the inverse of Meta.LinkHello; a nil message is the zero Meta.
func (m *LinkHello) Meta() Meta {
	return Meta{
		Version: int(m.GetVersion()), Cluster: string(m.GetCluster()), Node: string(m.GetNode()), Addr: string(m.GetAddr()),
		MaxMessage: int(min(m.GetMaxMessage(), 1<<40)),
	}
}

// Accept checks what a peer says against what this node is: nil, or a refusal
// of kind fault.Protocol (version) or fault.Auth (cluster). A node that does not
// know its cluster is taken for one of it: it has shown the secret.
func (m Meta) Accept(peer Meta) error {
	if peer.Version != m.Version {
		return fault.Refuse(fault.Protocol,
			"node %q speaks protocol version %d, node %q version %d", m.Node, m.Version, peer.Node, peer.Version)
	}
	if peer.Cluster != m.Cluster && peer.Cluster != "" && m.Cluster != "" {
		return fault.Refuse(fault.Auth,
			"node %q belongs to cluster %q, node %q to cluster %q", m.Node, m.Cluster, peer.Node, peer.Cluster)
	}
	return nil
}

// MessageSlack is what a message may be larger than the limit on the
// statement or row in it.
const MessageSlack = 1 << 20

// DefaultMaxMessage is the limit on one statement or one row.
const DefaultMaxMessage = 64 << 20
