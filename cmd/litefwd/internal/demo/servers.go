package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
	"github.com/litefwd/litefwd/internal/litefstest"
	"github.com/litefwd/litefwd/internal/secure"
)

const (
	// leaseTTL is how long the lease of a dead primary lasts. LiteFS's own
	// default is 10 s.
	leaseTTL = 2 * time.Second
	// catchUpLimit is how long the copies may take to become the same when
	// nothing is written any more.
	catchUpLimit = 20 * time.Second
	databaseName = "app.db"
)

// servers are what is below the processes with engine litefs: a LiteFS for
// each, and the lease that they share. Start and end of one are not concurrent.
type servers struct {
	litefs *litefstest.Cluster
	peers  map[string]string // litefwd address by node name, which is LiteFS's hostname
	secret string
	creds  credentials.TransportCredentials
	log    *os.File
	died   func(error) // called when a LiteFS ends that nobody ended

	closing  chan struct{} // closed by close
	watching sync.WaitGroup

	mu       sync.Mutex // guards expected
	expected [nodes]bool
}

// findLiteFS returns the program, or says what is missing and how to get it.
func findLiteFS(named string) (path string, err error) {
	if err := litefstest.Available(); err != nil {
		return "", fmt.Errorf("-engine litefs cannot run here: %w", err)
	}
	if named != "" {
		if path, err = exec.LookPath(named); err != nil {
			return "", fmt.Errorf("-litefs: %w", err)
		}
		return filepath.Abs(path)
	}
	if os.Getenv(litefstest.BinaryEnv) != "" {
		return litefstest.Find()
	}
	if path, err = exec.LookPath("litefs"); err != nil {
		return "", errors.New("-engine litefs needs the litefs program, and there is none in PATH: " +
			"name it by -litefs or " + litefstest.BinaryEnv + "; in a checkout of litefwd it is built by\n" +
			"  cd e2e/litefs && go build -o /tmp/litefs github.com/superfly/litefs/cmd/litefs")
	}
	return path, nil
}

// startServers starts a LiteFS for each node in dir; the first one is primary.
func startServers(ctx context.Context, binary, dir string, died func(error)) (_ *servers, err error) {
	s := &servers{peers: map[string]string{}, secret: rand.Text(), died: died, closing: make(chan struct{})}
	if s.creds, err = secure.Secret([]byte(s.secret)); err != nil {
		return nil, err
	}
	addrs, err := fixedAddrs()
	if err != nil {
		return nil, err
	}
	var hostnames []string
	for i := range nodes {
		hostnames = append(hostnames, nodeName(i))
		s.peers[nodeName(i)] = addrs[i]
	}
	if s.log, err = os.Create(filepath.Join(dir, "litefs.log")); err != nil {
		return nil, err
	}
	s.litefs, err = litefstest.Start(ctx, litefstest.Options{
		Binary: binary, Nodes: nodes, Dir: dir, Hostnames: hostnames,
		Lease: litefstest.Consul, TTL: leaseTTL, Log: s.log,
	})
	if err != nil {
		return nil, errors.Join(err, s.log.Close())
	}
	for i := range nodes {
		s.watch(i)
	}
	return s, nil
}

// fixedAddrs returns free addresses on loopback. Their ports are below those
// that the kernel gives to clients, so that a node that is started again finds
// its own still free.
func fixedAddrs() (addrs [nodes]string, err error) {
	port := 12000 + os.Getpid()%8000
	for i := range addrs {
		for tries := 0; addrs[i] == ""; tries++ {
			port++
			listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err == nil {
				addrs[i] = listener.Addr().String()
				listener.Close()
			} else if tries == 100 {
				return addrs, fmt.Errorf("no free port: %w", err)
			}
		}
	}
	return addrs, nil
}

// watch tells when the LiteFS of node i ends by itself.
func (s *servers) watch(i int) {
	done := s.litefs.Done(i)
	s.watching.Go(func() { // ends with that LiteFS, or with close
		select {
		case <-done:
		case <-s.closing:
			return
		}
		s.mu.Lock()
		expected := s.expected[i]
		s.mu.Unlock()
		if !expected {
			log := strings.Split(strings.TrimSpace(s.litefs.Log(i)), "\n")
			s.died(fmt.Errorf("the LiteFS of %s ended by itself: %s", nodeName(i), strings.Join(log[max(0, len(log)-3):], "\n  ")))
		}
	})
}

func (s *servers) expect(i int, end bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expected[i] = end
}

// runs reports whether the LiteFS of node i has not ended.
func (s *servers) runs(i int) bool {
	select {
	case <-s.litefs.Done(i):
		return false
	default:
		return true
	}
}

// config is the database of node i's process.
func (s *servers) config(i int) litefwd.Config {
	return litefwd.Config{
		Path:      filepath.Join(s.litefs.Mount(i), databaseName),
		Engine:    "litefs",
		LiteFSURL: s.litefs.URL(i),
		Peers:     s.peers,
		Driver:    demoapp.Driver,
		Listen:    s.peers[nodeName(i)],
		// A write that is not on the node's own copy in time is not reported
		// as a success: see the package comment.
		Strict: true,
	}
}

// kill kills the LiteFS of node i and takes its mount away.
func (s *servers) kill(i int) error {
	s.expect(i, true)
	return s.litefs.Kill(i)
}

// restart starts the LiteFS of node i again, with the files that it had.
func (s *servers) restart(ctx context.Context, i int) error {
	if err := s.litefs.Restart(ctx, i); err != nil {
		return err
	}
	s.expect(i, false)
	s.watch(i)
	return nil
}

// position returns the transaction that node i's copy has reached.
func (s *servers) position(ctx context.Context, i int) (txid uint64, err error) {
	pos, err := s.litefs.Pos(ctx, i, databaseName)
	return pos.TXID, err
}

// awaitCutOff waits until node i has lost its connection to the primary
// called name, which is dead, and so has taken in all that came from it.
func (s *servers) awaitCutOff(ctx context.Context, i int, name string) error {
	what := fmt.Sprintf("%s to notice the end of %s", nodeName(i), name)
	return litefstest.Wait(ctx, what, func(ctx context.Context) error {
		info, err := s.litefs.Info(ctx, i)
		if err == nil && info.Primary.Hostname == name {
			err = errors.New("it is still connected")
		}
		return err
	})
}

// hasLease reports whether the lease is, or was last, that of the node called
// name.
func (s *servers) hasLease(name string) bool {
	_, value := s.litefs.Consul().Holder(litefstest.LeaseKey)
	return value == nil || strings.Contains(string(value), `"`+name+`"`)
}

// awaitReplicated waits until all copies are where that of node i is.
func (s *servers) awaitReplicated(ctx context.Context, i int) error {
	ctx, cancel := context.WithTimeout(ctx, catchUpLimit)
	defer cancel()
	return s.litefs.WaitReplicated(ctx, i, databaseName)
}

// export writes node i's copy to a file.
func (s *servers) export(ctx context.Context, i int, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.litefs.URL(i)+"/export?name="+databaseName, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("export of %s: %s", nodeName(i), resp.Status)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, resp.Body)
	return errors.Join(err, f.Close())
}

// close ends everything. The processes have ended before.
func (s *servers) close() error {
	close(s.closing)
	s.watching.Wait()
	return errors.Join(s.litefs.Close(), s.log.Close())
}
