package sqsx

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// The waits of a poll. A long poll asks all servers of SQS, so an empty one means that
// the queue is; while letters are known to come back it may wait longer.
const (
	redriveWait = time.Second
	lostWait    = awsbatch.CallTimeout / 2
)

// stalePolls is how often SQS may deliver known letters again, on top of what the end of
// their claims explains, before a pass takes it that there are no others.
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
	// lost is until when letters may be in flight with receipt handles that nobody has:
	// the answer to a receive got lost.
	lost      time.Time
	exhausted bool
}

func (r *redriver) newPass(done *QueueRedrive) *pass {
	letters := DeadLetterQueueName(done.Queue)
	return &pass{
		redriver: r, done: done, letters: letters, batcher: batcher{fifo: sqsqueue.IsFIFO(done.Queue)},
		claims: claims{service: r.service, queue: letters}, pacer: pacer{rate: r.config.Rate},
	}
}

// run ends with the limit, or when polls bring nothing new: what was looked at stays
// claimed until then.
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
	err = awsbatch.Retry(ctx, func(ctx context.Context) error {
		p.polled = time.Now()
		out, err := p.api.ReceiveMessage(ctx, input, receiveOptions)
		if err == nil {
			messages = out.Messages
		} else if awsbatch.Doubtful(err) {
			p.lost = time.Now().Add(claimTime)
		}
		return err
	})
	if err != nil {
		err = inQueue(p.letters, err)
	}
	return messages, err
}

// appetite is how many messages to receive: as many as may be moved at once, and ten
// where many may turn out not to be wanted.
func (p *pass) appetite() int {
	n := awsbatch.MaxEntries
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

// note decides whether the queue is exhausted: after an empty poll, or after more without
// a new letter than it takes to receive all known ones, should all of their claims have
// ended; and not while lost ones may come back.
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

// move sends a batch and deletes what is stored. It goes on when ctx ends: to stop in
// between would leave copies.
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
	for i, err := range runAll(ctx, entries, p.service.sends(p.done.Queue)) {
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
	receipts := make([]receipt, len(stored))
	for i, l := range stored {
		receipts[i] = receipt(p.claims.receipt(l))
	}
	for i, err := range runAll(ctx, receipts, p.service.deletes(p.letters)) {
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

// batcher puts letters in batches for sending. On a FIFO queue it keeps the order of each
// group.
type batcher struct {
	fifo  bool
	stuck map[string]bool // groups with a letter that could not be moved
}

// batches splits letters by what one call takes, in order. On a FIFO queue a batch has
// one letter of a group: were there two, the first could fail and the second overtake it.
func (b *batcher) batches(letters []*letter) iter.Seq[[]*letter] {
	return func(yield func([]*letter) bool) {
		for len(letters) > 0 {
			n := b.fit(letters)
			if !yield(letters[:n]) {
				return
			}
			letters = letters[n:]
		}
	}
}

// fit is how many of the first letters make a batch, at least one.
func (b *batcher) fit(letters []*letter) int {
	size := 0
	for i, l := range letters {
		size += l.size()
		if i == awsbatch.MaxEntries || i > 0 && (size > MaxMessageSize || b.fifo && hasGroup(letters[:i], l.group())) {
			return i
		}
	}
	return len(letters)
}

func hasGroup(letters []*letter, group string) bool {
	return slices.ContainsFunc(letters, func(l *letter) bool { return l.group() == group })
}

// block keeps the letters behind l in its group where they are.
func (b *batcher) block(l *letter) {
	if !b.fifo {
		return
	}
	if b.stuck == nil {
		b.stuck = map[string]bool{}
	}
	b.stuck[l.group()] = true
}

func (b *batcher) blocked(l *letter) bool { return b.fifo && b.stuck[l.group()] }

// pacer spreads messages over time.
type pacer struct {
	rate int // messages per second, 0 for no limit
	next time.Time
}

// wait waits until n messages may go. It fails, with its cause, when ctx has ended.
func (p *pacer) wait(ctx context.Context, n int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p.rate == 0 {
		return nil
	}
	if err := waitFor(ctx, time.Until(p.next)); err != nil {
		return err
	}
	p.next = time.Now().Add(time.Duration(n) * time.Second / time.Duration(p.rate))
	return nil
}

// waitFor waits for d. It fails, with its cause, when ctx ends first.
func waitFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

const (
	// claimTime is the visibility timeout of received letters: so long does a killed
	// redrive, or a lost answer, keep them from others, and so long may the slowest batch
	// take.
	claimTime = 2 * time.Minute
	// releaseTime bounds the giving back of all of them.
	releaseTime = 10 * time.Second
)

// claim keeps one letter invisible to others.
type claim struct {
	receipt         string // the latest receipt handle
	received, until time.Time
}

// last is when SQS ends the claim, however often it is extended.
func (c *claim) last() time.Time { return c.received.Add(MaxVisibility) }

// claims are those of a pass on letters that are not deleted.
type claims struct {
	service *service
	queue   string // the name of the dead-letter queue
	byID    map[string]*claim
	// check is when some of them may be near their end.
	check time.Time
}

// add notes the claim that a receive gave, at now or later. It reports false for a letter
// that is known: its receipt handle replaces the old one.
func (c *claims) add(message types.Message, now time.Time) (first bool) {
	if len(c.byID) == 0 {
		c.byID, c.check = map[string]*claim{}, now.Add(claimTime/2)
	}
	id := aws.ToString(message.MessageId)
	_, known := c.byID[id]
	c.byID[id] = &claim{receipt: aws.ToString(message.ReceiptHandle), received: now, until: now.Add(claimTime)}
	return !known
}

// receipt is the receipt handle that deletes the letter.
func (c *claims) receipt(l *letter) string { return c.byID[l.id()].receipt }

// drop forgets a letter that is deleted.
func (c *claims) drop(l *letter) { delete(c.byID, l.id()) }

// holds reports whether the letter stays invisible long enough to be sent and deleted.
func (c *claims) holds(l *letter, now time.Time) bool {
	return c.byID[l.id()].until.Sub(now) > 2*awsbatch.AllTimeout
}

// extend extends the claims that have less than three quarters left, by as long as the
// letter has been claimed already: so that the calls stay few, however long the pass
// takes. A claim that cannot be extended ends; the letter comes back and is known.
func (c *claims) extend(ctx context.Context) {
	now := time.Now()
	if len(c.byID) == 0 || now.Before(c.check) {
		return
	}
	due := c.live(now, func(claim *claim) bool {
		return claim.until.Sub(now) < claimTime*3/4 && claim.last().Sub(claim.until) > time.Second
	})
	c.change(ctx, due, func(claim *claim) time.Duration {
		return max(0, min(max(claimTime, now.Sub(claim.received)), claim.last().Sub(now).Truncate(time.Second)))
	})
	c.check = now.Add(claimTime / 4)
}

// live are the claims that have not ended and that wanted is true for.
func (c *claims) live(now time.Time, wanted func(*claim) bool) (found []*claim) {
	for _, claim := range c.byID {
		if claim.until.After(now) && wanted(claim) {
			found = append(found, claim)
		}
	}
	return found
}

// release gives back all letters. What cannot be given back comes back when its claim
// ends.
func (c *claims) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, releaseTime)
	defer cancel()
	all := c.live(time.Now(), func(*claim) bool { return true })
	c.change(ctx, all, func(*claim) time.Duration { return 0 })
}

// change sets visibility timeouts in batches, and notes those that SQS took. It gives up
// when it takes none of a batch.
func (c *claims) change(ctx context.Context, claims []*claim, timeout func(*claim) time.Duration) {
	for batch := range slices.Chunk(claims, awsbatch.MaxEntries) {
		now := time.Now()
		changes := make([]visibility, len(batch))
		for i, claim := range batch {
			changes[i] = visibility{receipt: claim.receipt, timeout: timeout(claim)}
		}
		took := 0
		for i, err := range runAll(ctx, changes, c.service.changes(c.queue)) {
			if err == nil {
				batch[i].until = now.Add(changes[i].timeout)
				took++
			}
		}
		if took == 0 {
			return
		}
	}
}

// letter is a dead letter that a pass has received.
type letter struct {
	message types.Message
	task    string // "" when it cannot be read
}

func (l *letter) id() string { return aws.ToString(l.message.MessageId) }

// reason is why the task failed for good, "" for a message that SQS moved.
func (l *letter) reason() string {
	return aws.ToString(l.message.MessageAttributes[awsbatch.AttributeReason].StringValue)
}

// group is the message group: an order on a FIFO queue, a tenant on a standard queue.
func (l *letter) group() string {
	return l.message.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)]
}

