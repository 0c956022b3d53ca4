package main

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

// process is a worker, seen by its parent.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// start starts a worker and waits until it is ready.
func start(ctx context.Context, cfg workerConfig) (*process, error) {
	text, err := json.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, self)}
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
	if _, err := p.answer(); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// do gives an order and waits for the report.
func (p *process) do(o order) (report, error) {
	if err := p.give(o); err != nil {
		return report{}, err
	}
	return p.answer()
}

func (p *process) give(o order) error { return json.NewEncoder(p.in).Encode(o) }

func (p *process) answer() (r report, err error) {
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return r, fmt.Errorf("a worker has ended: %w", err)
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("a worker says %q: %w", line, err)
	}
	if r.Errors == 0 && r.FirstError != "" {
		return r, errors.New(r.FirstError)
	}
	return r, nil
}

// stop ends the worker.
func (p *process) stop() error {
	p.in.Close()
	kill := time.AfterFunc(10*time.Second, func() { p.cmd.Process.Kill() })
	defer kill.Stop()
	return p.cmd.Wait()
}
