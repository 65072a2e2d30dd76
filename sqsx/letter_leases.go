package sqsx

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
)

const (
	// leaseTime is the visibility timeout of received letters. So long does a killed
	// program, or a lost answer, keep them from others, and so long may the slowest batch
	// take.
	leaseTime = 2 * time.Minute
	// releaseTime bounds the giving back of all of them.
	releaseTime = 10 * time.Second
)

// lease keeps one letter invisible to others.
type lease struct {
	receipt         string // the latest receipt handle
	received, until time.Time
}

// last is when SQS ends the lease, however often it is extended.
func (l *lease) last() time.Time { return l.received.Add(MaxVisibility) }

// leases are held by a scan, on letters that are not deleted. A lease that has ended
// stays, so that its letter is known when it comes back.
type leases struct {
	service *service
	queue   string            // the name of the dead-letter queue
	byID    map[string]*lease // by message ID
	check   time.Time         // when some of them may be near their end
}

// add notes the lease that a receive gave, at now or later. It reports false for a letter
// that is known: its receipt handle replaces the old one.
func (s *leases) add(message types.Message, now time.Time) (first bool) {
	if len(s.byID) == 0 {
		s.byID, s.check = map[string]*lease{}, now.Add(leaseTime/2)
	}
	id := aws.ToString(message.MessageId)
	_, known := s.byID[id]
	s.byID[id] = &lease{receipt: aws.ToString(message.ReceiptHandle), received: now, until: now.Add(leaseTime)}
	return !known
}

// receipt returns the receipt handle that deletes the letter.
func (s *leases) receipt(l *letter) string { return s.byID[l.messageID()].receipt }

// drop forgets a letter that is deleted.
func (s *leases) drop(l *letter) { delete(s.byID, l.messageID()) }

// holds reports whether the letter stays invisible long enough to be sent and deleted.
func (s *leases) holds(l *letter, now time.Time) bool {
	return s.byID[l.messageID()].until.Sub(now) > 2*awsbatch.AllTimeout
}

// extend extends the leases that have less than three quarters of leaseTime left. One
// that cannot be extended ends.
func (s *leases) extend(ctx context.Context) {
	now := time.Now()
	if len(s.byID) == 0 || now.Before(s.check) {
		return
	}
	due := s.live(now, func(l *lease) bool {
		// SQS refuses to extend beyond 12 hours, so the last second is left alone.
		return l.until.Sub(now) < leaseTime*3/4 && l.last().Sub(l.until) > time.Second
	})
	s.change(ctx, due, func(l *lease) time.Duration {
		// As long as the letter has been held already: the calls stay few, however long
		// the scan takes.
		return max(0, min(max(leaseTime, now.Sub(l.received)), l.last().Sub(now).Truncate(time.Second)))
	})
	s.check = now.Add(leaseTime / 4)
}

// live returns the leases that have not ended and that wanted is true for.
func (s *leases) live(now time.Time, wanted func(*lease) bool) (found []*lease) {
	for _, l := range s.byID {
		if l.until.After(now) && wanted(l) {
			found = append(found, l)
		}
	}
	return found
}

// release gives back all letters, also when ctx has ended. What cannot be given back
// within releaseTime comes back when its lease ends.
func (s *leases) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	all := s.live(time.Now(), func(*lease) bool { return true })
	s.change(ctx, all, func(*lease) time.Duration { return 0 })
}

// change sets visibility timeouts in batches, and notes those that SQS took.
func (s *leases) change(ctx context.Context, due []*lease, timeout func(*lease) time.Duration) {
	for batch := range slices.Chunk(due, awsbatch.MaxEntries) {
		now := time.Now()
		changes := make([]visibility, len(batch))
		for i, l := range batch {
			changes[i] = visibility{receipt: l.receipt, timeout: timeout(l)}
		}
		took := 0
		for i, err := range runAll(ctx, changes, s.service.changes(s.queue)) {
			if err == nil {
				batch[i].until = now.Add(changes[i].timeout)
				took++
			}
		}
		// SQS is away, or allows no changes: each further batch would take as long.
		if took == 0 {
			return
		}
	}
}
