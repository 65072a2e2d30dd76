package taskhawk_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// fakeSettler notes how long messages are to stay invisible.
type fakeSettler struct {
	taskhawk.Settler
	err   error
	set   []time.Duration
	asked []*taskhawk.Delivery
}

func (s *fakeSettler) SetVisibility(_ context.Context, d *taskhawk.Delivery, timeout time.Duration) error {
	s.set = append(s.set, timeout)
	s.asked = append(s.asked, d)
	return s.err
}

// extend calls ExtendVisibility in a handler.
func extend(t *testing.T, settler taskhawk.Settler, by time.Duration) (*taskhawk.Delivery, error) {
	t.Helper()
	hub := newHub(t, taskhawk.Config{Tasks: []taskhawk.AnyTask{
		taskhawk.New("t", func(ctx context.Context, _ struct{}) error { return taskhawk.ExtendVisibility(ctx, by) }),
	}})
	d := delivery("t", "")
	d.Settler = settler
	return d, hub.Handle(t.Context(), d)
}

func TestExtendVisibilityAsksTheTransport(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{0, time.Millisecond, time.Hour} {
		settler := &fakeSettler{}
		d, err := extend(t, settler, by)
		require.NoError(t, err)
		require.Equal(t, []time.Duration{by}, settler.set, "the transport knows how to round")
		require.Same(t, d, settler.asked[0])
	}
}

func TestExtendVisibilityReportsALostClaim(t *testing.T) {
	t.Parallel()
	_, err := extend(t, &fakeSettler{err: errDown}, time.Minute)
	require.ErrorIs(t, err, errDown)
	require.NotErrorIs(t, err, taskhawk.ErrNoVisibility)
	require.EqualError(t, err, "taskhawk: extend visibility: the service is down")
}

func TestExtendVisibilityRefuses(t *testing.T) {
	t.Parallel()
	_, err := extend(t, nil, time.Minute)
	require.ErrorIs(t, err, taskhawk.ErrNoVisibility, "as in Sync mode and behind SNS")
	settler := &fakeSettler{}
	_, err = extend(t, settler, -time.Second)
	require.EqualError(t, err, "taskhawk: extend visibility: negative duration -1s")
	require.Empty(t, settler.set)
}
