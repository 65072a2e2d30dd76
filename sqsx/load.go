package sqsx

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/guard"
	"github.com/taskhawk/taskhawk-go/internal/nilcheck"
	"github.com/taskhawk/taskhawk-go/internal/sqsqueue"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// LoadConfig selects the letters that [Load] sends, and their queues. The zero value
// sends all letters to their dead-letter queues.
type LoadConfig struct {
	// Account is the number of the account that owns the queues, 12 digits. Default: the
	// caller's own account.
	Account string
	// Priorities, Tasks, Reason, Since, IDs and Limit choose letters as they do in
	// [RedriveConfig].
	Priorities []taskhawk.Priority
	Tasks      []string
	Reason     func(reason string) bool
	Since      time.Time
	IDs        []string
	Limit      int
	// Rate is the most letters sent per second. Default 0: no limit.
	Rate int
	// Run sends letters to the queues that they failed on, to run again, without the
	// attributes taskhawk_reason and taskhawk_attempt. Default: to the dead-letter
	// queues, unchanged.
	Run bool
	// DryRun sends nothing and counts the letters that would be sent.
	DryRun bool
	// Progress is called with the counts so far after each batch, one call at a time.
	// Default: nil.
	Progress func(LoadCount)
	// Naming returns the names of the queues. Default: [QueueName].
	Naming Naming
}

// Load sends copies of dead letters back to the queues of an application, such as the
// copies that [Drop] gave to Keep. Bodies, attributes, groups and trace headers stay the
// same. SQS gives new message ids and times. Each letter must have a Body and a Queue of
// the application.
//
// Load sends letters in the order of the sequence, ten at a time. On FIFO queues, if a
// letter is not sent, the later ones of its group in the batch fail too. Load stops at
// an error of the sequence, and if SQS stores no letter of a batch. When ctx ends, it
// finishes the batch in progress and stops. Read in the report says where it stopped.
//
// A letter loaded twice is stored twice, on FIFO queues too, since each copy gets a new
// deduplication id. With the old id, SQS would discard letters that were dropped and
// loaded within five minutes.
func Load(
	ctx context.Context, api API, app string, letters iter.Seq2[DeadLetter, error], config LoadConfig,
) (LoadReport, error) {
	l, err := newLoader(api, app, config)
	if err == nil {
		err = l.load(ctx, letters)
	}
	if err != nil {
		err = fmt.Errorf("sqsx: load: %w", err)
	}
	if l == nil {
		return LoadReport{}, err
	}
	return l.report, err
}

// LoadReport is the result of [Load]. Fields may be added.
type LoadReport struct {
	// Loaded counts the stored letters by the name of the queue.
	Loaded map[string]int
	// Count counts all letters.
	Count LoadCount
	// Read is how many letters of the sequence are finished, sent or not. A load that was
	// cut off continues after them.
	Read int
	// Failed are the positions of the letters that failed, from 0.
	Failed []int
}

// LoadCount counts letters. Each letter is counted in one field.
type LoadCount struct {
	// Loaded counts letters stored on their queue.
	Loaded int
	// WouldLoad counts letters that would be sent without DryRun.
	WouldLoad int
	// Skipped counts letters that the filters exclude.
	Skipped int
	// Failed counts letters that are not stored, as far as is known. If the answer of SQS
	// was lost, they may be stored.
	Failed int
}

// String returns the counts that are not zero.
func (c LoadCount) String() string {
	return countText([]namedCount{
		{c.Loaded, "loaded"}, {c.WouldLoad, "would be loaded"}, {c.Skipped, "skipped"}, {c.Failed, "failed"},
	})
}

var (
	errNoBody       = errors.New("letter without a body; set Bodies to read letters with bodies")
	errForeignQueue = errors.New("letter of a queue of another application")
	errNoneStored   = errors.New("SQS stored no letter of a batch")
)

// loader sends letters.
type loader struct {
	service *service
	config  LoadConfig
	filter  letterFilter
	reader  *letterReader
	queues  map[string]bool // queues of the application; true if selected
	run     string          // prefix of the deduplication ids of this load
	pacer   pacer
	failed  failures
	report  LoadReport
	tried   int // letters counted towards the limit

	queue    string // of the batch
	batch    []*letter
	position []int // positions of the letters in the batch
	batchers map[string]*batcher
}

func newLoader(api API, app string, config LoadConfig) (*loader, error) {
	switch {
	case nilcheck.IsNil(api):
		return nil, errors.New("nil API")
	case config.Limit < 0:
		return nil, fmt.Errorf("negative Limit %d", config.Limit)
	case config.Rate < 0:
		return nil, fmt.Errorf("negative Rate %d", config.Rate)
	}
	if err := awsbatch.CheckAccount(config.Account); err != nil {
		return nil, err
	}
	names, err := config.Naming.names(app, nil)
	if err != nil {
		return nil, err
	}
	reader, err := newLetterReader()
	if err != nil {
		return nil, err
	}
	l := &loader{
		service: newService(api, config.Account), config: config, reader: reader, queues: map[string]bool{},
		filter: letterFilter{tasks: config.Tasks, reason: config.Reason, since: config.Since, ids: config.IDs},
		run:    rand.Text(), pacer: pacer{rate: config.Rate}, batchers: map[string]*batcher{},
		report: LoadReport{Loaded: map[string]int{}},
	}
	for priority, name := range names {
		l.queues[name] = l.queues[name] || len(config.Priorities) == 0 || slices.Contains(config.Priorities, priority)
	}
	return l, nil
}

