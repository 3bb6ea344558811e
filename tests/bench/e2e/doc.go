// Package e2e measures the way of a pod, end to end: from the INSERT of its row in a real Postgres (fsync and synchronous_commit on) to the
// pod:assign frame at the agent's end of a real WebSocket, through the server as it is shipped.
//
// Everything runs in this process but Postgres: the server, the agents, and whoever inserts. So all of them share the machine, and the
// figures are those of the whole.
//
//	world    a stack with its server, and the fleet of agents
//	fleet    agents that speak docs/protocol.md
//	load     who inserts pods, by the clock
//	track    when each pod was wanted, sent, committed and assigned
//	ceiling  the same loop with nothing in it
//
// The api.* figures are of people who ask the REST API: api.
//
// The agent.* figures are of real agents instead, Node.js and a tab of a real Chromium, each a process of its own: runtimes, agents, pss.
package e2e

import "github.com/stark-o/stark/tests/bench/bench"

// Register adds this package's benchmarks.
func Register(suite *bench.Suite) {
	suite.Register("e2e.assign", Assign)
	suite.Register("e2e.ceiling", Ceiling)
	suite.Register("agent.start", Start)
	suite.Register("agent.memory", Memory)
	suite.Register("agent.density", Density)
	suite.Register("api.list", APIList)
	suite.Register("api.get", APIGet)
	suite.Register("api.create", APICreate)
	suite.Register("rls.cost", RLSCost)
	suite.Register("feed.list", FeedList)
	suite.Register("feed.decode", FeedDecode)
}
