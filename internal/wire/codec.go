package wire

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	_ "google.golang.org/grpc/encoding/proto" // registers what Codec wraps
)

// Codec is gRPC's protobuf codec with a bound on what a message may unfold to.
// Both sides force it.
var Codec encoding.CodecV2 = codec{encoding.GetCodecV2("proto")}

type codec struct{ encoding.CodecV2 }

// Small messages cannot unfold to much (an empty message inside a message
// takes two bytes on the wire and some hundred in memory), so that only
// larger ones are looked through first.
const (
	checkAbove = 64 << 10
	maxInside  = 64 << 10 // messages inside one message
	maxDepth   = 8
)

// Unmarshal implements encoding.CodecV2.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("message is a %T", v)
	}
	buf := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buf.Free()
	return Unmarshal(buf.ReadOnlyData(), m)
}

// Unmarshal decodes one message, bounded as described at [Codec].
func Unmarshal(data []byte, m proto.Message) error {
	if len(data) > checkAbove {
		if _, err := countInside(data, m.ProtoReflect().Descriptor().Fields(), maxInside, maxDepth); err != nil {
			return err
		}
	}
	return proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, m)
}

// countInside returns how many more messages than those in data are allowed.
func countInside(data []byte, fields protoreflect.FieldDescriptors, left, depth int) (int, error) {
	if depth == 0 {
		return 0, fmt.Errorf("messages nested deeper than %d", maxDepth)
	}
	for len(data) > 0 {
		number, typ, n := protowire.ConsumeTag(data)
		if n < 0 {
			return 0, protowire.ParseError(n)
		}
		data = data[n:]
		size := protowire.ConsumeFieldValue(number, typ, data)
		if size < 0 {
			return 0, protowire.ParseError(size)
		}
		field := fields.ByNumber(number)
		if field != nil && typ == protowire.BytesType {
			inside, n := protowire.ConsumeBytes(data)
			if n < 0 {
				return 0, protowire.ParseError(n)
			}
			switch {
			case field.Message() != nil:
				if left--; left < 0 {
					return 0, fmt.Errorf("more than %d messages inside one", maxInside)
				}
				var err error
				if left, err = countInside(inside, field.Message().Fields(), left, depth-1); err != nil {
					return 0, err
				}
			case field.IsList() && len(inside) > maxInside: // packed numbers
				return 0, fmt.Errorf("list of %d bytes", len(inside))
			}
		}
		data = data[size:]
	}
	return left, nil
}
