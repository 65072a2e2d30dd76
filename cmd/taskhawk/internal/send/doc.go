// Package send dispatches tasks by name.
package send
