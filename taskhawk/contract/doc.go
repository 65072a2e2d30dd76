// Package contract describes the messages of tasks and detects changes that break them.
//
// Programs that share a queue must agree on the names of tasks and the types of their
// arguments. No compiler checks this: a renamed field becomes a dead letter in
// production. [Of] describes the tasks of a hub from the codec that writes and reads
// them:
//
//	{"name": "to", "schema": {"type": "string", "minLength": 1, "format": "email"}}
//
// [Check] is one line in a test. It keeps the description in a file beside the code. It
// fails when a change breaks messages in flight or programs that are not deployed yet:
//
//	func TestContract(t *testing.T) { contract.Check(t, "contract.json", hub) }
//
// The page docs/contracts.md has the rules and the limits of schemas.
//
// [Python] writes Python functions with type hints that dispatch the tasks. [FromPython]
// reads the signatures of tasks written in Python. [Go] writes a contract as Go structs.
//
// Nothing here runs in production. The package adds nothing to programs that do not
// import it.
package contract
