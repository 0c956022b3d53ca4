package demo

import "syscall"

// childAttributes lets the kernel end a child whose parent has died, however
// it died. Elsewhere, and if the child cannot, the end of its standard input
// tells it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
