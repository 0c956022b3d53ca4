package wire

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"

	"google.golang.org/protobuf/proto"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// NewBatchRequest converts b. What cannot travel is an error that names the
// statement (*fault.BatchError), or of kind fault.TooLarge if it is too much.
func NewBatchRequest(ctx context.Context, database string, b forward.Batch) (*BatchRequest, error) {
	if err := forward.CheckBatch(len(b.Statements)); err != nil {
		return nil, err
	}
	m := &BatchRequest{Id: b.ID[:], Database: []byte(database), TimeoutNs: Timeout(ctx)}
	for i, st := range b.Statements {
		args, err := packArgs(st.Args)
		if err != nil {
			return nil, &fault.BatchError{Index: i, Err: err}
		}
		m.Statements = append(m.Statements, &BatchStatement{Sql: []byte(st.SQL), Args: args})
	}
	return m, nil
}

// Forward is the inverse of NewBatchRequest.
func (m *BatchRequest) Forward() (b forward.Batch, err error) {
	if b.ID, err = NewID(m.GetId()); err != nil {
		return b, err
	}
	if err := forward.CheckBatch(len(m.GetStatements())); err != nil {
		return b, err
	}
	for _, st := range m.GetStatements() {
		args, err := unpackArgs(st.GetArgs())
		if err != nil {
			return b, err
		}
		b.Statements = append(b.Statements, forward.Statement{SQL: string(st.GetSql()), Args: args})
	}
	return b, nil
}

// NewBatchReply converts the result of a batch that is committed. If that is larger
// than limit, the reply is an error that says so.
func NewBatchReply(id forward.ID, res forward.BatchResult, limit int) *BatchReply {
	m := &BatchReply{Result: NewResult(res.Result)}
	for _, item := range res.Items {
		i, err := newBatchItem(item)
		if err != nil {
			return batchLost(id, err)
		}
		m.Items = append(m.Items, i)
	}
	if size := proto.Size(m); size > limit {
		return batchLost(id, fault.New(fault.TooLarge, "they have %d bytes; the limit is %d", size, limit))
	}
	return m
}

// batchLost says that a batch is committed whose results cannot travel.
func batchLost(id forward.ID, err error) *BatchReply {
	e := fault.New(fault.TooLarge, "the batch is committed, but its results cannot be sent: %w", err)
	e.Committed, e.RequestID = true, id.String()
	return &BatchReply{Error: NewError(e)}
}

func newBatchItem(item forward.BatchItem) (*BatchItem, error) {
	m := &BatchItem{Result: NewResult(item.Result)}
	if item.Rows == nil {
		return m, nil
	}
	for _, c := range item.Rows.Columns() {
		m.Columns = append(m.Columns, []byte(c.Name))
	}
	row := make([]driver.Value, len(m.Columns))
	for {
		err := item.Rows.Next(row)
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		for i := 0; i < len(row) && err == nil; i++ {
			m.Values, err = AppendValue(m.Values, row[i])
		}
		if err != nil {
			return nil, err
		}
		m.Count++
	}
}

// Forward is the inverse of NewBatchReply. Its error is the other node's, or of kind
// fault.Protocol if the reply cannot be read.
func (m *BatchReply) Forward() (res forward.BatchResult, err error) {
	if err := m.GetError().Err(); err != nil {
		if n := int(m.GetFailed()); n > 0 {
			err = &fault.BatchError{Index: n - 1, Err: err}
		}
		return res, err
	}
	res.Result = m.GetResult().Forward()
	for _, item := range m.GetItems() {
		out := forward.BatchItem{Result: item.GetResult().Forward()}
		if len(item.GetColumns()) > 0 {
			out.Rows = newBatchRows(item)
		}
		res.Items = append(res.Items, out)
	}
	return res, nil
}

// batchRows are the rows of one statement of a batch.
type batchRows struct {
	columns []forward.Column
	left    uint32
	values  reader
}

func newBatchRows(m *BatchItem) *batchRows {
	r := &batchRows{left: m.GetCount(), values: reader{data: m.GetValues()}}
	for _, name := range m.GetColumns() {
		r.columns = append(r.columns, forward.Column{Name: string(name)})
	}
	return r
}

func (r *batchRows) Columns() []forward.Column { return r.columns }
func (r *batchRows) Result() forward.Result    { return forward.Result{} }
func (r *batchRows) Close() error              { return nil }

func (r *batchRows) Next(dest []driver.Value) error {
	if r.left == 0 {
		return io.EOF
	}
	r.left--
	for i := range dest {
		dest[i] = r.values.value()
	}
	return r.values.err
}
