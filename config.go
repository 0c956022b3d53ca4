package litefwd

import (
	"cmp"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/engine/litefs"
)

// Await says when a write returns.
type Await string

const (
	// AwaitLocal: when this node's copy has the write, or AwaitTimeout has
	// passed. It is the default.
	AwaitLocal Await = "local"
	// AwaitNone: when the primary has committed it.
	AwaitNone Await = "none"
)

// TxMode is how a transaction begins on the primary
// (https://www.sqlite.org/lang_transaction.html).
type TxMode string

const (
	// TxImmediate takes the write lock with the first statement. The default.
	TxImmediate TxMode = "immediate"
	// TxExclusive also keeps other connections from reading, unless the
	// journal is a WAL.
	TxExclusive TxMode = "exclusive"
)

// Config describes a node. The zero value of each field is its default; Path,
// Engine and Driver or Connector must be set, unless noted.
//
// A DSN is a second spelling of a Config: see [ParseDSN].
type Config struct {
	// Path is the file of the database that Node.DB serves. Its directory is
	// what the node serves; the file need not exist yet.
	Path string

	// Engine is "shared" (several processes of one machine, one file) or
	// "litefs" (several servers; Path is on LiteFS's mount). With none named, a
	// directory that LiteFS serves is taken for "litefs"; any other is an error,
	// lest the mount point of a LiteFS that is not mounted yet be written as a
	// plain directory.
	Engine string
	// CustomEngine is used instead of a named one. The Node starts it and closes
	// it, also when Open fails.
	CustomEngine engine.Engine

	// LiteFSURL is the HTTP API of this machine's own LiteFS, for engine
	// "litefs" (http://localhost:20202, LiteFS's default).
	LiteFSURL string
	// Peers says at which host:port the litefwd port of each LiteFS hostname is
	// (lease.hostname in litefs.yml), for engine "litefs", which learns only the
	// primary's hostname from LiteFS. For a hostname that is not there: itself,
	// if it is a host:port; on Fly.io, its name in the app's private network;
	// otherwise host and this node's own port, for a client DefaultPort.
	Peers map[string]string
	// PeerAddr is asked for a hostname's host:port instead. It may be slow.
	PeerAddr func(hostname string) (addr string, err error)

	// Driver is the name under which a SQLite driver is registered with
	// database/sql: "sqlite" (modernc.org/sqlite), "sqlite3"
	// (github.com/mattn/go-sqlite3). The program imports that driver itself.
	Driver string
	// DriverDSN is that driver's DSN, where its own parameters go, such as
	// "file:{path}?_pragma=foreign_keys(1)" (modernc.org/sqlite) or
	// "file:{path}?_foreign_keys=1" (mattn/go-sqlite3). "{path}" in it stands for the database
	// file's path, escaped for a file: URI. The default is "file:{path}".
	DriverDSN string
	// Connector makes connections to the database file at path, instead of
	// Driver: for connect hooks, user functions and collations. It is called
	// once per database; the primary runs forwarded statements on connections
	// made by it too.
	Connector func(path string) (driver.Connector, error)

	// Listen is the address of this node's port for other nodes, such as
	// "127.0.0.1:0" or ":7020". Empty makes this process a client: it
	// forwards every write and never becomes primary.
	Listen string
	// Advertise is the address under which others reach that port. The
	// default is the address listened on; a wildcard address needs it.
	Advertise string
	// Name names this node to others, in logs and errors. The default is the
	// host's name and the process id.
	Name string

	// Secret is known to all nodes and proves that they belong together: 16
	// bytes or more, random. With engine "shared" a random one is made and
	// kept in a file that only this user can read.
	Secret string
	// CertFile, KeyFile and CAFile authenticate nodes by certificates (both
	// sides, TLS 1.3) instead of a Secret.
	CertFile, KeyFile, CAFile string
	// TLS is used instead of the three files. It needs Certificates, RootCAs
	// and ClientCAs.
	TLS *tls.Config
	// Insecure turns authentication and encryption off. It is refused unless
	// all traffic stays on loopback.
	Insecure bool

	// Await says when a write returns; a call can choose by [WithAwait].
	Await Await
	// AwaitTimeout bounds the wait for the local copy (1 s). When it passes,
	// the write is a success all the same, and reads of this process go to
	// the primary until the local copy has caught up.
	AwaitTimeout time.Duration
	// Strict makes a write whose AwaitTimeout passed return ErrReplicaBehind,
	// an error that says that the write is committed.
	Strict bool

	// PrimaryWait bounds how long a statement waits for a primary before it
	// fails with ErrNoPrimary. The default is 5 s; with engine "litefs" 15 s,
	// because LiteFS takes about ten to replace a primary that has died.
	PrimaryWait time.Duration
	// BusyTimeout bounds how long a write waits for the writes before it; then
	// it fails with SQLITE_BUSY, "database is locked". The default, 4 s, is less
	// than TxIdleLimit's, so that a goroutine that waits for its own transaction
	// gets this error and keeps the transaction.
	BusyTimeout time.Duration

	// TxMode is how transactions begin on the primary.
	TxMode TxMode
	// TxIdleLimit is how long the primary lets a transaction rest between two
	// statements (5 s), TxTotalLimit how long it may last (30 s). Then the
	// primary rolls it back, and its next statement fails with ErrTxExpired.
	// A call can ask for less by [WithTxLimits].
	TxIdleLimit, TxTotalLimit time.Duration

	// MaxMessage bounds one message between nodes, in bytes, and so the
	// largest argument, statement and row (64 MiB).
	MaxMessage int
	// MaxResult bounds, in bytes, the rows of a write with RETURNING, which
	// the primary collects before it commits (64 MiB). Beyond it the write
	// is rolled back.
	MaxResult int
	// ReadBuffer bounds, in bytes, the rows of one local read that are fetched
	// before the application asks for them, so that the read ends at once: on
	// LiteFS an open one stops replication to this node (8 MiB). Larger results
	// hold the read open until they are closed. Engine "shared" needs none.
	ReadBuffer int
	// ReadLease is how long a read's snapshot is kept for the reads that follow, of
	// whichever connection, with engine "litefs" (5 ms; negative: not at all). On LiteFS to begin a
	// read costs fifty times what the read does. A replica's copy cannot change
	// meanwhile, and the primary's reads see each commit that was acknowledged before
	// them; so all that a lease costs is that replication waits for it, and it ends
	// at once when the primary has told that there is something to replicate.
	ReadLease time.Duration
	// MaxLocalRead bounds a local read, or a read-only transaction, with engine
	// "litefs" (0: it is not bounded). While one is open nothing is replicated to
	// this node. What takes longer is interrupted, with ErrReadTooLong; or, with
	// LongReadsOnPrimary, a read that has returned no row yet is run on the primary,
	// whose own reads are not bounded then.
	MaxLocalRead       time.Duration
	LongReadsOnPrimary bool
	// MaxPeerTx and MaxPeerStatements bound the open transactions (1024) and
	// the statements running at once (4096) of each other node here.
	MaxPeerTx, MaxPeerStatements int

	// MapError turns a forwarded SQLite error into the local driver's own
	// error type, for applications that test for that. The result is what
	// the *SQLError unwraps to.
	MapError func(*SQLError) error

	// OnHistoryChange is called when it is found that a database's history does
	// not contain any more what this node has seen, once for each loss, which is
	// logged at level Warn too. Calls come one after the other, on a goroutine of
	// the node's, which waits for it to return when it is closed.
	OnHistoryChange func(HistoryChange)

	// Logger receives role changes and degradations; nil discards.
	Logger *slog.Logger
}

