package serve

import (
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText)) //nolint:gochecknoglobals // a compiled constant

// pageMessages is how many messages of a queue the page shows.
const pageMessages = 100

type pageData struct {
	URL, Up  string
	ShowArgs bool
	Queue    *queueData // that the page is about; nil on the first page
	Queues   []queueData
	Topics   []string
	Requests []exchange
	Total    int64
}

type queueData struct {
	sqstest.Queue

	Shown []messageData
}

type messageData struct {
	sqstest.Message

	Run, Task, Reason, State, Age string
}

// page shows the server: / has all queues, /?queue=NAME the messages of one.
func (h *handler) page(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	data := pageData{
		URL: h.url, Up: program.Ago(h.began, time.Now()), ShowArgs: h.showArgs, Topics: h.server.TopicNames(),
	}
	h.mu.Lock()
	data.Requests, data.Total = slices.Clone(h.recent), h.count
	h.mu.Unlock()
	slices.Reverse(data.Requests)
	for _, name := range h.server.QueueNames() {
		q := queueData{Queue: h.server.Queue(name)}
		if name == r.URL.Query().Get("queue") {
			q.Shown = h.messages(q.Messages)
			data.Queue = &q
		}
		data.Queues = append(data.Queues, q)
	}
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	head.Set("Cache-Control", "no-store")
	_ = pageTemplate.Execute(w, data) // the browser is gone
}

func (h *handler) messages(all []sqstest.Message) []messageData {
	var shown []messageData
	for _, m := range all[:min(len(all), pageMessages)] {
		d := messageData{
			Message: m, Task: m.Attributes["taskhawk_task"], Reason: m.Attributes["taskhawk_reason"], State: "waiting",
		}
		switch {
		case m.InFlight:
			d.State = "in flight"
		case m.Delayed:
			d.State = "delayed"
		}
		if message, err := taskhawk.ParseMessage(m.Body); err == nil {
			d.Run, d.Task = strings.Clone(message.ID), strings.Clone(message.Task)
		}
		d.Age = program.Ago(m.SentAt, time.Now())
		if !h.showArgs {
			d.Body, d.Attributes = "", nil
		}
		shown = append(shown, d)
	}
	return shown
}
