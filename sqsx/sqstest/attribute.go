package sqstest

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// attributeValue is a message attribute or a message system attribute as it is
// on the wire.
type attributeValue struct {
	DataType         string   `sqs:"required"`
	StringValue      *string  `json:",omitempty"`
	BinaryValue      []byte   `json:",omitempty"`
	StringListValues []string `json:",omitempty"`
	BinaryListValues [][]byte `json:",omitempty"`
}

// maxAttributes is how many message attributes one message may have.
const maxAttributes = 10

// isBinary says whether the value is carried as bytes.
func (v attributeValue) isBinary() bool { return v.logicalType() == "Binary" }

// logicalType is the data type without its custom label.
func (v attributeValue) logicalType() string {
	kind, _, _ := strings.Cut(v.DataType, ".")
	return kind
}

func (v attributeValue) bytes() []byte {
	if v.isBinary() {
		return v.BinaryValue
	}
	if v.StringValue == nil {
		return nil
	}
	return []byte(*v.StringValue)
}

// size is what the attribute adds to the size of its message, in bytes: its
// name, its type and its value.
func (v attributeValue) size(name string) int { return len(name) + len(v.DataType) + len(v.bytes()) }

// checkAttributes checks the message attributes of one message. The rules are
// those of "Amazon SQS message quotas" and of the SDK's MessageAttributeValue.
func checkAttributes(attributes map[string]attributeValue) error {
	if len(attributes) > maxAttributes {
		return errInvalidParameter("Number of message attributes [%d] exceeds the allowed maximum [%d].",
			len(attributes), maxAttributes)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if err := checkAttributeName(name); err != nil {
			return err
		}
		if err := attributes[name].check(name); err != nil {
			return err
		}
	}
	return nil
}

func checkAttributeName(name string) error {
	lower := strings.ToLower(name)
	switch {
	case name == "" || len(name) > 256:
		return errInvalidParameter("Message (user) attribute names must have 1 to 256 characters, one has %d.", len(name))
	case strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon."):
		return errInvalidParameter("Message (user) attribute name %q starts with a reserved prefix.", name)
	case strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, ".."):
		return errInvalidParameter("Message (user) attribute name %q starts or ends with a dot, or has two in succession.", name)
	case strings.ContainsFunc(name, func(r rune) bool { return !isWordCharacter(r) && r != '.' }):
		return errInvalidParameter("Message (user) attribute name %q has a character other than A-Z, a-z, 0-9, _, - and dot.", name)
	}
	return nil
}

// isWordCharacter says whether r is in A-Z a-z 0-9 _ and -: the characters of
// queue names and of batch entry ids.
func isWordCharacter(r rune) bool {
	return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-'
}

// check checks type and value; name is for the error text, which never holds
// the value.
func (v attributeValue) check(name string) error {
	if len(v.StringListValues) > 0 || len(v.BinaryListValues) > 0 {
		return newError("UnsupportedOperation", "Message attribute list values are not supported (attribute %q).", name)
	}
	if err := v.checkType(name); err != nil {
		return err
	}
	if v.isBinary() && v.StringValue != nil || !v.isBinary() && v.BinaryValue != nil {
		return errInvalidParameter("The message attribute %q of type %q uses the value field of another type.", name, v.DataType)
	}
	if len(v.bytes()) == 0 {
		return errInvalidParameter("The message attribute %q must contain non-empty message attribute value for message attribute type %q.",
			name, v.DataType)
	}
	return v.checkText(name)
}

func (v attributeValue) checkType(name string) error {
	if v.DataType == "" || len(v.DataType) > 256 {
		return errInvalidParameter("The type of message (user) attribute %q must have 1 to 256 characters.", name)
	}
	switch v.logicalType() {
	case "String", "Number", "Binary":
	default:
		return errInvalidParameter("The type of message (user) attribute %q is invalid. "+
			"You must use only the following supported type prefixes: Binary, Number, String.", name)
	}
	if _, label, found := strings.Cut(v.DataType, "."); found && label == "" {
		return errInvalidParameter("The type of message (user) attribute %q has an empty custom label.", name)
	}
	return nil
}

func (v attributeValue) checkText(name string) error {
	switch v.logicalType() {
	case "String":
		if bad, found := illegalCharacter(*v.StringValue); found {
			return errInvalidParameter("Invalid binary character '#x%X' was found in the message attribute %q.", bad, name)
		}
	case "Number":
		if !legalNumber(*v.StringValue) {
			return errInvalidParameter("Can't cast the value of message (user) attribute %q to a number.", name)
		}
	}
	return nil
}

// legalNumber says whether text is a number SQS takes: positive or negative,
// whole or with a fraction, up to 38 digits of precision, between 10^-128 and
// 10^126 in magnitude.
func legalNumber(text string) bool {
	if strings.Trim(text, "0123456789+-.eE") != "" {
		return false
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	digits := strings.TrimLeft(strings.Replace(strings.TrimLeft(mantissa, "+-"), ".", "", 1), "0")
	number, err := strconv.ParseFloat(text, 64)
	return err == nil && len(digits) <= 38 && math.Abs(number) <= 1e126
}

// checkSystemAttributes checks MessageSystemAttributes, of which there is one:
// AWSTraceHeader, a String. It returns its value.
func checkSystemAttributes(attributes map[string]attributeValue) (string, error) {
	trace := ""
	for name, value := range attributes {
		if name != "AWSTraceHeader" {
			return "", errInvalidParameter("Message system attribute name %q is invalid. Valid names: AWSTraceHeader.", name)
		}
		if value.DataType != "String" || value.StringValue == nil || *value.StringValue == "" {
			return "", errInvalidParameter("The message system attribute AWSTraceHeader must be a non-empty String.")
		}
		trace = *value.StringValue
	}
	return trace, nil
}
