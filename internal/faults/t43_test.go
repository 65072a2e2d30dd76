package faults_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// unknownBody is a message of a task that nobody here knows.
func unknownBody(task string) string {
	return fmt.Sprintf(`{"id":%q,"metadata":{"priority":"low","timestamp":1,"version":"1.0"},"headers":{},"task":%q,"args":[],"kwargs":{}}`,
		uuid.NewString(), task)
}

// unknownNames are a name with a typing error, a hostile one and an endless one.
func unknownNames() []string {
	return []string{"tasks.send_emial", "tasks\nlevel=ERROR", strings.Repeat("n", 5000)}
}

// flood puts so many messages of unknown tasks on a queue at once.
func (r *rig) flood(priority taskhawk.Priority, messages int) {
	r.Helper()
	names := unknownNames()
	in := &sqs.SendMessageBatchInput{QueueUrl: aws.String(r.server.Queue(queueName(priority)).URL)}
	for n := range messages {
		in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{
			Id: aws.String(strconv.Itoa(n % 10)), MessageBody: aws.String(unknownBody(names[n%len(names)])),
		})
		if n%10 == 9 {
			_, err := r.client.SendMessageBatch(r.Context(), in)
			require.NoError(r, err)
			in.Entries = nil
		}
	}
}

// trickle dispatches good tasks, ten a second, and returns how long 99 in 100 of them took to start at most.
func (r *rig) trickle(first, count int, disturb func()) time.Duration {
	r.Helper()
	sent := map[int]time.Time{}
	for n := first; n < first+count; n++ {
		disturb()
		sent[n] = time.Now()
		r.dispatch(n)
		time.Sleep(100*time.Millisecond - time.Since(sent[n]))
	}
	var waits []time.Duration
	for n, at := range sent {
		r.await(time.Minute, "the good tasks run", func() bool { return r.book.runs(n) == 1 })
		waits = append(waits, r.book.runTimes(n)[0].Sub(at))
	}
	slices.Sort(waits)
	return waits[(len(waits)*99+99)/100-1]
}

// Good tasks take 50 ms and come ten a second, SQS answers in 5 ms. Then come messages that nobody here can run: ten thousand a
// second on another queue of the same worker, or ten for each good task on its own queue.
func TestT43UnknownTaskFlood(t *testing.T) {
	t.Parallel()
	for name, flood := range map[string]struct {
		priority taskhawk.Priority
		messages int
	}{
		"10,000 a second on another queue": {taskhawk.Low, 1000},
		"100 a second on the same queue":   {taskhawk.Default, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good := sized(4, 60)
			inBubble(t, setup{What: "a flood of unknown tasks beside good ones", Handle: long(50 * time.Millisecond)}, func(r *rig) {
				for _, operation := range transportOperations() {
					r.server.Inject(sqstest.Fault{On: operation, Do: sqstest.Delay(5 * time.Millisecond)})
				}
				w := r.start(sqsx.WorkerConfig{})
				clean := r.trickle(0, good, func() {})
				flooded := r.trickle(good, good, func() { r.flood(flood.priority, flood.messages) })
				r.notef("99 in 100 good tasks start within %s, in the flood within %s", clean, flooded)
				require.LessOrEqual(r, flooded, 2*clean)
				w.stop()
				requireUnknownLines(r)
				require.Equal(r, flood.messages*good, r.left(), "none is deleted")
				// What waits for its retry is in flight to SQS.
				r.Check(want{Left: flood.messages * good, Stranded: flood.messages * good})
			})
		})
	}
}

// requireUnknownLines wants a line a second for each unknown name, at most, and short names without line breaks.
func requireUnknownLines(r *rig) {
	r.Helper()
	last := map[string]time.Time{}
	for _, line := range r.sink.lines("task failed, will be retried") {
		task := line.Attrs["task"]
		require.GreaterOrEqual(r, line.Time.Sub(last[task]), time.Second, task)
		require.LessOrEqual(r, len(task), 72)
		last[task] = line.Time
	}
	require.Len(r, last, len(unknownNames()))
}
