package sqstest

import (
	"encoding/json"
	"maps"
	"slices"
)

// topicAttribute is a message attribute as a form carries it.
type topicAttribute struct {
	DataType    string `sqs:"required"`
	StringValue *string
	BinaryValue []byte
}

// attributes are the attributes in the form that they have on a queue.
func (in *publishInput) attributes() map[string]attributeValue {
	if len(in.MessageAttributes) == 0 {
		return nil
	}
	out := map[string]attributeValue{}
	for name, value := range in.MessageAttributes {
		out[name] = attributeValue{DataType: value.DataType, StringValue: value.StringValue, BinaryValue: value.BinaryValue}
	}
	return out
}

// checkTopicAttributes checks the message attributes of one message, of which
// there is no largest number. The rules are those of "Amazon SNS message
// attributes"; most are those of SQS.
func checkTopicAttributes(attributes map[string]attributeValue) error {
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		value := attributes[name]
		if !slices.Contains([]string{"String", "String.Array", "Number", "Binary"}, value.DataType) {
			return newError("ParameterValueInvalid", "The message attribute '%s' has an invalid message attribute type, "+
				"the set of supported types is String, String.Array, Number and Binary.", name)
		}
		if err := checkAttributeName(name); err != nil {
			return asSNS(err, "ParameterValueInvalid")
		}
		if err := value.check(name); err != nil {
			return asSNS(err, "ParameterValueInvalid")
		}
		if value.DataType == "String.Array" && !isScalarArray(*value.StringValue) {
			return newError("ParameterValueInvalid", "The message attribute '%s' of type String.Array is no JSON array "+
				"of strings, numbers, true, false and null.", name)
		}
	}
	return nil
}

func isScalarArray(text string) bool {
	var items []any
	if err := json.Unmarshal([]byte(text), &items); err != nil || items == nil {
		return false
	}
	return !slices.ContainsFunc(items, func(item any) bool {
		switch item.(type) {
		case []any, map[string]any:
			return true
		}
		return false
	})
}
