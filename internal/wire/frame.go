package wire

import (
	"bufio"
	"encoding/binary"
	"io"

	"google.golang.org/protobuf/proto"

	"github.com/litefwd/litefwd/internal/fault"
)

// LinkMagic is what a link begins with; gRPC begins with "PRI * HTTP/2.0".
const LinkMagic = "LITEFWD\n"

// MaxFrame bounds a message on a link, in bytes. Both sides keep far below it;
// a statement that is larger has a gRPC stream of its own.
const MaxFrame = 1 << 20

// frameHeader is the length before each message.
const frameHeader = 4

// Frames are the messages on a link, in both directions. One goroutine at a
// time may call Read, and one Write.
type Frames struct {
	conn io.ReadWriter
	r    *bufio.Reader
	in   []byte // for messages that r cannot hold
	out  []byte
}

// NewFrames returns the frames that go over conn from now on.
func NewFrames(conn io.ReadWriter) *Frames {
	return &Frames{conn: conn, r: bufio.NewReaderSize(conn, 32<<10)}
}

// Read waits for the next message. What is too long or cannot be decoded is an
// error of kind fault.Protocol; other errors are the connection's: io.EOF between
// two messages, io.ErrUnexpectedEOF inside one. After an error nothing more can
// be read.
func (f *Frames) Read(m proto.Message) error {
	header, err := f.r.Peek(frameHeader)
	if err != nil {
		if err == io.EOF && len(header) > 0 { //nolint:errorlint // bufio returns it as it is
			return io.ErrUnexpectedEOF
		}
		return err
	}
	size := binary.BigEndian.Uint32(header)
	if size > MaxFrame {
		return fault.New(fault.Protocol, "a message of %d bytes on a link; the limit is %d", size, MaxFrame)
	}
	f.r.Discard(frameHeader) //nolint:errcheck // they are there
	data, err := f.next(int(size))
	if err != nil {
		return err
	}
	if err := Unmarshal(data, m); err != nil {
		return fault.New(fault.Protocol, "a message on a link: %w", err)
	}
	return nil
}

// next returns the next n bytes, which hold until the next Read.
func (f *Frames) next(n int) ([]byte, error) {
	if n > f.r.Size() {
		if n > cap(f.in) {
			f.in = make([]byte, n)
		}
		_, err := io.ReadFull(f.r, f.in[:n])
		if err == io.EOF { //nolint:errorlint // as above
			err = io.ErrUnexpectedEOF
		}
		return f.in[:n], err
	}
	data, err := f.r.Peek(n)
	if err == io.EOF { //nolint:errorlint // as above
		return nil, io.ErrUnexpectedEOF
	}
	f.r.Discard(len(data)) //nolint:errcheck // they are there
	return data, err
}

// Write sends m by one call of the connection's Write. After an error nothing
// more can be sent, and the other side cannot have got m as a whole, provided
// that an error of the connection's Write means the same of its bytes. TCP's
// does. So does TLS's above such a connection: the record that failed is not
// complete, and the message's end is in it or behind it.
func (f *Frames) Write(m proto.Message) error {
	out, err := proto.MarshalOptions{}.MarshalAppend(append(f.out[:0], make([]byte, frameHeader)...), m)
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint32(out, uint32(len(out)-frameHeader))
	f.out = out
	_, err = f.conn.Write(out)
	return err
}
