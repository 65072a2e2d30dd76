package taskhawk

import (
	"math"
	"strconv"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// readText reads a JSON string that must not be empty.
func readText(field, raw string) (string, error) {
	if raw[0] != '"' {
		return "", &MessageError{Field: field, Reason: "is not a string"}
	}
	text, _, err := jsontext.ReadString(raw, 0)
	if err != nil {
		return "", asMessageError(field, err)
	}
	if text == "" {
		return "", &MessageError{Field: field, Reason: "is empty"}
	}
	return text, nil
}

func checkVersion(field, raw string) error {
	version, err := readText(field, raw)
	if err == nil && version != FormatVersion {
		return &MessageError{Field: field, Reason: `is not "` + FormatVersion + `"`}
	}
	return err
}

// readRaw checks the kind of a value that is kept as JSON text; null is read as none.
func readRaw(field, raw string, open byte, kind string) (string, error) {
	if raw == "null" {
		return "", nil
	}
	if raw[0] != open {
		return "", &MessageError{Field: field, Reason: "is not an " + kind}
	}
	return raw, nil
}

func readPriority(field, raw string) (Priority, error) {
	if raw == "null" {
		return Default, nil
	}
	text, err := readText(field, raw)
	if err != nil {
		return Default, err
	}
	priority, err := ParsePriority(text)
	if err != nil {
		return Default, &MessageError{Field: field, Reason: "is unknown", Err: err}
	}
	return priority, nil
}

// lastTimestamp is the end of the year 9999, in ms: what RFC 3339 can write.
const lastTimestamp = 253402300799999

// readTimestamp reads a number of ms since 1970, whole or not, or an RFC 3339 text.
func readTimestamp(field, raw string) (time.Time, error) {
	switch {
	case raw[0] == '"':
		text, err := readText(field, raw)
		if err != nil {
			return time.Time{}, err
		}
		return readRFC3339(field, text)
	case raw[0] != '-' && (raw[0] < '0' || raw[0] > '9'):
		return time.Time{}, &MessageError{Field: field, Reason: "is neither a number nor a text"}
	}
	if at, ok := readMillis(raw); ok {
		return at, nil
	}
	return time.Time{}, &MessageError{Field: field, Reason: "is out of range"}
}

// readRFC3339 refuses a date that its offset moves into the year 10000, since that could not be written again.
func readRFC3339(field, text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, &MessageError{Field: field, Reason: "is a text that is not RFC 3339"}
	}
	if at.UnixMilli() > lastTimestamp {
		return time.Time{}, &MessageError{Field: field, Reason: "is out of range"}
	}
	return at.UTC(), nil
}

func readMillis(raw string) (at time.Time, ok bool) {
	if ms, err := strconv.ParseInt(raw, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC(), -lastTimestamp <= ms && ms <= lastTimestamp
	}
	ms, err := strconv.ParseFloat(raw, 64)
	if err != nil || math.Abs(ms) > lastTimestamp {
		return time.Time{}, false
	}
	whole, part := math.Modf(ms)
	return time.UnixMilli(int64(whole)).Add(time.Duration(part * float64(time.Millisecond))).UTC(), true
}
