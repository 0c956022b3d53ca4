//go:build !linux

package demo

import "syscall"

// childAttributes has nothing to ask for: the end of its standard input tells
// a child that its parent has died.
func childAttributes() *syscall.SysProcAttr { return nil }
