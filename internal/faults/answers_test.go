package faults_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// damaged are answers to a receive that make no sense. The messages were handed out all
// the same.
func damaged() map[string]sqstest.Effect {
	return map[string]sqstest.Effect{
		"cut after 1 byte":     sqstest.Truncate(1),
		"cut after 300 bytes":  sqstest.Truncate(300),
		"cut before any byte":  sqstest.Truncate(0),
		"no JSON":              sqstest.Status(http.StatusOK, "<html>"),
		"half a document":      sqstest.Status(http.StatusOK, `{"Messages":[{"Body":"`),
		"nothing":              sqstest.Status(http.StatusOK, ""),
		"null":                 sqstest.Status(http.StatusOK, "null"),
		"a list":               sqstest.Status(http.StatusOK, "[1,2,3]"),
		"other types":          sqstest.Status(http.StatusOK, `{"Messages":{"Body":1}}`),
		"numbers for messages": sqstest.Status(http.StatusOK, `{"Messages":[1,"a",true]}`),
		"nested a million deep": sqstest.Status(http.StatusOK,
			`{"Messages":[{"Body":"x","Extra":`+strings.Repeat("[", 1_000_000)+strings.Repeat("]", 1_000_000)+`}]}`),
	}
}

// Nine answers are damaged, one after another: no crash, and what they would have brought
// comes back after its visibility timeout.
func TestT11DamagedAnswers(t *testing.T) {
	t.Parallel()
	for name, effect := range damaged() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "answers to receives that are cut, or no JSON", Provision: patient()}, func(r *env) {
				r.fillAll(10)
				fault := r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Times: 9, After: true, Do: effect})
				w := r.start(sqsx.WorkerConfig{})
				r.drain(5 * time.Minute)
				w.stop()
				require.Equal(r, 9, fault.Fired())
				require.Equal(r, 40, r.record.total())
				r.Check(want{Stranded: 10 * fault.Fired()})
			})
		})
	}
}

