package sqstest

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Fault is an effect and the requests that it acts on. The zero values of On, Queue,
// Topic, Nth, Times and If match every request. All faults that match a request act on
// it, in the order of their injection.
type Fault struct {
	// On is the name of the operation, such as OpDeleteMessageBatch.
	On string
	// Queue is the name of the queue the request is about.
	Queue string
	// Topic is the name of the topic the request is about.
	Topic string
	// If is called for each request that matches On, Queue and Topic. It may be called
	// concurrently.
	If func(Request) bool
	// Nth makes the fault act only on the n-th matching request since the injection,
	// counted from 1. With Times it also acts on the requests after that.
	Nth int
	// Times is how often the fault acts. Default: once with Nth, else forever.
	Times int
	// After delays the effect until the operation has been applied: the response is lost,
	// not the request. Effects that change the response do not need After.
	After bool
	// Do is the effect.
	Do Effect
}

// Request is the input of Fault.If.
type Request struct {
	Operation   string      // one of the Op constants
	Queue       string      // the queue's name; "" when the operation names none
	Topic       string      // the topic's name; "" when the operation names none
	Entries     int         // of a batch; else 0
	AccessKeyID string      // of the signature; "" when there is none
	Header      http.Header // not to be changed
	Body        []byte      // the JSON or the form of the request, not to be changed
}

// Injection is an active fault.
type Injection struct {
	fault   Fault
	matched atomic.Int64
	fired   atomic.Int64
	removed atomic.Bool
}

// Fired returns how often the fault acted.
func (i *Injection) Fired() int { return int(i.fired.Load()) }

// Remove ends the fault. It may be called more than once.
func (i *Injection) Remove() { i.removed.Store(true) }

// takes reports whether the fault acts on a request, and counts the request.
func (i *Injection) takes(r Request) bool {
	f := i.fault
	if i.removed.Load() || f.On != "" && f.On != r.Operation {
		return false
	}
	if f.Queue != "" && f.Queue != r.Queue || f.Topic != "" && f.Topic != r.Topic {
		return false
	}
	if f.If != nil && !f.If(r) {
		return false
	}
	if !f.includes(int(i.matched.Add(1))) {
		return false
	}
	i.fired.Add(1)
	return true
}

// includes reports whether the fault acts on the n-th matching request.
func (f Fault) includes(n int) bool {
	first, times := max(f.Nth, 1), f.Times
	if f.Nth > 0 && times == 0 {
		times = 1
	}
	return n >= first && (times == 0 || n < first+times)
}

// Inject activates a fault. It panics if the fault has no effect.
func (s *Server) Inject(f Fault) *Injection {
	if f.Do.name == "" {
		panic("sqstest: a fault needs an effect in Do") //nolint:forbidigo // a mistake in the test
	}
	injection := &Injection{fault: f}
	s.script.add(injection)
	return injection
}

// Heal removes all faults.
func (s *Server) Heal() { s.script.clear() }

// Effect is what a fault does. The functions of this package make effects.
type Effect struct {
	name   string
	wait   time.Duration
	hang   bool
	orphan bool
	answer func(c *call, r *http.Request) *reply // replaces the reply of the service; nil does not
	entry  *entryFault
	suits  func(out any) bool // for edit
	edit   func(a *account, c *call, out any)
	wire   func(*reply)
}

// String returns the name of the effect.
func (e Effect) String() string { return e.name }

// Reset resets the connection. The request is lost: nothing was applied. With Fault.After
// only the response is lost.
func Reset() Effect {
	return Effect{name: "reset", answer: func(*call, *http.Request) *reply { return &reply{wire: wire{reset: true}} }}
}

// Silence accepts the request and never answers: the connection stays open until
// the client gives up or the server closes.
func Silence() Effect { return Effect{name: "silence", hang: true} }

// Delay waits before the operation is applied, or with Fault.After, before the answer.
func Delay(d time.Duration) Effect { return Effect{name: "delay", wait: d} }

// Status answers with a bare HTTP status and body, as a proxy or a load balancer
// in front of the service would: Status(503, "<html>...").
func Status(code int, body string) Effect {
	return Effect{name: "status", answer: func(*call, *http.Request) *reply {
		return newReply(code, "text/html", []byte(body), nil)
	}}
}

// Error answers with an error of the service: a shape's name such as "RequestThrottled",
// "KmsThrottled" or "OverLimit", or any other code such as "ThrottlingException",
// "ExpiredToken" or "InternalError". The HTTP status is the status that the service uses
// for the code, or 400 for an unknown code; ErrorStatus sets another.
func Error(code, message string) Effect { return ErrorStatus(0, code, message) }

