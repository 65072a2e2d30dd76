// Package queues has the commands that are about queues as a whole.
package queues
