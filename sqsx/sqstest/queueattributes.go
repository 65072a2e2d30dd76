package sqstest

import (
	"maps"
	"slices"
	"strconv"
)

type getQueueAttributesInput struct {
	queueTarget
	AttributeNames []string
}

type getQueueAttributesOutput struct {
	Attributes map[string]string `json:",omitempty"`
}

func (a *account) getQueueAttributes(_ *call, in *getQueueAttributesInput) (*getQueueAttributesOutput, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	all := q.attributes()
	if slices.Contains(in.AttributeNames, "All") {
		return &getQueueAttributesOutput{Attributes: all}, nil
	}
	kept := map[string]string{}
	for _, name := range in.AttributeNames {
		if !isQueueAttributeName(name) {
			return nil, errAttributeName(name)
		}
		if value, ok := all[name]; ok {
			kept[name] = value
		}
	}
	return &getQueueAttributesOutput{Attributes: kept}, nil
}

// attributes are all attributes of the queue; the counts are exact here.
func (q *queue) attributes() map[string]string {
	all := map[string]string(maps.Clone(q.settings))
	maps.Copy(all, map[string]string{
		"QueueArn":                              q.arn,
		"CreatedTimestamp":                      strconv.FormatInt(q.created.Unix(), 10),
		"LastModifiedTimestamp":                 strconv.FormatInt(q.modified.Unix(), 10),
		"ApproximateNumberOfMessages":           strconv.Itoa(q.counts[visible]),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(q.counts[inFlight]),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(q.counts[delayed]),
	})
	return all
}

func isQueueAttributeName(name string) bool {
	if _, _, ok := settingRange(name); ok || settingChoices(name) != nil {
		return true
	}
	switch name {
	case "Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId", "QueueArn", "CreatedTimestamp",
		"LastModifiedTimestamp", "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
		"ApproximateNumberOfMessagesDelayed":
		return true
	}
	return false
}

type setQueueAttributesInput struct {
	queueTarget
	Attributes map[string]string `sqs:"required"`
}

// setQueueAttributes takes effect at once; the service may take up to 60
// seconds, 15 minutes for the retention period.
func (a *account) setQueueAttributes(c *call, in *setQueueAttributesInput) (*empty, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if value, given := in.Attributes["FifoQueue"]; given && value != q.settings["FifoQueue"] {
		return nil, newError("InvalidAttributeName", "The attribute FifoQueue cannot be changed.")
	}
	if err := a.configure(q, q.settings, in.Attributes); err != nil {
		return nil, err
	}
	q.modified = c.now
	q.signal()
	return &empty{}, nil
}
