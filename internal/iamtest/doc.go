// Package iamtest stands in a test where IAM stands in an account: between a client and an
// embedded SQS and SNS. A guard refuses what its policy does not allow, and lists the
// permissions that no call needed.
package iamtest
