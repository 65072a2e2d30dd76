package send

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// call has the arguments of one run as compact JSON, empty for none.
type call struct {
	Args   json.RawMessage `json:"args"`
	Kwargs json.RawMessage `json:"kwargs"`
}

// keyword matches the beginning of a keyword argument, a Python name.
var keyword = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)=`)

// parseArguments reads the arguments of a command line. Its errors show no value.
func parseArguments(texts []string) (call, error) {
	var args []json.RawMessage
	var names []string
	kwargs := map[string]json.RawMessage{}
	for i, text := range texts {
		name := ""
		if found := keyword.FindStringSubmatch(text); found != nil {
			name, text = found[1], text[len(found[0]):]
		}
		value, err := parseValue(text)
		switch {
		case err != nil && name != "":
			return call{}, fmt.Errorf("argument %s: %w", name, err)
		case err != nil:
			return call{}, fmt.Errorf("argument %d: %w", i+1, err)
		case name == "" && len(names) > 0:
			return call{}, fmt.Errorf("argument %d: a positional argument after a keyword argument", i+1)
		case name == "":
			args = append(args, value)
			continue
		}
		if _, twice := kwargs[name]; twice {
			return call{}, fmt.Errorf("duplicate argument %s", name)
		}
		names, kwargs[name] = append(names, name), value
	}
	return call{Args: array(args), Kwargs: object(names, kwargs)}, nil
}

var errNotJSON = errors.New("invalid JSON; quote a string that begins like JSON")

// parseValue reads JSON. Other texts become JSON strings, unless they begin like JSON.
func parseValue(text string) (json.RawMessage, error) {
	if json.Valid([]byte(text)) {
		var compact bytes.Buffer
		err := json.Compact(&compact, []byte(text))
		return compact.Bytes(), err
	}
	if trimmed := strings.TrimSpace(text); trimmed != "" && strings.ContainsRune(`{["`, rune(trimmed[0])) {
		return nil, errNotJSON
	}
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(text)
	return bytes.TrimSpace(quoted.Bytes()), err
}

func array(values []json.RawMessage) json.RawMessage {
	var text bytes.Buffer
	text.WriteByte('[')
	for i, value := range values {
		if i > 0 {
			text.WriteByte(',')
		}
		text.Write(value)
	}
	text.WriteByte(']')
	return text.Bytes()
}

// object returns a JSON object in the order of the command line.
func object(names []string, values map[string]json.RawMessage) json.RawMessage {
	var text bytes.Buffer
	text.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, "%q:%s", name, values[name]) // names are ASCII
	}
	text.WriteByte('}')
	return text.Bytes()
}

// maxLine is the length of a line of a file in bytes: more than SQS takes as a message.
const maxLine = 2 << 20

// runReader reads calls from JSON lines.
type runReader struct {
	lines  *bufio.Scanner
	number int // of the line read last, from 1
}

func newRunReader(in io.Reader) *runReader {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	return &runReader{lines: lines}
}

// next returns up to n calls, and io.EOF at the end. Empty lines are passed over.
func (r *runReader) next(n int) ([]call, error) {
	var calls []call
	for len(calls) < n {
		if !r.lines.Scan() {
			if err := r.lines.Err(); err != nil {
				r.number++
				return calls, err
			}
			return calls, io.EOF
		}
		r.number++
		line := bytes.TrimSpace(r.lines.Bytes())
		if len(line) == 0 {
			continue
		}
		c, err := parseCall(line)
		if err != nil {
			return calls, err
		}
		calls = append(calls, c)
	}
	return calls, nil
}

func parseCall(line []byte) (call, error) {
	var c call
	if !json.Valid(line) {
		return c, errors.New("not JSON")
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return c, errors.New(`it is not an object with "args" and "kwargs"`)
	}
	for _, part := range []struct {
		value *json.RawMessage
		begin byte
		name  string
	}{{&c.Args, '[', "args"}, {&c.Kwargs, '{', "kwargs"}} {
		switch {
		case len(*part.value) == 0 || string(*part.value) == "null":
			*part.value = nil
			continue
		case (*part.value)[0] != part.begin:
			return c, fmt.Errorf("%s does not begin with %c", part.name, part.begin)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, *part.value); err != nil {
			return c, err
		}
		*part.value = compact.Bytes()
	}
	return c, nil
}
