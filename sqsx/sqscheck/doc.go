// Package sqscheck compares the queues of an application with the needs of the code, and
// writes IAM policies.
//
// [Check] reads the attributes of the queues and reports problems and what to do about
// them. Run it at deployment with the configuration of the workers:
//
//	report, err := sqscheck.Check(ctx, client, "dev-myapp", sqscheck.Config{Worker: config})
//	fmt.Print(report)
//
// [Policy] returns the least policy that a program needs, by its roles.
package sqscheck
