// Package wire is the protocol between litefwd nodes: the messages of
// wire.proto and the conversions between them and the nouns of package forward.
//
// It does no I/O but that of [Frames]. Whatever a peer sends, decoding ends in
// a value or in an error of kind fault.Protocol, and allocates no more than a
// small multiple of the message's size.
//
// Values and arguments are packed into one bytes field instead of a protobuf
// message each: a message per value costs two allocations and turns two bytes
// on the wire into a hundred in memory. The encoding is described at
// [AppendValue].
package wire

//go:generate ./generate.sh
