package litefs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// api speaks LiteFS's HTTP API, which has no authentication and is meant for
// the local machine. Proxies of the environment are not used.
type api struct {
	url       string
	transport *http.Transport
}

func newAPI(url string) *api {
	dialer := &net.Dialer{Timeout: 2 * time.Second, KeepAlive: 15 * time.Second}
	return &api{url: url, transport: &http.Transport{
		DialContext:            dialer.DialContext,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
		TLSHandshakeTimeout:    2 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
	}}
}

func (a *api) close() { a.transport.CloseIdleConnections() }

// apiError is an answer that is not 200.
type apiError struct {
	what   string // method and URL
	status int
	text   string
}

func (e *apiError) Error() string {
	return fmt.Sprintf("%s: LiteFS answered %d: %s", e.what, e.status, e.text)
}

// call sends a request and returns the response if it is a 200. The caller
// closes its body.
func (a *api) call(ctx context.Context, method, path string) (*http.Response, error) {
	what := method + " " + a.url + path
	req, err := http.NewRequestWithContext(ctx, method, a.url+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := a.transport.RoundTrip(req)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("LiteFS's HTTP API is not reachable at %s (litefs_url): is LiteFS running? %w", a.url, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
		return nil, &apiError{what: what, status: resp.StatusCode, text: strings.TrimSpace(string(text))}
	}
	return resp, nil
}

// nodeInfo is the answer of GET /info (LiteFS, litefs.go: NodeInfo).
type nodeInfo struct {
	ClusterID string `json:"clusterID"`
	IsPrimary bool   `json:"isPrimary"`
	Candidate bool   `json:"candidate"`
	Primary   struct {
		Hostname string `json:"hostname"` // its own on the primary
	} `json:"primary"`
}

// info asks GET /info, for at most wait.
func (a *api) info(ctx context.Context, wait time.Duration) (nodeInfo, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wait,
		fmt.Errorf("LiteFS at %s has not answered for %s: it is stopped or hung", a.url, wait))
	defer cancel()
	var info nodeInfo
	resp, err := a.call(ctx, http.MethodGet, "/info")
	if err == nil {
		defer resp.Body.Close()
		var body []byte
		if body, err = io.ReadAll(io.LimitReader(resp.Body, maxLine)); err == nil {
			if err = json.Unmarshal(body, &info); err != nil {
				err = fmt.Errorf("GET %s/info: the answer is not LiteFS's (litefs_url): %w", a.url, err)
			}
		}
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return info, err
}

// runInfo polls /info: for the cluster id and this LiteFS's own hostname, and
// to notice that it is frozen, which the events do not show. Close ends it.
func (e *Engine) runInfo() {
	for {
		info, err := e.api.info(e.alone, e.timing.httpWait)
		if e.alone.Err() != nil {
			return
		}
		stuck := e.lookIsStuck()
		if err == nil && info.ClusterID != "" {
			e.cluster.Store(&info.ClusterID)
		}
		e.update(func(f *facts) {
			f.infoErr, f.mount.stuck = err, stuck
			f.infoKnown = f.infoKnown || err == nil
			if err == nil && info.IsPrimary {
				f.ownHost = info.Primary.Hostname
			}
			e.resolver.retry()
		})
		timer := time.NewTimer(e.timing.infoTurn)
		select {
		case <-timer.C:
		case <-e.kickInfo:
		case <-e.alone.Done():
		}
		timer.Stop()
	}
}