// ErrorStatus is Error with a given HTTP status.
func ErrorStatus(status int, code, message string) Effect {
	return Effect{name: "error", answer: func(c *call, _ *http.Request) *reply {
		return c.protocol.refusal(&apiError{code: code, message: message, status: status})
	}}
}

// Pretend answers with success and does not apply the operation. It acts on operations
// whose success has no content: deletes and changes of visibility, single and in batches.
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

// OrphanPoll keeps a long poll alive after its client has gone: until its wait ends it
// receives messages that reach no client, as can happen on Amazon SQS. They stay in
// flight until their visibility timeout.
func OrphanPoll() Effect { return Effect{name: "orphan poll", orphan: true} }

// ClockSkew shifts the clock of the server by d. The Date of answers is shifted, and
// requests signed more than five minutes from that time are refused with
// RequestTimeTooSkewed. The times of messages stay correct.
func ClockSkew(d time.Duration) Effect {
	return Effect{
		name:   "clock skew",
		answer: func(c *call, r *http.Request) *reply { return checkClock(c, r, d) },
		wire: func(r *reply) {
			r.header.Set("Date", time.Now().Add(d).UTC().Format(http.TimeFormat))
		},
	}
}

// signatureTolerance is how far the time of a signature may be from the time of the
// server.
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

// script is the list of injected faults.
type script struct {
	mu         sync.Mutex
	injections []*Injection
}

func (s *script) add(i *Injection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.injections = append(s.injections, i)
}

func (s *script) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.injections {
		i.Remove()
	}
	s.injections = nil
}

// snapshot returns a copy of the list without removed faults.
func (s *script) snapshot() []*Injection {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.injections[:0:0]
	for _, i := range s.injections {
		if !i.removed.Load() {
			kept = append(kept, i)
		}
	}
	s.injections = kept
	return kept
}

// request returns the view of a request for Fault.If.
func (c *call) request(r *http.Request) Request {
	return Request{
		Operation: c.name, Queue: c.queue, Topic: c.topic, Entries: len(c.ids), AccessKeyID: accessKeyID(r),
		Header: r.Header, Body: c.body,
	}
}

// accessKeyID returns the key of a signed request: the text between Credential= and the
// first slash of the Authorization header.
func accessKeyID(r *http.Request) string {
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	id, _, found := strings.Cut(credential, "/")
	if !found {
		return ""
	}
	return id
}

// fire returns the faults that act on a request before its outcome is known: all except
// the ones that edit the answer.
func (s *script) fire(r Request) []Fault {
	var fired []Fault
	for _, i := range s.snapshot() {
		if i.fault.Do.edit == nil && i.takes(r) {
			fired = append(fired, i.fault)
		}
	}
	return fired
}

// edit applies the faults that edit answers to out. A request whose answer a fault cannot
// edit, such as a receive without messages, does not count for that fault.
func (s *script) edit(a *account, c *call, r Request, out any) {
	for _, i := range s.snapshot() {
		effect := i.fault.Do
		if effect.edit == nil || !effect.suits(out) || !i.takes(r) {
			continue
		}
		a.mu.Lock()
		effect.edit(a, c, out)
		a.mu.Unlock()
	}
}

// hasMD5 is an answer, or an entry of one, that carries the MD5 of a body.
type hasMD5 interface{ corruptMD5() }

func (o *sendMessageOutput) corruptMD5() { o.MD5OfMessageBody = wrongMD5() }

func (m *receivedMessage) corruptMD5() { m.MD5OfBody = wrongMD5() }

func wrongMD5() string { return strings.Repeat("0", 32) }

// CorruptMD5 puts a wrong MD5 of the body into the answer to a send, to a batch of sends
// or to a receive: for the successful entries, or messages, with the given indexes, from
// 0, or for all without indexes. The message itself is intact. Answers without an MD5 do
// not count.
func CorruptMD5(indexes ...int) Effect {
	chosen := selection(indexes)
	return Effect{
		name:  "corrupt MD5",
		suits: func(out any) bool { return len(md5Holders(out)) > 0 },
		edit: func(_ *account, _ *call, out any) {
			for i, holder := range md5Holders(out) {
				if chosen.has(i) {
					holder.corruptMD5()
				}
			}
		},
	}
}

func md5Holders(out any) []hasMD5 {
	var holders []hasMD5
	switch out := out.(type) {
	case *sendMessageOutput:
		holders = append(holders, out)
	case *batchOutput[sendEntryResult]:
		for i := range out.Successful {
			holders = append(holders, &out.Successful[i])
		}
	case *receiveMessageOutput:
		for i := range out.Messages {
			holders = append(holders, &out.Messages[i])
		}
	}
	return holders
}

