package faults_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax/lambdatest"
)

// mixed is a batch in which all goes wrong that can, and what is to come back.
func mixed() (list []order, failed []int) {
	list = orders("ok", "fail", "panic", "ignore", "goexit", "permanent", "ok", "recover", "ok", "ok", "ok", "ok")
	list[8].body, list[9].body = "{", "" // cut off
	list[9].task, list[10].task = "tests.unknown", "tests.order"
	list[10].body = strings.Replace((&order{do: "ok"}).text(), `,0,0,`, `,"zero",0,`, 1)
	return list, []int{1, 2, 4, 5, 7, 8, 9, 10}
}

// idsOf are the ids of some records of a batch.
func idsOf(list []order, places []int) []string {
	var ids []string
	for _, place := range places {
		ids = append(ids, list[place].id)
	}
	return ids
}

// answer is the response that names these records.
func answer(ids ...string) string {
	items := make([]string, len(ids))
	for i, id := range ids {
		items[i] = fmt.Sprintf(`{"itemIdentifier":%q}`, id)
	}
	return `{"batchItemFailures":[` + strings.Join(items, ",") + `]}`
}

// Just what failed comes back where the mapping lets a function say so.
func TestT47PartialBatch(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]functionConfig{
		"one after the other": {Partial: true}, "at once": {Partial: true, Concurrency: 5}, "both": {Partial: true, Both: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startFunction(t, "batches of all kinds, reported in part", config)
			list, failed := mixed()
			v := r.batch(list)
			require.Nil(t, v.Error)
			require.Equal(t, idsOf(list, failed), v.failed)
			require.JSONEq(t, answer(v.failed...), string(v.Response))
			require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 11}, r.ranOf(list), "those that can be read")

			require.Equal(t, answer(), string(r.batch(orders("ok", "ignore", "ok")).Response))
			v = r.batch(orders("fail", "panic"))
			require.Len(t, v.failed, 2)
			require.Nil(t, v.Error)
			require.Equal(t, 1, r.Starts(), "no panic reaches lambda.Start")
			r.check()
		})
	}
}

// The default is safe with a mapping that does not look at the answer: an error if, and only if, anything failed.
func TestT47WholeBatch(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "batches of all kinds, reported as a whole", functionConfig{})
	list, failed := mixed()
	v := r.batch(list)
	require.Contains(t, v.Error.Message, fmt.Sprintf("%d of %d records failed", len(failed), len(list)))
	require.Empty(t, v.done)
	require.NotContains(t, string(v.Error.Body), canaryArgument)
	for _, failure := range []string{"fail", "panic", "goexit", "permanent", "recover"} {
		require.NotNil(t, r.batch(orders("ok", failure)).Error, failure)
	}
	v = r.batch(orders("ok", "ignore", "ok"))
	require.Nil(t, v.Error)
	require.Len(t, v.done, 3)
	r.check()
}

// grouped gives the records of a batch groups.
func grouped(list []order, groups string) []order {
	for i := range list {
		list[i].group = groups[i : i+1]
	}
	return list
}

// Order holds: nothing of a group runs after its failure, and with the default nothing at all.
func TestT47GroupsOfFIFOQueues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		config      functionConfig
		ran, failed []int
	}{
		{"stop", functionConfig{Partial: true}, []int{0, 1}, []int{1, 2, 3, 4}},
		{"skip the group", functionConfig{Partial: true, SkipGroups: true}, []int{0, 1, 2, 4}, []int{1, 3}},
		{"skip the group, at once", functionConfig{Partial: true, SkipGroups: true, Concurrency: 3}, []int{0, 1, 2, 4}, []int{1, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := startFunction(t, "batches of a FIFO queue", c.config)
			for _, failure := range []string{"fail", "panic", "goexit"} {
				v := r.batch(grouped(orders("ok", failure, "ok", "ok", "ok"), "aabac"))
				require.Equal(t, c.ran, r.ranOf(v.orders))
				require.Equal(t, idsOf(v.orders, c.failed), v.failed)
			}
			require.Empty(t, r.batch(grouped(orders("ok", "ok", "ok"), "aab")).failed)
			r.check()
		})
	}
}

