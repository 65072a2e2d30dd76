// Package sqsqueue knows the queues of an application: their names, URLs and attributes.
// Packages sqsx and sqsx/sqscheck share it. Its errors name no queue: the callers wrap
// them in a *sqsx.QueueError.
package sqsqueue
