package faults_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// anyArgs takes any JSON.
type anyArgs struct{ Value any }

func anyTask(r *rig) []taskhawk.AnyTask {
	return []taskhawk.AnyTask{
		taskhawk.New("tests.any", instrument(r, func(context.Context, anyArgs) error { return nil })),
	}
}

// Nesting up to 10,000 levels is read, as encoding/json reads it; more is an error, and no stack overflows.
func TestT38DeepNesting(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "arguments nested 9,990 and 10,001 levels deep", Tasks: anyTask}, func(r *rig) {
		for id, levels := range map[string]int{"deep": 9_990, "too-deep": 10_001, "far-too-deep": 500_000} {
			value := strings.Repeat("[", levels) + strings.Repeat("]", levels)
			r.raw(taskhawk.Default, foreign(id, `"task":"tests.any","args":[`+value+`]`))
		}
		r.raw(taskhawk.Default, strings.Repeat(`{"metadata":`, 80_000))
		w := r.start(sqsx.WorkerConfig{})
		r.drain(2 * time.Hour)
		w.stop()
		require.Equal(r, 1, r.server.Ledger().Keys(sqstest.Succeeded)["deep"])
		requireBuried(r, 3, defaultReceives)
		r.Check(want{Dead: 3, Stranded: 3})
	})
}

// Ten messages of 1 MiB that are made of the smallest JSON values run at once. Where they do not fit the Go type they cost little
// beside their bytes; an argument of type any is made of Go values of many times their size, one such task at a time here. The bounds
// have room for the copies of the server, which runs in the same process.
func TestT38AllocOfDenseJSON(t *testing.T) {
	for name, c := range map[string]struct {
		task        string
		concurrency int
		dead        int
		bound       uint64
	}{
		"wrong type":  {"tests.job", 10, 10, 192 << 20},
		"any, serial": {"tests.any", 1, 0, 192 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			const dense = "{},"
			list := "[" + strings.Repeat(dense, (sqsx.MaxMessageSize-300)/len(dense)) + "0]"
			s := setup{
				What: "ten messages of 1 MiB of {}, at once", Tasks: anyTask, Provision: sqsx.ProvisionConfig{MaxReceiveCount: 2},
			}
			grown := peakHeap(func() {
				inBubble(t, s, func(r *rig) {
					for n := range 10 {
						r.raw(taskhawk.Default, foreign(name+strconv.Itoa(n), `"task":"`+c.task+`","args":[`+list+`]`))
					}
					w := r.start(sqsx.WorkerConfig{Concurrency: c.concurrency, Priorities: []taskhawk.Priority{taskhawk.Default}})
					r.drain(2 * time.Hour)
					w.stop()
					requireBuried(r, c.dead, 2)
					r.Check(want{Dead: c.dead, Stranded: 10})
				})
			})
			require.LessOrEqual(t, grown, c.bound, "growth of the heap")
		})
	}
}
