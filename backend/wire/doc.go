// Package wire holds every DTO and frame that crosses a socket: the agent protocol (docs/protocol.md) and the REST
// bodies. It parses and validates; it does no I/O.
package wire
