package awsbatch_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
)

func message(change func(m *awsbatch.Message)) *awsbatch.Message {
	m := &awsbatch.Message{Body: "x", Size: 1, MaxSize: 10, Service: "SNS", Target: "topic"}
	change(m)
	return m
}

func TestLimits(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 129)
	for want, m := range map[string]*awsbatch.Message{
		" ":             message(func(*awsbatch.Message) {}),
		"body is empty": message(func(m *awsbatch.Message) { m.Body = "" }),
		"size with attributes is 11 bytes, the limit is 10": message(func(m *awsbatch.Message) { m.Size = 11 }),
		"body has a character that SNS refuses, at byte 1":  message(func(m *awsbatch.Message) { m.Body = "x\x00" }),
		"group is missing: a FIFO topic needs one, use taskhawk.WithGroup": message(func(m *awsbatch.Message) {
			m.FIFO = true
		}),
		"deduplication id is for FIFO topics only": message(func(m *awsbatch.Message) { m.DeduplicationID = "d" }),
		"group is not up to 128 letters, digits and punctuation marks": message(func(m *awsbatch.Message) {
			m.Group = "a b"
		}),
		"deduplication id is not up to 128 letters, digits and punctuation marks": message(func(m *awsbatch.Message) {
			m.FIFO, m.Group, m.DeduplicationID = true, "g", long
		}),
	} {
		field, reason := m.Check()
		require.Equal(t, want, field+" "+reason)
	}
}

func TestDeduplication(t *testing.T) {
	t.Parallel()
	require.Empty(t, message(func(*awsbatch.Message) {}).Deduplication("id"), "a standard queue takes none")
	fifo := message(func(m *awsbatch.Message) { m.FIFO, m.Group = true, "g" })
	require.Equal(t, "id", fifo.Deduplication("id"))
	require.Empty(t, fifo.Deduplication("not an id"))
	fifo.DeduplicationID = "own"
	require.Equal(t, "own", fifo.Deduplication("id"))
}

func TestValidID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"": true, "!~": true, strings.Repeat("x", 128): true,
		" ": false, "\x7f": false, "\u00e9": false, strings.Repeat("x", 129): false,
	} {
		require.Equal(t, want, awsbatch.ValidID(id), "%q", id)
	}
}
