package dbfile

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
)

const (
	walHeader   = 32
	frameHeader = 24
)

// walFrames are the pages that a WAL holds as of its last commit.
type walFrames struct {
	pageSize int
	count    int // pages of the database as of that commit
	pages    map[int][]byte
}

func (w *walFrames) page(i int) []byte {
	if w == nil {
		return nil
	}
	return w.pages[i]
}

// readWAL returns the committed frames of the WAL at path, nil if there are
// none. The caller holds the database's write lock, so that the WAL does not
// grow and is not reset. Opening it briefly is harmless: SQLite's locks are on
// the database and on the -shm file, never on the WAL.
func readWAL(path string) (*walFrames, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseWAL(b), nil
}

// parseWAL follows https://www.sqlite.org/fileformat2.html#the_write_ahead_log:
// a frame counts if its salts are the header's and the running checksum is
// right, and only up to the last frame that ends a transaction. After a
// checkpoint that emptied the WAL without shortening it, the old frames still
// look right until the first new one; they are then equal to the file.
func parseWAL(b []byte) *walFrames {
	if len(b) < walHeader {
		return nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch binary.BigEndian.Uint32(b) {
	case 0x377f0682:
	case 0x377f0683:
		order = binary.BigEndian
	default:
		return nil
	}
	size := int(binary.BigEndian.Uint32(b[8:]))
	sum := walChecksum{order: order}
	sum.add(b[:24])
	if size < 512 || !sum.is(b[24:32]) {
		return nil
	}
	var committed *walFrames
	pending := make(map[int][]byte)
	for at := walHeader; at+frameHeader+size <= len(b); at += frameHeader + size {
		head, page := b[at:at+frameHeader], b[at+frameHeader:at+frameHeader+size]
		if string(head[8:16]) != string(b[16:24]) {
			break
		}
		sum.add(head[:8])
		sum.add(page)
		if !sum.is(head[16:24]) {
			break
		}
		pending[int(binary.BigEndian.Uint32(head))-1] = page
		if count := binary.BigEndian.Uint32(head[4:]); count != 0 {
			if committed == nil {
				committed = &walFrames{pageSize: size, pages: make(map[int][]byte)}
			}
			committed.count = int(count)
			for i, p := range pending {
				committed.pages[i] = p
			}
			clear(pending)
		}
	}
	return committed
}

// walChecksum is the running checksum over a WAL's header and frames.
type walChecksum struct {
	order  binary.ByteOrder
	s0, s1 uint32
}

func (c *walChecksum) add(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		c.s0 += c.order.Uint32(b) + c.s1
		c.s1 += c.order.Uint32(b[4:]) + c.s0
	}
}

func (c *walChecksum) is(stored []byte) bool {
	return binary.BigEndian.Uint32(stored) == c.s0 && binary.BigEndian.Uint32(stored[4:]) == c.s1
}
