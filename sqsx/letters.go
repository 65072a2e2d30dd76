package sqsx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// The waits of a poll. A long poll asks all servers of SQS, so an empty one means that
// the queue is empty. It waits longer while letters are known to come back.
const (
	scanWait = time.Second
	lostWait = awsbatch.CallTimeout / 2
)

// stalePolls is how many polls may bring known letters only, on top of what the end of
// their leases explains, before a scan takes it that there are no others.
const stalePolls = 10

// maxHeld is how many letters a scan keeps in flight. SQS answers polls with nothing from
// about 120,000 on, which would look like the end of the queue. Source: "Amazon SQS
// message quotas".
const maxHeld = 100_000

var (
	errDamaged = errors.New("a message arrived damaged: its body does not have the MD5 that SQS gives for it")
	errMany    = fmt.Errorf("%d letters are in flight, and SQS hides the rest from 120000 on: "+
		"narrow it down, or move or delete some of them first", maxHeld)
)

// scan receives each letter of a dead-letter queue once. What it has received stays
// invisible to others until release. One goroutine at a time may use it.
type scan struct {
	service *service
	queue   string                      // the name of the dead-letter queue
	before  func(context.Context) error // called by run before the first poll; nil for nothing
	reader  *letterReader
	leases  leases
	clock   serverClock
	stale   int // polls in a row that brought known letters and no new one
	// lost is until when letters may be in flight with receipt handles that no call returned:
	// the answer to a receive got lost.
	lost time.Time
	// exhausted reports that polls bring nothing new.
	exhausted bool
	// taken gets the limit of the next poll when the letters of the last one are taken.
	taken chan int
}

func newScan(service *service, queue string) (*scan, error) {
	reader, err := newLetterReader()
	if err != nil {
		return nil, err
	}
	return &scan{
		service: service, queue: queue, reader: reader, leases: leases{service: service, queue: queue},
		taken: make(chan int, 1),
	}, nil
}

// next makes a poll for up to limit letters, and returns those that are new.
func (s *scan) next(ctx context.Context, limit int) ([]*letter, error) {
	if len(s.leases.byID) >= maxHeld {
		return nil, &QueueError{Queue: s.queue, Err: errMany}
	}
	s.leases.extend(ctx)
	messages, polled, err := s.receive(ctx, limit)
	if err != nil {
		return nil, err
	}
	var fresh []*letter
	for _, message := range messages {
		// A known letter's lease had ended, or SQS delivered it twice.
		if s.leases.add(message, polled) {
			fresh = append(fresh, s.reader.read(ctx, message))
		}
	}
	s.note(len(messages), len(fresh), limit)
	return fresh, nil
}

// receive makes a poll, with attempts. polled is when the last of them began: leases are
// no older.
func (s *scan) receive(ctx context.Context, limit int) (messages []types.Message, polled time.Time, err error) {
	url, err := s.service.urls.get(ctx, s.queue)
	if err != nil {
		return nil, polled, err
	}
	wait := scanWait
	if time.Now().Before(s.lost) {
		wait = lostWait
	}
	input := &sqs.ReceiveMessageInput{
		QueueUrl:                    url,
		MaxNumberOfMessages:         int32(limit),
		WaitTimeSeconds:             seconds(wait),
		VisibilityTimeout:           seconds(leaseTime),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	}
	err = awsbatch.Retry(ctx, func(ctx context.Context) error {
		polled = time.Now()
		out, err := awsbatch.Invoke(ctx, s.service.api.ReceiveMessage, input, receiveOptions)
		if err == nil {
			messages = out.Messages
			s.clock.read(out, polled)
		} else if awsbatch.Doubtful(err) {
			s.lost = time.Now().Add(leaseTime)
		}
		return err
	})
	if err != nil {
		return nil, polled, inQueue(s.queue, err)
	}
	return messages, polled, nil
}

// note decides whether the queue is exhausted.
func (s *scan) note(received, fresh, limit int) {
	s.stale++
	if fresh > 0 {
		s.stale = 0
	}
	// Should all leases have ended, it takes so many polls to receive all known letters
	// again before a new one.
	turn := len(s.leases.byID)/max(limit, 1) + 1
	// Letters of a lost answer come back when their visibility timeout ends.
	s.exhausted = (received == 0 || s.stale > turn+stalePolls) && time.Now().After(s.lost)
}

// serverClock compares the clock of SQS with the clock of this machine, by the Date of the
// first answer that has one. It has whole seconds.
type serverClock struct {
	known bool
	ahead time.Duration // of SQS; 0 if the two may agree
}