func TestT47OddBatches(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "duplicate ids, no ids, empty batches", functionConfig{Partial: true})
	for _, event := range []string{`{"Records":[]}`, `{"Records":null}`, `{}`} {
		result := r.give([]byte(event))
		require.Nil(t, result.Error, event)
		require.JSONEq(t, answer(), string(result.Response), event)
	}
	for _, do := range []string{"ok", "fail"} {
		list := orders(do, "ok", do)
		list[0].id, list[2].id = "twice-"+do, "twice-"+do
		v := r.batch(list)
		require.Equal(t, []int{1, 2}, r.ranOf(list), "a message runs once, by the receipt that counts")
		require.Equal(t, do == "ok", string(v.Response) == answer())
		require.Equal(t, do == "fail", string(v.Response) == answer("twice-fail"), "%s", v.Response)
	}
	// A record without an id cannot be named: an empty id would do, but then in Lambda's words.
	list := orders("ok", "fail")
	r.number(list)
	list[1].id = ""
	require.Contains(t, r.give(r.sqsEvent(list)).Error.Message, "1 of 2 records failed")
	r.check()
}

func TestT47ErrorWhenAllFailed(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "an error when all failed", functionConfig{Partial: true, ErrorIfAll: true})
	require.NotNil(t, r.batch(orders("fail", "panic")).Error)
	require.Nil(t, r.batch(orders("fail", "ok")).Error)
	require.Nil(t, r.batch(nil).Error)
	r.check()
}

// A process that dies takes its batch with it, and all of that comes back.
func TestT47ProcessDies(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "the process dies in the middle of a batch", functionConfig{Partial: true})
	v := r.batch(orders("ok", "exit", "ok"))
	require.Equal(t, lambdatest.ErrorExit, v.Error.Type)
	require.Len(t, v.failed, 3)
	require.Empty(t, r.batch(orders("ok")).failed)
	require.Equal(t, 2, r.Starts())
	r.check()
}

// Several invocations run in one process at once, and none gets what is another's.
func TestT47InvocationsAtOnce(t *testing.T) {
	t.Parallel()
	const invocations = 8
	several := func(c *lambdatest.Config) { c.Concurrency = invocations }
	r := startFunction(t, "invocations at once in one process", functionConfig{Partial: true, Concurrency: 2}, several)
	batches, results := make([][]order, 4*invocations), make([]lambdatest.Result, 4*invocations)
	var group sync.WaitGroup
	for i := range batches {
		batches[i] = orders("ok", "fail", "ok", "panic", "goexit")[:i%5+1]
		r.number(batches[i])
		batches[i][0].takes = 20 * time.Millisecond
		event := r.sqsEvent(batches[i])
		group.Go(func() {
			result, err := r.Invoke(t.Context(), event)
			if err != nil {
				t.Error(err)
			}
			results[i] = result
		})
	}
	group.Wait()
	for i, list := range batches {
		v := r.judge(list, results[i])
		var failed []int
		for place, o := range list {
			if o.do != "ok" {
				failed = append(failed, place)
			}
		}
		require.Equal(t, idsOf(list, failed), v.failed)
		require.Len(t, r.ranOf(list), len(list))
	}
	require.Equal(t, 1, r.Starts())
	r.check()
}

// An idle process is told to end, and does.
func TestT47SIGTERM(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "SIGTERM", functionConfig{Partial: true, SIGTERM: true})
	require.Empty(t, r.batch(orders("ok", "ok")).failed)
	require.Equal(t, "exit status 0", r.Shutdown().String())
	require.Contains(t, r.output(), "told to end")
	r.check()

	deaf := startFunction(t, "SIGTERM", functionConfig{Partial: true})
	require.Len(t, deaf.batch(orders("ok", "fail")).failed, 1)
	require.Equal(t, "signal: killed", deaf.Shutdown().String())
	deaf.check()
}

// Random batches, of standard and of FIFO queues: judge finds a record that is done for Lambda and was not.
func TestT47RandomBatches(t *testing.T) {
	t.Parallel()
	what := []string{"ok", "ok", "ok", "ignore", "fail", "panic", "goexit", "permanent", "recover"}
	for name, config := range map[string]functionConfig{
		"partial": {Partial: true, Concurrency: 3}, "groups": {Partial: true, SkipGroups: true, Concurrency: 3}, "whole": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startFunction(t, "random batches", config)
			random := rand.New(rand.NewPCG(1, uint64(len(name))))
			for range sized(150, 3000) {
				list := make([]order, random.IntN(12))
				for i := range list {
					list[i].do = what[random.IntN(len(what))]
					if config.SkipGroups {
						list[i].group = string(rune('a' + random.IntN(3)))
					}
				}
				r.batch(list)
			}
			require.Equal(t, 1, r.Starts())
			r.check()
		})
	}
}
