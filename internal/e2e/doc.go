// Package e2e asks others about the embedded SQS of package sqstest: the same cases run,
// with the SDK of AWS, against it and against two services that strangers wrote in
// another language, and an application of this library runs on all three.
//
// Each case says what AWS documents. The embedded server has no exceptions; what the
// others do differently stands in a list, with the sentence of the documentation that
// decides. A difference that is not listed fails, and so does a listed one that is gone.
// docs/sqstest.md has the list for readers.
//
// The tests need node and npm, so they have a build tag:
//
//	make e2e
package e2e
