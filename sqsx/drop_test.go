package sqsx_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// kept collects the copies of a drop.
type kept struct {
	letters []sqsx.DeadLetter
	err     error
}

func (k *kept) keep(_ context.Context, letters []sqsx.DeadLetter) error {
	if k.err != nil {
		return k.err
	}
	k.letters = append(k.letters, letters...)
	return nil
}

// bodies are those of the copies.
func (k *kept) bodies() []string {
	var bodies []string
	for _, letter := range k.letters {
		bodies = append(bodies, letter.Body)
	}
	return bodies
}

func TestDropKeepsThenDeletes(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryTasks(slices.Repeat([]string{"tests.a"}, 23)...)
		g.buryTasks("tests.b", "tests.b")
		g.bury(deadLettersOf(taskhawk.High), g.body("tests.a"), withAttribute("taskhawk_reason", "down"))
		config := sqsx.DropConfig{Tasks: []string{"tests.a"}, WithoutCopy: true, DryRun: true}
		report, err := sqsx.Drop(g.Context(), g.client, app, config)
		require.NoError(g, err)
		require.Equal(g, sqsx.DropCount{WouldDrop: 24, Skipped: 2}, report.Count())
		g.requireDead(25)

		copies := &kept{}
		var progress []int
		report, err = sqsx.Drop(g.Context(), g.client, app, sqsx.DropConfig{
			Tasks: []string{"tests.a"}, Keep: copies.keep,
			Progress: func(c sqsx.DropCount) { progress = append(progress, c.Dropped) },
		})
		require.NoError(g, err)
		require.Equal(g, sqsx.DropCount{Dropped: 24, Skipped: 2}, report.Count())
		require.Equal(g, "TASKHAWK-DEV-MYAPP-HIGH-PRIORITY-DLQ: 1 dropped\nTASKHAWK-DEV-MYAPP-DLQ: 23 dropped, 2 skipped\n"+
			"TASKHAWK-DEV-MYAPP-LOW-PRIORITY-DLQ: none\nTASKHAWK-DEV-MYAPP-BULK-DLQ: none\n", report.String())
		require.Equal(g, map[string]sqsx.DropCount{"tests.a": {Dropped: 23}, "tests.b": {Skipped: 2}}, report.Queues[1].Tasks)
		require.Len(g, copies.letters, 24)
		require.Equal(g, "down", *copies.letters[0].Attributes["taskhawk_reason"].StringValue)
		require.Equal(g, queueOf(taskhawk.High), copies.letters[0].Queue)
		require.True(g, slices.IsSorted(progress))
		require.Equal(g, 24, progress[len(progress)-1])
		g.requireDead(2)
		g.requireBack(0)
	})
}

// What is not kept is not deleted.
func TestDropStopsWhenKeepFails(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]func(context.Context, []sqsx.DeadLetter) error{
		"test error": (&kept{err: errTest}).keep,
		"panic":      func(context.Context, []sqsx.DeadLetter) error { panic(errTest) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inGraveyard(t, func(g *graveyard) {
				g.buryTasks(slices.Repeat([]string{"tests.a"}, 30)...)
				calls := 0
				report, err := sqsx.Drop(g.Context(), g.client, app, sqsx.DropConfig{
					Keep: func(ctx context.Context, letters []sqsx.DeadLetter) error {
						if calls++; calls == 2 {
							return keep(ctx, letters)
						}
						return nil
					},
				})
				require.ErrorContains(g, err, "sqsx: drop: letters of TASKHAWK-DEV-MYAPP-DLQ neither kept nor dropped: ")
				require.ErrorContains(g, err, name)
				require.Equal(g, 2, calls, "it stops")
				require.Equal(g, 10, report.Count().Dropped)
				require.Equal(g, 10, report.Count().Failed)
				g.requireDead(20)
			})
		})
	}
}

func TestDropFinishesTheBatchWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryTasks(slices.Repeat([]string{"tests.a"}, 30)...)
		ctx, cancel := context.WithCancelCause(g.Context())
		copies := &kept{}
		report, err := sqsx.Drop(ctx, g.client, app, sqsx.DropConfig{
			Keep: func(ctx context.Context, letters []sqsx.DeadLetter) error {
				cancel(errTest)
				require.NoError(g, ctx.Err())
				return copies.keep(ctx, letters)
			},
		})
		require.ErrorIs(g, err, errTest)
		require.Equal(g, 10, report.Count().Dropped)
		require.Len(g, copies.letters, 10)
		g.requireDead(20)
	})
}

