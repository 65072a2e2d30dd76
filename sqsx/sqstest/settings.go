package sqstest

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

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

// number is a numeric setting.
func (s settings) number(name string) int {
	n, _ := strconv.Atoi(s[name]) // checked when it was set
	return n
}

// seconds is a setting that counts seconds.
func (s settings) seconds(name string) time.Duration {
	return time.Duration(s.number(name)) * time.Second
}

// with returns a copy in which the given attributes are set, after checking
// each; an empty value takes away a policy or a key. The attributes FifoQueue
// and those of FIFO queues are checked by the caller, who knows the queue.
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

// checkTogether checks the rules that bind two settings.
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

// settingRange is the legal range of a numeric attribute of CreateQueue.
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

// settingChoices are the legal values of an attribute that names a choice.
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

// checkSetting checks one attribute and returns its canonical value, "" for
// one to be taken away.
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
