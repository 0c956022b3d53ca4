package sqlclass

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Limits of a cache. A text costs its own bytes and those of its statements.
const (
	maxCachedTexts = 2048
	maxCachedBytes = 4 << 20
	maxCachedText  = 64 << 10
)

// statementBytes is about what a Statement takes beside its text.
const statementBytes = 256

// cache maps texts to their statements, within bounds. What was not used for
// a whole round of a clock's hand goes first, which comes close to least
// recently used but lets hits share a read lock.
type cache struct {
	mu      sync.RWMutex
	byText  map[string]*cached // guarded by mu
	ring    []*cached          // guarded by mu; in no order
	hand    int                // guarded by mu; index into ring
	bytes   int                // guarded by mu; of ring
	maxSize int                // bytes
	maxLen  int                // entries
}

type cached struct {
	text  string
	stmts []Statement
	bytes int
	used  atomic.Bool // since the hand passed
}

func newCache(entries, bytes int) *cache {
	return &cache{byText: make(map[string]*cached), maxLen: entries, maxSize: bytes}
}

func (c *cache) get(text string) ([]Statement, bool) {
	c.mu.RLock()
	e := c.byText[text]
	c.mu.RUnlock()
	if e == nil {
		return nil, false
	}
	if !e.used.Load() { // a load leaves the cache line shared
		e.used.Store(true)
	}
	return e.stmts, true
}

// put keeps stmts, whose strings must be of text's own memory.
func (c *cache) put(text string, stmts []Statement) {
	e := &cached{text: text, stmts: stmts, bytes: len(text) + len(stmts)*statementBytes}
	if len(text) > maxCachedText || e.bytes > c.maxSize {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byText[text] != nil {
		return
	}
	for len(c.ring) >= c.maxLen || c.bytes+e.bytes > c.maxSize {
		c.evictLocked()
	}
	c.byText[text] = e
	c.ring = append(c.ring, e)
	c.bytes += e.bytes
}

// evictLocked drops the next entry that the hand finds unused. Each that it
// passes is unused for the next round, so it ends.
func (c *cache) evictLocked() {
	for {
		c.hand %= len(c.ring)
		e := c.ring[c.hand]
		if e.used.Swap(false) {
			c.hand++
			continue
		}
		c.dropLocked(c.hand)
		return
	}
}

// dropLocked drops the entry at i of the ring.
func (c *cache) dropLocked(i int) {
	e, last := c.ring[i], len(c.ring)-1
	c.ring[i] = c.ring[last]
	c.ring[last] = nil
	c.ring = c.ring[:last]
	delete(c.byText, e.text)
	c.bytes -= e.bytes
}

// forget drops the text.
func (c *cache) forget(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byText[text]
	if e == nil {
		return
	}
	c.dropLocked(slices.Index(c.ring, e))
}

func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.byText)
	clear(c.ring)
	c.ring, c.hand, c.bytes = c.ring[:0], 0, 0
}