const defaultDriverDSN = "file:{path}"

// DefaultPort is where a client looks for the nodes of an engine that knows
// only their hostnames, unless Config.Peers says otherwise.
const DefaultPort = "7020"

// normalize returns a private copy with defaults filled in, or an error that
// names the field by its DSN key.
func (c Config) normalize() (Config, error) {
	if c.Path == "" {
		return c, configError("path", "no database file is named; set Config.Path")
	}
	if c.Path == ":memory:" || strings.HasPrefix(c.Path, "file:") {
		return c, configError("path", "%q is not a plain path of a file that processes can share; "+
			"the SQLite driver's parameters go in DriverDSN (\"file:{path}?…\")", c.Path)
	}
	if info, err := os.Stat(c.Path); err == nil && info.IsDir() {
		return c, configError("path", "%s is a directory; name the database file in it, such as %s",
			c.Path, filepath.Join(c.Path, "app.db"))
	}
	abs, err := filepath.Abs(c.Path)
	if err != nil {
		return c, configError("path", "%w", err)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if errors.Is(err, fs.ErrNotExist) && c.Engine == "litefs" {
		dir = filepath.Dir(abs) // LiteFS makes it when it mounts
	} else if err != nil {
		return c, configError("path", "the database's directory must exist: %w", err)
	}
	c.Path = filepath.Join(dir, filepath.Base(abs))
	if err := c.checkEngine(dir); err != nil {
		return c, err
	}
	if err := c.checkDriver(); err != nil {
		return c, err
	}
	if err := c.checkAuth(); err != nil {
		return c, err
	}
	if err := c.checkAddresses(); err != nil {
		return c, err
	}
	return c, c.setDefaults()
}

func (c *Config) checkEngine(dir string) error {
	if c.CustomEngine != nil {
		if c.Engine != "" {
			return configError("engine", "both Engine %q and CustomEngine are set", c.Engine)
		}
		return nil
	}
	_, statErr := os.Stat(filepath.Join(dir, ".lag"))
	isLiteFS := statErr == nil
	switch {
	case c.Engine == "shared" && isLiteFS:
		return configError("engine", "%s is served by LiteFS (it has .lag), so engine \"shared\" must not write there", dir)
	case c.Engine == "litefs" || c.Engine == "" && isLiteFS:
		c.Engine = "litefs"
		return c.checkLiteFS()
	case c.Engine == "":
		return configError("engine", "none is named and %s is not a LiteFS mount (it has no .lag): "+
			"name \"shared\" if all processes run on this machine; "+
			"if LiteFS should be mounted there, mount it first or name \"litefs\", which waits for it", dir)
	case c.Engine != "shared":
		return configError("engine", "unknown engine %q; known are \"shared\" and \"litefs\"", c.Engine)
	}
	for key, set := range map[string]bool{
		"litefs_url": c.LiteFSURL != "", "peers": len(c.Peers) > 0 || c.PeerAddr != nil,
	} {
		if set {
			return configError(key, "it is for engine \"litefs\", and the engine is \"shared\"")
		}
	}
	return nil
}

func (c *Config) checkLiteFS() error {
	if c.LiteFSURL == "" {
		c.LiteFSURL = litefs.DefaultURL
	}
	if u, err := url.Parse(c.LiteFSURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return configError("litefs_url", "%q is not a URL such as %s", c.LiteFSURL, litefs.DefaultURL)
	}
	for host, addr := range c.Peers {
		if _, _, err := net.SplitHostPort(addr); err != nil || host == "" {
			return configError("peers", "%s=%s: it is hostname=host:port", host, addr)
		}
	}
	return nil
}

func (c *Config) checkDriver() error {
	switch {
	case c.Connector != nil && (c.Driver != "" || c.DriverDSN != ""):
		return configError("driver", "both Connector and Driver are set; set one")
	case c.Connector == nil && c.Driver == "":
		return configError("driver", "no SQLite driver is named; import one and set Config.Driver "+
			"(\"sqlite\" for modernc.org/sqlite, \"sqlite3\" for mattn/go-sqlite3)")
	case c.Driver == "litefwd":
		return configError("driver", "\"litefwd\" is this driver itself; name the SQLite driver that it shall use")
	case c.Connector == nil && c.DriverDSN == "":
		c.DriverDSN = defaultDriverDSN
	case c.Connector == nil && !strings.Contains(c.DriverDSN, "{path}"):
		return configError("driver_dsn", "it must have {path} where the driver wants the file's path, "+
			"as in \"file:{path}?…\", or it would open another file than %s", c.Path)
	}
	return nil
}

func (c *Config) checkAuth() error {
	files := c.CertFile != "" || c.KeyFile != "" || c.CAFile != ""
	ways := 0
	for _, set := range []bool{c.Secret != "", files, c.TLS != nil, c.Insecure} {
		if set {
			ways++
		}
	}
	if ways > 1 {
		return configError("secret", "more than one of Secret, certificates and Insecure is set; choose one")
	}
	if files && (c.CertFile == "" || c.KeyFile == "" || c.CAFile == "") {
		return configError("cert", "certificates need all of CertFile, KeyFile and CAFile")
	}
	if c.Secret != "" && len(c.Secret) < 16 {
		return configError("secret", "it has %d bytes; use 16 or more, random (openssl rand -hex 32)", len(c.Secret))
	}
	return nil
}

func (c *Config) checkAddresses() error {
	if c.Listen == "" {
		if c.Advertise != "" {
			return configError("advertise", "it is set without listen; a client has no port")
		}
		return nil
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return configError("listen", "%q is not host:port: %w", c.Listen, err)
	}
	if c.Advertise != "" {
		if _, _, err := net.SplitHostPort(c.Advertise); err != nil {
			return configError("advertise", "%q is not host:port: %w", c.Advertise, err)
		}
	} else if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return configError("advertise", "listen address %q is a wildcard, so say under which host:port others reach it", c.Listen)
	}
	if c.Insecure && !isLoopback(host) {
		return configError("insecure", "listen address %q is not loopback; "+
			"traffic that leaves the host needs a Secret or certificates", c.Listen)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *Config) setDefaults() error {
	for _, d := range []struct {
		key   string
		value *time.Duration
		def   time.Duration
	}{
		{"await_timeout", &c.AwaitTimeout, time.Second},
		{"primary_wait", &c.PrimaryWait, c.defaultPrimaryWait()},
		{"busy_timeout", &c.BusyTimeout, 4 * time.Second},
		{"tx_idle_limit", &c.TxIdleLimit, 5 * time.Second},
		{"tx_total_limit", &c.TxTotalLimit, 30 * time.Second},
	} {
		if *d.value < 0 {
			return configError(d.key, "%v is negative", *d.value)
		}
		*d.value = cmp.Or(*d.value, d.def)
	}
	if c.ReadLease == 0 {
		c.ReadLease = 5 * time.Millisecond
	}
	if c.MaxLocalRead < 0 {
		return configError("max_local_read", "%v is negative", c.MaxLocalRead)
	}
	if c.LongReadsOnPrimary && c.MaxLocalRead == 0 {
		return configError("long_reads_on_primary", "it needs max_local_read, which says what is long")
	}
	for _, d := range []struct {
		key   string
		value *int
		def   int
	}{
		{"max_message", &c.MaxMessage, 64 << 20},
		{"max_result", &c.MaxResult, 64 << 20},
		{"read_buffer", &c.ReadBuffer, 8 << 20},
		{"max_peer_tx", &c.MaxPeerTx, 1024},
		{"max_peer_statements", &c.MaxPeerStatements, 4096},
	} {
		if *d.value < 0 {
			return configError(d.key, "%d is negative", *d.value)
		}
		*d.value = cmp.Or(*d.value, d.def)
	}
	c.Await = cmp.Or(c.Await, AwaitLocal)
	if c.Await != AwaitLocal && c.Await != AwaitNone {
		return configError("await", "unknown value %q; known are \"local\" and \"none\"", c.Await)
	}
	c.TxMode = cmp.Or(c.TxMode, TxImmediate)
	switch c.TxMode {
	case TxImmediate, TxExclusive:
	case "deferred":
		return configError("tx_mode", "\"deferred\" has no use here: a transaction holds its place in the primary's queue anyway, "+
			"so it takes the write lock with its first statement; for one that only reads, use sql.TxOptions{ReadOnly: true}")
	default:
		return configError("tx_mode", "unknown value %q; known are \"immediate\" and \"exclusive\"", c.TxMode)
	}
	if c.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return configError("name", "none is set and the host has none: %w", err)
		}
		c.Name = fmt.Sprintf("%s-%d", host, os.Getpid())
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// peerPort is the port that other nodes are taken to have: this node's own.
func (c *Config) peerPort() string {
	for _, addr := range []string{c.Advertise, c.Listen} {
		if _, port, err := net.SplitHostPort(addr); err == nil && port != "0" {
			return port
		}
	}
	return DefaultPort
}

func (c *Config) defaultPrimaryWait() time.Duration {
	if c.Engine == "litefs" {
		return 15 * time.Second
	}
	return 5 * time.Second
}

// dir is the directory that the node serves.
func (c *Config) dir() string { return filepath.Dir(c.Path) }

// connectorFor makes the local driver's connector for the file at path.
func (c *Config) connectorFor(path string) (driver.Connector, error) {
	if c.Connector != nil {
		connector, err := c.Connector(path)
		if err != nil {
			return nil, configError("driver", "Config.Connector for %s: %w", path, err)
		}
		return connector, nil
	}
	dsn := strings.ReplaceAll(c.DriverDSN, "{path}", (&url.URL{Path: path}).EscapedPath())
	return driverConnector(c.Driver, dsn)
}

// conflict names the first field, by its DSN key, that other sets to something
// else than its default and than c has; have and want are for the error, and
// hide secrets. Both are normalized.
func (c Config) conflict(other Config) (key, have, want string) {
	var defaults Config
	defaults.Name = c.Name // made up from the process, so never a contradiction
	if err := defaults.setDefaults(); err != nil {
		return "name", "", err.Error()
	}
	ours, theirs, unset := dsnKeys(&c), dsnKeys(&other), dsnKeys(&defaults)
	for _, key := range slices.Sorted(maps.Keys(theirs)) {
		have, want := ours[key].String(), theirs[key].String()
		switch {
		case want == have || want == unset[key].String() || key == "driver_dsn" && want == defaultDriverDSN:
		case key == "secret" || key == "driver_dsn": // which may hold a cipher's key
			return key, "one", "another"
		default:
			return key, strconv.Quote(have), strconv.Quote(want)
		}
	}
	switch {
	case other.PeerAddr != nil && (c.PeerAddr == nil ||
		reflect.ValueOf(other.PeerAddr).Pointer() != reflect.ValueOf(c.PeerAddr).Pointer()):
		return "peers", "one PeerAddr", "another"
	case other.OnHistoryChange != nil && (c.OnHistoryChange == nil ||
		reflect.ValueOf(other.OnHistoryChange).Pointer() != reflect.ValueOf(c.OnHistoryChange).Pointer()):
		return "OnHistoryChange", "one function", "another"
	case other.TLS != nil && other.TLS != c.TLS:
		return "cert", "one TLS configuration", "another"
	case other.Connector != nil && (c.Connector == nil ||
		reflect.ValueOf(other.Connector).Pointer() != reflect.ValueOf(c.Connector).Pointer()):
		return "driver", "one connector", "another"
	}
	return "", "", ""
}
