package taskhawk_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Many goroutines use one task and one hub at once: the race detector watches the maps
// and buffers that they share.
func TestTasksAndHubsAreSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	const goroutines, each = 8, 50
	var ran atomic.Int64
	email := taskhawk.New("tasks.send_email", func(ctx context.Context, args emailArgs) error {
		headers := taskhawk.MetadataFrom(ctx).Headers
		if headers["who"] != args.To || headers["shared"] != "1" {
			return fmt.Errorf("headers %v belong to %s", headers, args.To)
		}
		headers["mine"] = args.To
		ran.Add(1)
		return nil
	}, taskhawk.WithHeaders(taskhawk.Headers{"shared": "1"}))
	shared := taskhawk.Headers{"default": "1"}
	hub := newHub(t, taskhawk.Config{
		Sync: true, Tasks: []taskhawk.AnyTask{email},
		DefaultHeaders: func(context.Context, string) taskhawk.Headers { return shared },
	})
	saved := email.WithPriority(taskhawk.High)

	var group sync.WaitGroup
	errs := make(chan error, 2*goroutines*each)
	for g := range goroutines {
		group.Go(func() {
			who := fmt.Sprint(g)
			for range each {
				_, err := saved.Dispatch(t.Context(), emailArgs{To: who}, taskhawk.WithHeaders(taskhawk.Headers{"who": who}))
				errs <- err
				_, err = saved.WithHeaders(taskhawk.Headers{"who": who}).
					DispatchAll(taskhawk.ContextWithHub(t.Context(), hub), []emailArgs{{To: who}})
				errs <- err
			}
		})
	}
	group.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.EqualValues(t, 2*goroutines*each, ran.Load())
	require.Len(t, shared, 1)
}

func TestHubsMayBeMadeWhileTasksAreDispatched(t *testing.T) {
	t.Parallel()
	email, _ := newEmail(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 20 {
				hub, err := taskhawk.NewHub(taskhawk.Config{Publisher: &fakePublisher{}, Tasks: []taskhawk.AnyTask{email}})
				if err == nil {
					_, err = email.Dispatch(taskhawk.ContextWithHub(t.Context(), hub), emailArgs{})
				}
				if err != nil {
					t.Error(err)
				}
				if _, err = email.Dispatch(t.Context(), emailArgs{}); err == nil {
					t.Error("dispatched though more than one hub has the task")
				}
			}
		})
	}
	group.Wait()
}
