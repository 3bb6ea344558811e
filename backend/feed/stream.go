package feed

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pglogrepl"

	"github.com/stark-o/stark/backend/core"
)

// errRelist ends a connection when the stream says something that only a new listing can answer.
var errRelist = errors.New("must list again")

// assembler turns pgoutput messages into one core.Changes a transaction. It does no I/O.
type assembler struct {
	relations map[uint32]*decoder // nil for tables that we do not know
	current   core.Changes
}

func newAssembler() *assembler { return &assembler{relations: map[uint32]*decoder{}} }

// message takes one pgoutput message (protocol version 1). It returns the transaction when the message was its commit.
func (a *assembler) message(data []byte) (*core.Changes, error) {
	msg, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	switch m := msg.(type) {
	case *pglogrepl.BeginMessage:
		a.current = core.Changes{CommitTime: m.CommitTime.UTC(), Transaction: m.Xid}
	case *pglogrepl.RelationMessage:
		return nil, a.relation(m)
	case *pglogrepl.InsertMessage:
		return nil, a.add(m.RelationID, m.Tuple, (*decoder).upsert)
	case *pglogrepl.UpdateMessage:
		if m.OldTupleType == pglogrepl.UpdateMessageTupleTypeKey && a.relations[m.RelationID] != nil {
			// The row goes by another key now, and what is large in it need not have come along.
			return nil, fmt.Errorf("%w: table %s: a key changed", errRelist, a.relations[m.RelationID].name)
		}
		return nil, a.add(m.RelationID, m.NewTuple, (*decoder).upsert)
	case *pglogrepl.DeleteMessage:
		return nil, a.add(m.RelationID, m.OldTuple, (*decoder).delete)
	case *pglogrepl.TruncateMessage:
		return nil, a.truncated(m.RelationIDs)
	case *pglogrepl.CommitMessage:
		done := a.current
		done.Position = uint64(m.TransactionEndLSN)
		a.current = core.Changes{}
		return &done, nil
	}
	return nil, nil // origin, type: nothing to do
}

// expected are the types of message that version 1 of the protocol has.
const expected = "BCORYIUDT"

// parse is pglogrepl.Parse, which panics on a message that ends too early: one broken message costs this connection, not the server.
func parse(data []byte) (msg pglogrepl.Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("malformed message: %v", p)
		}
	}()
	switch {
	case len(data) == 0:
		return nil, errors.New("empty message")
	case strings.IndexByte(expected, data[0]) < 0:
		return nil, fmt.Errorf("unexpected message type %q", data[0])
	}
	return pglogrepl.Parse(data)
}

func (a *assembler) relation(m *pglogrepl.RelationMessage) error {
	if m.Namespace != "public" {
		a.relations[m.RelationID] = nil
		return nil
	}
	columns := make([]string, len(m.Columns))
	for i, c := range m.Columns {
		columns[i] = c.Name
	}
	d, err := newDecoder(m.RelationName, columns)
	if err != nil {
		return err
	}
	a.relations[m.RelationID] = d
	return nil
}

func (a *assembler) truncated(relations []uint32) error {
	for _, id := range relations {
		if d, announced := a.relations[id]; d != nil || !announced {
			return fmt.Errorf("%w: a table was truncated", errRelist)
		}
	}
	return nil // only tables that we do not know
}

func (a *assembler) add(relation uint32, tuple *pglogrepl.TupleData, decode func(*decoder, []cell) (core.Event, error)) error {
	d, ok := a.relations[relation]
	switch {
	case !ok:
		return fmt.Errorf("row of a relation %d that was not announced", relation)
	case d == nil:
		return nil
	case tuple == nil:
		return fmt.Errorf("table %s: message without a row", d.name)
	}
	cells := make([]cell, len(tuple.Columns))
	for i, c := range tuple.Columns {
		switch c.DataType {
		case pglogrepl.TupleDataTypeNull:
		case pglogrepl.TupleDataTypeToast:
			cells[i].unchanged = true
		case pglogrepl.TupleDataTypeText:
			cells[i].text = c.Data
			if c.Data == nil {
				cells[i].text = []byte{}
			}
		default:
			return fmt.Errorf("table %s: column format %q", d.name, c.DataType)
		}
	}
	event, err := decode(d, cells)
	if err != nil {
		return err
	}
	if event != nil {
		a.current.Events = append(a.current.Events, event)
	}
	return nil
}

// Decode reads recorded pgoutput messages (protocol version 1, whole transactions), as Run reads those of the stream.
func Decode(messages [][]byte) ([]core.Changes, error) {
	a := newAssembler()
	var transactions []core.Changes
	for _, message := range messages {
		changes, err := a.message(message)
		if err != nil {
			return nil, err
		}
		if changes != nil {
			transactions = append(transactions, *changes)
		}
	}
	return transactions, nil
}
