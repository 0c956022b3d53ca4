package rig

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"

	"github.com/litefwd/litefwd"
)

// Worker is an application in a process of its own.
type Worker struct {
	Bare *sql.DB       // the local driver by itself, one connection
	Node *litefwd.Node // nil for an application without litefwd
	Path string        // of the database
}

// WorkerConfig says how a worker opens the database.
type WorkerConfig struct {
	Path        string
	Driver, DSN string // of the bare driver
	Node        *NodeConfig
	Schema      string // made by the node when it is open; "" if it is there
}

// NodeConfig is the part of a litefwd.Config that is used.
type NodeConfig struct {
	Path, Engine, LiteFSURL, Driver, DriverDSN, Listen, Name string
	Peers                                                    map[string]string
}

// Secret is that of the nodes on LiteFS.
const Secret = "a secret of the benchmark's alone"

// Open opens the node.
func (c *NodeConfig) Open() (*litefwd.Node, error) {
	cfg := litefwd.Config{
		Path: c.Path, Engine: c.Engine, LiteFSURL: c.LiteFSURL, Driver: c.Driver, DriverDSN: c.DriverDSN,
		Listen: c.Listen, Name: c.Name, Peers: c.Peers,
	}
	if c.Engine == "litefs" {
		cfg.Secret = Secret
	}
	return litefwd.Open(context.Background(), cfg)
}

// workerEnv holds the worker's config, and makes this program one.
const workerEnv = "LITEFWD_BENCH_WORKER"

// answer is what a worker says to an order; the first one is to none, when it is ready.
type answer[Report any] struct {
	Report Report
	Error  string
}

// serve obeys orders until standard input ends.
func serve[Order, Report any](text string, obey func(*Worker, Order) (Report, error)) error {
	var cfg WorkerConfig
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		return err
	}
	w := &Worker{Path: cfg.Path}
	var err error
	if w.Bare, err = sql.Open(cfg.Driver, cfg.DSN); err != nil {
		return err
	}
	defer w.Bare.Close()
	w.Bare.SetMaxOpenConns(1)
	if cfg.Node != nil {
		if w.Node, err = cfg.Node.Open(); err != nil {
			return err
		}
		defer w.Node.Close()
		if cfg.Schema != "" {
			if _, err := w.Node.DB().Exec(cfg.Schema); err != nil {
				return err
			}
		}
	}
	fmt.Println(`{}`)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var o Order
		if err := json.Unmarshal(in.Bytes(), &o); err != nil {
			return err
		}
		var a answer[Report]
		if a.Report, err = obey(w, o); err != nil {
			a.Error = err.Error()
		}
		if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
			return err
		}
	}
	return in.Err()
}
