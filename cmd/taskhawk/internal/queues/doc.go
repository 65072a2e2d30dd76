// Package queues has the commands for whole queues.
package queues
