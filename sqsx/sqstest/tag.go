package sqstest

import "maps"

// maxTags is how many tags a queue may have.
const maxTags = 50

type tagQueueInput struct {
	queueTarget
	Tags map[string]string `sqs:"required"`
}

func (a *account) tagQueue(_ *call, in *tagQueueInput) (*empty, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(q.tags)
	maps.Copy(tags, in.Tags)
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	q.tags = tags
	return &empty{}, nil
}

// checkTags checks tags against "Amazon SQS queue quotas".
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return errInvalidParameter("Too many tags, a queue can have at most %d.", maxTags)
	}
	for key, value := range tags {
		if key == "" || len([]rune(key)) > 128 || len([]rune(value)) > 256 {
			return errInvalidParameter("A tag's key must have 1 to 128 characters, its value at most 256.")
		}
	}
	return nil
}

type untagQueueInput struct {
	queueTarget
	TagKeys []string `sqs:"required"`
}

func (a *account) untagQueue(_ *call, in *untagQueueInput) (*empty, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	for _, key := range in.TagKeys {
		delete(q.tags, key)
	}
	return &empty{}, nil
}

type listQueueTagsInput struct {
	queueTarget
}

type listQueueTagsOutput struct {
	Tags map[string]string `json:",omitempty"`
}

func (a *account) listQueueTags(_ *call, in *listQueueTagsInput) (*listQueueTagsOutput, error) {
	q, err := a.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return &listQueueTagsOutput{Tags: maps.Clone(q.tags)}, nil
}
