// Package rawconn makes the short reads and writes of a socket cheap for a process
// that has nothing else to do.
//
// Go's runtime has a monitor thread, which takes processors back from goroutines that
// block in system calls. It sleeps when the process does, and the next system call of
// any goroutine wakes it; it then sleeps in pieces of 20 µs until the process is idle
// again. A process that sends a statement and waits for the answer wakes it for
// each. With eight processes on one file and two cores, that was 2.5 of the 5 context
// switches that a forwarded write takes in its own process, and a third of the
// processor time.
//
// Sockets in Go do not block. So a read or write of little need not be known to the
// runtime, and RawSyscall makes it.
package rawconn
