package rig

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Process is a worker, seen by its parent.
type Process[Order, Report any] struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// Start starts a worker and waits until it is ready. It is killed when ctx ends.
func Start[Order, Report any](ctx context.Context, cfg WorkerConfig) (*Process[Order, Report], error) {
	text, err := json.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process[Order, Report]{cmd: exec.CommandContext(ctx, self)}
	p.cmd.Env = append(os.Environ(), workerEnv+"="+string(text))
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := p.Answer(); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// Do gives an order and waits for the report.
func (p *Process[Order, Report]) Do(o Order) (Report, error) {
	if err := p.Give(o); err != nil {
		var none Report
		return none, err
	}
	return p.Answer()
}

// Give gives an order. Its report is to be taken by Answer, before the next one.
func (p *Process[Order, Report]) Give(o Order) error { return json.NewEncoder(p.in).Encode(o) }

// Answer waits for the report of the order that was given.
func (p *Process[Order, Report]) Answer() (Report, error) {
	var a answer[Report]
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return a.Report, fmt.Errorf("a worker has ended: %w", err)
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return a.Report, fmt.Errorf("a worker says %.200q: %w", line, err)
	}
	if a.Error != "" {
		return a.Report, errors.New(a.Error)
	}
	return a.Report, nil
}

// Stop ends the worker.
func (p *Process[Order, Report]) Stop() error {
	p.in.Close()
	kill := time.AfterFunc(10*time.Second, func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	return p.cmd.Wait()
}
