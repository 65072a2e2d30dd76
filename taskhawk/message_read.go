package taskhawk

import "github.com/taskhawk/taskhawk-go/internal/jsontext"

// ParseMessage reads a message, strictly: the errors are [*MessageError].
//
// Keys may come in any order and unknown ones are passed over, but case matters and a known key twice is an error. "args",
// "kwargs" and "headers" may be missing or null. A missing or null priority is [Default]. The timestamp is a number of ms
// or an RFC 3339 text. A header that is not a string keeps its JSON text.
//
// The texts of the message share memory with body.
func ParseMessage(body string) (*Message, error) {
	return parseMessage(body, jsontext.SkipValue)
}

// skipper finds the end of the array or object at s[i]: [jsontext.SkipValue], or [jsontext.SpanContainer] where what it passes over is
// checked later, by the codec that binds it.
type skipper func(s string, i int) (end int, err error)

// parseMessage is ParseMessage with a choice of how to find the end of args and kwargs.
func parseMessage(body string, skip skipper) (*Message, error) {
	msg := new(Message)
	for i := range layouts {
		if layouts[i].read(body, skip, msg) {
			return msg, nil
		}
	}
	r := messageReader{body: body, skip: skip, message: msg}
	if err := r.read(); err != nil {
		return nil, asMessageError(err)
	}
	return msg, nil
}

// UnmarshalJSON is [ParseMessage], for encoding/json.
func (m *Message) UnmarshalJSON(body []byte) error {
	parsed, err := ParseMessage(string(body))
	if err != nil {
		return err
	}
	*m = *parsed
	return nil
}

// messageReader reads a body from its beginning to its end, every byte once.
type messageReader struct {
	body    string
	next    int     // index of the byte to be read next
	skip    skipper // for args and kwargs
	message *Message
	headers Headers
	seen    memberSet
}

func (r *messageReader) read() error {
	r.space()
	if !r.at('{') {
		return &MessageError{Reason: "the body is not a JSON object"}
	}
	if err := r.members(inMessage); err != nil {
		return err
	}
	if r.space(); r.next != len(r.body) {
		return &MessageError{Reason: "something follows the JSON object"}
	}
	return r.missing()
}

// objectKind is one of the three objects whose members mean something here.
type objectKind uint8

const (
	inMessage objectKind = iota
	inMetadata
	inHeaders
)

// members reads the object that begins here.
func (r *messageReader) members(kind objectKind) error {
	r.next = jsontext.SkipSpace(r.body, r.next+1)
	if r.at('}') {
		r.next++
		return nil
	}
	for {
		key, err := r.key()
		if err != nil {
			return err
		}
		switch kind {
		case inMessage:
			err = r.member(key)
		case inMetadata:
			err = r.metadata(key)
		case inHeaders:
			err = r.header(key)
		}
		if err != nil {
			return err
		}
		switch r.space(); {
		case r.at('}'):
			r.next++
			return nil
		case !r.at(','):
			return jsontext.Unexpected(r.body, r.next, "',' or '}'")
		}
		r.next = jsontext.SkipSpace(r.body, r.next+1)
	}
}

// member reads the value of a member of the message.
func (r *messageReader) member(key string) (err error) {
	switch key {
	case "id":
		if err = r.once(memberID, key); err == nil {
			r.message.ID, err = r.text(key)
		}
	case "task":
		if err = r.once(memberTask, key); err == nil {
			r.message.Task, err = r.text(key)
		}
	case "metadata":
		if err = r.once(memberMetadata, key); err == nil {
			err = r.object(key, inMetadata)
		}
	case "headers":
		if err = r.once(memberHeaders, key); err == nil && !r.null() {
			err = r.object(key, inHeaders)
			r.message.Headers = r.headers
		}
	case "args":
		if err = r.once(memberArgs, key); err == nil && !r.null() {
			r.message.Args, err = r.raw(key, '[', "is not an array")
		}
	case "kwargs":
		if err = r.once(memberKwargs, key); err == nil && !r.null() {
			r.message.Kwargs, err = r.raw(key, '{', "is not an object")
		}
	default:
		_, err = r.value()
	}
	return err
}

// metadata reads the value of a member of "metadata".
func (r *messageReader) metadata(key string) (err error) {
	switch key {
	case "priority":
		if err = r.once(memberPriority, "metadata.priority"); err == nil && !r.null() {
			r.message.Priority, err = r.priority("metadata.priority")
		}
	case "timestamp":
		if err = r.once(memberTimestamp, "metadata.timestamp"); err == nil {
			r.message.Timestamp, err = r.timestamp("metadata.timestamp")
		}
	case "version":
		if err = r.once(memberVersion, "metadata.version"); err == nil {
			err = r.version("metadata.version")
		}
	default:
		_, err = r.value()
	}
	return err
}

// header reads the value of a member of "headers".
func (r *messageReader) header(key string) error {
	value, err := r.headerValue()
	if err != nil {
		return err
	}
	if r.headers == nil {
		r.headers = Headers{}
	} else if _, twice := r.headers[key]; twice {
		return &MessageError{Field: "headers", Reason: "has a key twice"}
	}
	r.headers[key] = value
	return nil
}

// key reads the name of a member and its colon.
func (r *messageReader) key() (key string, err error) {
	if key, r.next, err = jsontext.ReadString(r.body, r.next); err != nil {
		return "", err
	}
	if r.space(); !r.at(':') {
		return "", jsontext.Unexpected(r.body, r.next, "':'")
	}
	r.next = jsontext.SkipSpace(r.body, r.next+1)
	return key, nil
}

func (r *messageReader) space() { r.next = jsontext.SkipSpace(r.body, r.next) }

// at tells whether the next byte is c.
func (r *messageReader) at(c byte) bool { return r.next < len(r.body) && r.body[r.next] == c }
