// Package sqsx is the SQS transport of Taskhawk.
//
// placeholder
package sqsx
