package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
)

// prepare starts what the processes need, and says where their database is.
func (d *demo) prepare(ctx context.Context, dir, binary string, died func(error)) (err error) {
	if d.options.Engine != engineLiteFS {
		d.cluster.config = func(int) litefwd.Config {
			// All processes of this machine open the same file.
			return litefwd.Config{
				Path: filepath.Join(dir, databaseName), Engine: engineShared,
				Driver: demoapp.Driver, Listen: "127.0.0.1:0",
			}
		}
		return nil
	}
	start := time.Now()
	if d.servers, err = startServers(ctx, binary, dir, died); err != nil {
		return err
	}
	d.cluster.config, d.cluster.command.secret = d.servers.config, d.servers.secret
	d.story.tell("three LiteFS mounts are there after %s; their lease lasts %.0f s", millis(time.Since(start)), leaseTTL.Seconds())
	return nil
}

// end ends all processes and removes what need not be kept.
func (d *demo) end(dir string) (err error) {
	d.cluster.stop()
	if d.servers != nil {
		if d.options.Keep {
			err = d.keepCopies(dir)
		}
		err = errors.Join(err, d.servers.close())
	}
	if !d.options.Keep {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLeft, err)
	}
	return nil
}

// keepCopies saves the servers' copies from the end of their mounts.
func (d *demo) keepCopies(dir string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), catchUpLimit)
	defer cancel()
	for i := range nodes {
		if !d.servers.runs(i) {
			continue
		}
		err = errors.Join(err, d.servers.export(ctx, i, filepath.Join(dir, nodeName(i)+".db")))
	}
	return err
}
