package transport

import (
	"time"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// Link is how clients reach the server.
type Link struct {
	// Name is the name in the output, such as "process".
	Name string
	// Title is the name for readers.
	Title string

	loopback bool
	latency  time.Duration
}

// Links returns the links that are measured.
func Links() []Link {
	return []Link{
		{Name: "process", Title: "in process"},
		{Name: "loopback", Title: "loopback, 1 ms of latency", loopback: true, latency: time.Millisecond},
	}
}

// serve returns a new server behind the link.
func (l Link) serve() *sqstest.Server {
	server := sqstest.NewUnstartedServer()
	if l.loopback {
		server.Start()
	}
	if l.latency > 0 {
		server.Inject(sqstest.Fault{Do: sqstest.Delay(l.latency)})
	}
	server.LimitLedger(0)
	return server
}
