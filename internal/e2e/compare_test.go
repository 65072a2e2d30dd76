//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A check is a case: what to do, and what SQS makes of it by its documentation.
type check struct {
	name string
	rule string // what the documentation says: the API reference, where it does not say otherwise
	want string // the story of a probe that sees that
	run  func(p *probe)
}

func checks() []check {
	var all []check
	for _, some := range [][]check{
		queueChecks(), sendChecks(), attributeChecks(), batchChecks(), receiveChecks(), visibilityChecks(), deadLetterChecks(),
		moveTaskChecks(), fifoChecks(),
	} {
		all = append(all, some...)
	}
	return all
}

// tell runs a check against a service and returns what was seen.
func (c check) tell(ctx context.Context, p *probe) string {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	p.ctx = ctx
	func() {
		defer func() {
			if value := recover(); value != nil && value != (stopped{}) {
				panic(value)
			}
		}()
		c.run(p)
	}()
	return p.story()
}

// timely tells a story, three times at most until it is as wanted. A machine that is busy
// with other things may make a service late, and 64 checks at once may be enough. Each try
// has a prefix for its queues.
func timely(t *testing.T, prefix, want string, tell func(prefix string) string) (got string) {
	t.Helper()
	for try := range 3 {
		got = tell(fmt.Sprintf("%s-%d-", prefix, try))
		if got == want {
			break
		}
		t.Logf("try %d: %s", try+1, got)
	}
	return got
}

// Every service does what AWS documents, but for the differences that are listed.
func TestServicesDoWhatIsDocumented(t *testing.T) {
	t.Parallel()
	for _, s := range services() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			client := newClient(t, s.start(t))
			t.Run("checks", func(t *testing.T) {
				for i, c := range checks() {
					t.Run(c.name, func(t *testing.T) {
						t.Parallel()
						want, differs := c.want, "%s differs, and the list does not say so"
						if d, listed := differenceOf(s.name, c.name); listed {
							want, differs = d.got, "the difference is no longer what the list says of %s"
						}
						got := timely(t, fmt.Sprint("e2e-", i), want, func(prefix string) string {
							return c.tell(t.Context(), &probe{Client: client, prefix: prefix})
						})
						require.Equal(t, want, got, differs, s.name)
					})
				}
			})
		})
	}
}

func TestDifferencesAreOfOthersAndOfChecks(t *testing.T) {
	t.Parallel()
	wants := map[string]string{}
	for _, c := range checks() {
		require.NotContains(t, wants, c.name)
		wants[c.name] = c.want
	}
	for _, d := range differences() {
		require.NotEqual(t, embedded, d.service, "the embedded server has no exceptions")
		require.Contains(t, wants, d.check)
		require.NotEqual(t, wants[d.check], d.got)
	}
}
