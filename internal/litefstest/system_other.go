//go:build !linux

package litefstest

import (
	"errors"
	"syscall"
)

// errPlatform is what everything returns where LiteFS does not run.
var errPlatform = errors.New("LiteFS runs on Linux only")

// Available returns nil if LiteFS can be run here, or what is missing.
func Available() error { return errPlatform }

func childAttr() *syscall.SysProcAttr { return nil }

type signal int

const (
	sigTerm signal = iota
	sigKill
	sigFreeze
	sigThaw
)

func send(int, signal) error  { return errPlatform }
func detach(string) error     { return errPlatform }
func abort(int, string) error { return errPlatform }
