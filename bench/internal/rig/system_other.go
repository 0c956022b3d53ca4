//go:build !linux

package rig

import "time"

// LiteFS runs on Linux only, so nothing is measured elsewhere; it only compiles.

// Pause leaves the processor to others for d.
func Pause(d time.Duration) { time.Sleep(d) }

// Now is a clock that all processes of the machine share.
func Now() time.Duration { return time.Duration(time.Now().UnixNano()) }

// ThreadTime is the processor time that this thread has had.
func ThreadTime() time.Duration { return 0 }
