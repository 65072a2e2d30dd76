// Package infra declares the queues, topics, permissions, schedules and alarms of
// applications: from a small file it writes Terraform for the AWS provider from version 5
// on, or a CloudFormation template. The values are those of sqscheck.Advised, so that
// sqscheck.Check finds nothing. It makes no call, and the same file gives the same bytes.
package infra
