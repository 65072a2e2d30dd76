package taskhawktest_test

import (
	"context"
	"testing"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

// batchingMemory is a Memory that also takes batches.
type batchingMemory struct{ *taskhawktest.Memory }

func (m batchingMemory) PublishBatch(ctx context.Context, outs []*taskhawk.Outgoing) []error {
	errs := make([]error, len(outs))
	for i, out := range outs {
		errs[i] = m.Publish(ctx, out)
	}
	return errs
}

func TestABatchingPublisherConforms(t *testing.T) {
	t.Parallel()
	taskhawktest.TestTransport(t, func(*testing.T) taskhawktest.Transport {
		memory := taskhawktest.NewMemory(taskhawktest.MemoryConfig{
			VisibilityTimeout: taskhawktest.Visibility, MaxReceiveCount: taskhawktest.MaxReceive, WaitTime: taskhawktest.Wait,
		})
		return taskhawktest.Transport{
			Publisher: batchingMemory{memory}, Queues: memory.Queues(),
			DeadLetters: func(_ context.Context, priority taskhawk.Priority) ([]string, error) {
				var bodies []string
				for _, letter := range memory.DeadLetters(priority) {
					bodies = append(bodies, letter.Body)
				}
				return bodies, nil
			},
		}
	})
}
