package sqstest

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
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

// attributes returns all attributes of the queue. The counts are exact here.
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

// settings are the attributes of a queue that can be set, by name. Numbers are
// in canonical form. All with a default are present.
type settings map[string]string

func defaultSettings(fifo bool) settings {
	s := settings{
		"VisibilityTimeout":             "30",
		"DelaySeconds":                  "0",
		"MessageRetentionPeriod":        "345600",
		"MaximumMessageSize":            strconv.Itoa(maxMessageBytes),
		"ReceiveMessageWaitTimeSeconds": "0",
		"SqsManagedSseEnabled":          "true",
	}
	if fifo {
		s["FifoQueue"] = "true"
		s["ContentBasedDeduplication"] = "false"
		s["DeduplicationScope"] = "queue"
		s["FifoThroughputLimit"] = "perQueue"
	}
	return s
}

// number returns a numeric setting.
func (s settings) number(name string) int {
	n, _ := strconv.Atoi(s[name]) // checked when it was set
	return n
}

// seconds returns a setting in seconds as a duration.
func (s settings) seconds(name string) time.Duration {
	return time.Duration(s.number(name)) * time.Second
}

// with checks the given attributes and returns a copy with them set; an empty value
// removes a policy or a key. The caller, which knows the queue, checks FifoQueue and the
// attributes of FIFO queues.
func (s settings) with(attributes map[string]string) (settings, error) {
	out := maps.Clone(s)
	for name, value := range attributes {
		canonical, err := checkSetting(name, value)
		if err != nil {
			return nil, err
		}
		if canonical == "" {
			delete(out, name)
			continue
		}
		out[name] = canonical
	}
	return out, out.checkTogether()
}

// checkTogether checks the rules between two settings.
func (s settings) checkTogether() error {
	if s["FifoThroughputLimit"] == "perMessageGroupId" && s["DeduplicationScope"] != "messageGroup" {
		return errAttributeValue("FifoThroughputLimit")
	}
	return nil
}

func errAttributeValue(name string) *apiError {
	return newError("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
}

func errAttributeName(name string) *apiError {
	return newError("InvalidAttributeName", "Unknown Attribute %s.", name)
}

// settingRange returns the legal range of a numeric attribute of CreateQueue.
func settingRange(name string) (low, high int, ok bool) {
	switch name {
	case "VisibilityTimeout":
		return 0, maxVisibilitySeconds, true
	case "DelaySeconds":
		return 0, maxDelaySeconds, true
	case "MessageRetentionPeriod":
		return 60, 1_209_600, true
	case "MaximumMessageSize":
		return 1024, maxMessageBytes, true
	case "ReceiveMessageWaitTimeSeconds":
		return 0, maxWaitSeconds, true
	case "KmsDataKeyReusePeriodSeconds":
		return 60, 86_400, true
	}
	return 0, 0, false
}

// settingChoices returns the legal values of an attribute that names a choice.
func settingChoices(name string) []string {
	switch name {
	case "FifoQueue", "ContentBasedDeduplication", "SqsManagedSseEnabled":
		return []string{"true", "false"}
	case "DeduplicationScope":
		return []string{"messageGroup", "queue"}
	case "FifoThroughputLimit":
		return []string{"perQueue", "perMessageGroupId"}
	}
	return nil
}

// checkSetting checks one attribute and returns its canonical value, "" for one to
// remove.
func checkSetting(name, value string) (string, error) {
	if low, high, ok := settingRange(name); ok {
		n, err := strconv.Atoi(value)
		if err != nil || n < low || n > high {
			return "", errAttributeValue(name)
		}
		return strconv.Itoa(n), nil
	}
	if slices.Contains(settingChoices(name), value) {
		return value, nil
	}
	switch name {
	case "KmsMasterKeyId":
		return value, nil
	case "Policy", "RedrivePolicy", "RedriveAllowPolicy":
		if value != "" && !isJSONObject(value) {
			return "", errAttributeValue(name)
		}
		return value, nil
	}
	if settingChoices(name) != nil {
		return "", errAttributeValue(name)
	}
	return "", errAttributeName(name)
}

func isJSONObject(text string) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal([]byte(text), &object) == nil && object != nil
}

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
