package awsbatch_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// sent is a message that a publisher under test sends.
type sent struct {
	awsbatch.Message

	ordered bool
}

func (s sent) Size() int { return s.Message.Size }

func (s sent) Group() string {
	if s.ordered {
		return s.Message.Group
	}
	return ""
}

// service is what publishers under test send to.
type service struct {
	limits awsbatch.Limits
	send   func(ctx context.Context, entries []sent, done func(err error, items ...int))

	mu   sync.Mutex
	sent []sent
}

// publisher has a standard queue for high and a FIFO queue for low.
func (s *service) publisher(t *testing.T) *awsbatch.Publisher[sent] {
	t.Helper()
	if s.limits.Service == "" {
		s.limits = awsbatch.Limits{Service: "SNS", Target: "topic", MaxSize: 1 << 10, NoDelay: "is not possible"}
	}
	if s.send == nil {
		s.send = func(_ context.Context, entries []sent, done func(err error, items ...int)) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for i, e := range entries {
				s.sent = append(s.sent, e)
				done(nil, i)
			}
		}
	}
	p, err := awsbatch.NewPublisher(awsbatch.Config[sent]{
		Names:  map[taskhawk.Priority]string{taskhawk.High: "high", taskhawk.Low: "low.fifo"},
		Limits: s.limits,
		Entry:  func(m awsbatch.Message, fifo bool) sent { return sent{m, fifo} },
		Calls: func(string) func(context.Context, []sent, func(error, ...int)) {
			return func(ctx context.Context, entries []sent, done func(error, ...int)) { s.send(ctx, entries, done) }
		},
		Wrap: func(name string, err error) error { return &wrapped{name, err} },
	})
	require.NoError(t, err)
	return p
}

type wrapped struct {
	name string
	err  error
}

func (w *wrapped) Error() string { return w.name + ": " + w.err.Error() }
func (w *wrapped) Unwrap() error { return w.err }

func TestLimits(t *testing.T) {
	t.Parallel()
	p := (&service{}).publisher(t)
	long := strings.Repeat("x", 129)
	for want, out := range map[string]taskhawk.Outgoing{
		"":              {Body: "x", Priority: taskhawk.High},
		"body is empty": {Priority: taskhawk.High},
		"size with attributes is 1044 bytes, the limit is 1024":                   {Body: strings.Repeat("x", 1<<10), Priority: taskhawk.High},
		"body has a character that SNS refuses, at byte 1":                        {Body: "x\x00", Priority: taskhawk.High},
		"delay is not possible":                                                   {Body: "x", Delay: 1, Priority: taskhawk.High},
		"group is missing: a FIFO topic needs one, use taskhawk.WithGroup":        {Body: "x", Priority: taskhawk.Low},
		"deduplication id is for FIFO topics only":                                {Body: "x", DeduplicationID: "d", Priority: taskhawk.High},
		"group is not up to 128 letters, digits and punctuation marks":            {Body: "x", Group: "a b", Priority: taskhawk.High},
		"deduplication id is not up to 128 letters, digits and punctuation marks": {Body: "x", Group: "g", DeduplicationID: long, Priority: taskhawk.Low},
	} {
		out.Task = "t"
		err := p.Publish(t.Context(), &out)
		if want == "" {
			require.NoError(t, err)
			continue
		}
		var refused *taskhawk.LimitError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, want, refused.Field+" "+refused.Reason)
		require.EqualError(t, err, "SNS refuses such a message: "+want)
	}
	out := &taskhawk.Outgoing{Priority: taskhawk.Bulk, Body: "x"}
	require.ErrorIs(t, p.Publish(t.Context(), out), taskhawk.ErrUnknownPriority)
}

// What is just at a limit is sent.
func TestLimitsAreWhatSQSTakes(t *testing.T) {
	t.Parallel()
	for n, out := range []taskhawk.Outgoing{
		{Body: strings.Repeat("x", 1<<10-len("taskhawk_taskStringt"))},
		{Body: strings.Repeat("x", 1000), Headers: taskhawk.Headers{"h": "v"}}, // whose mirror does not fit
		{Body: "x", Group: strings.Repeat("!", 128)},
		{Body: "x", Group: "~"},
	} {
		s := &service{}
		out.Task, out.Priority = "t", taskhawk.High
		require.NoError(t, s.publisher(t).Publish(t.Context(), &out), n)
		require.Len(t, s.sent[0].Attributes, 1)
		require.LessOrEqual(t, s.sent[0].Size(), 1<<10)
	}
	s := &service{}
	full := &taskhawk.Outgoing{
		Task: "t", Body: strings.Repeat("x", 1<<10-len("taskhawk_taskStringt")-len("hStringv")), Priority: taskhawk.High,
		Headers: taskhawk.Headers{"h": "v"},
	}
	require.NoError(t, s.publisher(t).Publish(t.Context(), full))
	require.Len(t, s.sent[0].Attributes, 2)
	require.Equal(t, 1<<10, s.sent[0].Size())
	for _, most := range []int{1, awsbatch.MaxAttributes} {
		limits := awsbatch.Limits{MaxSize: awsbatch.MaxMessageSize, MaxAttributes: most}
		require.NoError(t, limits.Check())
	}
	require.Nil(t, awsbatch.Optional(""))
	require.Equal(t, "x", *awsbatch.Optional("x"))
}

