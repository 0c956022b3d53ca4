package rig

import (
	"os"

	"github.com/litefwd/litefwd/internal/litefstest"
)

// Position is a kept descriptor of a database's -pos file: opening it anew for each
// look takes longer than a commit.
type Position struct{ f *os.File }

// OpenPosition opens the position of the database at path.
func OpenPosition(path string) (*Position, error) {
	f, err := os.Open(path + "-pos")
	if err != nil {
		return nil, err
	}
	return &Position{f}, nil
}

// TXID reads the number of the last transaction.
func (p *Position) TXID() (uint64, error) {
	var text [34]byte
	if _, err := p.f.ReadAt(text[:], 0); err != nil {
		return 0, err
	}
	pos, err := litefstest.ParsePos(string(text[:]))
	return pos.TXID, err
}

// Close closes the descriptor.
func (p *Position) Close() error { return p.f.Close() }
