package sqsx_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// sequence yields letters, and an error behind them if there is one.
func sequence(letters []sqsx.DeadLetter, err error) iter.Seq2[sqsx.DeadLetter, error] {
	return func(yield func(sqsx.DeadLetter, error) bool) {
		for _, letter := range letters {
			if !yield(letter, nil) {
				return
			}
		}
		if err != nil {
			yield(sqsx.DeadLetter{}, err)
		}
	}
}

// stored has the parts of a message that a load must keep.
func stored(messages []sqstest.Message) []string {
	var found []string
	for _, m := range messages {
		found = append(found, fmt.Sprint(m.Body, m.Attributes, m.GroupID))
	}
	return found
}

// drop takes all letters off their queues, and returns the copies.
func (g *graveyard) drop(naming sqsx.Naming) []sqsx.DeadLetter {
	g.Helper()
	copies := &kept{}
	_, err := sqsx.Drop(g.Context(), g.client, app, sqsx.DropConfig{Keep: copies.keep, Naming: naming})
	require.NoError(g, err)
	return copies.letters
}

func TestLoadUndoesADrop(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for n := range 23 {
			g.bury(deadLettersOf(taskhawk.Default), g.body("tests.a"), withAttribute("tenant", fmt.Sprint(n)),
				withAttribute("taskhawk_reason", "down"), func(in *sqs.SendMessageInput) {
					in.MessageGroupId = aws.String(fmt.Sprint("group-", n%3))
					in.MessageAttributes["raw"] = types.MessageAttributeValue{DataType: aws.String("Binary.x"), BinaryValue: []byte{0, 255}}
				})
		}
		g.bury(deadLettersOf(taskhawk.Low), "not a message")
		before, low := g.server.Queue(deadLettersOf(taskhawk.Default)).Messages, g.server.Queue(deadLettersOf(taskhawk.Low)).Messages
		time.Sleep(time.Second)
		letters := g.drop(nil)
		require.Len(g, letters, 24)
		low1, err := sqsx.Load(g.Context(), g.client, app, sequence(letters, nil), sqsx.LoadConfig{
			DryRun: true, Priorities: []taskhawk.Priority{taskhawk.Low},
		})
		require.NoError(g, err)
		require.Equal(g, sqsx.LoadCount{WouldLoad: 1, Skipped: 23}, low1.Count)
		dry, err := sqsx.Load(g.Context(), g.client, app, sequence(letters, nil), sqsx.LoadConfig{DryRun: true, Limit: 15})
		require.NoError(g, err)
		require.Equal(g, sqsx.LoadCount{WouldLoad: 15}, dry.Count)
		var progress []int
		report, err := sqsx.Load(g.Context(), g.client, app, sequence(letters, nil), sqsx.LoadConfig{
			Progress: func(c sqsx.LoadCount) { progress = append(progress, c.Loaded) },
		})
		require.NoError(g, err)
		require.Equal(g, sqsx.LoadReport{
			Loaded: map[string]int{deadLettersOf(taskhawk.Default): 23, deadLettersOf(taskhawk.Low): 1},
			Count:  sqsx.LoadCount{Loaded: 24}, Read: 24,
		}, report)
		require.Equal(g, []int{10, 20, 23, 24}, progress)
		require.Equal(g, stored(before), stored(g.server.Queue(deadLettersOf(taskhawk.Default)).Messages))
		require.Equal(g, stored(low), stored(g.server.Queue(deadLettersOf(taskhawk.Low)).Messages))
	})
}

