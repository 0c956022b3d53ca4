package dbfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc64"
)

// Offsets in page 1 (https://www.sqlite.org/fileformat2.html#the_database_header)
// of the fields that belong to a file rather than to its contents: two copies
// of one database may differ in them.
const (
	offPageSize     = 16
	offWriteVersion = 18 // 1 rollback journal, 2 WAL
	offReadVersion  = 19
	offCounter      = 24 // change counter: how SQLite notices that its page cache is old
	offValidFor     = 92 // the change counter for which the size in the header is valid

	headerSize = 100
)

// maxBytes keeps a file below SQLite's lock bytes at 1 GiB, whose page is
// never written, and a test's memory below reason.
const maxBytes = 512 << 20

// checksumFlag is set in every checksum, as LiteFS does, so that the checksum
// of an existing database is never zero.
const checksumFlag = 1 << 63

var crcTable = crc64.MakeTable(crc64.ISO)

// Image is a whole database, immutable and in canonical form: the fields of
// the header that belong to one file only are neutral, so that equal contents
// are equal bytes on every node. Images share the pages that they have in
// common. A nil *Image is the empty database.
type Image struct {
	pageSize int
	pages    [][]byte
	checksum uint64
}

// Change is what one transaction did to an Image.
type Change struct {
	pageSize int
	count    int            // pages after the transaction
	pages    map[int][]byte // by index, not by page number
	checksum uint64
}

// Checksum is LiteFS's rolling checksum: the XOR of all pages' CRC-64.
func (m *Image) Checksum() uint64 {
	if m == nil {
		return checksumFlag
	}
	return m.checksum | checksumFlag
}

// Pages is the number of pages, 0 for the empty database.
func (m *Image) Pages() int {
	if m == nil {
		return 0
	}
	return len(m.pages)
}

// Equal reports whether both have the same contents.
func (m *Image) Equal(o *Image) bool {
	if m.Pages() == 0 || o.Pages() == 0 {
		return m.Pages() == o.Pages()
	}
	return m.pageSize == o.pageSize && len(diff(m, o)) == 0 && len(m.pages) == len(o.pages)
}

// Diff returns what turns from into to, or nil if they are equal.
func Diff(from, to *Image) *Change {
	if from.Equal(to) {
		return nil
	}
	if to == nil {
		return &Change{}
	}
	return &Change{pageSize: to.pageSize, count: len(to.pages), pages: diff(from, to), checksum: to.checksum}
}

// With returns m after c.
func (m *Image) With(c *Change) *Image {
	if c.count == 0 {
		return nil
	}
	next := &Image{pageSize: c.pageSize, pages: make([][]byte, c.count), checksum: c.checksum}
	if m != nil && m.pageSize == c.pageSize {
		copy(next.pages, m.pages)
	}
	for i, p := range c.pages {
		next.pages[i] = p
	}
	return next
}

// diff returns the pages of to that from lacks or has otherwise.
func diff(from, to *Image) map[int][]byte {
	changed := make(map[int][]byte)
	if to == nil {
		return changed
	}
	for i, p := range to.pages {
		if from == nil || from.pageSize != to.pageSize || i >= len(from.pages) || !samePage(from.pages[i], p) {
			changed[i] = p
		}
	}
	return changed
}

// samePage compares addresses first: images share what they have in common.
func samePage(a, b []byte) bool {
	return &a[0] == &b[0] || bytes.Equal(a, b)
}

// newImage makes an Image of a file's bytes, into which the pages of frames
// are laid. It shares with base all pages that are equal, and copies the rest.
func newImage(base *Image, file []byte, frames *walFrames) (*Image, error) {
	if len(file) == 0 && frames == nil {
		return nil, nil
	}
	if len(file) < headerSize {
		return nil, fmt.Errorf("file of %d bytes is no database", len(file))
	}
	size := pageSize(file)
	if size < 512 || size&(size-1) != 0 {
		return nil, fmt.Errorf("page size %d is not possible", size)
	}
	if base != nil && base.pageSize != size {
		base = nil
	}
	count := len(file) / size
	if frames != nil {
		if frames.pageSize != size {
			return nil, fmt.Errorf("page size %d in the file, %d in its WAL", size, frames.pageSize)
		}
		count = frames.count
	}
	m := &Image{pageSize: size, pages: make([][]byte, count)}
	for i := range m.pages {
		page := frames.page(i)
		if page == nil {
			if (i+1)*size > len(file) {
				return nil, fmt.Errorf("page %d of %d is missing", i+1, count)
			}
			page = file[i*size : (i+1)*size]
		}
		if i == 0 {
			page = canonical(page)
		}
		if base != nil && i < len(base.pages) && bytes.Equal(base.pages[i], page) {
			page = base.pages[i]
		} else {
			page = bytes.Clone(page)
		}
		m.pages[i] = page
		m.checksum ^= pageChecksum(i, page)
	}
	return m, nil
}

// canonical returns a copy of page 1 with the fields that belong to the file
// made neutral.
func canonical(page1 []byte) []byte {
	p := bytes.Clone(page1)
	p[offWriteVersion], p[offReadVersion] = 1, 1
	clear(p[offCounter : offCounter+4])
	clear(p[offValidFor : offValidFor+4])
	return p
}

// forFile is the reverse of canonical: page 1 as it is written to a file.
func forFile(page1 []byte, counter uint32) []byte {
	p := bytes.Clone(page1)
	binary.BigEndian.PutUint32(p[offCounter:], counter)
	binary.BigEndian.PutUint32(p[offValidFor:], counter)
	return p
}

func pageSize(header []byte) int {
	n := int(binary.BigEndian.Uint16(header[offPageSize:]))
	if n == 1 {
		return 65536
	}
	return n
}

func pageChecksum(i int, page []byte) uint64 {
	var no [4]byte
	binary.BigEndian.PutUint32(no[:], uint32(i+1))
	return crc64.Update(crc64.Update(0, crcTable, no[:]), crcTable, page)
}
