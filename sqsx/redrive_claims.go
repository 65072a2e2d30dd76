package sqsx

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/attempts"
)

const (
	// claimTime is the visibility timeout of received letters: so long does a killed redrive, or a lost answer, keep them from
	// others, and so long may the slowest batch take.
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

// add notes the claim that a receive gave, at now or later. It reports false for a letter that is known: its receipt handle replaces the
// old one.
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
	return c.byID[l.id()].until.Sub(now) > 2*attempts.AllTimeout
}

// extend extends the claims that have less than three quarters left, by as long as the letter has been claimed already: so
// that the calls stay few, however long the pass takes. A claim that cannot be extended ends; the letter comes back and is known.
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

// release gives back all letters. What cannot be given back comes back when its claim ends.
func (c *claims) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, releaseTime)
	defer cancel()
	all := c.live(time.Now(), func(*claim) bool { return true })
	c.change(ctx, all, func(*claim) time.Duration { return 0 })
}

// change sets visibility timeouts in batches, and notes those that SQS took. It gives up when it takes none of a batch.
func (c *claims) change(ctx context.Context, claims []*claim, timeout func(*claim) time.Duration) {
	for batch := range slices.Chunk(claims, attempts.MaxEntries) {
		now := time.Now()
		changes := make([]visibility, len(batch))
		for i, claim := range batch {
			changes[i] = visibility{receipt: claim.receipt, timeout: timeout(claim)}
		}
		took := 0
		for i, err := range c.service.change(ctx, c.queue, changes) {
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
