package questions_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/taskhawk/taskhawk-go/examples/questions/local"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type importArgs struct {
	File   string
	Chunks int
}

// progress stands for a row in your database: the next chunk of each run, by its id.
type progress struct {
	mu   sync.Mutex
	next map[string]int
}

func (p *progress) of(run string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next[run]
}

func (p *progress) set(run string, chunk int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next[run] = chunk
}

// How do I run a task for hours? The worker extends the visibility timeout for as long as
// the handler runs, up to the 12 hours of SQS. Keep the progress under the id of the run,
// which is the same at each attempt, so that a retry goes on where the last one ended.
// ExtendVisibility is for a step that must not run elsewhere even if this process ends.
func Example_longTaskWithProgress() {
	client, stop := local.Queues(nil, "dev-imports")
	defer stop()
	store, done := &progress{next: map[string]int{}}, make(chan bool)
	importFile := taskhawk.New("imports.file", func(ctx context.Context, args importArgs) error {
		run := taskhawk.MetadataFrom(ctx)
		for chunk := store.of(run.ID); chunk < args.Chunks; chunk++ {
			if ctx.Err() != nil { // a stop whose grace period is over, or a lost lease
				return context.Cause(ctx)
			}
			if chunk == 2 && run.Attempt == 1 {
				return taskhawk.RetryAfter(0, errors.New("the connection was cut"))
			}
			fmt.Printf("attempt %d: chunk %d\n", run.Attempt, chunk)
			store.set(run.ID, chunk+1)
		}
		if err := taskhawk.ExtendVisibility(ctx, 10*time.Minute); err != nil {
			return err // the lease may be lost: another worker may be at it
		}
		fmt.Println("switched to the new table")
		done <- true
		return nil
	})
	hub := local.Hub(client, "dev-imports", nil, importFile)
	if _, err := importFile.Dispatch(context.Background(), importArgs{File: "a.csv", Chunks: 4}); err != nil {
		fmt.Println(err)
	}
	defer local.Work(client, "dev-imports", hub, sqsx.WorkerConfig{})()
	<-done
	// Output:
	// attempt 1: chunk 0
	// attempt 1: chunk 1
	// attempt 2: chunk 2
	// attempt 2: chunk 3
	// switched to the new table
}
