package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// maxBody is the size of a request in bytes: a batch of 1 MiB as JSON may be larger.
const maxBody = 16 << 20

// handler gives requests of the SDKs to the server, notes them, and shows browsers the
// status page.
type handler struct {
	server   *sqstest.Server
	url      string
	showArgs bool
	local    bool // it listens on the loopback
	began    time.Time
	log      io.Writer // a line for each request; nil for none

	mu     sync.Mutex
	count  int64
	recent []exchange // the latest last
}

// exchange is a request that was answered.
type exchange struct {
	At        time.Time
	Operation string
	Target    string // the name of the queue or topic
	Status    int
	Took      time.Duration
}

// recentExchanges is how many requests the status page shows.
const recentExchanges = 50

func newHandler(server *sqstest.Server, url string, showArgs, local bool) *handler {
	return &handler{server: server, url: url, showArgs: showArgs, local: local, began: time.Now()}
}

// total is how many requests were answered.
func (h *handler) total() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count
}

// ServeHTTP shows browsers the status page, and gives other requests to the server.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.hostAllowed(r.Host) {
		http.Error(w, "taskhawk serve: this name is not one of this server", http.StatusForbidden)
		return
	}
	// EventBridge Scheduler has requests without a body too, below its own paths.
	if (r.Method == http.MethodGet || r.Method == http.MethodHead) && !strings.HasPrefix(r.URL.Path, "/schedule") {
		h.page(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "taskhawk serve: the request cannot be read", http.StatusRequestEntityTooLarge)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	e := exchange{At: time.Now(), Status: http.StatusOK}
	e.Operation, e.Target = describe(r, body)
	noted := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	defer func() {
		e.Status, e.Took = noted.status, time.Since(e.At)
		h.note(e)
	}()
	h.server.ServeHTTP(noted, r)
}

// hostAllowed keeps web pages from reading the status page through a host name that
// resolves to this server.
func (h *handler) hostAllowed(host string) bool {
	if !h.local {
		return true
	}
	if u, err := url.Parse(h.url); err == nil && u.Host == host {
		return true
	}
	name := host
	if only, _, err := net.SplitHostPort(host); err == nil {
		name = only
	}
	ip := net.ParseIP(strings.Trim(name, "[]"))
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

func (h *handler) note(e exchange) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count++
	h.recent = append(h.recent, e)
	if len(h.recent) > recentExchanges {
		h.recent = h.recent[len(h.recent)-recentExchanges:]
	}
	if h.log != nil {
		_, _ = fmt.Fprintf(h.log, "%s %s %s %d %s\n", e.At.Format("15:04:05.000"), program.Line(e.Operation),
			program.Line(e.Target), e.Status, e.Took.Round(time.Millisecond/10))
	}
}

// describe returns the operation of a request and the name of its queue or topic.
func describe(r *http.Request, body []byte) (operation, target string) {
	if name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS."); ok {
		var in struct {
			URL  string `json:"QueueUrl"`
			Name string `json:"QueueName"`
			ARN  string `json:"SourceArn"`
		}
		_ = json.Unmarshal(body, &in) // what cannot be read has no target
		return name, lastPart(in.URL + in.Name + in.ARN)
	}
	if strings.HasPrefix(r.URL.Path, "/schedule") {
		return r.Method + " schedule", lastPart(r.URL.Path)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "", ""
	}
	return form.Get("Action"), lastPart(form.Get("TopicArn") + form.Get("Name"))
}

func lastPart(text string) string { return program.Cut(text[strings.LastIndexAny(text, "/:")+1:], 100) }

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter

	status int
}

// WriteHeader notes the status.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap serves http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
