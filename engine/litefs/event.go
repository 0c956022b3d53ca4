package litefs

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/litefwd/litefwd/engine"
)

// maxLine bounds one event and one answer of LiteFS's HTTP API.
const maxLine = 1 << 20

// event is one line of GET /events. Only the fields of its kind are set.
type event struct {
	kind string

	role role // init, primaryChange

	db      string // tx
	pos     engine.Position
	dropped bool // tx: the database has no pages any more
}

// The kinds of event that the engine knows; others are skipped.
const (
	eventInit          = "init"
	eventPrimaryChange = "primaryChange"
	eventTx            = "tx"
)

// role is what LiteFS says of itself: primary or not, and the primary's
// hostname if another node is. The zero role is that no primary is known.
type role struct {
	isPrimary bool
	host      string
}

var errLineTooLong = fmt.Errorf("LiteFS sent an event of more than %d bytes", maxLine)

// eventReader splits the stream into events.
type eventReader struct {
	r    *bufio.Reader
	line []byte
}

func newEventReader(r io.Reader) *eventReader {
	return &eventReader{r: bufio.NewReaderSize(r, 4096)}
}

// next returns the next event. At the end of the stream it returns io.EOF.
func (e *eventReader) next() (event, error) {
	e.line = e.line[:0]
	for {
		part, err := e.r.ReadSlice('\n')
		if len(e.line)+len(part) > maxLine {
			return event{}, errLineTooLong
		}
		e.line = append(e.line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return event{}, err // a line without its end is worth nothing
		}
		return parseEvent(e.line)
	}
}

// parseEvent decodes one line.
func parseEvent(line []byte) (event, error) {
	var v struct {
		Type string          `json:"type"`
		DB   string          `json:"db"`
		Data json.RawMessage `json:"data"`
	}
	var data struct {
		IsPrimary bool   `json:"isPrimary"`
		Hostname  string `json:"hostname"`
		TXID      string `json:"txID"`
		Checksum  string `json:"postApplyChecksum"`
		Commit    uint32 `json:"commit"`
	}
	err := json.Unmarshal(line, &v)
	if err == nil && (v.Type == eventInit || v.Type == eventPrimaryChange || v.Type == eventTx) {
		err = json.Unmarshal(v.Data, &data)
	}
	if err != nil {
		return event{}, fmt.Errorf("LiteFS sent an event that cannot be read: %w", err)
	}
	e := event{kind: v.Type}
	switch v.Type {
	case eventInit, eventPrimaryChange:
		e.role.isPrimary = data.IsPrimary
		if !data.IsPrimary {
			e.role.host = data.Hostname
		}
	case eventTx:
		e.db, e.dropped = v.DB, data.Commit == 0
		if e.pos.TXID, err = parseHex16(data.TXID); err == nil {
			e.pos.Checksum, err = parseHex16(data.Checksum)
		}
		if err != nil {
			return event{}, fmt.Errorf("LiteFS sent a transaction that cannot be read: %w", err)
		}
	}
	return e, nil
}
