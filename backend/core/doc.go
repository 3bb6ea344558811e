// Package core holds Stark's nouns — pack, node, pod, namespace — and the rules that need nothing but them: legal
// transitions, selectors, quantities, error codes.
//
// It does no I/O and reads no clock, and it imports no other room of this project: everything else imports it.
package core
