package consultest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxBody bounds what a request may carry; Consul's own limit for a value.
const maxBody = 512 << 10

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /v1/catalog/register", s.register)
	mux.HandleFunc("PUT /v1/session/create", s.createSession)
	mux.HandleFunc("PUT /v1/session/renew/{id}", s.renewSession)
	mux.HandleFunc("PUT /v1/session/destroy/{id}", s.destroySession)
	mux.HandleFunc("GET /v1/kv/{key...}", s.getKey)
	mux.HandleFunc("PUT /v1/kv/{key...}", s.putKey)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, fmt.Sprintf("consultest: %s %s is none of LiteFS's calls", r.Method, r.URL.Path), http.StatusNotImplemented)
	})
	return mux
}

func (s *Server) register(w http.ResponseWriter, r *http.Request) {
	var body struct{ Node, Address string }
	if !readJSON(w, r, &body) {
		return
	}
	if body.Node == "" || body.Address == "" {
		http.Error(w, "Must provide node and address", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.st.nodes[body.Node] = true
	s.mu.Unlock()
	writeJSON(w, true)
}

func (s *Server) createSession(w http.ResponseWriter, r *http.Request) {
	var body struct{ Name, Node, Behavior, TTL, LockDelay string }
	if !readJSON(w, r, &body) {
		return
	}
	n := &session{name: body.Name, node: body.Node, behavior: body.Behavior, lockDelay: defaultLockDelay}
	for _, field := range []struct {
		text string
		to   *time.Duration
	}{{body.TTL, &n.ttl}, {body.LockDelay, &n.lockDelay}} {
		if field.text == "" {
			continue
		}
		d, err := time.ParseDuration(field.text)
		if err != nil {
			http.Error(w, "Request decode failed: "+err.Error(), http.StatusBadRequest)
			return
		}
		*field.to = d
	}
	s.mu.Lock()
	err := s.stateLocked().create(n, time.Now())
	s.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, map[string]string{"ID": n.id})
}

func (s *Server) renewSession(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.stateLocked().sessions[id]
	if n == nil {
		http.Error(w, fmt.Sprintf("Session id '%s' not found", id), http.StatusNotFound)
		return
	}
	n.expires = time.Now().Add(n.ttl)
	writeJSON(w, []any{map[string]any{
		"ID": n.id, "Name": n.name, "Node": n.node, "Behavior": n.behavior,
		"TTL": n.ttl.String(), "LockDelay": n.lockDelay, "CreateIndex": n.created, "ModifyIndex": n.created,
	}})
}

func (s *Server) destroySession(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	st := s.stateLocked()
	if n := st.sessions[r.PathValue("id")]; n != nil {
		st.invalidate(n, time.Now())
	}
	s.mu.Unlock()
	writeJSON(w, true)
}

func (s *Server) getKey(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stateLocked()
	w.Header().Set("X-Consul-Index", fmt.Sprint(max(st.index, 1)))
	w.Header().Set("X-Consul-KnownLeader", "true")
	w.Header().Set("X-Consul-LastContact", "0")
	e := st.keys[key]
	if e == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	pair := map[string]any{
		"Key": key, "Value": e.value, "Flags": 0,
		"LockIndex": e.lockIdx, "CreateIndex": e.created, "ModifyIndex": e.modified,
	}
	if e.session != "" {
		pair["Session"] = e.session
	}
	writeJSON(w, []any{pair})
}

func (s *Server) putKey(w http.ResponseWriter, r *http.Request) {
	value, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	key, query := r.PathValue("key"), r.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stateLocked()
	ok := true
	switch {
	case query.Has("acquire"):
		ok, err = st.acquire(key, query.Get("acquire"), value, time.Now())
	case query.Has("release"):
		ok = st.release(key, query.Get("release"), value)
	default:
		st.put(key, value)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, ok)
}

func readJSON(w http.ResponseWriter, r *http.Request, to any) bool {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(to)
	if err != nil {
		http.Error(w, "Request decode failed: "+strings.TrimSpace(err.Error()), http.StatusBadRequest)
	}
	return err == nil
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) // fails only if the client is gone
}
