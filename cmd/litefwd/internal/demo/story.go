package demo

import (
	"fmt"
	"sync"
	"time"
)

// story collects what happened, with the time since the start. Its methods
// may be called from several goroutines.
type story struct {
	start time.Time
	// each is called for every line as it is told, if it is set.
	each func(line string)

	mu    sync.Mutex // guards lines
	lines []string
}

func (s *story) tell(format string, args ...any) {
	line := fmt.Sprintf("%5.1f s  ", time.Since(s.start).Seconds()) + fmt.Sprintf(format, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
	if s.each != nil {
		s.each(line)
	}
}

// told returns everything so far.
func (s *story) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.lines...)
}
