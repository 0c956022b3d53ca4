package litefwd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/engine/litefs"
	"github.com/litefwd/litefwd/engine/shared"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/gate"
	"github.com/litefwd/litefwd/internal/link"
	"github.com/litefwd/litefwd/internal/serve"
)

// core is what all Nodes of one directory share.
type core struct {
	cfg    Config // normalized, never changed
	addr   string // under which others reach this node; "" for a client
	engine engine.Engine
	creds  credentials.TransportCredentials
	server *serve.Server // nil for a client
	log    *slog.Logger

	gate    gate.Gate // which local reads pass, with their database's; shut while the role moves
	slots   slots
	handing atomic.Pointer[handover]
	closing atomic.Bool   // refs is 0; every statement asks, so it needs no lock
	stop    chan struct{} // closed when the node stops
	// background ends with stop, by stopBackground.
	background     context.Context
	stopBackground context.CancelFunc
	// broken holds one when a link has broken, for keepLink.
	broken      chan struct{}
	lastPrimary atomic.Pointer[string] // the address of the last one that was known
	unreachable atomic.Pointer[error]  // why keepLink cannot reach the primary
	goroutines  sync.WaitGroup         // everything started with stop as its end
	// byName has what dbs has, for those who must not wait for mu.
	byName sync.Map

	mu    sync.Mutex // guards the following
	refs  int        // open Nodes; 0 means stopping
	dbs   map[string]*database
	peers map[string]*link.Peer // by address
	// peerOrder has their addresses, the oldest link first.
	peerOrder []string
	standIns  string // the directory of databases that are not here yet; "" if there never was one
}

// openCore joins this process's node on the directory or starts one.
func openCore(ctx context.Context, cfg Config) (*core, error) {
	if cfg.CustomEngine != nil {
		return startCore(ctx, cfg)
	}
	return openNodes.open(ctx, cfg.dir(),
		func() (*core, error) { return startCore(ctx, cfg) },
		func(c *core) (bool, error) { return c.join(cfg) })
}

