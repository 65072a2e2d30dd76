package sqstest

import (
	"bytes"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// reply is the answer to one request and the way it is sent.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // the exchange ended without an answer
	wire
}

func newReply(status int, contentType string, body []byte, err error) *reply {
	r := &reply{status: status, header: http.Header{}, body: body, err: err}
	r.header.Set("Content-Type", contentType)
	r.header.Set("X-Amzn-Requestid", newID())
	r.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	return r
}

// write sends the answer over a connection.
func (r *reply) write(w http.ResponseWriter, pause func(time.Duration) error) {
	switch {
	case r.reset:
		resetConnection(w)
		return
	case r.err != nil:
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's way to end the connection without an answer
	}
	maps.Copy(w.Header(), r.header)
	w.Header().Set("Content-Length", strconv.Itoa(r.length()))
	w.WriteHeader(r.status)
	if !r.copyTo(w, pause) {
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's way to end the connection early
	}
}

// copyTo sends the body. It reports false if the body ended early.
func (r *reply) copyTo(w http.ResponseWriter, pause func(time.Duration) error) bool {
	if r.drip == 0 && !r.isCut {
		_, err := io.Copy(w, r.reader(pause))
		return err == nil
	}
	body, flusher := r.reader(pause), http.NewResponseController(w)
	buffer := make([]byte, 4096)
	for {
		n, err := body.Read(buffer)
		if _, failed := w.Write(buffer[:n]); failed != nil {
			return false
		}
		_ = flusher.Flush() // a writer that cannot flush sends the bytes later
		if err != nil {
			return err == io.EOF
		}
	}
}

// response returns the answer, or the error, that the transport of a client would return.
func (r *reply) response(req *http.Request, pause func(time.Duration) error) (*http.Response, error) {
	switch {
	case r.reset:
		return nil, connectionError("read", "read", syscall.ECONNRESET)
	case r.err != nil:
		return nil, r.err
	}
	r.header.Set("Content-Length", strconv.Itoa(r.length()))
	return &http.Response{
		Status: strconv.Itoa(r.status) + " " + http.StatusText(r.status), StatusCode: r.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: r.header, ContentLength: int64(r.length()), Body: io.NopCloser(r.reader(pause)),
	}, nil
}

// wire is how an answer is sent over a connection.
type wire struct {
	reset   bool
	isCut   bool
	cut     int // bytes of the body that are sent, when isCut
	drip    time.Duration
	padding int
}

// reader returns the body as it arrives over the connection. The pause function waits
// between bytes that drip; its error ends the body.
func (r *reply) reader(pause func(time.Duration) error) io.Reader {
	body := io.MultiReader(bytes.NewReader(r.body), &blanks{left: r.padding})
	if r.isCut {
		body = &truncated{io.LimitReader(body, int64(r.cut))}
	}
	if r.drip > 0 {
		body = &dripping{body: body, pause: func() error { return pause(r.drip) }}
	}
	return body
}

func (r *reply) length() int { return len(r.body) + r.padding }

// blanks is a run of spaces.
type blanks struct{ left int }

func (b *blanks) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), b.left)
	for i := range p[:n] {
		p[i] = ' '
	}
	b.left -= n
	return n, nil
}

// truncated ends like a connection that is cut in the middle of a body.
type truncated struct{ body io.Reader }

func (t *truncated) Read(p []byte) (int, error) {
	n, err := t.body.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// dripping gives one byte after each pause.
type dripping struct {
	body  io.Reader
	pause func() error
}

func (d *dripping) Read(p []byte) (int, error) {
	n, err := d.body.Read(p[:min(1, len(p))])
	if n == 0 {
		return 0, err
	}
	if err := d.pause(); err != nil {
		return 0, err
	}
	return n, err
}

// resetConnection ends the connection of a request with a TCP reset.
func resetConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) //nolint:forbidigo // the nearest thing for a writer without a connection
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // makes Close send a reset
	}
	_ = conn.Close()
}

// Truncate sends the first n bytes of the answer's body, after headers with its full
// length, and ends the connection.
func Truncate(n int) Effect {
	return Effect{name: "truncate", wire: func(r *reply) { r.cut, r.isCut = n, true }}
}

// Drip sends the answer's body one byte at a time, one per interval: every read makes
// progress, so only a deadline on the whole call ends it early.
func Drip(interval time.Duration) Effect {
	return Effect{name: "drip", wire: func(r *reply) { r.drip = interval }}
}

// Oversize pads the answer's body with n bytes of white space, which JSON
// allows.
func Oversize(n int) Effect {
	return Effect{name: "oversize", wire: func(r *reply) { r.padding = n }}
}