// load sends the letters of the sequence. It sends a batch when it is full or the next
// letter is for another queue.
func (l *loader) load(ctx context.Context, letters iter.Seq2[DeadLetter, error]) error {
	position := 0
	for d, err := range letters {
		if err != nil {
			err = l.stop(ctx, err)
		} else {
			err = l.add(ctx, d, position)
		}
		if err != nil {
			l.failed.add(err)
			return l.failed.err()
		}
		position++
		if l.config.Limit > 0 && l.tried == l.config.Limit {
			break
		}
	}
	err := l.flush(ctx)
	if err == nil {
		l.report.Read = position // with the letters skipped after the last batch
	}
	l.failed.add(err)
	return l.failed.err()
}

// add adds a letter to the batch.
func (l *loader) add(ctx context.Context, d DeadLetter, position int) error {
	of, err := l.read(ctx, d)
	if err != nil {
		return l.stop(ctx, fmt.Errorf("letter %d: %w", position+1, err))
	}
	taken, err := l.filter.takes(of)
	if err != nil {
		return l.stop(ctx, err)
	}
	if !taken || !l.queues[d.Queue] {
		l.report.Count.Skipped++
		if len(l.batch) == 0 {
			l.report.Read = position + 1
		}
		return nil
	}
	if d.Queue != l.queue || len(l.batch) == awsbatch.MaxEntries {
		if err := l.flush(ctx); err != nil {
			return err
		}
	}
	l.tried++
	l.queue, l.batch, l.position = d.Queue, append(l.batch, of), append(l.position, position)
	return nil
}

// stop sends the letters before the one that failed.
func (l *loader) stop(ctx context.Context, err error) error {
	l.failed.add(l.flush(ctx))
	return err
}

// read converts a copy to the letter that a scan would receive.
func (l *loader) read(ctx context.Context, d DeadLetter) (*letter, error) {
	if _, ours := l.queues[d.Queue]; !ours {
		return nil, errForeignQueue
	}
	if d.Body == "" {
		return nil, errNoBody
	}
	message := types.Message{
		MessageId: aws.String(d.MessageID), Body: aws.String(d.Body), MessageAttributes: d.Attributes,
		Attributes: map[string]string{},
	}
	for name, value := range map[types.MessageSystemAttributeName]string{
		types.MessageSystemAttributeNameMessageGroupId: d.Group,
		types.MessageSystemAttributeNameAWSTraceHeader: d.Trace,
	} {
		if value != "" {
			message.Attributes[string(name)] = value
		}
	}
	if !d.Sent.IsZero() {
		sent := strconv.FormatInt(d.Sent.UnixMilli(), 10)
		message.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)] = sent
	}
	return l.reader.read(ctx, message), nil
}

// target returns the queue that receives the letters of queue.
func (l *loader) target() string {
	if l.config.Run {
		return l.queue
	}
	return DeadLetterQueueName(l.queue)
}

// flush sends the batch. It fails if ctx has ended or SQS stored no letter of the batch.
func (l *loader) flush(ctx context.Context) error {
	letters, positions := l.batch, l.position
	l.batch, l.position = nil, nil
	b := l.batchers[l.queue]
	if b == nil {
		b = &batcher{fifo: sqsqueue.IsFIFO(l.queue)}
		l.batchers[l.queue] = b
	}
	for batch := range b.batches(letters) {
		if err := l.pacer.wait(ctx, len(batch)); err != nil {
			return err
		}
		// ctx may end from here on; sent letters are still counted.
		err := l.send(context.WithoutCancel(ctx), b, batch, positions[:len(batch)])
		positions = positions[len(batch):]
		l.progress()
		if err != nil {
			return err
		}
	}
	return nil
}

// send sends as many letters as one call takes.
func (l *loader) send(ctx context.Context, b *batcher, batch []*letter, positions []int) error {
	last := positions[len(positions)-1] + 1
	if l.config.DryRun {
		l.report.Count.WouldLoad += len(batch)
		l.report.Read = last
		return nil
	}
	var entries []entry
	var sent []int // indexes in batch
	errs := make([]error, len(batch))
	for i, of := range batch {
		if b.blocked(of) {
			errs[i] = &QueueError{Queue: l.target(), Err: errOutOfOrder}
			continue
		}
		entries, sent = append(entries, l.entry(of, b.fifo, positions[i])), append(sent, i)
	}
	stored := 0
	if len(entries) > 0 {
		for i, err := range runAll(ctx, entries, l.service.sends(l.target(), nil)) {
			errs[sent[i]] = err
			if err == nil {
				stored++
			}
		}
	}
	if stored == 0 && len(entries) > 1 {
		// This is most likely an outage. The batch is not counted, so that the next load
		// begins with it.
		l.failed.add(errs[sent[0]])
		return errNoneStored
	}
	for i, err := range errs {
		l.count(b, batch[i], positions[i], err)
	}
	l.report.Read = last
	return nil
}

func (l *loader) count(b *batcher, of *letter, position int, err error) {
	if err == nil {
		l.report.Count.Loaded++
		l.report.Loaded[l.target()]++
		return
	}
	l.report.Count.Failed++
	l.report.Failed = append(l.report.Failed, position)
	l.failed.add(err)
	b.block(of)
}

// entry returns the letter to send, with a new deduplication id: see [Load].
func (l *loader) entry(of *letter, fifo bool, position int) entry {
	e := of.entry(fifo)
	if !l.config.Run {
		e.attributes = of.message.MessageAttributes
	}
	if fifo {
		e.deduplication = fmt.Sprintf("%s-%d", l.run, position)
	}
	return e
}

// progress calls Progress with the counts so far. A function that panics is not called
// again.
func (l *loader) progress() {
	if l.config.Progress != nil && guard.Call(func() { l.config.Progress(l.report.Count) }) != nil {
		l.config.Progress = nil
	}
}
