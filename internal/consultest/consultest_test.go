package consultest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const key = "app/primary"

// client makes requests without a network, so that time can be a bubble's.
type client struct {
	t *testing.T
	*Server
}

func (c client) do(method, path, body string) (int, string) {
	c.t.Helper()
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w.Code, strings.TrimSpace(w.Body.String())
}

// want makes a request and checks its answer, whose text is not compared if
// text is "…".
func (c client) want(code int, text, method, path, body string) {
	c.t.Helper()
	gotCode, got := c.do(method, path, body)
	if gotCode != code || text != "…" && got != text {
		c.t.Fatalf("%s %s: %d %q, want %d %q", method, path, gotCode, got, code, text)
	}
}

func (c client) session(body string) string {
	c.t.Helper()
	code, text := c.do("PUT", "/v1/session/create", body)
	var answer struct{ ID string }
	if err := json.Unmarshal([]byte(text), &answer); code != 200 || err != nil || answer.ID == "" {
		c.t.Fatalf("create %s: %d %q", body, code, text)
	}
	return answer.ID
}

// pair returns the session and the value of key; ok is false if it is not there.
func (c client) pair() (session, value string, ok bool) {
	c.t.Helper()
	code, text := c.do("GET", "/v1/kv/"+key, "")
	if code == http.StatusNotFound {
		return "", "", false
	}
	var pairs []struct{ Key, Session, Value string }
	if err := json.Unmarshal([]byte(text), &pairs); err != nil || code != 200 || len(pairs) != 1 || pairs[0].Key != key {
		c.t.Fatalf("GET: %d %q %v", code, text, err)
	}
	decoded, err := base64.StdEncoding.DecodeString(pairs[0].Value)
	if err != nil {
		c.t.Fatal(err)
	}
	return pairs[0].Session, string(decoded), true
}

func (c client) wantPair(session, value string, ok bool) {
	c.t.Helper()
	if s, v, o := c.pair(); s != session || v != value || o != ok {
		c.t.Fatalf("%s is %q %q %v, want %q %q %v", key, s, v, o, session, value, ok)
	}
}

func (c client) wantAcquire(session string, ok string) {
	c.t.Helper()
	c.want(200, ok, "PUT", "/v1/kv/"+key+"?acquire="+session, "value of "+session)
}

// bubble runs f with fake time.
func bubble(t *testing.T, f func(c client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(client{t, newServer()}) })
}

const liteFS = `{"Name":"litefs","Behavior":"delete","LockDelay":"1500ms","TTL":"2s","NodeChecks":[]}`

func TestExpiryIsAfterExactlyTTL(t *testing.T) {
	bubble(t, func(c client) {
		a, b := c.session(liteFS), c.session(`{"TTL":"24h","Behavior":"delete"}`)
		c.wantAcquire(a, "true")
		c.wantAcquire(b, "false")

		time.Sleep(2*time.Second - 1)
		c.want(200, "…", "PUT", "/v1/session/renew/"+a, "")
		time.Sleep(2*time.Second - 1)
		c.wantPair(a, "value of "+a, true)
		time.Sleep(1)
		c.wantPair("", "", false)
		c.want(404, "…", "PUT", "/v1/session/renew/"+a, "")
		c.want(500, "…", "PUT", "/v1/kv/"+key+"?acquire="+a, "")
	})
}

// The lock delay begins when the session ended, even if nobody looked then.
func TestLockDelay(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(c client, a string)
	}{
		{"TTL", func(c client, _ string) { time.Sleep(2 * time.Second) }},
		{"destroy", func(c client, a string) { c.want(200, "true", "PUT", "/v1/session/destroy/"+a, "") }},
		{"Expire", func(c client, a string) {
			if got := c.Expire(key); got != a {
				c.t.Fatalf("Expire: %q, want %q", got, a)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(c client) {
				a, b := c.session(liteFS), c.session(`{"Behavior":"delete"}`)
				c.wantAcquire(a, "true")
				test.end(c, a)
				time.Sleep(1500*time.Millisecond - 1)
				c.wantAcquire(b, "false")
				time.Sleep(1)
				c.wantAcquire(b, "true")
			})
		})
	}
}

