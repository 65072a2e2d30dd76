//go:build e2e

package e2e_test

// A difference is what another service does otherwise than AWS documents, and than the
// embedded server does.
type difference struct {
	service, check string
	got            string // the story of the probe
	allowed        bool   // the documentation leaves it open: both are right
}

func differenceOf(service, check string) (difference, bool) {
	for _, d := range differences() {
		if d.service == service && d.check == check {
			return d, true
		}
	}
	return difference{}, false
}

func differences() []difference { return append(fauxqsDifferences(), localDifferences()...) }

func fauxqsDifferences() []difference {
	return []difference{
		{"fauxqs", "names of queues", "space ok, length ok, period ok", false},
		{"fauxqs", "attributes that a queue cannot have", "name ok, value InvalidAttributeValue, range InvalidAttributeValue", false},
		{"fauxqs", "purging a queue", "ok, left 0, again ok", false},
		{"fauxqs", "deleting a queue", "ok, send QueueDoesNotExist, create ok", false},
		{"fauxqs", "a body comes back unchanged", "stopped by InvalidMessageContents", false},
		{"fauxqs", "delays that are too long", "900: ok; 901: ok; -1: ok", false},
		{"fauxqs", "a group on a standard queue", "ok, group none", false},
		{"fauxqs", "a deduplication id on a standard queue", "x: ok", false},
		{"fauxqs", "only the attributes that were asked for", "one: a; prefix: a.x a.y; nothing: a a.x a.y b", false},
		{"fauxqs", "how many attributes", "10: ok; 11: ok", false},
		{"fauxqs", "names of attributes", "space: ok; AWS.: ok; amazon.: ok; .a: ok; a..b: ok; 257: ok", false},
		{"fauxqs", "values of attributes", "empty: ok; text as number: ok; type: ok; no type: ok", false},
		{"fauxqs", "characters that no attribute may have", "refused false", false},
		{"fauxqs", "the trace header", "none", false},
		{"fauxqs", "batches that are refused as a whole", "empty EmptyBatchRequest; eleven TooManyEntriesInBatchRequest; same ids BatchEntryIdsNotDistinct; bad id InvalidBatchEntryId; long id ok; too long BatchRequestTooLong", false},
		{"fauxqs", "deleting a batch in part", "deleted good; deleted bad", false},
		{"fauxqs", "a receipt handle that never was", "ok", false},
		{"fauxqs", "changes that are refused", "43201: InvalidParameterValue; -1: InvalidParameterValue; bogus: MessageNotInflight; past 12 h: ok", false},
		{"fauxqs", "a change after the timeout", "ok", true},
		{"fauxqs", "received more often than allowed", "received 2 times; then 0; dead x; attribute v; source false; same sent time true", false},
		{"fauxqs", "the queues of a dead-letter queue", "stopped by InvalidAction", false},
		{"fauxqs", "redrive policies that are refused", "missing queue: refused false; count 0: refused false; no JSON: refused false", false},
		{"fauxqs", "dead letters of a FIFO queue need a FIFO queue", "refused false", false},
		{"fauxqs", "a move task moves dead letters back", "stopped by InvalidAction", false},
		{"fauxqs", "a move task to another queue", "stopped by InvalidAction", false},
		{"fauxqs", "a move task from a queue that is not there", "InvalidAction", false},
		{"fauxqs", "a receive of several messages of a group", "0", true},
		{"fauxqs", "what a FIFO queue refuses", "no group: MissingParameter; no deduplication: InvalidParameterValue; delay: InvalidParameterValue; long group: ok", false},
		{"fauxqs", "FIFO queues have names in .fifo", "attribute without the name: refused true; name without the attribute: refused false", false},
	}
}

func localDifferences() []difference {
	return []difference{
		{"local-aws-sqs", "attributes that a queue cannot have", "name InvalidAttributeName, value InvalidParameterValue, range InvalidParameterValue", false},
		{"local-aws-sqs", "counts of messages", "visible 2, in flight 1, delayed 1", false},
		{"local-aws-sqs", "purging a queue", "ok, left 1, again PurgeQueueInProgress", true},
		{"local-aws-sqs", "characters that no body may have", "U+0000: ok; U+001F: ok; U+FFFE: ok; U+FFFF: ok", false},
		{"local-aws-sqs", "a delayed message", "at once 0; after much more 1", false},
		{"local-aws-sqs", "the delay of a queue", "at once 0; after much more 1", false},
		{"local-aws-sqs", "names of attributes", "space: ok; AWS.: InvalidParameterValue; amazon.: InvalidParameterValue; .a: InvalidParameterValue; a..b: InvalidParameterValue; 257: InvalidParameterValue", false},
		{"local-aws-sqs", "characters that no attribute may have", "refused false", false},
		{"local-aws-sqs", "system attributes by the parameter of today", "count -1, others -1", false},
		{"local-aws-sqs", "a batch that fails in part", "stored a b c; received a b(U+0000) c", false},
		{"local-aws-sqs", "a long poll waits for a message", "1 message after much more", false},
		{"local-aws-sqs", "a receipt handle of an earlier receive", "ok, left 0", true},
		{"local-aws-sqs", "a message that is given back", "ok, after 0 s count 3", false},
		{"local-aws-sqs", "changes that are refused", "43201: InvalidParameterValue; -1: InvalidParameterValue; bogus: ReceiptHandleIsInvalid; past 12 h: ok", false},
		{"local-aws-sqs", "a change after the timeout", "ok", true},
		{"local-aws-sqs", "received more often than allowed", "stopped, for want of a message", false},
		{"local-aws-sqs", "a group waits for its messages in flight", "g 0; in flight 1; stopped, for want of a message", false},
		{"local-aws-sqs", "other groups do not wait", "a0, then a1 b0", false},
		{"local-aws-sqs", "a message that comes back is the first of its group", "1 again; count 1", false},
		{"local-aws-sqs", "deduplication holds after the delete", "left 1", false},
	}
}
