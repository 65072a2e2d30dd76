package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// saveEvery is how often changes are saved, and so what a crash may lose. What a schedule
// dispatches is no request: after a crash, the schedule fires for it again.
const saveEvery = time.Second

// keeper saves what a server holds in a file. Without a file it does nothing.
type keeper struct {
	server *sqstest.Server
	file   string
	last   []byte // what the file has
}

// load restores what the file has, if there is one.
func (k *keeper) load() error {
	if k.file == "" {
		return nil
	}
	content, err := os.ReadFile(k.file)
	if errors.Is(err, fs.ErrNotExist) {
		return k.save() // now, so that a folder that cannot be written is found at once
	}
	if err != nil {
		return err
	}
	if err := k.server.Restore(content); err != nil {
		return fmt.Errorf("file %s: %w", k.file, err)
	}
	k.last = content
	return nil
}

// run saves while requests come in, until ctx ends.
func (k *keeper) run(ctx context.Context, requests func() int64, failed func(error)) {
	if k.file == "" {
		return
	}
	ticker := time.NewTicker(saveEvery)
	defer ticker.Stop()
	seen := int64(-1)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		// Read first: a request that comes in between is saved the next time.
		n := requests()
		if n == seen {
			continue
		}
		if err := k.save(); err != nil {
			failed(err)
			continue
		}
		seen = n
	}
}

// save writes the file unless it has all that already.
func (k *keeper) save() error {
	if k.file == "" {
		return nil
	}
	content, err := k.server.Snapshot()
	if err != nil || bytes.Equal(content, k.last) {
		return err
	}
	if err := program.Replace(k.file, content); err != nil {
		return err
	}
	k.last = content
	return nil
}
