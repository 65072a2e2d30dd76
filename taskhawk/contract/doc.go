// Package contract writes down what is on the wire, and keeps it.
//
// Two programs share a queue by the names of tasks and the shapes of their arguments,
// which no compiler checks: a renamed field becomes a dead letter in production. [Of]
// describes the tasks of a hub by the plan of the codec that writes and reads them:
//
//	{"name": "to", "schema": {"type": "string", "minLength": 1, "format": "email"}}
//
// [Check] is one line in a test. It keeps the description in a file beside the code, and
// fails when a change breaks messages in flight or programs that are not deployed yet:
//
//	func TestContract(t *testing.T) { contract.Check(t, "contract.json", hub) }
//
// The page docs/contracts.md has the rules, and what schemas leave open.
//
// For Python, [Python] writes functions with type hints to dispatch by, and [FromPython]
// reads the signatures of tasks that are written in it; [Go] writes a contract as Go
// structs.
//
// Nothing here runs in production: a program that does not import this package does not
// grow by it.
package contract
