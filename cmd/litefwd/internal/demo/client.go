package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
)

// client asks the application of one node.
type client struct {
	name string
	base string // "http://127.0.0.1:port"
	http *http.Client
}

func newClient(name, addr string, conns int) *client {
	return &client{name: name, base: "http://" + addr, http: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: conns},
	}}
}

// write sends one line. A nil error is the application's acknowledgement; else
// fateOf tells what became of it.
func (c *client) write(ctx context.Context, line demoapp.Line) error {
	var row demoapp.Row
	if err := c.do(ctx, http.MethodPost, "/lines", line, &row); err != nil {
		return err
	}
	if row.N != line.N {
		return &demoapp.Problem{Text: fmt.Sprintf("line %d was acknowledged as %d", line.N, row.N), Fate: demoapp.Unknown}
	}
	return nil
}

// importAll sends lines to be written in one transaction.
func (c *client) importAll(ctx context.Context, lines []demoapp.Line) error {
	return c.do(ctx, http.MethodPost, "/import", lines, nil)
}

func (c *client) rows(ctx context.Context) (rows []demoapp.Row, err error) {
	return rows, c.do(ctx, http.MethodGet, "/lines", nil, &rows)
}

func (c *client) status(ctx context.Context) (s demoapp.Status, err error) {
	return s, c.do(ctx, http.MethodGet, "/status", nil, &s)
}

func (c *client) search(ctx context.Context, words string) (h demoapp.Hits, err error) {
	return h, c.do(ctx, http.MethodGet, "/search?q="+url.QueryEscape(words), nil, &h)
}

func (c *client) check(ctx context.Context) (k demoapp.Check, err error) {
	return k, c.do(ctx, http.MethodGet, "/check", nil, &k)
}

// do sends a request with a JSON body and decodes the answer. Every error is
// a *demoapp.Problem.
func (c *client) do(ctx context.Context, method, path string, send, receive any) error {
	// Once there is a connection, the request, or a part of it, may have left,
	// and only the application knows whether it was carried out. Except when
	// the transport then fails to make a new connection: it sends a POST again
	// only if not a byte of it was written (net/http,
	// persistConn.shouldRetryRequest).
	var connected atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }}
	lost := func(err error) error {
		op, isNet := errors.AsType[*net.OpError](err)
		if !connected.Load() || isNet && op.Op == "dial" {
			return &demoapp.Problem{Text: err.Error(), Fate: demoapp.NotApplied}
		}
		return &demoapp.Problem{Text: err.Error(), Fate: demoapp.Unknown}
	}

	var body io.Reader
	if send != nil {
		data, err := json.Marshal(send)
		if err != nil {
			return lost(err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), method, c.base+path, body)
	if err != nil {
		return lost(err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return lost(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		problem := &demoapp.Problem{}
		if err := json.NewDecoder(resp.Body).Decode(problem); err != nil {
			return lost(fmt.Errorf("%s, and no reason: %w", resp.Status, err))
		}
		return problem
	}
	if receive == nil {
		receive = &json.RawMessage{}
	}
	if err := json.NewDecoder(resp.Body).Decode(receive); err != nil {
		return lost(fmt.Errorf("the answer is cut off: %w", err))
	}
	io.Copy(io.Discard, resp.Body) // so that the connection can be used again
	return nil
}

// fateOf returns what became of a write that failed with err.
func fateOf(err error) demoapp.Fate {
	if p, ok := errors.AsType[*demoapp.Problem](err); ok && p.Fate == demoapp.NotApplied {
		return demoapp.NotApplied
	}
	return demoapp.Unknown
}
