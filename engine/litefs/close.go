package litefs

import "time"

// goLoose runs f on a goroutine that the kernel or a user's function may hold
// for as long as it likes. e.mu must be held.
func (e *Engine) goLoose(f func()) {
	done := make(chan struct{})
	e.loose[done] = struct{}{}
	go func() { // ends when f does; Close waits for closeWait
		defer func() {
			e.mu.Lock()
			delete(e.loose, done)
			e.mu.Unlock()
			close(done)
		}()
		f()
	}()
}

// Close implements [engine.Engine]. The role is LiteFS's and stays where it
// is. A goroutine that is stuck in a read of a frozen mount, or in
// Options.PeerAddr, is waited for only a second: it ends when that returns.
func (e *Engine) Close() error {
	e.update(func(f *facts) { f.closed = true }) // from now on Start starts nothing
	e.cancel()
	e.running.Wait()
	timeout := time.NewTimer(e.timing.closeWait)
	defer timeout.Stop()
	for _, done := range e.looseOnes() {
		select {
		case <-done:
			continue
		case <-timeout.C:
		}
		break
	}
	e.api.close()
	for _, d := range e.allDatabases() {
		d.close()
	}
	return nil
}

func (e *Engine) looseOnes() []chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []chan struct{}
	for done := range e.loose {
		all = append(all, done)
	}
	return all
}
