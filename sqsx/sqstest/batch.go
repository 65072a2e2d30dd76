package sqstest

// maxBatchEntries is how many entries one batch request may have.
const maxBatchEntries = 10

// batchEntry is what the entries of all batches have: an id within the batch.
type batchEntry struct {
	Id string `sqs:"required"`
}

func (e batchEntry) entryID() string { return e.Id }

// batchInput is the input of a batch of one kind of entries.
type batchInput[E interface{ entryID() string }] struct {
	queueTarget
	Entries []E `sqs:"required"`
}

func (in *batchInput[E]) entryIDs() []string {
	ids := make([]string, len(in.Entries))
	for i, entry := range in.Entries {
		ids[i] = entry.entryID()
	}
	return ids
}

// batchOutput is the answer to a batch: each entry is in one of the two lists.
type batchOutput[R any] struct {
	Successful []R            `xml:"Successful>member"`
	Failed     []batchFailure `xml:"Failed>member"`
}

type batchFailure struct {
	Id          string
	Code        string
	Message     string
	SenderFault bool
}

// batchResult is an entry that succeeded, for batches that answer no more.
type batchResult struct {
	Id string
}

// openBatch finds the queue of a batch and checks the batch as a whole.
func openBatch[E interface{ entryID() string }](a *account, in *batchInput[E]) (*queue, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return q, checkBatch(in.Entries)
}

// checkBatch checks the rules that refuse a whole batch.
func checkBatch[E interface{ entryID() string }](entries []E) error {
	if len(entries) == 0 {
		return newError("EmptyBatchRequest", "There should be at least one entry in the request.")
	}
	if len(entries) > maxBatchEntries {
		return newError("TooManyEntriesInBatchRequest",
			"Maximum number of entries per request are %d. You have sent %d.", maxBatchEntries, len(entries))
	}
	seen := map[string]bool{}
	for _, entry := range entries {
		id := entry.entryID()
		if !legalEntryID(id) {
			return newError("InvalidBatchEntryId",
				"A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[id] {
			return newError("BatchEntryIdsNotDistinct", "Id %s repeated.", id)
		}
		seen[id] = true
	}
	return nil
}

func legalEntryID(id string) bool {
	for _, r := range id {
		if !isWordCharacter(r) {
			return false
		}
	}
	return id != "" && len(id) <= 80
}

// eachEntry applies every entry of a checked batch by itself, and sorts the
// results into the two lists of the answer.
func eachEntry[E interface{ entryID() string }, R any](
	c *call, entries []E, apply func(E) (R, error),
) *batchOutput[R] {
	out := &batchOutput[R]{Successful: []R{}, Failed: []batchFailure{}}
	for i, entry := range entries {
		id, fault := entry.entryID(), c.entryFault(i)
		if fault != nil && !fault.after {
			out.Failed = fault.report(out.Failed, id)
			continue
		}
		result, err := apply(entry)
		switch {
		case fault != nil:
			out.Failed = fault.report(out.Failed, id)
		case err != nil:
			c.refused = append(c.refused, asAPIError(err).code)
			out.Failed = append(out.Failed, failure(id, asAPIError(err)))
		default:
			out.Successful = append(out.Successful, result)
		}
	}
	return out
}

// succeeded is the answer to a batch all of whose entries succeeded.
func succeeded(ids []string) *batchOutput[batchResult] {
	out := &batchOutput[batchResult]{Successful: []batchResult{}, Failed: []batchFailure{}}
	for _, id := range ids {
		out.Successful = append(out.Successful, batchResult{id})
	}
	return out
}

func failure(id string, err *apiError) batchFailure {
	return batchFailure{Id: id, Code: err.code, Message: err.message, SenderFault: err.senderFault()}
}

type sendEntry struct {
	batchEntry
	outgoing
}

type sendEntryResult struct {
	batchResult
	*sendMessageOutput
}

func (a *account) sendMessageBatch(c *call, in *batchInput[sendEntry]) (*batchOutput[sendEntryResult], error) {
	q, err := openBatch(a, in)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, entry := range in.Entries {
		total += entry.size()
	}
	if total > maxMessageBytes {
		return nil, newError("BatchRequestTooLong",
			"Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxMessageBytes, total)
	}
	return eachEntry(c, in.Entries, func(entry sendEntry) (sendEntryResult, error) {
		out, err := a.send(q, &entry.outgoing, c.now)
		return sendEntryResult{batchResult{entry.Id}, out}, err
	}), nil
}

type deleteEntry struct {
	batchEntry
	deletion
}

func (a *account) deleteMessageBatch(c *call, in *batchInput[deleteEntry]) (*batchOutput[batchResult], error) {
	q, err := openBatch(a, in)
	if err != nil {
		return nil, err
	}
	return eachEntry(c, in.Entries, func(entry deleteEntry) (batchResult, error) {
		return batchResult{entry.Id}, a.remove(q, entry.ReceiptHandle, c.now)
	}), nil
}

type visibilityEntry struct {
	batchEntry
	visibilityChange
}

func (a *account) changeMessageVisibilityBatch(
	c *call, in *batchInput[visibilityEntry],
) (*batchOutput[batchResult], error) {
	q, err := openBatch(a, in)
	if err != nil {
		return nil, err
	}
	return eachEntry(c, in.Entries, func(entry visibilityEntry) (batchResult, error) {
		return batchResult{entry.Id}, a.change(q, &entry.visibilityChange, c.now)
	}), nil
}