func TestDelays(t *testing.T) {
	t.Parallel()
	s := &service{limits: awsbatch.Limits{Service: "SQS", Target: "queue", MaxSize: 1 << 10, MaxDelay: time.Minute}}
	p := s.publisher(t)
	for want, out := range map[string]taskhawk.Outgoing{
		"is 1m0.000000001s, the limit is 1m0s":        {Delay: time.Minute + 1, Priority: taskhawk.High},
		"is not possible per message on a FIFO queue": {Delay: 1, Priority: taskhawk.Low, Group: "g"},
	} {
		out.Body = "x"
		require.ErrorContains(t, p.Publish(t.Context(), &out), want)
	}
	require.NoError(t, p.Publish(t.Context(), &taskhawk.Outgoing{Body: "x", Delay: time.Minute, Priority: taskhawk.High}))
}

func TestDeduplication(t *testing.T) {
	t.Parallel()
	s := &service{}
	p := s.publisher(t)
	for _, out := range []taskhawk.Outgoing{
		{ID: "id", Priority: taskhawk.High},
		{ID: "id", Group: "g", Priority: taskhawk.Low},
		{ID: "not an id", Group: "g", Priority: taskhawk.Low},
		{ID: strings.Repeat("x", 128), Group: "g", Priority: taskhawk.Low},
		{ID: strings.Repeat("x", 129), Group: "g", Priority: taskhawk.Low},
		{ID: "größe", Group: "g", Priority: taskhawk.Low},
		{Group: "g", Priority: taskhawk.Low},
		{ID: "id", DeduplicationID: "own", Group: "g", Priority: taskhawk.Low},
	} {
		out.Body = "x"
		require.NoError(t, p.Publish(t.Context(), &out))
	}
	var ids []string
	for _, e := range s.sent {
		ids = append(ids, e.DeduplicationID)
	}
	require.Equal(t, []string{
		"", // a standard queue takes none
		"id",
		"3c741084fca4a164592115575518afa1a44b411489599a66d0a164e7f759ee7f",
		strings.Repeat("x", 128),
		"0ec9eb33e74510bcdd1f2ea55206e82f21649c5c2becbf2b433eb475b34c01bd",
		"d353a2671b67afff0941ae456e5c76e9394bd6579774ae7542a6185fb9843384",
		"", // that is no dispatch
		"own",
	}, ids)
}

func TestNewPublisherRefusesBadLimits(t *testing.T) {
	t.Parallel()
	for want, limits := range map[string]awsbatch.Limits{
		"MaxMessageSize 1023: a queue takes 1024 to 1048576": {MaxSize: 1<<10 - 1},
		"MaxMessageSize 1048577":                             {MaxSize: 1<<20 + 1},
		"MaxAttributes 11: a message has 1 to 10":            {MaxSize: 1 << 20, MaxAttributes: 11},
		"MaxAttributes -1":                                   {MaxSize: 1 << 20, MaxAttributes: -1},
	} {
		limits.Target = "queue"
		_, err := awsbatch.NewPublisher(awsbatch.Config[sent]{Limits: limits})
		require.ErrorContains(t, err, want)
	}
	_, err := awsbatch.NewPublisher(awsbatch.Config[sent]{Linger: -1, Limits: awsbatch.Limits{MaxSize: 1 << 20}})
	require.ErrorContains(t, err, "negative Linger")
}

// What a group has behind a message that is refused before any call would lose its place,
// too.
func TestARefusedMessageHoldsBackItsGroup(t *testing.T) {
	t.Parallel()
	s := &service{}
	p := s.publisher(t)
	var outs []*taskhawk.Outgoing
	for _, body := range []string{"0", "\x00", "2", "3"} {
		for _, group := range []string{"a", "b"} {
			if group == "b" && body == "\x00" {
				body = "1"
			}
			outs = append(outs, &taskhawk.Outgoing{Body: body, Group: group, Priority: taskhawk.Low},
				&taskhawk.Outgoing{Body: body + "!", Group: group, Priority: taskhawk.High})
		}
	}
	outs[5].Body = "\x00" // on the standard queue, where a group orders nothing
	errs := p.PublishBatch(t.Context(), outs)
	var refused *taskhawk.LimitError
	for i, out := range outs {
		switch {
		case out.Body == "\x00" || out.Body == "\x00!":
			require.ErrorAs(t, errs[i], &refused)
		case out.Priority == taskhawk.Low && out.Group == "a" && out.Body != "0":
			require.ErrorIs(t, errs[i], taskhawk.ErrHeldBack)
			require.NotErrorIs(t, errs[i], taskhawk.ErrOutcomeUnknown)
			require.EqualError(t, errs[i], "low.fifo: held back behind a message of its group that was not stored")
		default:
			require.NoError(t, errs[i], i)
		}
	}
}

func TestABrokenCallIsAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	s := &service{send: func(context.Context, []sent, func(error, ...int)) { panic(errors.New("odd")) }}
	err := s.publisher(t).Publish(t.Context(), &taskhawk.Outgoing{Body: "x", Priority: taskhawk.High})
	require.ErrorIs(t, err, taskhawk.ErrOutcomeUnknown)
	require.ErrorContains(t, err, "high: ")
}

func TestNames(t *testing.T) {
	t.Parallel()
	for app, want := range map[string]string{"": "no name", "https://x": "URL or ARN", "arn:aws:sns": "URL or ARN"} {
		require.ErrorContains(t, awsbatch.CheckApp(app), want)
	}
	require.NoError(t, awsbatch.CheckApp("dev-myapp"))
	require.NoError(t, awsbatch.CheckAccount(""))
	require.NoError(t, awsbatch.CheckAccount("012345678901"))
	for _, account := range []string{"01234567890", "01234567890x", "0123456789012"} {
		require.ErrorContains(t, awsbatch.CheckAccount(account), "12 digits")
	}
}
