package sqstest_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQuietTenantsComeBeforeANoisyOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	for i := range 60 {
		f.send(url, "noisy", inGroup("noisy"))
		if i == 59 {
			f.send(url, "quiet", inGroup("quiet"))
			f.send(url, "none")
		}
	}
	for range 3 {
		for i, body := range bodies(f.receive(url)) {
			require.Equal(t, "noisy", body, strconv.Itoa(i))
		}
	}
	require.Equal(t, []string{"quiet", "none", "noisy"}, bodies(f.receive(url))[:3], "30 in flight: noisy")
	for range 2 {
		require.Len(t, f.receive(url), 10, "no group starves")
	}
	require.Len(t, f.receive(url), 2)
}

func TestSmallTenantIsNeverNoisy(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	for range 29 {
		f.send(url, "small", inGroup("small"))
	}
	for range 3 {
		f.receive(url)
	}
	f.send(url, "small", inGroup("small"))
	f.send(url, "other", inGroup("other"))
	require.Equal(t, []string{"small", "other"}, bodies(f.receive(url)))
}