// Messages without id, body or receipt handle: nothing is dereferenced, nothing runs.
func TestT11MessagesWithoutMembers(t *testing.T) {
	t.Parallel()
	for name, messages := range map[string]string{"empty": `{},{}`, "null": `null,{}`, "no receipt": `{"Body":"{}","MessageId":"a"}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, setup{What: "messages without id, body or receipt handle", Provision: patient()}, func(r *env) {
				r.fill(10)
				fault := r.server.Inject(sqstest.Fault{
					On: sqstest.OpReceiveMessage, Times: 3, After: true, Do: sqstest.Status(http.StatusOK, `{"Messages":[`+messages+`]}`),
				})
				w := r.start(sqsx.WorkerConfig{})
				r.drain(5 * time.Minute)
				w.stop()
				require.Equal(r, 10, r.record.total())
				r.Check(want{Stranded: 10 * fault.Fired(), Refused: map[string]int{"ReceiptHandleIsInvalid": 6}})
			})
		})
	}
}

// flood stands before a server and answers one receive with far too much, which it makes
// up on the way.
type flood struct {
	next   http.Handler
	length bool // the answer announces its length
	zipped bool
	armed  atomic.Bool
	sent   atomic.Int64
}

const (
	floodSize  = 256 << 20
	floodBound = 64 << 20 // how much of an answer is read
)

// before puts the flood before a server.
func (f *flood) before(next http.Handler) http.Handler {
	f.next = next
	return f
}

// ServeHTTP floods the first receive after it was armed.
func (f *flood) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	receive := strings.HasSuffix(request.Header.Get("X-Amz-Target"), "."+sqstest.OpReceiveMessage)
	if !receive || !f.armed.CompareAndSwap(true, false) {
		f.next.ServeHTTP(w, request)
		return
	}
	var body io.Writer = w
	switch {
	case f.length:
		w.Header().Set("Content-Length", strconv.Itoa(floodSize))
	case f.zipped:
		w.Header().Set("Content-Encoding", "gzip")
		zipped := gzip.NewWriter(w)
		defer zipped.Close()
		body = zipped
	}
	chunk := []byte(`{"Messages":[{"Body":"` + strings.Repeat("a", 64<<10))
	for f.sent.Load() < floodSize {
		n, err := body.Write(chunk)
		if f.sent.Add(int64(n)); err != nil {
			return
		}
		chunk = chunk[len(chunk)-64<<10:]
	}
}

// floodCost is what an answer without a length may cost: what is read of it, and the
// copies that the SDK makes while its buffer grows. It counts what is allocated, so that
// no collector can come too late; with the race detector, that is twice as much.
func floodCost() uint64 {
	if raceDetector {
		return 10 * floodBound
	}
	return 5 * floodBound
}

// An answer of 256 MiB: when its length says so it is not read at all, else reading ends
// at 64 MiB, unzipped. The poller goes on.
func TestT11AllocOfFloods(t *testing.T) {
	for name, c := range map[string]struct {
		flood *flood
		bound uint64
	}{
		"announced": {&flood{length: true}, 16 << 20},
		"chunked":   {&flood{}, floodCost()},
		"zipped":    {&flood{zipped: true}, floodCost()},
	} {
		t.Run(name, func(t *testing.T) {
			r := newEnv(t, setup{What: "an answer of 256 MiB, plain or zipped", Loopback: true, Front: c.flood.before})
			r.fill(10)
			c.flood.armed.Store(true)
			allocated := allocations(func() {
				w := r.start(sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}, WaitTime: time.Second})
				r.drain(time.Minute)
				w.stop()
			})
			require.False(t, c.flood.armed.Load())
			r.notef("an answer that is %s: %d MiB allocated", name, allocated>>20)
			require.LessOrEqual(t, allocated, c.bound, "bytes allocated")
			require.NotEmpty(t, r.sink.lines("receive failed; retrying"))
			r.Check(want{})
		})
	}
}

// One of ten messages arrives with a wrong MD5: the nine run at once, and the tenth is
// left alone until it comes again.
func TestT12OneWrongMD5OfTen(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a wrong MD5 on one message of ten"}, func(r *env) {
		ids := r.fill(10)
		fault := r.server.Inject(sqstest.Fault{On: sqstest.OpReceiveMessage, Nth: 1, Do: sqstest.CorruptMD5(4)})
		w := r.start(sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}})
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(r, 1, fault.Fired())
		require.Equal(r, 9, r.record.total())
		require.Zero(r, r.record.runs(4))
		require.Equal(r, 1, r.left())
		require.Len(r, r.sink.lines("damaged message; left for another delivery"), 1)
		require.EqualValues(r, 1, w.Stats().Requests.Damaged)
		require.Zero(r, countOf(r.server.Ledger().Of(ids[4]), sqstest.VisibilityChanged))

		r.drain(sqsx.DefaultVisibilityTimeout)
		w.stop()
		require.Equal(r, 1, r.record.runs(4))
		r.Check(want{Stranded: 1})
	})
}

// A message that never arrives whole reaches the dead-letter queue by redrive, and holds
// up no other.
func TestT12WrongMD5ForEver(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a wrong MD5 with every receive of one queue"}, func(r *env) {
		r.dispatch(0)
		r.dispatch(1, taskhawk.WithPriority(taskhawk.High))
		r.server.Inject(sqstest.Fault{
			On: sqstest.OpReceiveMessage, Queue: queueName(taskhawk.Default), Do: sqstest.CorruptMD5(),
		})
		w := r.start(sqsx.WorkerConfig{})
		r.drain(10 * time.Minute)
		w.stop()
		require.Zero(r, r.record.runs(0))
		require.Equal(r, 1, r.record.runs(1))
		require.EqualValues(r, 5, w.Stats().Requests.Damaged)
		r.Check(want{Dead: 1, Stranded: 1})
	})
}

// countOf is how many of the events are of a kind.
func countOf(events []sqstest.Event, kind sqstest.Kind) int {
	n := 0
	for _, e := range events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}
