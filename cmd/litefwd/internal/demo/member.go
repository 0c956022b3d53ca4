package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
)

// stopTime bounds how long a process that was asked to end may take. It is
// longer than the process's own limit.
const stopTime = 7 * time.Second

// member is one process of one node. A node that is started again has a new
// member.
type member struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	log    string  // the file with its standard error
	client *client // set once it is ready

	ready chan struct{} // closed when client is set
	gone  chan struct{} // closed when the process has ended

	mu       sync.Mutex // guards the following
	role     string
	expected bool // somebody ended it on purpose
}

// command says how a node's process is started.
type command struct {
	exe     string
	args    []string // before the node's own flags
	dir     string
	secret  string // of the nodes, unless their engine makes one
	keep    bool
	writers int
	// role is called for each role that a process reports.
	role func(m *member, e demoapp.Event)
	// died is called when a process ends that nobody ended.
	died func(m *member)
}

// start starts the process of the node called name, on the database that dsn
// describes, and does not wait for it.
func (c command) start(name, dsn string) (*member, error) {
	log := filepath.Join(c.dir, name+".log")
	stderr, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer stderr.Close() // the process has its own descriptor
	args := append(append([]string(nil), c.args...), "-dir", c.dir, "-name", name, "-dsn", dsn)
	if c.keep {
		args = append(args, "-keep")
	}
	cmd := exec.Command(c.exe, args...)
	cmd.Env = append(os.Environ(), demoapp.SecretEnv+"="+c.secret)
	cmd.Stderr = stderr
	cmd.SysProcAttr = childAttributes()
	m := &member{name: name, cmd: cmd, log: log, ready: make(chan struct{}), gone: make(chan struct{})}
	if m.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the process of %s: %w", name, err)
	}
	go m.follow(c, stdout) // ends with the process
	return m, nil
}

// follow reads the process's events until it ends.
func (m *member) follow(c command, events io.Reader) {
	lines := bufio.NewScanner(events)
	for lines.Scan() {
		var e demoapp.Event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		switch {
		case e.Ready != "":
			m.client = newClient(m.name, e.Ready, c.writers)
			close(m.ready)
		case e.Role != "":
			m.mu.Lock()
			m.role = e.Role
			m.mu.Unlock()
			c.role(m, e)
		}
	}
	m.cmd.Wait() // how it ended is told by expected and the log
	close(m.gone)
	m.mu.Lock()
	expected := m.expected
	m.mu.Unlock()
	if !expected {
		c.died(m)
	}
}

// pid returns the process's id.
func (m *member) pid() int { return m.cmd.Process.Pid }

// state returns "starting", the node's role, or "gone".
func (m *member) state() string {
	select {
	case <-m.gone:
		return "gone"
	default:
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.role == "" {
		return "starting"
	}
	return m.role
}

// serves reports whether the application answers.
func (m *member) serves() bool {
	select {
	case <-m.gone:
		return false
	default:
	}
	select {
	case <-m.ready:
		return true
	default:
		return false
	}
}

// waitReady waits until the application answers.
func (m *member) waitReady(ctx context.Context) error {
	select {
	case <-m.ready:
		return nil
	case <-m.gone:
		return fmt.Errorf("%s did not start: %s", m.name, m.lastWords())
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// kill ends the process at once, as a crash does (SIGKILL).
func (m *member) kill() error {
	m.expect()
	return m.cmd.Process.Kill()
}

// stop asks the process to end and waits for it; one that does not is killed.
func (m *member) stop() {
	m.expect()
	io.WriteString(m.stdin, demoapp.Quit+"\n") // fails if it has ended, which is as well
	m.stdin.Close()
	select {
	case <-m.gone:
	case <-time.After(stopTime):
		m.cmd.Process.Kill()
		<-m.gone
	}
}

func (m *member) expect() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expected = true
}

// lastWords returns the end of what the process wrote to standard error.
func (m *member) lastWords() string {
	data, err := os.ReadFile(m.log)
	text := strings.TrimSpace(string(data))
	if err != nil || text == "" {
		return "it said nothing"
	}
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-3):], "\n  ")
}
