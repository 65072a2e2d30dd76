package sqstest

import (
	"maps"
	"strings"
	"time"
)

const fifoSuffix = ".fifo"

// recreateInterval is how long the name of a deleted queue stays reserved.
const recreateInterval = time.Minute

type createQueueInput struct {
	QueueName  string `sqs:"required"`
	Attributes map[string]string
	Tags       map[string]string `json:"tags"` // in lower case in the service model
}

type queueURLOutput struct {
	QueueUrl string
}

func (a *account) createQueue(c *call, in *createQueueInput) (*queueURLOutput, error) {
	q := newQueue(in.QueueName, a.baseURL, c.now)
	if err := in.check(q); err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if err := a.configure(q, defaultSettings(q.fifo), in.Attributes); err != nil {
		return nil, err
	}
	if existing := a.queues[q.name]; existing != nil {
		return existing.sameAs(q, in.Attributes)
	}
	if deletedAt, ok := a.deleted[q.name]; ok && c.now.Sub(deletedAt) < recreateInterval {
		return nil, newError("QueueDeletedRecently",
			"You must wait 60 seconds after deleting a queue before you can create another with the same name.")
	}
	maps.Copy(q.tags, in.Tags)
	delete(a.deleted, q.name)
	a.queues[q.name] = q
	return &queueURLOutput{QueueUrl: q.url}, nil
}

// check checks the name and that it goes with the queue's type.
func (in *createQueueInput) check(q *queue) error {
	name := strings.TrimSuffix(in.QueueName, fifoSuffix)
	if name == "" || len(in.QueueName) > 80 || strings.ContainsFunc(name, func(r rune) bool { return !isWordCharacter(r) }) {
		return errInvalidParameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	if want, given := in.Attributes["FifoQueue"]; given && q.fifo != (want == "true") {
		return errInvalidParameter("The name of a FIFO queue must end with the .fifo suffix, and no other name may.")
	}
	if q.fifo && in.Attributes["FifoQueue"] != "true" {
		return errInvalidParameter("A queue whose name ends with .fifo needs the attribute FifoQueue=true.")
	}
	return nil
}

// sameAs answers a CreateQueue for a queue that exists: it succeeds when every
// attribute the request names has the value the queue has.
func (q *queue) sameAs(wanted *queue, attributes map[string]string) (*queueURLOutput, error) {
	for name := range attributes {
		same := q.settings[name] == wanted.settings[name]
		if name == "RedrivePolicy" { // JSON can be written in more than one way
			same = q.redrive == wanted.redrive
		}
		if !same {
			return nil, newError("QueueNameExists",
				"A queue already exists with the same name and a different value for attribute %s", name)
		}
	}
	return &queueURLOutput{QueueUrl: q.url}, nil
}

// configure checks attributes and sets them on q, over the given settings; on
// an error q is as it was.
func (a *account) configure(q *queue, over settings, attributes map[string]string) error {
	if err := checkFIFOSettings(q, attributes); err != nil {
		return err
	}
	merged, err := over.with(attributes)
	if err != nil {
		return err
	}
	redrive, err := parseRedrivePolicy(merged["RedrivePolicy"])
	if err != nil {
		return err
	}
	allow, err := parseAllowPolicy(merged["RedriveAllowPolicy"])
	if err != nil {
		return err
	}
	if err := a.checkRedrive(q, redrive); err != nil {
		return err
	}
	q.settings, q.redrive, q.allow = merged, redrive, allow
	return nil
}

// checkFIFOSettings refuses the attributes of FIFO queues on a standard queue.
func checkFIFOSettings(q *queue, attributes map[string]string) error {
	if q.fifo {
		return nil
	}
	for _, name := range []string{"ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"} {
		if _, given := attributes[name]; given {
			return errAttributeName(name)
		}
	}
	return nil
}

type deleteQueueInput struct {
	queueTarget
}

// deleteQueue takes effect at once; the service may take up to 60 seconds.
func (a *account) deleteQueue(c *call, in *deleteQueueInput) (*empty, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	for m := q.aging.first(); m != nil; m = q.aging.first() {
		q.take(m)
		a.record(Purged, q, m, c.now)
	}
	delete(a.queues, q.name)
	a.deleted[q.name] = c.now
	q.signal()
	return &empty{}, nil
}