func TestLoadRunsThemAgain(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.bury(deadLettersOf(taskhawk.High), g.body("tests.a"), withAttribute("taskhawk_reason", "down"), withAttribute("x", "y"))
		g.bury(deadLettersOf(taskhawk.High), g.body("tests.b"))
		time.Sleep(time.Second)
		letters := g.drop(nil)
		report, err := sqsx.Load(g.Context(), g.client, app, sequence(letters, nil), sqsx.LoadConfig{Run: true, Tasks: []string{"tests.a"}})
		require.NoError(g, err)
		require.Equal(g, sqsx.LoadCount{Loaded: 1, Skipped: 1}, report.Count)
		require.Equal(g, 2, report.Read)
		found := g.server.Queue(queueOf(taskhawk.High)).Messages
		require.Len(g, found, 1)
		require.Equal(g, map[string]string{"x": "y"}, found[0].Attributes)
	})
}

// Dropped and loaded within five minutes, twice: SQS must not take the letters for
// duplicates.
func TestLoadOnFIFOQueuesLosesNothingToDeduplication(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fifo := func(app string, priority taskhawk.Priority) string { return sqsx.QueueName(app, priority) + ".fifo" }
		g := newGraveyard(t, sqsx.ProvisionConfig{Naming: fifo})
		queue := sqsx.DeadLetterQueueName(fifo(app, taskhawk.Default))
		for n := range 12 {
			g.bury(queue, g.body("tests.a"), func(in *sqs.SendMessageInput) {
				in.MessageGroupId, in.MessageDeduplicationId = aws.String(fmt.Sprint(n%2)), aws.String(fmt.Sprint(n))
			})
		}
		before := stored(g.server.Queue(queue).Messages)
		time.Sleep(time.Second)
		copies := g.drop(fifo)
		for range 2 { // the same copies twice, dropped in between
			report, err := sqsx.Load(g.Context(), g.client, app, sequence(copies, nil), sqsx.LoadConfig{Naming: fifo})
			require.NoError(g, err)
			require.Equal(g, 12, report.Count.Loaded)
			require.ElementsMatch(g, before, stored(g.server.Queue(queue).Messages))
			time.Sleep(time.Second)
			require.Len(g, g.drop(fifo), 12)
		}
	})
}

// A load that was cut off continues after the letters that it has read.
func TestLoadSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryTasks(slices.Repeat([]string{"tests.a"}, 35)...)
		before := g.bodies(deadLettersOf(taskhawk.Default))
		time.Sleep(time.Second)
		letters := g.drop(nil)
		ctx, cancel := context.WithCancelCause(g.Context())
		report, err := sqsx.Load(ctx, g.client, app, sequence(letters, nil), sqsx.LoadConfig{Progress: func(c sqsx.LoadCount) {
			if c.Loaded == 20 {
				cancel(errTest)
			}
		}})
		require.ErrorIs(g, err, errTest)
		require.Equal(g, 20, report.Read)
		g.server.Inject(sqstest.Fault{On: sqstest.OpSendMessageBatch, Times: 3, Do: sqstest.Status(503, "")})
		outage, err := sqsx.Load(g.Context(), g.client, app, sequence(letters[20:], nil), sqsx.LoadConfig{})
		require.ErrorContains(g, err, "SQS stored no letter of a batch")
		require.Equal(g, sqsx.LoadReport{Loaded: map[string]int{}}, outage)
		rest, err := sqsx.Load(g.Context(), g.client, app, sequence(letters[20:], errTest), sqsx.LoadConfig{})
		require.ErrorIs(g, err, errTest)
		require.Equal(g, 15, rest.Read, "what came before an error of the sequence is loaded")
		require.Equal(g, before, g.bodies(deadLettersOf(taskhawk.Default)))
	})
}

