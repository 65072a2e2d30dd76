// Package limit checks a message against what SQS and SNS both refuse, before any call. The SDK checks none of it, and a body of
// invalid UTF-8 would even be stored, changed, and then reported as an error.
package limit
