package awsbatch

import (
	"errors"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
)

// MaxEntries is how many entries a batch call takes.
const MaxEntries = 10

// ErrNoAnswer is the result of an entry that the service names neither as done nor as failed.
var ErrNoAnswer = errors.New("the service did not say what became of the entry")

// EntryID is the id of the i-th entry of a batch. It is not the message's own: one message can be in a batch twice, and ids
// must differ.
func EntryID(i int) *string { return aws.String(strconv.Itoa(i)) }

// Results are the errors of the entries of a batch, in order: [ErrNoAnswer] until something else is set.
type Results []error

// NewResults makes the results of n entries.
func NewResults(n int) Results { return Fill(n, ErrNoAnswer) }

// Set stores what became of the entry with an id, which is ignored where it is none of [EntryID].
func (r Results) Set(id *string, err error) {
	if i, bad := strconv.Atoi(aws.ToString(id)); bad == nil && i >= 0 && i < len(r) {
		r[i] = err
	}
}

// Fault says whose fault it is in the terms of the SDK.
func Fault(bySender bool) smithy.ErrorFault {
	if bySender {
		return smithy.FaultClient
	}
	return smithy.FaultServer
}
