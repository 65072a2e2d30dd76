package sqsx

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/attribute"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// RedriveConfig says what [Redrive] moves. The zero value moves everything.
type RedriveConfig struct {
	// Priorities are the queues whose dead letters are moved. Default: all four.
	Priorities []taskhawk.Priority
	// Limit is how many messages are moved at most, over all queues. Default 0: no limit.
	Limit int
	// Naming returns the names of the queues. Default: [QueueName].
	Naming Naming
}

// RedriveReport says what [Redrive] moved.
type RedriveReport struct {
	// Moved counts the messages by the name of their queue.
	Moved map[string]int
}

// The polls of a redrive: long enough to ask all servers of SQS, with a claim long enough to move ten messages.
const (
	redriveWait       = 2 * time.Second
	redriveVisibility = time.Minute
)

// Redrive moves dead letters back to the queue that they came from: those of each priority to the queue of that priority. (The
// Python library moves all of them to the default queue.) It ends when the dead-letter queues are empty.
//
// A message is deleted from the dead-letter queue only when its own queue has stored it: a redrive that is cut off loses
// none, and may leave one message on both. Letters sent after it began, by a task that failed again, wait for the next redrive.
// The report is right also when there is an error.
func Redrive(ctx context.Context, api API, queueName string, config RedriveConfig) (RedriveReport, error) {
	report := RedriveReport{Moved: map[string]int{}}
	names, err := config.Naming.names(queueName, config.Priorities)
	if err != nil {
		return report, fmt.Errorf("sqsx: redrive: %w", err)
	}
	if config.Limit < 0 {
		return report, fmt.Errorf("sqsx: redrive: negative Limit %d", config.Limit)
	}
	urls := &queueURLs{api: api}
	began := time.Now()
	for _, priority := range taskhawk.Priorities() {
		name, ok := names[priority]
		if !ok {
			continue
		}
		r := redriver{api: api, urls: urls, queue: name, letters: DeadLetterQueueName(name), began: began, report: &report}
		if err := r.run(ctx, config.Limit); err != nil {
			return report, fmt.Errorf("sqsx: redrive: %w", err)
		}
	}
	return report, nil
}

// Total is how many messages were moved.
func (r RedriveReport) Total() int {
	total := 0
	for _, n := range r.Moved {
		total += n
	}
	return total
}

// redriver moves the dead letters of one queue.
type redriver struct {
	api     API
	urls    *queueURLs
	queue   string
	letters string
	began   time.Time
	report  *RedriveReport
}

func (r *redriver) run(ctx context.Context, limit int) error {
	for {
		room := maxBatch
		if limit > 0 {
			room = min(room, limit-r.report.Total())
		}
		if room <= 0 {
			return nil
		}
		messages, err := r.receive(ctx, room)
		if err != nil {
			return err
		}
		moved, err := r.moveAll(ctx, messages)
		if err != nil || moved == 0 {
			return err
		}
	}
}

func (r *redriver) receive(ctx context.Context, limit int) ([]types.Message, error) {
	url, err := r.urls.get(ctx, r.letters)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, redriveWait+callTimeout)
	defer cancel()
	out, err := r.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: url, MaxNumberOfMessages: int32(limit), WaitTimeSeconds: seconds(redriveWait),
		VisibilityTimeout:           seconds(redriveVisibility),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	}, receiveOptions)
	if err != nil {
		return nil, &QueueError{Queue: r.letters, Err: err}
	}
	return out.Messages, nil
}

// moveAll moves the messages that were there when the redrive began. It goes on after a failure, so that one message that
// cannot be moved does not hold up the others.
func (r *redriver) moveAll(ctx context.Context, messages []types.Message) (moved int, err error) {
	var failed []error
	for _, message := range messages {
		if !intact(message) || r.sentSince(message) {
			continue
		}
		if err := r.move(ctx, message); err != nil {
			failed = append(failed, err)
			continue
		}
		moved++
		r.report.Moved[r.queue]++
	}
	return moved, errors.Join(failed...)
}

// sentSince reports whether the letter was sent after the redrive began. SQS keeps the time of the first sending when it moves
// a message by redrive policy, so those count by when the task was sent.
func (r *redriver) sentSince(message types.Message) bool {
	sent := message.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)]
	ms, err := strconv.ParseInt(sent, 10, 64)
	return err == nil && time.UnixMilli(ms).After(r.began)
}

func (r *redriver) move(ctx context.Context, message types.Message) error {
	group := message.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)]
	e := entry{body: *message.Body, attributes: redriveAttributes(message.MessageAttributes), group: group}
	if isFIFO(r.queue) {
		e.deduplication = *message.MessageId
	}
	service := newService(r.api)
	if err := service.send(ctx, r.queue, []entry{e})[0]; err != nil {
		return err
	}
	return service.remove(ctx, r.letters, []string{*message.ReceiptHandle})[0]
}

// redriveAttributes are those of the message without what made it a dead letter.
func redriveAttributes(own map[string]types.MessageAttributeValue) map[string]types.MessageAttributeValue {
	attributes := maps.Clone(own)
	for name := range own {
		if slices.Contains([]string{attribute.Reason, attribute.Attempt}, name) {
			delete(attributes, name)
		}
	}
	return attributes
}
