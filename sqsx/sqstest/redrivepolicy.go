package sqstest

import (
	"encoding/json"
	"slices"
	"strconv"
)

// redrivePolicy is the RedrivePolicy of a queue; its zero value is that of a
// queue without one.
type redrivePolicy struct {
	targetARN       string
	maxReceiveCount int
}

// parseRedrivePolicy reads the attribute; maxReceiveCount may be a number or a
// number in a string, from 1 to 1,000, and is 10 when it is not given.
func parseRedrivePolicy(text string) (redrivePolicy, error) {
	if text == "" {
		return redrivePolicy{}, nil
	}
	var wire struct {
		DeadLetterTargetArn string          `json:"deadLetterTargetArn"`
		MaxReceiveCount     json.RawMessage `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(text), &wire); err != nil {
		return redrivePolicy{}, errRedrivePolicy("It is not a JSON object with deadLetterTargetArn and maxReceiveCount.")
	}
	policy := redrivePolicy{targetARN: wire.DeadLetterTargetArn, maxReceiveCount: 10}
	if wire.MaxReceiveCount != nil {
		n, err := strconv.Atoi(unquote(string(wire.MaxReceiveCount)))
		if err != nil || n < 1 || n > 1000 {
			return redrivePolicy{}, errRedrivePolicy("Invalid value for maxReceiveCount. It must be between 1 and 1000.")
		}
		policy.maxReceiveCount = n
	}
	if policy.targetARN == "" {
		return redrivePolicy{}, errRedrivePolicy("The deadLetterTargetArn is missing.")
	}
	return policy, nil
}

func unquote(text string) string {
	if plain, err := strconv.Unquote(text); err == nil {
		return plain
	}
	return text
}

func errRedrivePolicy(reason string) *apiError {
	return errInvalidParameter("Value for parameter RedrivePolicy is invalid. Reason: %s", reason)
}

// allowPolicy is the RedriveAllowPolicy of a dead-letter queue.
type allowPolicy struct {
	RedrivePermission string   `json:"redrivePermission"`
	SourceQueueArns   []string `json:"sourceQueueArns"`
}

func parseAllowPolicy(text string) (*allowPolicy, error) {
	policy := &allowPolicy{RedrivePermission: "allowAll"}
	if text == "" {
		return policy, nil
	}
	if err := json.Unmarshal([]byte(text), policy); err != nil {
		return nil, errAllowPolicy("It is not a JSON object with redrivePermission and sourceQueueArns.")
	}
	named := len(policy.SourceQueueArns)
	switch policy.RedrivePermission {
	case "allowAll", "denyAll":
		if named > 0 {
			return nil, errAllowPolicy("sourceQueueArns goes with the permission byQueue only.")
		}
	case "byQueue":
		if named < 1 || named > 10 {
			return nil, errAllowPolicy("The permission byQueue takes 1 to 10 sourceQueueArns.")
		}
	default:
		return nil, errAllowPolicy("The redrivePermission must be allowAll, denyAll or byQueue.")
	}
	return policy, nil
}

func errAllowPolicy(reason string) *apiError {
	return errInvalidParameter("Value for parameter RedriveAllowPolicy is invalid. Reason: %s", reason)
}

// allows says whether the queue of that ARN may use this dead-letter queue.
func (p *allowPolicy) allows(sourceARN string) bool {
	switch p.RedrivePermission {
	case "denyAll":
		return false
	case "byQueue":
		return slices.Contains(p.SourceQueueArns, sourceARN)
	}
	return true
}