// editMessages makes an effect of a change to the messages of a receive. A
// receive without messages does not count.
func editMessages(name string, change func(a *account, q *queue, out *receiveMessageOutput)) Effect {
	return Effect{
		name: name,
		suits: func(out any) bool {
			received, ok := out.(*receiveMessageOutput)
			return ok && len(received.Messages) > 0
		},
		edit: func(a *account, c *call, out any) {
			received, _ := out.(*receiveMessageOutput)
			if q := a.queues[c.queue]; q != nil {
				change(a, q, received)
			}
		},
	}
}

// StaleReceipts gives the messages of a receive stale receipt handles, as if another
// consumer had received them: deletes do nothing, changes of visibility fail. It acts on
// the messages with the given indexes, from 0, or on all without indexes. Receives
// without messages do not count.
func StaleReceipts(indexes ...int) Effect {
	chosen := selection(indexes)
	return editMessages("stale receipts", func(a *account, q *queue, out *receiveMessageOutput) {
		for i := range out.Messages {
			if m := q.messages[out.Messages[i].MessageId]; m != nil && chosen.has(i) {
				out.Messages[i].ReceiptHandle = receipt{q.id, m.id, m.receives - 1}.handle(a.receiptKey)
			}
		}
	})
}

// Redeliver makes the messages of a receive visible again as soon as it is answered, so
// that the next receive delivers them too. It acts on the messages with the given
// indexes, from 0, or on all without indexes. Receives without messages do not count.
func Redeliver(indexes ...int) Effect {
	chosen := selection(indexes)
	return editMessages("redeliver", func(a *account, q *queue, out *receiveMessageOutput) {
		for i := range out.Messages {
			m := q.messages[out.Messages[i].MessageId]
			if m == nil || m.state != inFlight || !chosen.has(i) {
				continue
			}
			a.record(Duplicated, q, m, m.receivedAt)
			q.lift(m)
			q.show(m)
			q.signal()
		}
	})
}

// DuplicateInBatch delivers messages of a receive twice in the same answer, as Amazon SQS
// rarely does. Of the two receipt handles the later one is valid. It acts on the messages
// with the given indexes, from 0, or on all without indexes. An answer has at most ten
// messages: copies that do not fit are omitted. Receives without messages do not count.
func DuplicateInBatch(indexes ...int) Effect {
	chosen := selection(indexes)
	return editMessages("duplicate in batch", func(a *account, q *queue, out *receiveMessageOutput) {
		for i, original := range out.Messages {
			m := q.messages[original.MessageId]
			if m == nil || !chosen.has(i) || len(out.Messages) == maxReceiveMessages {
				continue
			}
			m.receives++
			m.localReceives++
			a.record(Duplicated, q, m, m.receivedAt)
			original.ReceiptHandle = receipt{q.id, m.id, m.receives}.handle(a.receiptKey)
			out.Messages = append(out.Messages, original)
		}
	})
}

// entryFault makes entries of a batch fail, or omits them from the answer.
type entryFault struct {
	chosen selection
	err    *apiError // nil leaves the entry out of both lists
	sender bool
	after  bool // the entry is applied nevertheless; set from Fault.After
}

// FailEntries makes entries of a batch fail, with the given code and the side at fault.
// It acts on the entries with the given indexes, from 0, or on all without indexes. They
// are not applied; with Fault.After they are, and the answer is wrong.
func FailEntries(code string, senderFault bool, indexes ...int) Effect {
	return Effect{name: "fail entries", entry: &entryFault{
		chosen: indexes, sender: senderFault, err: newError(code, "A fault was injected."),
	}}
}

// OmitEntries leaves entries of a batch out of both lists of the answer: the ones with
// the given indexes, from 0, or all without indexes. They are not applied; with
// Fault.After they are.
func OmitEntries(indexes ...int) Effect {
	return Effect{name: "omit entries", entry: &entryFault{chosen: indexes}}
}

// entryFault returns the fault that acts on an entry of the call, or nil.
func (c *call) entryFault(index int) *entryFault {
	for _, f := range c.entryFaults {
		if f.chosen.has(index) {
			return &f
		}
	}
	return nil
}

// report adds the failure of the entry to the answer, unless the entry is omitted.
func (f *entryFault) report(failed []batchFailure, id string) []batchFailure {
	if f.err == nil {
		return failed
	}
	return append(failed, batchFailure{Id: id, Code: f.err.code, Message: f.err.message, SenderFault: f.sender})
}
