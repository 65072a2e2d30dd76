package readme_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// badJSON are the JSON blocks of a document that are none.
func badJSON(d document) []finding {
	var found []finding
	for _, b := range d.blocks("json") {
		var value any
		if err := json.Unmarshal([]byte(b.text), &value); err != nil {
			found = append(found, finding{path: b.path, line: b.line, text: err.Error()})
		}
	}
	return found
}

func TestJSONBlocksAreJSON(t *testing.T) {
	t.Parallel()
	for _, d := range readDocuments(t) {
		require.Empty(t, badJSON(d))
	}
}

func TestBadJSONIsFound(t *testing.T) {
	t.Parallel()
	found := badJSON(readDocument(t, "testdata", "broken.md"))
	require.Len(t, found, 1)
	require.Equal(t, 47, found[0].line)
}
