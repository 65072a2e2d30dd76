package faults_test

import (
	"context"
	"crypto/md5"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// textArgs is a text of any size.
type textArgs struct{ Text string }

// texts is a task that notes the texts that it runs with.
type texts struct {
	mu   sync.Mutex
	seen map[[md5.Size]byte]int
	task *taskhawk.Task[textArgs]
}

func (x *texts) tasks(r *rig) []taskhawk.AnyTask {
	x.seen = map[[md5.Size]byte]int{}
	x.task = taskhawk.New("tests.text", instrument(r, func(_ context.Context, args textArgs) error {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.seen[md5.Sum([]byte(args.Text))]++
		return nil
	}))
	return []taskhawk.AnyTask{x.task}
}

// requireSeen checks that each of the texts arrived once, as it was sent.
func (x *texts) requireSeen(r *rig, sent ...string) {
	r.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	expected := map[[md5.Size]byte]int{}
	for _, text := range sent {
		expected[md5.Sum([]byte(text))]++
	}
	require.Equal(r, expected, x.seen)
}

// size is what SQS counts of a stored message: body and attributes, in bytes.
func size(m sqstest.Message) int {
	n := len(m.Body)
	for name, value := range m.Attributes {
		n += len(name) + len("String") + len(value)
	}
	return n
}

// A message of just 1 MiB goes through, and of one byte more not even a request is made.
func TestT37LargestMessage(t *testing.T) {
	t.Parallel()
	x := &texts{}
	inBubble(t, setup{What: "messages of 1 MiB and a byte more", Tasks: x.tasks}, func(r *rig) {
		_, err := x.task.Dispatch(r.Context(), textArgs{})
		require.NoError(r, err)
		overhead := size(r.server.Queue(queueName(taskhawk.Default)).Messages[0])

		largest := strings.Repeat("x", sqsx.MaxMessageSize-overhead)
		_, err = x.task.Dispatch(r.Context(), textArgs{Text: largest})
		require.NoError(r, err)
		require.Equal(r, sqsx.MaxMessageSize, size(r.server.Queue(queueName(taskhawk.Default)).Messages[1]))

		requests := r.server.TotalRequests()
		_, err = x.task.Dispatch(r.Context(), textArgs{Text: largest + "x"})
		r.sink.failure(err)
		var limit *sqsx.LimitError
		require.ErrorAs(r, err, &limit)
		require.Equal(r, "size", limit.Field)
		require.Equal(r, "tests.text", limit.Task)
		require.Equal(r, requests, r.server.TotalRequests())
		r.runAll()
		x.requireSeen(r, "", largest)
		r.Check(want{})
	})
}

// Batches are split by bytes and by count, none is refused, and each carries tasks that follow one another.
func TestT37BatchesOfManySizes(t *testing.T) {
	t.Parallel()
	const kilo = 1 << 10
	for name, c := range map[string]struct {
		sizes   []int
		batches []int // entries of each request, in any order
	}{
		"ten of 200 KiB":            {repeat(200*kilo, 10), []int{5, 5}},
		"ten of 6.6 KB":             {repeat(6600, 10), []int{10}},
		"ten of 1 MiB, nearly":      {repeat(1023*kilo, 10), repeat(1, 10)},
		"large and small":           {[]int{300 * kilo, 300 * kilo, 900 * kilo, 300 * kilo}, []int{2, 1, 1}},
		"two that do not go as one": {[]int{600 * kilo, 600 * kilo}, []int{1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := &texts{}
			inBubble(t, setup{What: "batches that are split by bytes and by count", Tasks: x.tasks}, func(r *rig) {
				sends := r.watch(sqstest.OpSendMessageBatch)
				var args []textArgs
				var sent []string
				for i, size := range c.sizes {
					sent = append(sent, strings.Repeat(string(rune('a'+i)), size))
					args = append(args, textArgs{Text: sent[i]})
				}
				ids, err := x.task.DispatchAll(r.Context(), args)
				require.NoError(r, err)
				var entries []int
				for _, call := range sends.of("") {
					entries = append(entries, call.Entries)
					requireOrder(r, ids, call.Body)
				}
				require.ElementsMatch(r, c.batches, entries)
				r.runAll()
				x.requireSeen(r, sent...)
				r.Check(want{})
			})
		})
	}
}

func repeat(n, times int) []int {
	list := make([]int, times)
	for i := range list {
		list[i] = n
	}
	return list
}

// requireOrder checks that the ids in a text are in their order, without a gap.
func requireOrder(r *rig, ids []string, text string) {
	r.Helper()
	last, place := -1, -1
	for i, id := range ids {
		at := strings.Index(text, id)
		if at < 0 {
			continue
		}
		require.Greater(r, at, place, "the order within a batch")
		require.True(r, last < 0 || i == last+1, "a batch with a gap")
		last, place = i, at
	}
}

// On a FIFO queue the order of a group is kept over all batches.
func TestT37OrderOfBatchesOnFIFO(t *testing.T) {
	t.Parallel()
	x := &texts{}
	naming := sqsx.Naming(func(app string, priority taskhawk.Priority) string { return sqsx.QueueName(app, priority) + ".fifo" })
	s := setup{
		What: "batches of one FIFO group", Tasks: x.tasks,
		Publisher: sqsx.PublisherConfig{Naming: naming}, Provision: sqsx.ProvisionConfig{Naming: naming},
	}
	inBubble(t, s, func(r *rig) {
		args := make([]textArgs, 25)
		for i := range args {
			args[i].Text = strings.Repeat(string(rune('a'+i)), 200<<10)
		}
		ids, err := x.task.DispatchAll(r.Context(), args, taskhawk.WithGroup("one"))
		require.NoError(r, err)
		var order []string
		for _, m := range r.server.Queue(naming(app, taskhawk.Default)).Messages {
			order = append(order, keyOf(m.Body))
		}
		require.Equal(r, ids, order)
		r.Check(want{Left: 25})
	})
}
