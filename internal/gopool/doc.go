// Package gopool runs functions in goroutines. It keeps idle goroutines for a second or
// two, for the next functions.
//
// A goroutine begins with a small stack, which the runtime copies each time it doubles.
// In a call of the AWS SDK it doubles four times. These copies cost a program more than
// the start of a goroutine for each call. A kept goroutine has a stack that has grown.
package gopool
