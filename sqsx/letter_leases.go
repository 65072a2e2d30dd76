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
	// leaseTime is the visibility timeout of received letters. After a kill or a lost
	// answer they stay invisible for that time. The slowest batch must take less.
	leaseTime = 2 * time.Minute
	// releaseTime limits the time to give back all letters.
	releaseTime = 10 * time.Second
)

// lease keeps one letter invisible to others.
type lease struct {
	receipt         string // the latest receipt handle
	received, until time.Time
}

// last is when SQS ends the lease, however often it is extended.
func (l *lease) last() time.Time { return l.received.Add(MaxVisibility) }

// leases has the lease of each letter of a scan that is not deleted. Ended leases stay,
// so that add knows a letter that is received again.
type leases struct {
	service *service
	queue   string            // the name of the dead-letter queue
	byID    map[string]*lease // by message ID
	check   time.Time         // when some of them may be near their end
}

// add stores the lease of a message that was received at now or later. It reports
// whether the letter is new. For a known letter the new receipt handle replaces the old
// one.
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

// drop removes the lease of a deleted letter.
func (s *leases) drop(l *letter) { delete(s.byID, l.messageID()) }

// holds reports whether the letter stays invisible long enough to be sent and deleted.
func (s *leases) holds(l *letter, now time.Time) bool {
	return s.byID[l.messageID()].until.Sub(now) > 2*awsbatch.AllTimeout
}

// extend extends the leases that have less than three quarters of leaseTime left. A
// lease that SQS does not extend ends.
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
		// Extend by the time that the letter has been held, so that a long scan makes
		// few calls.
		return max(0, min(max(leaseTime, now.Sub(l.received)), l.last().Sub(now).Truncate(time.Second)))
	})
	s.check = now.Add(leaseTime / 4)
}

// live returns the leases that have not ended and for which wanted returns true.
func (s *leases) live(now time.Time, wanted func(*lease) bool) (found []*lease) {
	for _, l := range s.byID {
		if l.until.After(now) && wanted(l) {
			found = append(found, l)
		}
	}
	return found
}

// release gives back all letters, even if ctx has ended. A letter not given back within
// releaseTime becomes visible when its lease ends.
func (s *leases) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	all := s.live(time.Now(), func(*lease) bool { return true })
	s.change(ctx, all, func(*lease) time.Duration { return 0 })
}

// change sets visibility timeouts in batches, and stores the new ends of the leases.
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
		// SQS does not answer or allows no changes: each further batch would fail as
		// slowly.
		if took == 0 {
			return
		}
	}
}
