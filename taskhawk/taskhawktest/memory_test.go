package taskhawktest_test

import (
	"context"
	"testing"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/taskhawktest"
)

func TestMemoryConforms(t *testing.T) {
	t.Parallel()
	taskhawktest.TestTransport(t, func(*testing.T) taskhawktest.Transport {
		memory := taskhawktest.NewMemory(taskhawktest.MemoryConfig{
			VisibilityTimeout: taskhawktest.Visibility, MaxReceiveCount: taskhawktest.MaxReceive, WaitTime: taskhawktest.Wait,
		})
		return taskhawktest.Transport{
			Publisher: memory, Queues: memory.Queues(),
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
