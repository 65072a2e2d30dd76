package sqsx

// Role is what a program does with the queues of an application, and so which permissions it needs. See [Policy].
type Role string

// The roles.
const (
	// RolePublisher dispatches tasks: [NewPublisher].
	RolePublisher Role = "publisher"
	// RoleWorker runs them: [NewWorker]. One whose handlers dispatch is a publisher too.
	RoleWorker Role = "worker"
	// RoleFunction is a Lambda function that an event source mapping feeds from the queues, with a [Settler]; its mapping receives in the
	// function's name.
	RoleFunction Role = "function"
	// RoleRedrive moves dead letters back: [Redrive].
	RoleRedrive Role = "redrive"
	// RoleProvision creates the queues: [Provision].
	RoleProvision Role = "provision"
	// RoleCheck compares the queues with the code: [Check].
	RoleCheck Role = "check"
)

// Roles returns all roles. The slice is the caller's.
func Roles() []Role {
	return []Role{RolePublisher, RoleWorker, RoleFunction, RoleRedrive, RoleProvision, RoleCheck}
}
