package groupcommit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/groupcommit"
)

// ordered is an item of a group.
type ordered struct {
	group string
	n     int
}

func (o ordered) Size() int     { return 1 }
func (o ordered) Group() string { return o.group }

// ordering takes a second for each call, and remembers what succeeded, by group.
type ordering struct {
	mu      sync.Mutex
	batches [][]ordered
	stored  map[string][]int
	fail    map[ordered]error
	t       *testing.T
	flying  map[string]bool
}

func (o *ordering) commit(_ context.Context, items []ordered, done func(error, ...int)) {
	o.mu.Lock()
	o.batches = append(o.batches, items)
	for _, it := range items {
		require.False(o.t, it.group != "" && o.flying[it.group], "one of a group at a time")
		o.flying[it.group] = true
	}
	o.mu.Unlock()
	time.Sleep(time.Second)
	for i, it := range items {
		o.mu.Lock()
		err := o.fail[it]
		if err == nil {
			o.stored[it.group] = append(o.stored[it.group], it.n)
		}
		o.flying[it.group] = false
		o.mu.Unlock()
		done(err, i)
	}
}

// of is what succeeded of a group.
func (o *ordering) of(group string) []int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.stored[group])
}

func newOrdering(t *testing.T, calls int, maxWait time.Duration) (*ordering, *groupcommit.Committer[ordered]) {
	t.Helper()
	o := &ordering{t: t, stored: map[string][]int{}, fail: map[ordered]error{}, flying: map[string]bool{}}
	return o, groupcommit.New(groupcommit.Config[ordered]{
		Commit: o.commit, MaxItems: 10, MaxCalls: calls, Patience: 50 * time.Millisecond, MaxWait: maxWait,
	})
}

func sends(c *groupcommit.Committer[ordered], items ...ordered) []groupcommit.Send[ordered] {
	var all []groupcommit.Send[ordered]
	for _, it := range items {
		all = append(all, groupcommit.Send[ordered]{Through: c, Item: it})
	}
	return all
}

// series are n items of each group, in turns.
func series(n int, groups ...string) []ordered {
	var items []ordered
	for i := range n {
		for _, group := range groups {
			items = append(items, ordered{group, i})
		}
	}
	return items
}

func upTo(n int) []int {
	var all []int
	for i := range n {
		all = append(all, i)
	}
	return all
}

func TestTenGroupsFillACall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, c := newOrdering(t, 8, 0)
		groups := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
		start := time.Now()
		for _, err := range groupcommit.DoAll(t.Context(), sends(c, series(5, groups...)...)) {
			require.NoError(t, err)
		}
		require.Equal(t, 5*time.Second, time.Since(start))
		require.Len(t, o.batches, 5)
		for _, group := range groups {
			require.Equal(t, upTo(5), o.of(group))
		}
	})
}

func TestNothingGoesBehindAFailedItemOfItsGroup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, c := newOrdering(t, 8, 0)
		o.fail[ordered{"a", 2}] = errors.ErrUnsupported
		items := series(5, "a", "b", "")
		for i, err := range groupcommit.DoAll(t.Context(), sends(c, items...)) {
			switch it := items[i]; {
			case it.group != "a" || it.n < 2:
				require.NoError(t, err)
			case it.n == 2:
				require.Equal(t, errors.ErrUnsupported, err)
			default:
				require.Equal(t, groupcommit.ErrHeldBack, err)
			}
		}
		require.Equal(t, upTo(2), o.of("a"))
		require.Equal(t, upTo(5), o.of("b"))
		require.NoError(t, c.Do(t.Context(), ordered{"a", 9}), "another caller is not held back")
	})
}

// A group whose call hangs does not hold up another.
func TestGroupsDoNotBlockEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		c := groupcommit.New(groupcommit.Config[ordered]{
			Commit: func(_ context.Context, items []ordered, done func(error, ...int)) {
				for i, it := range items {
					if it.group == "stuck" {
						<-hang
					}
					done(nil, i)
				}
			},
			MaxItems: 10, MaxCalls: 8, Patience: 50 * time.Millisecond,
		})
		go groupcommit.DoAll(t.Context(), sends(c, series(100, "stuck")...))
		synctest.Wait()
		start := time.Now()
		for n := range 20 {
			require.NoError(t, c.Do(t.Context(), ordered{"free", n}))
		}
		require.LessOrEqual(t, time.Since(start), 20*50*time.Millisecond, "the patience for the call that hangs")
		close(hang)
	})
}

// Within a group callers take turns, also behind one that has thousands of others.
func TestCallersTakeTurnsWithinAGroup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, c := newOrdering(t, 1, 0)
		var many []ordered
		for n := range 1_000 {
			many = append(many, ordered{fmt.Sprint("g", n), 0})
		}
		go groupcommit.DoAll(t.Context(), sends(c, append(series(1_000, "one"), many...)...))
		synctest.Wait()
		for _, group := range []string{"one", "g900", "new"} {
			start := time.Now()
			require.NoError(t, c.Do(t.Context(), ordered{group, -1}))
			require.LessOrEqual(t, time.Since(start), 4*time.Second, group)
		}
		time.Sleep(time.Hour)
		require.Len(t, o.of("one"), 1_001)
		require.Len(t, o.of("g900"), 2)
	})
}

// A group goes on when the caller that it waited for has given up.
func TestAGroupOutlivesItsCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, c := newOrdering(t, 1, 0)
		short, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		go groupcommit.DoAll(short, sends(c, series(10, "a")...))
		synctest.Wait()
		go groupcommit.DoAll(short, sends(c, series(10, "a")...))
		synctest.Wait()
		for _, err := range groupcommit.DoAll(t.Context(), sends(c, series(3, "a")...)) {
			require.NoError(t, err)
		}
		time.Sleep(time.Hour)
		require.LessOrEqual(t, len(o.of("a")), 5, "what was in flight when they gave up, and all of the last")
	})
}

// Whatever fails, breaks or is given up: of each caller's group a beginning is stored, in
// order.
func TestOrderWhateverHappens(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			o, c := newOrdering(t, 1+random.IntN(4), time.Duration(random.IntN(10))*time.Second)
			var group sync.WaitGroup
			callers := make([][]ordered, 6)
			for caller := range callers {
				var items []ordered
				for n := range 20 {
					it := ordered{fmt.Sprint(random.IntN(3)), caller*100 + n}
					if random.IntN(15) == 0 {
						o.fail[it] = errors.ErrUnsupported
					}
					items = append(items, it)
				}
				callers[caller] = items
			}
			for _, items := range callers {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+random.IntN(40))*time.Second)
				defer cancel()
				group.Go(func() { checkOrder(t, o, items, groupcommit.DoAll(ctx, sends(c, items...))) })
			}
			group.Wait()
			time.Sleep(time.Hour)
			require.NoError(t, c.Do(t.Context(), ordered{"0", -1}), "the line is in order")
		})
	}
}

func checkOrder(t *testing.T, o *ordering, items []ordered, errs []error) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	failed := map[string]bool{}
	for i, it := range items {
		if errs[i] != nil {
			failed[it.group] = true
			continue
		}
		require.False(t, failed[it.group], "nothing is stored behind a failed item of its group")
		require.Contains(t, o.stored[it.group], it.n)
	}
	for _, stored := range o.stored {
		last := map[int]int{}
		for _, n := range stored {
			require.GreaterOrEqual(t, n, last[n/100], "the order of the caller")
			last[n/100] = n
		}
	}
}
