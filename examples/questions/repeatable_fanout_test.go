package questions_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/taskhawk/taskhawk-go/examples/questions/local"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type (
	newsletterArgs struct{ Issue int }
	mailArgs       struct{ To string }
)

// How do I fan out, when the handler may fail afterwards and run again? Derive the ids of
// what it dispatches from the id of its run: a second fan-out has the same ids, and the
// handlers behind it see that they have done them.
func Example_repeatableFanOut() {
	client, stop := local.Queues(nil, "dev-news")
	defer stop()
	readers := []mailArgs{{"ann"}, {"ben"}, {"cy"}}
	var (
		mu    sync.Mutex
		sent  = map[string]bool{} // in your database, with a unique key
		mails int
		all   sync.WaitGroup
	)
	all.Add(2 * len(readers)) // each is delivered twice
	mail := taskhawk.New("news.mail", func(ctx context.Context, _ mailArgs) error {
		mu.Lock()
		defer mu.Unlock()
		defer all.Done()
		if id := taskhawk.MetadataFrom(ctx).ID; !sent[id] {
			sent[id] = true
			mails++
		}
		return nil
	})
	newsletter := taskhawk.New("news.send", func(ctx context.Context, _ newsletterArgs) error {
		run := taskhawk.MetadataFrom(ctx)
		_, err := mail.DispatchAll(ctx, readers, taskhawk.WithIDs(func(i int) string {
			return run.ID + "/" + readers[i].To
		}))
		if err == nil && run.Attempt == 1 {
			err = taskhawk.RetryAfter(0, errors.New("failed after the fan-out"))
		}
		return err
	})
	hub := local.Hub(client, "dev-news", nil, newsletter, mail)
	if _, err := newsletter.Dispatch(context.Background(), newsletterArgs{Issue: 7}); err != nil {
		fmt.Println(err)
	}
	defer local.Work(client, "dev-news", hub, sqsx.WorkerConfig{})()
	all.Wait()
	fmt.Println("deliveries:", 2*len(readers), "mails:", mails)
	// Output:
	// deliveries: 6 mails: 3
}