func TestLoadNamesLettersThatFail(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryTasks("tests.a", "tests.a", "tests.a")
		time.Sleep(time.Second)
		letters := g.drop(nil)
		letters[1].Body = "\x01"
		report, err := sqsx.Load(g.Context(), g.client, app, sequence(letters, nil), sqsx.LoadConfig{})
		require.Error(g, err)
		require.Equal(g, []int{1}, report.Failed)
		require.Equal(g, sqsx.LoadCount{Loaded: 2, Failed: 1}, report.Count)
		require.Equal(g, 3, report.Read)
		require.Equal(g, "2 loaded, 1 failed", report.Count.String())
		letters[1].Body = ""
		_, err = sqsx.Load(g.Context(), g.client, app, sequence(letters, nil), sqsx.LoadConfig{})
		require.EqualError(g, err, "sqsx: load: letter 2: letter without a body; set Bodies to read letters with bodies")
		_, err = sqsx.Load(g.Context(), g.client, "other", sequence(letters, nil), sqsx.LoadConfig{})
		require.EqualError(g, err, "sqsx: load: letter 1: letter of a queue of another application")
		for _, config := range []sqsx.LoadConfig{{Limit: -1}, {Rate: -1}, {Account: "1"}} {
			_, err = sqsx.Load(g.Context(), g.client, app, sequence(letters, nil), config)
			require.ErrorContains(g, err, "sqsx: load: ")
		}
		_, err = sqsx.Load(g.Context(), nil, app, sequence(letters, nil), sqsx.LoadConfig{})
		require.EqualError(g, err, "sqsx: load: nil API")
	})
}

func TestLoadKeepsItsRate(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		g.buryTasks(slices.Repeat([]string{"tests.a"}, 50)...)
		time.Sleep(time.Second)
		letters := g.drop(nil)
		start := time.Now()
		_, err := sqsx.Load(g.Context(), g.client, app, sequence(letters, nil), sqsx.LoadConfig{Rate: 10})
		require.NoError(g, err)
		require.Equal(g, 4*time.Second, time.Since(start), "five batches, four pauses")
	})
}

func TestWaitingLooksAndGivesBack(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 15 {
			g.bury(queueOf(taskhawk.Default), g.body("tests.a"), withAttribute("x", "y"))
		}
		g.bury(queueOf(taskhawk.High), "not a message")
		look := func(config sqsx.WaitingConfig) (found []sqsx.WaitingMessage) {
			for message, err := range sqsx.Waiting(g.Context(), g.client, app, config) {
				require.NoError(g, err)
				found = append(found, message)
			}
			return found
		}
		found := look(sqsx.WaitingConfig{})
		require.Len(g, found, 10, "ten by default")
		require.Equal(g, queueOf(taskhawk.High), found[0].Queue)
		require.Empty(g, found[0].Task)
		require.Equal(g, "tests.a", found[1].Task)
		require.Equal(g, []int{1, 5}, []int{found[1].Receives, found[1].MaxReceives})
		require.Empty(g, found[1].Body)
		full := look(sqsx.WaitingConfig{Priorities: []taskhawk.Priority{taskhawk.Default}, Limit: 1000, Bodies: true})
		require.Len(g, full, 15)
		require.True(g, strings.HasPrefix(full[0].Body, "{"))
		require.Equal(g, "y", *full[0].Attributes["x"].StringValue)
		require.Equal(g, 2, full[0].Receives, "a look is a receive")
		require.Equal(g, 15, g.server.Queue(queueOf(taskhawk.Default)).Visible)
		require.Zero(g, g.server.Queue(deadLettersOf(taskhawk.Default)).Visible)
	})
}

func TestWaitingRefusesToBury(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGraveyard(t, sqsx.ProvisionConfig{MaxReceiveCount: 1})
		g.bury(queueOf(taskhawk.Default), g.body("tests.a"))
		failed := 0
		for _, err := range sqsx.Waiting(g.Context(), g.client, app, sqsx.WaitingConfig{}) {
			require.ErrorContains(g, err, "queue allows one receive only")
			failed++
		}
		require.Equal(g, 4, failed)
		require.Zero(g, g.server.Requests(sqstest.OpReceiveMessage))
		for _, config := range []sqsx.WaitingConfig{{Limit: -1}, {Limit: 1001}, {Account: "1"}} {
			for _, err := range sqsx.Waiting(g.Context(), g.client, app, config) {
				require.ErrorContains(g, err, "sqsx: waiting: ")
			}
		}
	})
}