// join adds a reference for a second Open of the directory. It reports false
// if the node is stopping.
func (c *core) join(cfg Config) (bool, error) {
	if key, have, want := c.cfg.conflict(cfg); key != "" {
		return false, configError(key, "this process has %s open with %s, so it cannot be opened with %s; "+
			"two nodes, or two SQLite libraries, must not share a directory in one process", c.cfg.dir(), have, want)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refs == 0 {
		return false, nil
	}
	c.refs++
	return true, nil
}

// startCore starts everything; on an error nothing is left running.
func startCore(ctx context.Context, cfg Config) (_ *core, err error) {
	c := &core{
		slots:  newSlots(),
		cfg:    cfg,
		log:    cfg.Logger.With("node", cfg.Name),
		stop:   make(chan struct{}),
		broken: make(chan struct{}, 1),
		refs:   1,
		dbs:    map[string]*database{},
		peers:  map[string]*link.Peer{},
	}
	c.background, c.stopBackground = context.WithCancel(context.Background())
	if c.engine, err = openEngine(cfg); err != nil {
		return nil, err
	}
	started := []func(){func() { c.engine.Close() }, c.stopBackground}
	defer func() {
		if err != nil {
			for _, undo := range started {
				undo()
			}
		}
	}()
	if c.creds, err = cfg.credentials(c.engine); err != nil {
		return nil, err
	}
	var listener net.Listener
	if cfg.Listen != "" {
		if listener, err = net.Listen("tcp", cfg.Listen); err != nil {
			return nil, configError("listen", "%w", err)
		}
		started = append(started, func() { listener.Close() })
		if c.addr = cfg.Advertise; c.addr == "" {
			c.addr = listener.Addr().String()
		}
	}
	if err := c.engine.Start(ctx, engine.Self{Name: cfg.Name, Addr: c.addr}); err != nil {
		return nil, fmt.Errorf("litefwd: start engine for %s: %w", cfg.dir(), err)
	}
	if listener != nil {
		c.serve(listener)
	}
	c.goroutines.Go(c.followRole)
	c.goroutines.Go(c.keepLink)
	return c, nil
}

func openEngine(cfg Config) (engine.Engine, error) {
	if cfg.CustomEngine != nil {
		return cfg.CustomEngine, nil
	}
	if cfg.Engine == "litefs" {
		return litefs.Open(cfg.dir(), litefs.Options{
			URL: cfg.LiteFSURL, Peers: cfg.Peers, PeerAddr: cfg.PeerAddr, Port: cfg.peerPort(), Logger: cfg.Logger,
		})
	}
	return shared.Open(cfg.dir(), shared.Options{Logger: cfg.Logger})
}

// serve answers other nodes until the node stops.
func (c *core) serve(listener net.Listener) {
	c.server = serve.New(serve.Options{
		Credentials:   c.creds,
		Cluster:       c.engine.Cluster(),
		Name:          c.cfg.Name,
		State:         func() engine.State { s, _ := c.engine.Watch(); return s },
		Resolve:       c.resolve,
		Outcome:       c.outcomeHere,
		Position:      c.positionHere,
		Handover:      c.beginHandover,
		HandoverLimit: promoteBound,
		Promote:       c.promote,
		MaxMessage:    c.cfg.MaxMessage,
		MaxTx:         c.cfg.MaxPeerTx,
		MaxStatements: c.cfg.MaxPeerStatements,
		Logger:        c.log,
	})
	c.goroutines.Go(func() {
		if err := c.server.Serve(listener); err != nil {
			c.log.Error("litefwd port failed; other nodes cannot reach this one", "addr", c.addr, "err", err)
		}
	})
}

// watch is the engine's Watch, except that a client is never primary.
func (c *core) watch() (engine.State, <-chan struct{}) {
	s, changed := c.engine.Watch()
	if c.addr == "" && s.Role == engine.Primary {
		s.Role = engine.Replica
	}
	return s, changed
}

func (c *core) databases() []*database {
	c.mu.Lock()
	defer c.mu.Unlock()
	dbs := make([]*database, 0, len(c.dbs))
	for _, db := range c.dbs {
		dbs = append(dbs, db)
	}
	return dbs
}

// database returns the database called name, a plain file name, making it on
// first use. The file itself need not exist.
func (c *core) database(name string) (*database, error) {
	if err := checkDatabaseName(name); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refs == 0 {
		return nil, errNodeClosed()
	}
	if db, found := c.dbs[name]; found {
		return db, nil
	}
	if len(c.dbs) >= maxDatabases {
		return nil, fault.Refuse(fault.Overloaded, "database %q: this node has %d open, which is the limit", name, maxDatabases)
	}
	db, err := newDatabase(c, name)
	if err != nil {
		return nil, err
	}
	c.dbs[name] = db
	c.byName.Store(name, db)
	for _, p := range c.peers {
		db.follow(p)
	}
	return db, nil
}

// maxDatabases bounds the databases of a node, which other nodes can make it
// open by naming them.
const maxDatabases = 1024

func checkDatabaseName(name string) error {
	if name == "" || name[0] == '.' || name != filepath.Base(name) || strings.ContainsAny(name, "/\\\x00") {
		return configError("path", "%q is not a database's file name", name)
	}
	// The suffixes of SQLite's own files, and of LiteFS's.
	for _, suffix := range []string{"-journal", "-wal", "-shm", "-pos", "-lock"} {
		if strings.HasSuffix(name, suffix) {
			return configError("path", "%q: names that end in %s are SQLite's or LiteFS's own", name, suffix)
		}
	}
	return nil
}

func errNodeClosed() error { return fault.Refuse(fault.Closed, "the node is closed") }

// resolve finds the writer for a forwarded statement.
func (c *core) resolve(_ context.Context, name string) (forward.Target, error) {
	s, _ := c.watch()
	if s.Role != engine.Primary {
		return nil, fault.Refuse(fault.NotPrimary, "node %s is %s; the primary it knows is %q at %q",
			c.cfg.Name, s.Role, s.Primary.Name, s.Primary.Addr)
	}
	db, err := c.database(name)
	if err != nil {
		return nil, err
	}
	return db.writerFor(s.Term)
}

// outcomeHere answers a peer that asks what became of a write. It opens nothing:
// a database without a writer has run no write in this term.
func (c *core) outcomeHere(ctx context.Context, name string, id forward.ID) (forward.Result, error) {
	if s, _ := c.watch(); s.Role != engine.Primary {
		return forward.Result{}, fault.Refuse(fault.NotPrimary, "node %s is %s", c.cfg.Name, s.Role)
	}
	c.mu.Lock()
	db := c.dbs[name]
	c.mu.Unlock()
	if db != nil {
		if w := db.currentWriter(); w != nil {
			return w.Outcome(ctx, id)
		}
	}
	e := fault.New(fault.OutcomeUnknown, "this primary has run no write of database %q", name)
	e.RequestID = id.String()
	return forward.Result{}, e
}

// peer returns the link to the node at addr.
func (c *core) peer(addr string) (*link.Peer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refs == 0 {
		return nil, errNodeClosed()
	}
	if p, found := c.peers[addr]; found {
		return p, nil
	}
	var p *link.Peer // nothing is called before it is there
	p, err := link.Dial(link.Options{
		Addr:        addr,
		Credentials: c.creds,
		Cluster:     c.engine.Cluster(),
		Name:        c.cfg.Name,
		SelfAddr:    c.addr,
		MaxMessage:  c.cfg.MaxMessage,
		OnBroken:    func() { c.onBroken(p) },
		OnNews:      func(name string, pos engine.Position, _ uint64) { c.heard(name, news{pos, addr, p}) },
	})
	if err != nil {
		return nil, err
	}
	for _, db := range c.dbs {
		db.follow(p)
	}
	// Links to former primaries are kept for what they still owe; a cluster
	// has few nodes, but their ports change with each restart.
	if len(c.peerOrder) >= maxPeers {
		oldest := c.peers[c.peerOrder[0]]
		delete(c.peers, c.peerOrder[0])
		c.peerOrder = c.peerOrder[1:]
		c.goroutines.Go(func() { c.hangUp(oldest) })
	}
	c.peers[addr] = p
	c.peerOrder = append(c.peerOrder, addr)
	return p, nil
}

// hangUp closes a link that nobody finds any more.
func (c *core) hangUp(p *link.Peer) {
	p.Close() //nolint:errcheck // always nil
	c.unheard(p)
}

// reconnect makes the next use of the link to addr, if there is one, try at
// once, rather than wait out the pause after a failed attempt: the caller
// paces itself.
func (c *core) reconnect(addr string) {
	c.mu.Lock()
	p := c.peers[addr]
	c.mu.Unlock()
	if p != nil {
		p.Reconnect()
	}
}

// maxPeers bounds the links that a node keeps, most of them to nodes that
// once were primary.
const maxPeers = 8

// release drops one reference; the last one stops the node. Statements get
// until ctx ends to finish.
func (c *core) release(ctx context.Context) error {
	c.mu.Lock()
	if c.refs > 1 {
		c.refs--
		c.mu.Unlock()
		return nil
	}
	c.mu.Unlock()
	c.passRole(ctx) // while it still takes statements: they follow the role
	c.mu.Lock()
	c.refs--
	last := c.refs == 0
	c.closing.Store(last)
	c.mu.Unlock()
	if !last {
		return nil
	}
	err := c.shutdown(ctx)
	if c.cfg.CustomEngine == nil {
		openNodes.forget(c.cfg.dir())
	}
	return err
}

// shutdown stops everything, in the order in which nothing is lost: first no
// new statements, then the running ones, then the role, then the rest.
func (c *core) shutdown(ctx context.Context) error {
	if c.server != nil {
		c.server.Refuse()
	}
	dbs := c.databases()
	var drains sync.WaitGroup
	for _, db := range dbs {
		drains.Go(func() { db.drain(ctx) })
	}
	drains.Wait()
	var errs []error
	// The role goes before the port: another node can take over while this one
	// still waits for peers that hold their streams open.
	errs = append(errs, c.engine.Close())
	if c.server != nil {
		c.server.Stop(ctx) // its only error says that ctx ended what ran
	}
	close(c.stop)
	c.stopBackground()
	for _, db := range dbs {
		errs = append(errs, db.close())
	}
	c.mu.Lock()
	peers := c.peers
	c.peers = nil
	c.mu.Unlock()
	for _, p := range peers {
		errs = append(errs, p.Close())
	}
	c.goroutines.Wait()
	c.gate.Wait()
	for _, db := range dbs {
		db.gate.Wait()
	}
	errs = append(errs, c.removeStandIns())
	return errors.Join(errs...)
}
