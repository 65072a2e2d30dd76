// Package faults has no code to import: its tests are the fault suite of SQS and Lambda.
// Each test has the number of a fault, T01 and so on, and runs publisher and workers
// against the embedded SQS of package sqstest while that fault is at work. What must hold
// is read from the server's ledger: no task is lost, none is deleted before its handler
// succeeded, and none runs twice but for a reason that the ledger shows.
//
// T20 and T47 to T49 are those of Lambda functions: the test binary is the function,
// lambda.Start its loop, and package lambdatest the runtime. What must hold is read from
// the answers by Lambda's rules: no record is done that did not succeed.
//
// Time is virtual, so that an outage of an hour takes a moment, except in the tests that
// need sockets or processes.
//
// When the environment variable FAULTS_REPORT names a folder, each check leaves a JSON
// file there with its figures.
package faults
