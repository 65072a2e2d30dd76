// Package gopool runs functions in goroutines that are kept for a second or two when they
// are done, for the next function.
//
// A goroutine begins with a small stack, which the runtime copies each time it doubles.
// Below a call of the AWS SDK it doubles four times, and a program that starts a
// goroutine for each call spends more on that than on starting it. The next function
// finds a stack that has grown.
package gopool
