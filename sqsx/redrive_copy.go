package sqsx

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/guard"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
)

var (
	errLeaseLost  = errors.New("lease lost before the message could be moved")
	errOutOfOrder = errors.New("an earlier message of its group failed")
)

// pass receives each dead letter of a queue once, and moves the chosen ones.
type pass struct {
	*redriver
	scan    *scan
	done    *QueueRedrive
	batcher batcher
	pacer   pacer
	failed  failures
}

func (r *redriver) newPass(done *QueueRedrive) (*pass, error) {
	s, err := newScan(r.service, DeadLetterQueueName(done.Queue))
	if err != nil {
		return nil, err
	}
	return &pass{
		redriver: r,
		scan:     s,
		done:     done,
		batcher:  batcher{fifo: sqsqueue.IsFIFO(done.Queue) && r.keep == nil},
		pacer:    pacer{rate: r.config.Rate},
	}, nil
}

// run ends at the limit, or when polls return nothing new. Received letters stay leased
// until then, so that no poll returns them again.
func (p *pass) run(ctx context.Context) error {
	if err := p.lookUp(ctx); err != nil {
		return err
	}
	defer p.scan.leases.release(ctx)
	for p.room(1) > 0 && !p.scan.exhausted {
		letters, err := p.scan.next(ctx, p.receiveLimit())
		if err == nil {
			err = p.moveAll(ctx, p.choose(letters))
		}
		p.progress(p.done.Count)
		if err != nil {
			p.failed.add(err)
			break
		}
	}
	return p.failed.err()
}

// lookUp fails if the queue that the letters go to is missing. It runs before the first
// poll, so that no letter is received in vain.
func (p *pass) lookUp(ctx context.Context) error {
	if p.keep != nil {
		return nil
	}
	_, err := p.service.urls.get(ctx, p.done.Queue)
	return err
}

// choose returns the letters to move, and counts the others.
func (p *pass) choose(letters []*letter) (chosen []*letter) {
	if !p.clock.known {
		p.clock = p.scan.clock
	}
	for _, l := range letters {
		if !l.intact {
			p.fail(l, &QueueError{Queue: p.scan.queue, Err: errDamaged})
			continue
		}
		wanted, err := p.filter.takes(l)
		switch {
		case err != nil:
			p.fail(l, &QueueError{Queue: p.scan.queue, Err: err})
		case sentAt(l.message).After(p.began.Add(p.clock.ahead)):
			// A task that still fails must not go round and round.
			p.done.count(l, RedriveCount{Later: 1})
		case !wanted:
			p.done.count(l, RedriveCount{Skipped: 1})
		case p.room(1) > 0:
			p.tried++
			chosen = append(chosen, l)
		}
	}
	return chosen
}

// moveAll moves the letters, batch by batch. It fails when ctx ends.
func (p *pass) moveAll(ctx context.Context, letters []*letter) error {
	for batch := range p.batcher.batches(letters) {
		if err := p.pacer.wait(ctx, len(batch)); err != nil {
			return err
		}
		p.move(ctx, batch)
	}
	return nil
}

// move sends a batch and deletes what is stored.
func (p *pass) move(ctx context.Context, batch []*letter) {
	p.scan.leases.extend(ctx)
	// Ignore the end of ctx from here on: a stop between send and delete leaves copies.
	ctx = context.WithoutCancel(ctx)
	batch = p.movable(batch)
	if len(batch) == 0 {
		return
	}
	var stored []*letter
	for i, err := range p.store(ctx, batch) {
		if err != nil {
			// SQS may have stored it: a letter on both queues is better than on none.
			p.fail(batch[i], err)
			continue
		}
		stored = append(stored, batch[i])
	}
	p.deleteAll(ctx, stored)
}

// store stores a batch elsewhere, and returns an error for each letter.
func (p *pass) store(ctx context.Context, batch []*letter) []error {
	if p.keep != nil {
		return p.keep.store(ctx, p.done.Queue, batch)
	}
	entries := make([]entry, len(batch))
	for i, l := range batch {
		entries[i] = l.entry(p.batcher.fifo)
	}
	return runAll(ctx, entries, p.service.sends(p.done.Queue, nil))
}

// movable leaves out the letters that must not be moved now.
func (p *pass) movable(batch []*letter) (letters []*letter) {
	for _, l := range batch {
		switch {
		case p.batcher.blocked(l):
			p.fail(l, &QueueError{Queue: p.scan.queue, Err: errOutOfOrder})
		case !p.scan.leases.holds(l, time.Now()):
			// Another redrive may have received it, and would send it as well.
			p.fail(l, &QueueError{Queue: p.scan.queue, Err: errLeaseLost})
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
		receipts[i] = receipt{handle: p.scan.leases.receipt(l)}
	}
	for i, err := range runAll(ctx, receipts, p.service.deletes(p.scan.queue)) {
		count := RedriveCount{Moved: 1}
		if err != nil {
			count.Doubled = 1
			p.failed.add(err)
		} else {
			p.scan.leases.drop(stored[i])
		}
		p.done.count(stored[i], count)
	}
}

// fail counts a letter that stays where it is; its lease ends with the pass.
func (p *pass) fail(l *letter, err error) {
	p.done.count(l, RedriveCount{Failed: 1})
	p.failed.add(err)
	p.batcher.block(l)
}

// entry returns the entry that sends the letter back to its queue.
func (l *letter) entry(fifo bool) entry {
	e := entry{
		body:       aws.ToString(l.message.Body),
		attributes: l.attributes(),
		trace:      l.trace(),
		size:       l.size(),
		group:      l.group(),
		ordered:    fifo,
	}
	if fifo {
		// SQS stores no copy if a redrive was cut off before it deleted the letter, and
		// is repeated within five minutes.
		e.deduplication = l.messageID()
	}
	return e
}

// attributes returns the message attributes without the reason and the attempt.
func (l *letter) attributes() map[string]types.MessageAttributeValue {
	attributes := maps.Clone(l.message.MessageAttributes)
	delete(attributes, awsbatch.AttributeReason)
	delete(attributes, awsbatch.AttributeAttempt)
	return attributes
}

// batcher puts letters in batches for sending. On a FIFO queue it keeps the order of each
// group.
type batcher struct {
	fifo  bool
	stuck map[string]bool // groups with a letter that could not be moved
}

// batches splits letters into batches for one call each, in order. On a FIFO queue a
// batch has one letter of a group: with two, the first could fail and the second
// overtake it.
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

// fit returns how many of the first letters make a batch, at least one.
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

// block keeps the later letters of the group of l where they are.
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

// wait waits until n messages may be sent. It returns the cause of ctx if ctx has ended.
func (p *pacer) wait(ctx context.Context, n int) error {
	if ctx.Err() != nil {
		return guard.Error(context.Cause(ctx))
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

// waitFor waits for d. It returns the cause of ctx if ctx ends first.
func waitFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return guard.Error(context.Cause(ctx))
	}
}