// At each of its requests, also when the answer is lost, every letter is on its queue or
// kept.
func TestDropLosesNothingWhenRequestsFail(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{sqstest.OpReceiveMessage, sqstest.OpDeleteMessageBatch, sqstest.OpChangeMessageVisibilityBatch} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprint(operation, after), func(t *testing.T) {
				t.Parallel()
				inGraveyard(t, func(g *graveyard) {
					g.buryTasks(slices.Repeat([]string{"tests.a"}, 25)...)
					before := g.bodies(deadLettersOf(taskhawk.Default))
					g.server.Inject(sqstest.Fault{On: operation, Nth: 2, Times: 4, After: after, Do: sqstest.Reset()})
					copies := &kept{}
					report, err := sqsx.Drop(g.Context(), g.client, app, sqsx.DropConfig{Tasks: []string{"tests.a"}, Keep: copies.keep})
					left := g.bodies(deadLettersOf(taskhawk.Default))
					require.ElementsMatch(g, before, union(left, copies.bodies()), "%v", err)
					if err == nil {
						require.Equal(g, len(before)-len(left), report.Count().Dropped)
					}
				})
			})
		}
	}
}

// union is all texts, each once.
func union(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

func TestDropRefusesArgumentsThatCannotBe(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		_, err := sqsx.Drop(g.Context(), g.client, app, sqsx.DropConfig{})
		require.EqualError(g, err, "sqsx: drop: need either Keep or WithoutCopy")
		_, err = sqsx.Drop(g.Context(), g.client, app, sqsx.DropConfig{Keep: (&kept{}).keep, WithoutCopy: true})
		require.EqualError(g, err, "sqsx: drop: need either Keep or WithoutCopy")
		_, err = sqsx.Drop(g.Context(), g.client, app, sqsx.DropConfig{WithoutCopy: true, Limit: -1})
		require.EqualError(g, err, "sqsx: drop: negative Limit -1")
		require.Zero(g, g.server.TotalRequests())
	})
}

func TestLettersBySinceAndID(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryTasks("tests.a", "tests.a")
		time.Sleep(time.Hour)
		since := time.Now()
		g.buryTasks("tests.a", "tests.a", "tests.a")
		time.Sleep(time.Second)
		late := g.look(sqsx.DeadLettersConfig{Since: since})
		require.Len(g, late, 3)
		require.Empty(g, g.look(sqsx.DeadLettersConfig{Since: since.Add(time.Second)}))
		byID := g.look(sqsx.DeadLettersConfig{IDs: []string{late[0].MessageID, "1"}})
		require.Len(g, byID, 2)
		require.Equal(g, "1", byID[0].ID)

		require.Equal(g, 1, g.redrive(sqsx.RedriveConfig{IDs: []string{"2"}}).Total())
		require.Equal(g, 3, g.redrive(sqsx.RedriveConfig{Since: since}).Total())
		g.requireDead(1)
		g.requireBack(4)
	})
}

func TestRedriveTellsItsProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGraveyard(t, sqsx.ProvisionConfig{})
		g.buryTasks(slices.Repeat([]string{"tests.a"}, 40)...)
		g.bury(deadLettersOf(taskhawk.High), g.body("tests.a"))
		time.Sleep(time.Second)
		var counts []int
		progress := func(c sqsx.RedriveCount) { counts = append(counts, c.Moved) }
		g.redrive(sqsx.RedriveConfig{Copy: true, Limit: 21, Progress: progress})
		require.Equal(g, []int{1, 11, 21}, slices.Compact(counts))
		counts = nil
		g.redrive(sqsx.RedriveConfig{Rate: 2, Progress: progress})
		require.True(g, slices.IsSorted(counts))
		require.Greater(g, len(slices.Compact(counts)), 3, "a move task is looked at while it runs")
		panics := g.redrive(sqsx.RedriveConfig{Copy: true, Progress: func(sqsx.RedriveCount) { panic(errTest) }})
		require.Zero(g, panics.Total(), "a function that panics is not called again")
	})
}
