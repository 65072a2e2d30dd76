package sqsx

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/attempts"
)

// The waits of a poll. A long poll asks all servers of SQS, so an empty one means that the queue is; while letters are known to come
// back it may wait longer.
const (
	redriveWait = time.Second
	lostWait    = attempts.CallTimeout / 2
)

// stalePolls is how often SQS may deliver known letters again, on top of what the end of their claims explains, before a pass takes it
// that there are no others.
const stalePolls = 10

var (
	errDamaged    = errors.New("a message arrived damaged: its body does not have the MD5 that SQS gives for it")
	errClaimLost  = errors.New("a message became visible to others before it could be moved")
	errOutOfOrder = errors.New("an earlier message of its group could not be moved")
)

// pass looks once at each dead letter of a queue and moves those that it should.
type pass struct {
	*redriver
	done    *QueueRedrive
	letters string // the name of the dead-letter queue
	batcher batcher
	claims  claims // on all letters that were received and not deleted
	pacer   pacer
	failed  failures
	polled  time.Time // when the last poll began: claims are no older
	stale   int       // polls in a row that brought known letters and no new one
	// lost is until when letters may be in flight with receipt handles that nobody has: the answer to a receive got lost.
	lost      time.Time
	exhausted bool
}

func (r *redriver) newPass(done *QueueRedrive) *pass {
	letters := DeadLetterQueueName(done.Queue)
	return &pass{
		redriver: r, done: done, letters: letters, batcher: batcher{fifo: isFIFO(done.Queue)},
		claims: claims{service: r.service, queue: letters}, pacer: pacer{rate: r.config.Rate},
	}
}

// run ends with the limit, or when polls bring nothing new: what was looked at stays claimed until then.
func (p *pass) run(ctx context.Context) error {
	// Found out here, a missing queue costs no letter a receive.
	if _, err := p.service.urls.get(ctx, p.done.Queue); err != nil {
		return err
	}
	defer p.claims.release(context.WithoutCancel(ctx))
	for p.room(1) > 0 && !p.exhausted {
		messages, err := p.receive(ctx)
		if err == nil {
			err = p.moveAll(ctx, p.look(ctx, messages))
		}
		if err != nil {
			p.failed.add(err)
			break
		}
	}
	return p.failed.err()
}

// receive makes a poll, with attempts.
func (p *pass) receive(ctx context.Context) (messages []types.Message, err error) {
	p.claims.extend(ctx)
	url, err := p.service.urls.get(ctx, p.letters)
	if err != nil {
		return nil, err
	}
	wait := redriveWait
	if time.Now().Before(p.lost) {
		wait = lostWait
	}
	input := &sqs.ReceiveMessageInput{
		QueueUrl: url, MaxNumberOfMessages: int32(p.appetite()), WaitTimeSeconds: seconds(wait),
		VisibilityTimeout:           seconds(claimTime),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	}
	errs := attempt(ctx, []*sqs.ReceiveMessageInput{input}, func(ctx context.Context, _ []*sqs.ReceiveMessageInput) []error {
		p.polled = time.Now()
		out, err := p.api.ReceiveMessage(ctx, input, receiveOptions)
		if err == nil {
			messages = out.Messages
		} else if attempts.Doubtful(err) {
			p.lost = time.Now().Add(claimTime)
		}
		return []error{err}
	})
	return messages, inQueue(p.letters, errs, nil)[0]
}

// appetite is how many messages to receive: as many as may be moved at once, and ten where many may turn out not to be wanted.
func (p *pass) appetite() int {
	n := attempts.MaxEntries
	if p.config.Rate > 0 && !p.config.DryRun {
		n = min(n, p.config.Rate)
	}
	if p.config.filters() {
		return n
	}
	return p.room(n)
}

// look claims the messages and returns those to move.
func (p *pass) look(ctx context.Context, messages []types.Message) (chosen []*letter) {
	fresh := 0
	for _, message := range messages {
		if !p.claims.add(message, p.polled) {
			continue // seen before: its claim had ended, or SQS delivered it twice
		}
		fresh++
		l := &letter{message: message, task: p.reader.read(ctx, message)}
		switch {
		case !intact(message):
			p.fail(l, &QueueError{Queue: p.letters, Err: errDamaged})
		case sentAt(message).After(p.began) || !p.config.takes(l):
			p.done.count(l, RedriveCount{Skipped: 1})
		case p.room(1) > 0:
			p.tried++
			chosen = append(chosen, l)
		}
	}
	p.note(len(messages), fresh)
	return chosen
}

// note decides whether the queue is exhausted: after an empty poll, or after more without a new letter than it takes to receive all
// known ones, should all of their claims have ended; and not while lost ones may come back.
func (p *pass) note(received, fresh int) {
	p.stale++
	if fresh > 0 {
		p.stale = 0
	}
	turn := len(p.claims.byID)/max(p.appetite(), 1) + 1
	p.exhausted = (received == 0 || p.stale > turn+stalePolls) && time.Now().After(p.lost)
}

// moveAll moves the letters, batch by batch. It fails when ctx ends.
func (p *pass) moveAll(ctx context.Context, letters []*letter) error {
	if p.config.DryRun {
		for _, l := range letters {
			p.done.count(l, RedriveCount{WouldMove: 1})
		}
		return nil
	}
	for batch := range p.batcher.batches(letters) {
		if err := p.pacer.wait(ctx, len(batch)); err != nil {
			return err
		}
		p.move(ctx, batch)
	}
	return nil
}

// move sends a batch and deletes what is stored. It goes on when ctx ends: to stop in between would leave copies.
func (p *pass) move(ctx context.Context, batch []*letter) {
	p.claims.extend(ctx)
	ctx = context.WithoutCancel(ctx)
	if batch = p.movable(batch); len(batch) == 0 {
		return
	}
	entries := make([]entry, len(batch))
	for i, l := range batch {
		entries[i] = l.entry(p.batcher.fifo)
	}
	var stored []*letter
	for i, err := range p.service.send(ctx, p.done.Queue, entries) {
		if err != nil {
			p.fail(batch[i], err)
			continue
		}
		stored = append(stored, batch[i])
	}
	p.deleteAll(ctx, stored)
}

// movable leaves out the letters that must not be moved now.
func (p *pass) movable(batch []*letter) (letters []*letter) {
	for _, l := range batch {
		switch {
		case p.batcher.blocked(l):
			p.fail(l, &QueueError{Queue: p.letters, Err: errOutOfOrder})
		case !p.claims.holds(l, time.Now()):
			p.fail(l, &QueueError{Queue: p.letters, Err: errClaimLost})
		default:
			letters = append(letters, l)
		}
	}
	return letters
}

// deleteAll deletes the letters that are back on their queue.
func (p *pass) deleteAll(ctx context.Context, stored []*letter) {
	if len(stored) == 0 {
		return
	}
	receipts := make([]string, len(stored))
	for i, l := range stored {
		receipts[i] = p.claims.receipt(l)
	}
	for i, err := range p.service.remove(ctx, p.letters, receipts) {
		count := RedriveCount{Moved: 1}
		if err != nil {
			count.Doubled = 1
			p.failed.add(&QueueError{Queue: p.letters, Err: withoutText(err)})
		} else {
			p.claims.drop(stored[i])
		}
		p.done.count(stored[i], count)
	}
}

// fail counts a letter that stays where it is; its claim ends with the pass.
func (p *pass) fail(l *letter, err error) {
	p.done.count(l, RedriveCount{Failed: 1})
	p.failed.add(err)
	p.batcher.block(l)
}