// read takes the time of an answer to a request that was made at sent. Of what the answer
// allows, it takes the latest time of SQS: to take a letter for newer than it is would
// pass it over, and to take one for older moves it once more.
func (c *serverClock) read(out *sqs.ReceiveMessageOutput, sent time.Time) {
	date, ok := middleware.GetServerTime(out.ResultMetadata)
	if c.known || !ok {
		return
	}
	c.known = true
	latest := date.Add(time.Second)
	if date.After(time.Now()) || latest.Before(sent) {
		c.ahead = latest.Sub(sent)
	}
}

// letter is a dead letter that a scan has received.
type letter struct {
	message types.Message
	intact  bool
	// What the body says, zero when it cannot be read.
	id         string
	task       string // else the name in the attribute
	dispatched time.Time
}

func (l *letter) messageID() string { return aws.ToString(l.message.MessageId) }

// attribute returns a message attribute of ours, "" if there is none.
func (l *letter) attribute(name string) string {
	return aws.ToString(l.message.MessageAttributes[name].StringValue)
}

// reason is why the task failed for good, "" for a message that SQS moved.
func (l *letter) reason() string { return l.attribute(awsbatch.AttributeReason) }

// group is the message group: an order on a FIFO queue, a tenant on a standard queue.
func (l *letter) group() string {
	return l.message.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)]
}

// trace is the trace header of X-Ray, "" for none.
func (l *letter) trace() string {
	return l.message.Attributes[string(types.MessageSystemAttributeNameAWSTraceHeader)]
}

// number is a system attribute that is a number, 0 if there is none.
func (l *letter) number(name types.MessageSystemAttributeName) int64 {
	n, err := strconv.ParseInt(l.message.Attributes[string(name)], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// size is what the letter counts towards the size of a batch, in bytes.
func (l *letter) size() int {
	size := len(aws.ToString(l.message.Body))
	for name, value := range l.message.MessageAttributes {
		size += len(name) + len(aws.ToString(value.DataType))
		size += len(aws.ToString(value.StringValue)) + len(value.BinaryValue)
	}
	return size
}

// letterReader reads a letter as a worker would: through a hub, which also unwraps what
// SNS and the older Go library put around a message. The hub's one middleware notes what
// the message says, and runs nothing.
type letterReader struct {
	hub    *taskhawk.Hub
	letter *letter // that is being read
}

func newLetterReader() (*letterReader, error) {
	r := &letterReader{}
	note := func(taskhawk.Handler) taskhawk.Handler {
		return func(_ context.Context, msg *taskhawk.Message) error {
			// Cloned, since they share memory with the body, which must not live as long
			// as a report.
			r.letter.id, r.letter.task = strings.Clone(msg.ID), strings.Clone(msg.Task)
			r.letter.dispatched = msg.Timestamp
			return nil
		}
	}
	var err error
	r.hub, err = taskhawk.NewHub(taskhawk.Config{
		Middleware: []taskhawk.Middleware{note}, Logger: slog.New(slog.DiscardHandler),
	})
	return r, err
}

// maxTaskName is the length of a name in bytes, as the core has it; a longer one is no
// task's.
const maxTaskName = 256

// read returns the letter of a message. The name of its task comes from the body, else from
// the attribute, else "". It is not safe for concurrent use.
func (r *letterReader) read(ctx context.Context, message types.Message) *letter {
	l := &letter{message: message, intact: intact(message)}
	if !l.intact {
		return l
	}
	r.letter = l
	attributes := awsbatch.Texts(message.MessageAttributes, textOf, nil)
	d := &taskhawk.Delivery{Body: aws.ToString(message.Body), Attributes: attributes}
	if err := r.hub.Handle(ctx, d); err != nil {
		l.task = d.Attributes[awsbatch.AttributeTask]
	}
	if len(l.task) > maxTaskName {
		l.task = ""
	}
	if len(l.id) > maxTaskName {
		l.id = ""
	}
	return l
}

// letterFilter chooses letters: by one of the tasks, of a reason that the caller's
// function wants, sent since a time, with one of the ids. What is zero chooses all.
type letterFilter struct {
	tasks  []string
	reason func(string) bool
	since  time.Time
	ids    []string
}

// filters reports whether some letters may not be chosen.
func (f *letterFilter) filters() bool {
	return len(f.tasks) > 0 || f.reason != nil || !f.since.IsZero() || len(f.ids) > 0
}

// takes reports whether a letter is chosen. A panic of the caller's function is an error.
func (f *letterFilter) takes(l *letter) (taken bool, err error) {
	switch {
	case len(f.tasks) > 0 && !slices.Contains(f.tasks, l.task),
		!f.since.IsZero() && sentAt(l.message).Before(f.since),
		len(f.ids) > 0 && !slices.Contains(f.ids, l.messageID()) && !slices.Contains(f.ids, l.id):
		return false, nil
	case f.reason == nil:
		return true, nil
	}
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("the Reason function: %w", &taskhawk.PanicError{Value: value})
		}
	}()
	return f.reason(l.reason()), nil
}
