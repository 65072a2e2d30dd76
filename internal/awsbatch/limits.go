package awsbatch

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// maxID is the length of a group or deduplication id in characters. Source: SendMessage
// and Publish.
const maxID = 128

// Limits are the limits of a service, and its names for the parts of a message. The SDK
// checks none of them. It would send a body of invalid UTF-8 with other characters, and
// then report the difference as an error.
type Limits struct {
	// Service is "SQS" or "SNS", Target "queue" or "topic".
	Service, Target string
	// MaxSize is the size of a message, body and attributes, and of a call, in bytes.
	MaxSize int
	// MaxAttributes is how many attributes a message has at most; 0 for
	// [DefaultAttributes].
	MaxAttributes int
	// MaxDelay is the longest delay of a message. If it is 0, NoDelay is the reason to
	// refuse delays.
	MaxDelay time.Duration
	NoDelay  string
}

// Sizes of messages, in bytes. Source: SetQueueAttributes and SetTopicAttributes,
// MaximumMessageSize.
const (
	MinMessageSize = 1 << 10
	MaxMessageSize = 1 << 20
)

// Check refuses limits outside the range of the service, and sets the defaults.
func (l *Limits) Check() error {
	l.MaxAttributes = cmp.Or(l.MaxAttributes, DefaultAttributes)
	switch {
	case l.MaxSize < MinMessageSize || l.MaxSize > MaxMessageSize:
		return fmt.Errorf("MaxMessageSize %d: a %s takes %d to %d bytes",
			l.MaxSize, l.Target, MinMessageSize, MaxMessageSize)
	case l.MaxAttributes < 1 || l.MaxAttributes > MaxAttributes:
		return fmt.Errorf("MaxAttributes %d: a message has 1 to %d", l.MaxAttributes, MaxAttributes)
	}
	return nil
}

// Message is a message within the limits of a service, ready to send.
type Message struct {
	// Outgoing is the message as the core made it.
	Outgoing *taskhawk.Outgoing
	// Body, Group and Delay are as in Outgoing.
	Body, Group string
	Delay       time.Duration
	// DeduplicationID is as in Outgoing. On a FIFO queue or topic the default is the id
	// of the task's run, so that a repeat with the same id is stored once. An id that the
	// services would refuse is replaced by its SHA-256 sum in hexadecimal digits.
	DeduplicationID string
	// Attributes mirror the task.
	Attributes []Attribute
	// Trace is the value for the system attribute AWSTraceHeader, "" for none.
	Trace string
	// Size is the size of body and attributes, in bytes.
	Size int
}

// Message returns what to send of out. It checks everything that can be checked without
// the network; the error is a *taskhawk.LimitError. The limits must be checked.
func (l *Limits) Message(out *taskhawk.Outgoing, fifo bool) (Message, error) {
	m := Message{
		Outgoing: out, Body: out.Body, Group: out.Group, Delay: out.Delay, DeduplicationID: out.DeduplicationID,
		Attributes: Mirror(out.Task, out.Headers, l.MaxAttributes, l.MaxSize-len(out.Body)),
		Trace:      traceHeader(out.Headers),
		Size:       len(out.Body),
	}
	for _, a := range m.Attributes {
		m.Size += a.Size()
	}
	if field, reason := l.refuse(&m, fifo); field != "" {
		return m, &taskhawk.LimitError{Service: l.Service, Task: out.Task, Field: field, Reason: reason}
	}
	if fifo && m.DeduplicationID == "" {
		m.DeduplicationID = deduplicationOf(out.ID)
	}
	return m, nil
}

// deduplicationOf returns the deduplication id for the id of a run, which is any text.
func deduplicationOf(id string) string {
	if validID(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

// refuse returns the field that breaks a limit, and the reason; "" for none. The reason
// has no value of the message.
func (l *Limits) refuse(m *Message, fifo bool) (field, reason string) {
	switch {
	case m.Delay > 0 && l.MaxDelay == 0:
		return "delay", l.NoDelay
	case m.Delay > 0 && fifo:
		return "delay", "is not possible per message on a FIFO queue"
	case m.Delay > l.MaxDelay:
		return "delay", fmt.Sprintf("is %s, the limit is %s: package sqsx/schedule runs tasks later",
			m.Delay, l.MaxDelay)
	case m.Body == "":
		return "body", "is empty"
	case m.Size > l.MaxSize:
		return "size", fmt.Sprintf("with attributes is %d bytes, the limit is %d", m.Size, l.MaxSize)
	}
	if bad := Forbidden(m.Body); bad >= 0 {
		return "body", fmt.Sprintf("has a character that %s refuses, at byte %d", l.Service, bad)
	}
	return l.refuseIDs(m, fifo)
}

func (l *Limits) refuseIDs(m *Message, fifo bool) (field, reason string) {
	switch {
	case fifo && m.Group == "":
		return "group", fmt.Sprintf("is missing: a FIFO %s needs one, use taskhawk.WithGroup", l.Target)
	case !fifo && m.DeduplicationID != "":
		return "deduplication id", fmt.Sprintf("is for FIFO %ss only", l.Target)
	case !validID(m.Group):
		return "group", wrongID()
	case !validID(m.DeduplicationID):
		return "deduplication id", wrongID()
	}
	return "", ""
}

func wrongID() string {
	return fmt.Sprintf("is not up to %d letters, digits and punctuation marks", maxID)
}

// validID reports whether the services accept id as a group or deduplication id; ""
// means none.
func validID(id string) bool {
	return len(id) <= maxID && strings.IndexFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// Optional returns nil for an empty text, since the services refuse empty ids.
func Optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// CheckApp returns an error for a text that cannot be the name of an application.
func CheckApp(app string) error {
	if app == "" {
		return errors.New("the application has no name")
	}
	// A URL would only be reported as a name that is too long or has wrong characters.
	if isAddress(app) {
		return errors.New(`a URL or ARN where the application's name is expected, such as "dev-myapp": ` +
			"queues and topics are named after it; set Account if another account owns them")
	}
	return nil
}

// WhichExist returns the text about the existing queues or topics of an application, for
// the error of a missing one. If none exists, the name of the application is probably
// misspelt.
func WhichExist(kind, app string, exist []string) string {
	if len(exist) == 0 {
		return NoneExists(kind, app) + ": " + CheckName
	}
	return fmt.Sprintf("other %ss of %q exist: %s", kind, app, strings.Join(exist, ", "))
}

// NoneExists returns the text for an application without queues or topics.
func NoneExists(kind, app string) string {
	return fmt.Sprintf("none of the %ss of %q is found", kind, app)
}

// CheckName is the advice if none exists.
const CheckName = "check the application's name, account and region"

// CheckAccount returns an error unless the text is an account number. Empty means the
// account of the caller.
func CheckAccount(account string) error {
	if account != "" && (len(account) != 12 || strings.Trim(account, "0123456789") != "") {
		return fmt.Errorf("the Account %q is not a number of 12 digits", account)
	}
	return nil
}

// IsFIFO reports whether the queue or topic of that name is a FIFO one.
func IsFIFO(name string) bool { return strings.HasSuffix(name, ".fifo") }
