package faults_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax/lambdatest"
)

// late are the headers of invocations whose deadline has passed, or who have none.
func late() map[string]lambdatest.InvokeOption {
	past := func(d time.Duration) lambdatest.InvokeOption {
		return lambdatest.WithHeader(lambdatest.HeaderDeadline, strconv.FormatInt(time.Now().Add(-d).UnixMilli(), 10))
	}
	return map[string]lambdatest.InvokeOption{
		"now": past(0), "an hour ago": past(time.Hour), "1970": lambdatest.WithHeader(lambdatest.HeaderDeadline, "0"),
		"missing": lambdatest.WithHeader(lambdatest.HeaderDeadline, ""), "no number": lambdatest.WithHeader(lambdatest.HeaderDeadline, "soon"),
	}
}

// Nothing is started when there is no time, and everything comes back.
func TestT20DeadlinePastOrMissing(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]functionConfig{
		"partial": {Partial: true}, "whole": {}, "partial, groups": {Partial: true, SkipGroups: true, Concurrency: 4}, "both": {Both: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startFunction(t, "deadline past or missing", config)
			for when, option := range late() {
				v := r.batch(orders("ok", "ok", "ok"), option)
				require.Len(t, v.failed, 3, when)
				require.Empty(t, r.ranOf(v.orders), when)
				if config.Partial && when != "missing" && when != "no number" {
					require.Nil(t, v.Error, when)
				} else {
					require.NotNil(t, v.Error, when)
				}
			}
			require.Empty(t, r.batch(orders("ok")).failed, "the process lives")
			require.Equal(t, 1, r.Starts())
			r.check()
		})
	}
}

// The same for topics: nothing runs, and the error makes Lambda try again.
func TestT20DeadlinePastOrMissingForTopics(t *testing.T) {
	t.Parallel()
	r := startFunction(t, "deadline past or missing", functionConfig{SNS: true})
	for when, option := range late() {
		list := orders("ok", "ok")
		result := r.notify(list, nil, option)
		require.NotNil(t, result.Error, when)
		require.Empty(t, r.ranOf(list), when)
	}
	require.Nil(t, r.notify(orders("ok"), nil).Error)
	require.Equal(t, 1, r.Starts())
	r.check()
}
