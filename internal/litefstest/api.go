package litefstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// requestTimeout bounds one request to a node's API.
const requestTimeout = 2 * time.Second

// Info is what a node says about itself at /info.
type Info struct {
	ClusterID string `json:"clusterID"`
	IsPrimary bool   `json:"isPrimary"`
	Candidate bool   `json:"candidate"`
	Path      string `json:"path"` // of its data
	Primary   struct {
		Hostname string `json:"hostname"` // its own on the primary; "" if it knows none
	} `json:"primary"`
}

// Pos is a database's position on a node: what <db>-pos says. That of a
// database that was never written is zero.
type Pos struct {
	TXID     uint64
	Checksum uint64
}

func (p Pos) String() string { return fmt.Sprintf("%016x/%016x", p.TXID, p.Checksum) }

// ParsePos parses the content of a -pos file.
func ParsePos(text string) (Pos, error) {
	txid, checksum, ok := strings.Cut(strings.TrimSuffix(text, "\n"), "/")
	if ok && len(txid) == 16 && len(checksum) == 16 {
		t, err1 := strconv.ParseUint(txid, 16, 64)
		c, err2 := strconv.ParseUint(checksum, 16, 64)
		if err1 == nil && err2 == nil {
			return Pos{t, c}, nil
		}
	}
	return Pos{}, fmt.Errorf("%q is not a position", text)
}

// call makes a request to the node's API and returns the answer's body.
func (n *node) call(ctx context.Context, method, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+n.addr+path, nil)
	if err != nil {
		return nil, err
	}
	// A connection of its own: none outlives a node, or Close.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s%s: %s: %s", method, n.name, path, resp.Status, strings.TrimSpace(string(body)))
	}
	return body, err
}

func (n *node) info(ctx context.Context) (Info, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var info Info
	body, err := n.call(ctx, "GET", "/info")
	if err == nil {
		err = json.Unmarshal(body, &info)
	}
	return info, err
}

// Info asks node i about itself.
func (c *Cluster) Info(ctx context.Context, i int) (Info, error) { return c.nodes[i].info(ctx) }

// Primary returns the node that all nodes take for the primary, itself
// included; an error if they do not agree. Nodes that do not run, are frozen or
// are isolated are not asked.
func (c *Cluster) Primary(ctx context.Context) (int, error) {
	primary := -1
	var others []string // what the other nodes say, by the primary's hostname
	for i, n := range c.nodes {
		if !n.reachable() {
			continue
		}
		info, err := n.info(ctx)
		switch {
		case err != nil:
			return -1, err
		case info.IsPrimary && primary >= 0:
			return -1, fmt.Errorf("node %d and node %d say that they are primary", primary, i)
		case info.IsPrimary:
			primary = i
		default:
			others = append(others, info.Primary.Hostname)
		}
	}
	if primary < 0 {
		return -1, fmt.Errorf("no node is primary; the nodes' primaries are %q", others)
	}
	for _, hostname := range others {
		// A static replica says what its configuration says.
		if hostname != c.nodes[primary].hostname {
			return -1, fmt.Errorf("node %d is primary; the other nodes' primaries are %q", primary, others)
		}
	}
	return primary, nil
}

// WaitPrimary waits until Primary returns node i, or any if i is -1.
func (c *Cluster) WaitPrimary(ctx context.Context, i int) (int, error) {
	what := "a primary"
	if i >= 0 {
		what = fmt.Sprintf("node %d to be primary", i)
	}
	primary := -1
	err := Wait(ctx, what, func(ctx context.Context) error {
		p, err := c.Primary(ctx)
		if err == nil && i >= 0 && p != i {
			err = fmt.Errorf("node %d is", p)
		}
		primary = p
		return err
	})
	if err != nil {
		return -1, err
	}
	return primary, nil
}

// Promote asks node i to become primary. That it returns nil means only that
// the old primary has taken up the request; see WaitPrimary. LiteFS refuses
// while i knows no primary.
func (c *Cluster) Promote(ctx context.Context, i int) error {
	_, err := c.nodes[i].call(ctx, "POST", "/promote")
	return err
}

// Pos returns the position of a database on node i. An error that is
// os.ErrNotExist means that the node does not have the database.
func (c *Cluster) Pos(ctx context.Context, i int, db string) (Pos, error) {
	return c.nodes[i].pos(ctx, db)
}

func (n *node) pos(ctx context.Context, db string) (Pos, error) {
	text, err := bounded(ctx, func() ([]byte, error) { return os.ReadFile(filepath.Join(n.mount, db+"-pos")) })
	if err != nil {
		return Pos{}, err
	}
	return ParsePos(string(text))
}

// WaitPos waits until a database on node i is exactly at pos. Open a database
// on a replica only after that: opening one that is not there makes an empty
// one.
func (c *Cluster) WaitPos(ctx context.Context, i int, db string, pos Pos) error {
	return Wait(ctx, fmt.Sprintf("%s at %v on node %d", db, pos, i), func(ctx context.Context) error {
		at, err := c.nodes[i].pos(ctx, db)
		if err == nil && at != pos {
			err = fmt.Errorf("it is at %v", at)
		}
		return err
	})
}

// WaitReplicated waits until all nodes that run, are not frozen and not
// isolated are where node i is now.
func (c *Cluster) WaitReplicated(ctx context.Context, i int, db string) error {
	pos, err := c.nodes[i].pos(ctx, db)
	if err != nil {
		return err
	}
	for j, n := range c.nodes {
		if n.reachable() {
			err = errors.Join(err, c.WaitPos(ctx, j, db, pos))
		}
	}
	return err
}
