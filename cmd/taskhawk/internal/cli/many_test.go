//go:build e2e

package cli_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/cli"
	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// watcher notes when the first line was written, and what memory there is when all
// letters are held.
type watcher struct {
	mu    sync.Mutex
	first time.Time
	lines int
	until int // lines after which memory is measured
	heap  uint64
}

func (w *watcher) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.first.IsZero() {
		w.first = time.Now()
	}
	before := w.lines
	w.lines += strings.Count(string(text), "\n")
	if before < w.until && w.lines >= w.until {
		w.heap = heap()
	}
	return len(text), nil
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// many is how many letters there are: a scan stops before.
const many = 100_010

func TestManyDeadLetters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newConsole(t)
		c.provision(sqsx.ProvisionConfig{})
		c.server.LimitLedger(0)
		c.buryMany()
		require.Len(t, c.lines("dlq", "ls"), 100, "by default")

		var mu sync.Mutex // the queues are looked at side by side
		var received time.Time
		slow := c.server.Inject(sqstest.Fault{
			On: sqstest.OpReceiveMessage, Do: sqstest.Delay(15 * time.Millisecond),
			If: func(sqstest.Request) bool {
				mu.Lock()
				defer mu.Unlock()
				if received.IsZero() {
					received = time.Now()
				}
				return true
			},
		})
		// The last page is not full when the scan stops: an earlier line is measured at.
		out, err, before := &watcher{until: 99_900}, &buffer{}, heap()
		code := cli.Run(t.Context(), []string{"--endpoint-url", "http://127.0.0.1:1", "--app", app, "dlq", "ls", "--limit", "0"},
			program.Streams{Out: out, Err: err, HTTP: c.http})
		require.Equal(t, 1, code)
		require.Contains(t, err.String(), "100000 letters are in flight, and SQS hides the rest from 120000 on")
		require.Equal(t, 1+100_000, out.lines)
		require.Less(t, out.first.Sub(received), time.Second)
		perLetter := int(out.heap-before) / out.until
		t.Logf("first line after %s, %d bytes a letter", out.first.Sub(received), perLetter)
		require.Less(t, perLetter, 1024)
		slow.Remove()
		require.Equal(t, many, c.dead(), "all are given back")

		c.server.ResetCounts()
		c.ok("dlq", "redrive", "--copy", "--yes", "--limit", "100000")
		require.Equal(t, 100_000, c.queued())
		perLetterRequests := float64(c.server.TotalRequests()) / 100_000
		t.Logf("%.4f requests a letter", perLetterRequests)
		require.LessOrEqual(t, perLetterRequests, 0.32)
		c.server.ResetCounts()
		require.Contains(t, c.ok("dlq", "redrive", "--yes"), "10 moved, by SQS\n")
		require.Less(t, c.server.TotalRequests(), 60)
	})
}

// buryMany puts letters on the dead-letter queue.
func (c *console) buryMany() {
	c.Helper()
	url := aws.String(c.server.Queue(sqsx.DeadLetterQueueName(queue)).URL)
	for first := 0; first < many; first += 10 {
		in := &sqs.SendMessageBatchInput{QueueUrl: url}
		for i := first; i < first+10; i++ {
			body := fmt.Sprintf(`{"id":"%08d","metadata":{"priority":"default","timestamp":1,"version":"1.0"},"headers":{},"task":"a","args":[%q],"kwargs":{}}`,
				i, strings.Repeat("x", 500))
			in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), MessageBody: &body})
		}
		_, err := c.client.SendMessageBatch(c.Context(), in)
		require.NoError(c, err)
	}
	time.Sleep(time.Second)
}
