package lambdatest

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Done returns the ids of the messages that Lambda deletes from the queue after an
// invocation, in the order of the batch. The others stay on the queue, and come back
// after their visibility timeout.
//
// Without ReportBatchItemFailures on the event source mapping, all messages are done if
// the function succeeded, regardless of its answer. With it, the messages that the
// response does not name as failed are done:
//
//   - a function error: none is done;
//   - a response that is empty, null or has no list batchItemFailures, or one that is
//     null or empty: all are done, also when the function meant to name some under
//     another key;
//   - a response that is no JSON, a list that is none, an item whose itemIdentifier is
//     missing, empty, null, no string, or of a message that is not in the batch: none
//     is done.
//
// Keys count as they are written. Source: "Implementing partial batch responses", success
// and failure conditions, AWS Lambda Developer Guide. It does not say what happens to a
// response that is JSON but no object; here nothing is done then.
func Done(batch []string, result Result, reportBatchItemFailures bool) []string {
	if result.Error != nil {
		return nil
	}
	if !reportBatchItemFailures {
		return slices.Clone(batch)
	}
	failed, ok := failures(result.Response)
	if !ok || slices.ContainsFunc(failed, func(id string) bool { return !slices.Contains(batch, id) }) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(batch), func(id string) bool { return slices.Contains(failed, id) })
}

// failures reads the ids in a response. It reports false for an invalid one.
func failures(response []byte) ([]string, bool) {
	if len(bytes.TrimSpace(response)) == 0 {
		return nil, true
	}
	var members map[string]json.RawMessage // a struct would take keys in any case
	if json.Unmarshal(response, &members) != nil {
		return nil, false
	}
	var items []map[string]json.RawMessage
	if list, ok := members["batchItemFailures"]; ok && json.Unmarshal(list, &items) != nil {
		return nil, false
	}
	ids := make([]string, 0, len(items))
	for _, item := range items {
		var id string
		if json.Unmarshal(item["itemIdentifier"], &id) != nil || id == "" {
			return nil, false
		}
		ids = append(ids, id)
	}
	return ids, true
}
