// Package iamtest checks permissions in tests, as IAM does in an account: between a
// client and an embedded SQS and SNS. A guard refuses calls that its policy does not
// allow, and lists the permissions that no call needed.
package iamtest
