// Package sockettest tests the hub where it runs: behind the real Fiber endpoint, with the real verifier and the real database, spoken to by a
// real WebSocket client. It has nothing but tests; it is a package of its own because api and hub do not import each other.
package sockettest
