// Package lambdax will run tasks on AWS Lambda, from SQS and SNS events, and publish them to SNS topics.
//
// It is planned and has no code yet: importing it does nothing.
package lambdax
