package letters

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/taskhawk/taskhawk-go/sqsx"
)

// letterJSON is a dead letter for programs. Files of save have all of it; lists have body,
// attributes and trace only with --show-args.
type letterJSON struct {
	Queue      string     `json:"queue"`
	MessageID  string     `json:"message_id"`
	ID         string     `json:"id"`
	Task       string     `json:"task"`
	Reason     string     `json:"reason"`
	Attempt    int        `json:"attempt"`
	Receives   int        `json:"receives"`
	Dispatched *time.Time `json:"dispatched"`
	Sent       *time.Time `json:"sent"`
	Group      string     `json:"group"`
	Size       int        `json:"size"`
	Damaged    bool       `json:"damaged,omitempty"`
	Contract   string     `json:"contract,omitempty"` // of show: fits, or why not

	Trace      string                   `json:"trace,omitempty"`
	Attributes map[string]attributeJSON `json:"attributes,omitempty"`
	Body       string                   `json:"body,omitempty"`
}

// attributeJSON is a message attribute: a text, or bytes as base64.
type attributeJSON struct {
	Type   string  `json:"type"`
	Value  *string `json:"value,omitempty"`
	Base64 []byte  `json:"base64,omitempty"`
}

func newLetterJSON(l sqsx.DeadLetter) letterJSON {
	j := letterJSON{
		Queue: l.Queue, MessageID: l.MessageID, ID: l.ID, Task: l.Task, Reason: l.Reason, Attempt: l.Attempt,
		Receives: l.Receives, Dispatched: moment(l.Dispatched), Sent: moment(l.Sent), Group: l.Group, Size: l.Size,
		Damaged: l.Damaged, Trace: l.Trace, Body: l.Body,
	}
	for name, value := range l.Attributes {
		if j.Attributes == nil {
			j.Attributes = map[string]attributeJSON{}
		}
		j.Attributes[name] = attributeJSON{
			Type: aws.ToString(value.DataType), Value: value.StringValue, Base64: value.BinaryValue,
		}
	}
	return j
}

func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	utc := at.UTC()
	return &utc
}

func (j letterJSON) letter() sqsx.DeadLetter {
	l := sqsx.DeadLetter{
		Queue: j.Queue, MessageID: j.MessageID, ID: j.ID, Task: j.Task, Reason: j.Reason, Attempt: j.Attempt,
		Receives: j.Receives, Group: j.Group, Size: j.Size, Damaged: j.Damaged, Trace: j.Trace, Body: j.Body,
	}
	if j.Dispatched != nil {
		l.Dispatched = *j.Dispatched
	}
	if j.Sent != nil {
		l.Sent = *j.Sent
	}
	for name, value := range j.Attributes {
		if l.Attributes == nil {
			l.Attributes = map[string]types.MessageAttributeValue{}
		}
		l.Attributes[name] = types.MessageAttributeValue{
			DataType: aws.String(value.Type), StringValue: value.Value, BinaryValue: value.Base64,
		}
	}
	return l
}

// writeLetters writes letters as JSON lines.
func writeLetters(out io.Writer, letters []sqsx.DeadLetter) error {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	encoder.SetEscapeHTML(false)
	for _, letter := range letters {
		if err := encoder.Encode(newLetterJSON(letter)); err != nil {
			return err
		}
	}
	_, err := out.Write(lines.Bytes())
	return err
}

// maxLine is the length of a line in bytes: 1 MiB as JSON may be six times as long.
const maxLine = 8 << 20

var errLine = errors.New("not a letter of taskhawk dlq save")

// readLetters yields the letters of JSON lines, without the first skip. Errors show no
// value.
func readLetters(in io.Reader, skip int) iter.Seq2[sqsx.DeadLetter, error] {
	return func(yield func(sqsx.DeadLetter, error) bool) {
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, maxLine)
		number, letters := 0, 0
		for lines.Scan() {
			number++
			line := bytes.TrimSpace(lines.Bytes())
			if len(line) == 0 {
				continue
			}
			letters++
			if letters <= skip {
				continue
			}
			letter, err := readLetter(line)
			if err != nil {
				err = fmt.Errorf("line %d: %w", number, err)
			}
			if !yield(letter, err) || err != nil {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(sqsx.DeadLetter{}, fmt.Errorf("line %d: %w", number+1, err))
		}
	}
}

func readLetter(line []byte) (sqsx.DeadLetter, error) {
	var j letterJSON
	if json.Unmarshal(line, &j) != nil || j.Queue == "" || j.Body == "" {
		return sqsx.DeadLetter{}, errLine
	}
	return j.letter(), nil
}

// names returns the names of the message attributes, sorted.
func names(attributes map[string]types.MessageAttributeValue) []string {
	return slices.Sorted(maps.Keys(attributes))
}

func sortedKeys[V any, M ~map[string]V](m M) []string { return slices.Sorted(maps.Keys(m)) }
