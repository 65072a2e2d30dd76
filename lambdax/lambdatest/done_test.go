package lambdatest_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax/lambdatest"
)

func TestDone(t *testing.T) {
	t.Parallel()
	all := []string{"a", "b", "c"}
	item := func(item string) string { return `{"batchItemFailures":[{"itemIdentifier":"a"},` + item + `]}` }
	for name, c := range map[string]struct {
		response string
		done     []string
	}{
		"one failed":           {`{"batchItemFailures":[{"itemIdentifier":"b"}]}`, []string{"a", "c"}},
		"two failed":           {item(`{"itemIdentifier":"c"}`), []string{"b"}},
		"one, said twice":      {item(`{"itemIdentifier":"a"}`), []string{"b", "c"}},
		"all failed":           {`{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"a"},{"itemIdentifier":"c"}]}`, []string{}},
		"more members":         {`{"batchItemFailures":[{"itemIdentifier":"b","reason":1}],"took":2}`, []string{"a", "c"}},
		"an empty list":        {`{"batchItemFailures":[]}`, all},
		"a null list":          {`{"batchItemFailures":null}`, all},
		"no list":              {`{}`, all},
		"null":                 {`null`, all},
		"nothing":              {``, all},
		"another key":          {`{"BatchItemFailures":[{"itemIdentifier":"b"}]}`, all},
		"an answer for HTTP":   {`{"statusCode":500}`, all},
		"no JSON":              {`{"batchItemFailures":[`, nil},
		"trailing bytes":       {`{"batchItemFailures":[]}x`, nil},
		"text":                 {`"ok"`, nil},
		"an array":             {`[]`, nil},
		"an object for a list": {`{"batchItemFailures":{}}`, nil},
		"an empty id":          {item(`{"itemIdentifier":""}`), nil},
		"a null id":            {item(`{"itemIdentifier":null}`), nil},
		"a number":             {item(`{"itemIdentifier":1}`), nil},
		"no id":                {item(`{}`), nil},
		"an id in wrong case":  {item(`{"ItemIdentifier":"b"}`), nil},
		"a wrong key":          {item(`{"messageId":"b"}`), nil},
		"an item of null":      {item(`null`), nil},
		"an item of text":      {item(`"b"`), nil},
		"an unknown id":        {item(`{"itemIdentifier":"d"}`), nil},
	} {
		result := lambdatest.Result{Response: []byte(c.response)}
		require.Equal(t, c.done, lambdatest.Done(all, result, true), name)
		require.Equal(t, all, lambdatest.Done(all, result, false), "%s, which does not count", name)
		result.Error = &lambdatest.FunctionError{}
		require.Empty(t, lambdatest.Done(all, result, true), name)
		require.Empty(t, lambdatest.Done(all, result, false), name)
	}
}

// A message that is twice in a batch fails and succeeds twice.
func TestDoneOfDuplicates(t *testing.T) {
	t.Parallel()
	batch := []string{"a", "b", "a"}
	failed := lambdatest.Result{Response: []byte(`{"batchItemFailures":[{"itemIdentifier":"a"}]}`)}
	require.Equal(t, []string{"b"}, lambdatest.Done(batch, failed, true))
	require.Equal(t, batch, lambdatest.Done(batch, lambdatest.Result{}, true))
	require.Equal(t, []string{"a", "b", "a"}, batch, "the batch is not changed")
}

// FuzzDone: whatever a function answers, what is done is part of the batch, and nothing
// that the answer names.
func FuzzDone(f *testing.F) {
	for _, seed := range []string{
		`{"batchItemFailures":[{"itemIdentifier":"b"}]}`, `null`, ``, `[]`, `{"batchItemFailures":[{"itemIdentifier":""}]}`,
		`{"batchItemFailures":[null]}`, `{"batchItemFailures":[{"itemIdentifier":"a"}],"batchItemFailures":null}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, response []byte) {
		batch := []string{"a", "b"}
		done := lambdatest.Done(batch, lambdatest.Result{Response: response}, true)
		require.Subset(t, batch, done)
		require.True(t, slices.IsSorted(done))
		if len(done) == 1 {
			other := map[string]string{"a": "b", "b": "a"}[done[0]]
			require.Contains(t, string(response), "itemIdentifier")
			again := lambdatest.Done([]string{other}, lambdatest.Result{Response: response}, true)
			require.Empty(t, again, "what failed in a batch fails alone")
		}
	})
}
