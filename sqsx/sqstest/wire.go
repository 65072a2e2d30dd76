package sqstest

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"time"
)

// Truncate sends the first n bytes of the answer's body, after headers that
// promise all of it, and ends the connection.
func Truncate(n int) Effect {
	return Effect{name: "truncate", wire: func(r *reply) { r.cut, r.isCut = n, true }}
}

// Drip sends the answer's body one byte at a time, one each interval: every read
// makes progress, so that only a deadline on the whole call ends it early.
func Drip(interval time.Duration) Effect {
	return Effect{name: "drip", wire: func(r *reply) { r.drip = interval }}
}

// Oversize pads the answer's body with n bytes of white space, which JSON
// allows.
func Oversize(n int) Effect {
	return Effect{name: "oversize", wire: func(r *reply) { r.padding = n }}
}

// wire is how an answer is put on a connection.
type wire struct {
	reset   bool
	isCut   bool
	cut     int // bytes of the body that are sent, when isCut
	drip    time.Duration
	padding int
}

// reader is the body as it comes over the connection. The pause function waits
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

// truncated ends as a connection does that is cut in the middle of a body.
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
		_ = tcp.SetLinger(0) // makes Close send a reset; failing that it still closes
	}
	_ = conn.Close()
}
