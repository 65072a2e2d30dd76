package sqstest

import (
	"net/http"
	"slices"
	"time"
)

// Effect is what a fault does. The functions of this package make effects.
type Effect struct {
	name   string
	wait   time.Duration
	hang   bool
	orphan bool
	answer func(c *call, r *http.Request) *reply // in place of the service's; nil goes on
	entry  *entryFault
	suits  func(out any) bool // for edit
	edit   func(a *account, c *call, out any)
	wire   func(*reply)
}

// String names the effect.
func (e Effect) String() string { return e.name }

// Reset resets the connection. The request is lost: nothing was applied. With
// Fault.After the response is lost.
func Reset() Effect {
	return Effect{name: "reset", answer: func(*call, *http.Request) *reply { return &reply{wire: wire{reset: true}} }}
}

// Silence accepts the request and never answers: the connection stays open until
// the client gives up or the server closes.
func Silence() Effect { return Effect{name: "silence", hang: true} }

// Delay waits before the operation is applied; with Fault.After, before it is
// answered.
func Delay(d time.Duration) Effect { return Effect{name: "delay", wait: d} }

// Status answers with a bare HTTP status and body, as a proxy or a load balancer
// in front of the service would: Status(503, "<html>...").
func Status(code int, body string) Effect {
	return Effect{name: "status", answer: func(*call, *http.Request) *reply {
		return newReply(code, "text/html", []byte(body), nil)
	}}
}

// Error answers with an error of the service: a shape's name such as
// "RequestThrottled", "KmsThrottled" or "OverLimit", or any other code such as
// "ThrottlingException", "ExpiredToken" or "InternalError". The HTTP status is
// the one the service uses for the code, 400 for those this package does not
// know; ErrorStatus sets another.
func Error(code, message string) Effect { return ErrorStatus(0, code, message) }

// ErrorStatus is Error with a given HTTP status.
func ErrorStatus(status int, code, message string) Effect {
	return Effect{name: "error", answer: func(c *call, _ *http.Request) *reply {
		return c.protocol.refusal(&apiError{code: code, message: message, status: status})
	}}
}

// Pretend answers that the operation was done and does not do it. It acts on
// operations whose success says nothing: deletes and changes of visibility, one
// by one and in batches. On others it does nothing.
func Pretend() Effect {
	return Effect{name: "pretend", answer: func(c *call, _ *http.Request) *reply {
		switch c.name {
		case OpDeleteMessage, OpChangeMessageVisibility:
			return c.protocol.answer(c.name, empty{})
		case OpDeleteMessageBatch, OpChangeMessageVisibilityBatch:
			return c.protocol.answer(c.name, succeeded(c.ids))
		}
		return nil
	}}
}

// OrphanPoll keeps a long poll alive when its client has gone: until its wait
// ends it takes messages that nobody gets, as Amazon SQS can. They stay in
// flight until their visibility timeout.
func OrphanPoll() Effect { return Effect{name: "orphan poll", orphan: true} }

// ClockSkew makes the server's clock wrong by d: the Date of its answers is off,
// and it refuses requests signed more than five minutes from its own time, with
// RequestTimeTooSkewed. The times of messages stay right.
func ClockSkew(d time.Duration) Effect {
	return Effect{
		name:   "clock skew",
		answer: func(c *call, r *http.Request) *reply { return checkClock(c, r, d) },
		wire: func(r *reply) {
			r.header.Set("Date", time.Now().Add(d).UTC().Format(http.TimeFormat))
		},
	}
}

// signatureTolerance is how far from the server's time a request may be signed.
const signatureTolerance = 5 * time.Minute

func checkClock(c *call, r *http.Request, skew time.Duration) *reply {
	signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || time.Now().Add(skew).Sub(signed).Abs() <= signatureTolerance {
		return nil
	}
	return c.protocol.refusal(newError("RequestTimeTooSkewed",
		"The difference between the request time and the current time is too large."))
}

// selection is a choice of entries by index, from 0; an empty one chooses all.
type selection []int

func (s selection) has(index int) bool { return len(s) == 0 || slices.Contains(s, index) }