// attributes are those of the message without what made it a dead letter.
func (l *letter) attributes() map[string]types.MessageAttributeValue {
	attributes := maps.Clone(l.message.MessageAttributes)
	delete(attributes, awsbatch.AttributeReason)
	delete(attributes, awsbatch.AttributeAttempt)
	return attributes
}

// size is what the letter counts towards the size of a batch, in bytes, or a little more.
func (l *letter) size() int {
	size := len(aws.ToString(l.message.Body))
	for name, value := range l.message.MessageAttributes {
		size += len(
			name,
		) + len(
			aws.ToString(value.DataType),
		) + len(
			aws.ToString(value.StringValue),
		) + len(
			value.BinaryValue,
		)
	}
	return size
}

// entry is the letter as it goes back to its queue. The id of the letter deduplicates on
// a FIFO queue: a redrive that was cut off before it deleted the letter, and is repeated
// within five minutes, leaves no copy.
func (l *letter) entry(fifo bool) entry {
	e := entry{body: aws.ToString(l.message.Body), attributes: l.attributes(), size: l.size(), group: l.group()}
	if fifo {
		e.deduplication = l.id()
	}
	return e
}

// taskReader reads the name of the task out of a letter as a worker would: through a hub,
// which also unwraps what SNS and the older Go library put around a message. The hub's
// one middleware notes the name, and runs nothing.
type taskReader struct {
	hub  *taskhawk.Hub
	name string
}

func newTaskReader() (*taskReader, error) {
	r := &taskReader{}
	note := func(taskhawk.Handler) taskhawk.Handler {
		return func(_ context.Context, msg *taskhawk.Message) error {
			r.name = msg.Task
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

// read returns the name of the task: of the body, else of the attribute, else "". It is
// not safe for concurrent use.
func (r *taskReader) read(ctx context.Context, message types.Message) string {
	d := &taskhawk.Delivery{Body: aws.ToString(message.Body), Attributes: stringAttributes(message.MessageAttributes)}
	r.name = ""
	if err := r.hub.Handle(ctx, d); err != nil {
		r.name = d.Attributes[awsbatch.AttributeTask]
	}
	if len(r.name) > maxTaskName {
		return ""
	}
	// The name shares memory with the body, which must not live as long as a report.
	return strings.Clone(r.name)
}