// LiteFS releases with an empty value and then destroys: no delay.
func TestReleaseHasNoLockDelay(t *testing.T) {
	bubble(t, func(c client) {
		a, b := c.session(liteFS), c.session(liteFS)
		c.wantAcquire(a, "true")
		c.want(200, "false", "PUT", "/v1/kv/"+key+"?release="+b, "")
		c.want(200, "true", "PUT", "/v1/kv/"+key+"?release="+a, "")
		c.wantPair("", "", true)
		c.want(200, "true", "PUT", "/v1/session/destroy/"+a, "")
		c.wantAcquire(b, "true")
		if session, value := c.Holder(key); session != b || string(value) != "value of "+b {
			t.Fatalf("Holder: %q %q", session, value)
		}
	})
}

// A handoff acquires again, with the same session and the new primary's value.
func TestAcquireAgain(t *testing.T) {
	bubble(t, func(c client) {
		a := c.session(liteFS)
		c.wantAcquire(a, "true")
		c.want(200, "true", "PUT", "/v1/kv/"+key+"?acquire="+a, "other")
		c.wantPair(a, "other", true)
	})
}

func TestBehaviorRelease(t *testing.T) {
	bubble(t, func(c client) {
		a := c.session(`{}`)
		c.wantAcquire(a, "true")
		c.Expire(key)
		c.wantPair("", "value of "+a, true)
		if session, _ := c.Holder(key); session != "" {
			t.Fatalf("held by %q", session)
		}
	})
}

func TestPlainKey(t *testing.T) {
	bubble(t, func(c client) {
		c.wantPair("", "", false)
		c.want(200, "true", "PUT", "/v1/kv/"+key, "LFSC0123")
		c.wantPair("", "LFSC0123", true)
		if got := c.Expire(key); got != "" {
			t.Fatalf("Expire of a key that nobody holds: %q", got)
		}
	})
}

func TestRefusals(t *testing.T) {
	bubble(t, func(c client) {
		c.want(500, "…", "PUT", "/v1/session/create", `{"TTL":"999ms"}`)
		c.want(500, "…", "PUT", "/v1/session/create", `{"LockDelay":"61s"}`)
		c.want(500, "…", "PUT", "/v1/session/create", `{"Behavior":"x"}`)
		c.want(400, "…", "PUT", "/v1/session/create", `{"TTL":"soon"}`)
		c.want(400, "…", "PUT", "/v1/session/create", `{`)
		c.want(500, "Missing node registration", "PUT", "/v1/session/create", `{"Node":"app/litefs"}`)
		c.want(400, "…", "PUT", "/v1/catalog/register", `{"Node":"app/litefs"}`)
		c.want(200, "true", "PUT", "/v1/catalog/register", `{"Node":"app/litefs","Address":"localhost"}`)
		c.session(`{"Node":"app/litefs"}`)
		c.want(501, "…", "DELETE", "/v1/kv/x", "")
		c.want(501, "…", "GET", "/v1/session/list", "")
	})
}

func TestFaults(t *testing.T) {
	s, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	// get asks for a key that is not there, as client.
	get := func(ctx context.Context, client string) (int, error) {
		r, err := http.NewRequestWithContext(ctx, "GET", s.URL("", "v1/kv/x"), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Consul-Token", client)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err
		}
		resp.Body.Close()
		return resp.StatusCode, nil
	}
	want := func(client string, code int) {
		t.Helper()
		if got, err := get(t.Context(), client); got != code || err != nil {
			t.Fatalf("%q: %d %v, want %d", client, got, err, code)
		}
	}
	s.Unavailable(true)
	want("a", 500)
	s.Unavailable(false)
	want("a", 404)
	s.SetFault("a", Refuse)
	want("a", 500)
	want("b", 404)

	s.SetFault("a", Hang)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if code, err := get(ctx, "a"); err == nil {
		t.Fatalf("a hanging request was answered with %d", code)
	}
	want("b", 404)

	type answer struct {
		code int
		err  error
	}
	ask := func() chan answer {
		answers := make(chan answer, 1)
		go func() {
			code, err := get(t.Context(), "a")
			answers <- answer{code, err}
		}()
		return answers
	}
	hanging := ask()
	s.SetFault("a", None)
	if a := <-hanging; a.code != 404 || a.err != nil {
		t.Fatalf("after the fault: %d %v", a.code, a.err)
	}

	s.SetFault("", Hang)
	hanging = ask()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if a := <-hanging; a.code == 200 {
		t.Fatal("a request that hung when the server closed was answered with 200")
	}
	if err := s.Close(); err != nil {
		t.Fatalf("second Close: %v", err)
	}
}

func TestURL(t *testing.T) {
	s, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got, want := s.URL("n0", "app"), "http://:n0@"+s.Addr()+"/app"; got != want {
		t.Fatalf("%q, want %q", got, want)
	}
}
