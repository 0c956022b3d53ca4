package wire

import (
	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// The bounds on the databases that messages name.
const (
	maxPositions    = 4096 // of a HandoverReply
	MaxFollowed     = 1024 // on a link
	MaxDatabaseName = 255  // in bytes, as file systems have it (NAME_MAX)
)

// NewPositions converts the positions of databases, by their names. Too many,
// or too long a name, is an error of kind fault.TooLarge.
func NewPositions(positions map[string]engine.Position) ([]*DatabasePosition, error) {
	if err := checkPositions(len(positions)); err != nil {
		return nil, err
	}
	all := make([]*DatabasePosition, 0, len(positions))
	for name, pos := range positions {
		if err := checkDatabaseName(len(name)); err != nil {
			return nil, err
		}
		all = append(all, &DatabasePosition{Database: []byte(name), Position: newPosition(pos)})
	}
	return all, nil
}

// Forward is the inverse of NewPositions, with the same errors. A name that
// comes twice is an error of kind fault.Protocol.
func (m *HandoverReply) Forward() (map[string]engine.Position, error) {
	if err := checkPositions(len(m.GetPositions())); err != nil {
		return nil, err
	}
	all := make(map[string]engine.Position, len(m.GetPositions()))
	for _, p := range m.GetPositions() {
		if err := checkDatabaseName(len(p.GetDatabase())); err != nil {
			return nil, err
		}
		name := string(p.GetDatabase())
		if _, found := all[name]; found {
			return nil, fault.New(fault.Protocol, "database %q has two positions", name)
		}
		all[name] = p.GetPosition().forward()
	}
	return all, nil
}

func checkPositions(n int) error {
	if n > maxPositions {
		return fault.New(fault.TooLarge, "positions of %d databases; the limit is %d", n, maxPositions)
	}
	return nil
}

func checkDatabaseName(bytes int) error {
	if bytes > MaxDatabaseName {
		return fault.New(fault.TooLarge, "a database's name has %d bytes; the limit is %d", bytes, MaxDatabaseName)
	}
	return nil
}

// NewNews says how far a database of this node has come, in the term in which it
// is primary.
func NewNews(database string, pos engine.Position, term uint64) *News {
	return &News{Database: []byte(database), Position: newPosition(pos), Term: term}
}

// Forward is the inverse of NewNews.
func (m *News) Forward() (database string, pos engine.Position, term uint64) {
	return string(m.GetDatabase()), m.GetPosition().forward(), m.GetTerm()
}

// Followed returns the databases that are to be followed. Too many, or too long a
// name, is an error of kind fault.Protocol.
func (m *LinkRequest) Followed() ([]string, error) {
	if n := len(m.GetFollow()); n > MaxFollowed {
		return nil, fault.New(fault.Protocol, "%d databases to be followed; the limit is %d", n, MaxFollowed)
	}
	var all []string
	for _, name := range m.GetFollow() {
		if len(name) > MaxDatabaseName {
			return nil, fault.New(fault.Protocol, "a database's name has %d bytes; the limit is %d", len(name), MaxDatabaseName)
		}
		all = append(all, string(name))
	}
	return all, nil
}

// newPosition returns nil for the zero position.
func newPosition(p engine.Position) *Position {
	if p.IsZero() {
		return nil
	}
	return &Position{Txid: p.TXID, Checksum: p.Checksum}
}

func (m *Position) forward() engine.Position {
	return engine.Position{TXID: m.GetTxid(), Checksum: m.GetChecksum()}
}
