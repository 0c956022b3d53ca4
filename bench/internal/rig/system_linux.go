package rig

import (
	"time"

	"golang.org/x/sys/unix"
)

// Pause leaves the processor to others for d, which may be less than the millisecond
// that time.Sleep takes at least.
func Pause(d time.Duration) {
	ts := unix.NsecToTimespec(d.Nanoseconds())
	unix.Nanosleep(&ts, nil) //nolint:errcheck // shorter does not matter
}

// Now is a clock that all processes of the machine share, and that nobody sets.
func Now() time.Duration { return clock(unix.CLOCK_MONOTONIC) }

// ThreadTime is the processor time that this thread has had.
func ThreadTime() time.Duration { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

func clock(id int32) time.Duration {
	var ts unix.Timespec
	unix.ClockGettime(id, &ts) //nolint:errcheck // these clocks are always there
	return time.Duration(ts.Nano())
}
