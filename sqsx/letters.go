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
// the queue is empty. A poll waits for lostWait while letters of a lost answer may
// become visible.
const (
	scanWait = time.Second
	lostWait = awsbatch.CallTimeout / 2
)

// stalePolls is how many polls in a row may return only known letters before the scan
// ends. The scan allows further polls for letters whose leases have ended: see note.
const stalePolls = 10

// maxHeld is how many letters a scan keeps in flight. From about 120,000 on, SQS
// answers polls with no message, as if the queue were empty. Source: "Amazon SQS
// message quotas".
const maxHeld = 100_000

var (
	errDamaged = errors.New("damaged message: its body does not match the MD5 from SQS")
	errMany    = fmt.Errorf("%d letters are in flight, and SQS hides the rest from 120000 on: "+
		"set a limit, or move or delete some of them first", maxHeld)
)

// scan receives each letter of a dead-letter queue once. Received letters stay
// invisible to others until release. One goroutine at a time may use it.
type scan struct {
	service *service
	queue   string                      // the name of the dead-letter queue
	before  func(context.Context) error // called by run before the first poll; nil for nothing
	reader  *letterReader
	leases  leases
	clock   serverClock
	stale   int // polls in a row that returned known letters and no new one
	// lost is the time until which letters of a lost answer may be in flight. No call
	// returned their receipt handles.
	lost time.Time
	// exhausted reports whether polls return nothing new.
	exhausted bool
	// taken receives the limit of the next poll after the letters of a poll are taken.
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

// next polls for up to limit letters, and returns the new ones.
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

// receive polls, with retries. polled is when the last attempt began: no lease began
// earlier.
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
		out, err := awsbatch.Invoke(ctx, s.service.api.ReceiveMessage, input, receiveOptions(ctx))
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
	// If all leases have ended, SQS may deliver every known letter again before a new
	// one, in this many polls.
	turn := len(s.leases.byID)/max(limit, 1) + 1
	// Letters of a lost answer come back when their visibility timeout ends.
	s.exhausted = (received == 0 || s.stale > turn+stalePolls) && time.Now().After(s.lost)
}

// serverClock compares the clock of SQS with the clock of this machine, by the Date of
// the first answer that has one. A Date has whole seconds.
type serverClock struct {
	known bool
	ahead time.Duration // of SQS; 0 if the two may agree
}

// read takes the time of an answer to a request that was made at sent. The answer
// leaves a range, and read takes the latest time of SQS in it. With an earlier time, a
// redrive could take a letter for newer than it is and leave it out. With a later time,
// it moves a letter once more at worst.
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
	// From the body; zero if the body cannot be read.
	id         string
	task       string // from the attribute if the body cannot be read
	dispatched time.Time
}

func (l *letter) messageID() string { return aws.ToString(l.message.MessageId) }

// attribute returns a message attribute of Taskhawk, "" if there is none.
func (l *letter) attribute(name string) string {
	return aws.ToString(l.message.MessageAttributes[name].StringValue)
}

// reason returns why the task failed for good, "" for a message that SQS moved.
func (l *letter) reason() string { return l.attribute(awsbatch.AttributeReason) }

// group returns the message group: an order on a FIFO queue, a tenant on a standard
// queue.
func (l *letter) group() string {
	return l.message.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)]
}

// trace returns the trace header of X-Ray, "" for none.
func (l *letter) trace() string {
	return l.message.Attributes[string(types.MessageSystemAttributeNameAWSTraceHeader)]
}

// number returns a numeric system attribute, 0 if there is none.
func (l *letter) number(name types.MessageSystemAttributeName) int64 {
	n, err := strconv.ParseInt(l.message.Attributes[string(name)], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// size returns what the letter counts towards the size of a batch, in bytes.
func (l *letter) size() int {
	size := len(aws.ToString(l.message.Body))
	for name, value := range l.message.MessageAttributes {
		size += len(name) + len(aws.ToString(value.DataType))
		size += len(aws.ToString(value.StringValue)) + len(value.BinaryValue)
	}
	return size
}

// letterReader reads a letter as a worker does: through a hub, which also removes the
// envelopes of SNS and of the older Go library. The hub's one middleware stores id,
// task and time, and runs no task.
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

// maxTaskName is the longest name of a task, in bytes. The core has the same limit.
const maxTaskName = 256

// read returns the letter of a message: see DeadLetter.Task for its task. It is not
// safe for concurrent use.
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

// letterFilter chooses letters by task, reason, time and id. A zero field chooses all.
type letterFilter struct {
	tasks  []string
	reason func(string) bool
	since  time.Time
	ids    []string
}

// filters reports whether the filter may exclude letters.
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
