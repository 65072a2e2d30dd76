package groupcommit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/groupcommit"
)

// limit is the MaxWait of these tests, and how long a call takes that hangs.
const limit = 20 * time.Second

// hanging stores items until it hangs. A call that hangs fails after the limit.
type hanging struct {
	mu     sync.Mutex
	calls  int
	stored []ordered
	hangs  func(stored int) bool
}

func (h *hanging) commit(_ context.Context, items []ordered, done func(error, ...int)) {
	h.mu.Lock()
	h.calls++
	hangs := h.hangs(len(h.stored))
	h.mu.Unlock()
	for i := range items {
		if hangs {
			continue
		}
		time.Sleep(time.Second)
		h.mu.Lock()
		h.stored = append(h.stored, items[i])
		h.mu.Unlock()
		done(nil, i)
	}
	if hangs {
		time.Sleep(limit)
		for i := range items {
			done(errors.ErrUnsupported, i)
		}
	}
}

func (h *hanging) committer(calls int) *groupcommit.Committer[ordered] {
	return groupcommit.New(groupcommit.Config[ordered]{
		Commit: h.commit, MaxItems: 10, MaxCalls: calls, Patience: 50 * time.Millisecond, MaxWait: limit,
	})
}

// However many callers wait for calls that hang, each of them waits in line for the limit
// and then for its own call.
func TestCallersWaitInLineUpToTheLimit(t *testing.T) {
	t.Parallel()
	for name, group := range map[string]string{"no group": "", "one group": "g"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := &hanging{hangs: func(int) bool { return true }}
				c := h.committer(2)
				var callers sync.WaitGroup
				for n := range 800 {
					callers.Go(func() {
						start := time.Now()
						err := c.Do(t.Context(), ordered{group, n})
						if errors.Is(err, groupcommit.ErrNotSent) {
							require.Equal(t, limit, time.Since(start))
							require.EqualError(t, err, "not sent: waited 20s behind calls that hang or fail")
							return
						}
						require.ErrorIs(t, err, errors.ErrUnsupported)
						require.LessOrEqual(t, time.Since(start), 2*limit)
					})
					time.Sleep(time.Millisecond)
				}
				callers.Wait()
				require.LessOrEqual(t, h.calls, 4)
				time.Sleep(time.Hour)
				h.hangs = func(int) bool { return false }
				require.NoError(t, c.Do(t.Context(), ordered{group, 1}), "the line is in order")
			})
		})
	}
}

// A caller that joins later waits as long as the first.
func TestEachCallerHasTheWholeLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := groupcommit.New(groupcommit.Config[ordered]{
			Commit:   func(context.Context, []ordered, func(error, ...int)) { time.Sleep(time.Hour) },
			MaxItems: 1, MaxCalls: 1, MaxWait: limit,
		})
		go func() { _ = c.Do(t.Context(), ordered{}) }()
		synctest.Wait()
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				start := time.Now()
				require.ErrorIs(t, c.Do(t.Context(), ordered{}), groupcommit.ErrNotSent)
				require.Equal(t, limit, time.Since(start))
			})
			time.Sleep(7 * time.Second)
		}
		callers.Wait()
		time.Sleep(time.Hour)
	})
}

// Thousands of items of one caller take hours, and no time limit ends them while they
// move. When they no longer do, the caller learns which are stored.
func TestACallerWaitsWhileItsItemsMove(t *testing.T) {
	t.Parallel()
	for name, groups := range map[string][]string{"no group": {""}, "one group": {"a"}, "groups": {"a", "", "b"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := &hanging{hangs: func(int) bool { return false }}
				items := series(6_000/len(groups), groups...)
				for _, err := range groupcommit.DoAll(t.Context(), sends(h.committer(2), items...)) {
					require.NoError(t, err)
				}

				h.stored, h.hangs = nil, func(stored int) bool { return stored >= 2_000 }
				start := time.Now()
				errs := groupcommit.DoAll(t.Context(), sends(h.committer(2), items...))
				require.Less(t, time.Since(start), 2_000*time.Second+3*limit)
				failed, stored := map[string]error{}, 0
				for i, err := range errs {
					group := items[i].group
					switch {
					case err == nil:
						require.True(t, group == "" || failed[group] == nil, "nothing is stored behind a failed item of its group")
						stored++
					case !errors.Is(err, groupcommit.ErrNotSent) && !errors.Is(err, groupcommit.ErrHeldBack):
						require.ErrorIs(t, err, errors.ErrUnsupported, "an item of a call that hangs")
					}
					failed[group] = err
				}
				require.Len(t, h.stored, stored)
				require.GreaterOrEqual(t, stored, 2_000)
			})
		})
	}
}

// A group goes on when callers in front of others have waited too long for it.
func TestAGroupOutlivesCallersThatWaitedTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &hanging{hangs: func(int) bool { return true }}
		c := h.committer(1)
		for n := range 5 {
			go groupcommit.DoAll(t.Context(), sends(c, ordered{"a", n}, ordered{"b", n}, ordered{"a", n + 10}))
		}
		time.Sleep(limit - time.Second)
		h.mu.Lock()
		h.hangs = func(int) bool { return false }
		h.mu.Unlock()
		var callers sync.WaitGroup
		for _, group := range []string{"a", "b", ""} {
			callers.Go(func() { require.NoError(t, c.Do(t.Context(), ordered{group, -1})) })
		}
		callers.Wait()
		time.Sleep(time.Hour)
	})
}
