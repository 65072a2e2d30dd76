package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// Serve is the command `taskhawk serve`.
type Serve struct {
	Applications []string `arg:""                                                                                       help:"Applications whose queues are created, in addition to --app." name:"app" optional:""`
	Listen       string   `default:"127.0.0.1:9324"                                                                     help:"Address to listen on."`
	URL          string   `help:"URL of the server for clients; queue URLs begin with it. Default: the address." name:"url" placeholder:"URL"`
	File         string   `help:"File that keeps queues, messages, topics and schedules over restarts."                                    placeholder:"FILE" predictor:"file"`
	LogRequests  bool     `help:"Write a line for each request to the standard error."`
	ShowArgs     bool     `help:"Show bodies and attributes of messages on the status page."`
}

// Help has examples.
func (*Serve) Help() string {
	return `SQS, SNS and EventBridge Scheduler for development: as strict as Amazon's, without
permissions. For programs in Go, Python and other languages with an AWS SDK that speaks the JSON
protocol of SQS (boto3 since 1.29). Its URL shows queues, messages and the last requests in a
browser. Stop it with Ctrl-C.

Examples:
  taskhawk serve dev-myapp
  taskhawk serve dev-myapp --file .taskhawk.json --log-requests
  taskhawk serve --app dev-myapp --listen 0.0.0.0:9324 --url http://taskhawk:9324    # in a container`
}

// Run serves until ctx ends.
func (c *Serve) Run(ctx context.Context, p *program.Program) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --listen", err)
	}
	defer func() { _ = listener.Close() }()
	server := sqstest.NewUnstartedServer()
	defer server.Close()
	server.LimitLedger(0)
	url := strings.TrimRight(c.URL, "/")
	if url == "" {
		url = "http://" + reachable(listener.Addr())
	}
	server.SetURL(url)
	keeper := &keeper{server: server, file: c.File}
	if err := keeper.load(); err != nil {
		return err
	}
	if err := c.provision(ctx, p, server); err != nil {
		return err
	}
	if !isLoopback(listener.Addr()) {
		p.Sayf("warning: %s is open to other machines, without permissions", listener.Addr())
	}
	if err := c.announce(p, url); err != nil {
		return err
	}
	h := newHandler(server, url, c.ShowArgs, isLoopback(listener.Addr()))
	if c.LogRequests {
		h.log = p.Err
	}
	return serve(ctx, p, listener, server, h, keeper)
}

// provision creates the queues of the applications.
func (c *Serve) provision(ctx context.Context, p *program.Program, server *sqstest.Server) error {
	apps := c.Applications
	for app := range strings.SplitSeq(p.App, ",") {
		if app != "" {
			apps = append(apps, app)
		}
	}
	for _, app := range apps {
		if err := sqsx.Provision(ctx, server.Client(), app, sqsx.ProvisionConfig{Naming: p.Naming()}); err != nil {
			return err
		}
	}
	return nil
}

// announce prints the variables to set. Everything else is a comment of the shell.
func (c *Serve) announce(p *program.Program, url string) error {
	variables := [][2]string{
		{"AWS_ENDPOINT_URL_SQS", url},
		{"AWS_ENDPOINT_URL_SNS", url},
		{"AWS_ENDPOINT_URL_SCHEDULER", url},
		{"AWS_REGION", "us-east-1"},
		{"AWS_DEFAULT_REGION", "us-east-1"}, // what boto3 reads
		{"AWS_ACCESS_KEY_ID", "local"},
		{"AWS_SECRET_ACCESS_KEY", "local"},
	}
	if p.JSON {
		set := map[string]string{}
		for _, v := range variables {
			set[v[0]] = v[1]
		}
		return p.JSONLine(map[string]any{"url": url, "variables": set})
	}
	p.Printf("# SQS, SNS and EventBridge Scheduler for development, and a status page for a browser: %s\n", url)
	for _, v := range variables {
		p.Printf("export %s=%s\n", v[0], v[1])
	}
	return nil
}

// stopTime is how long requests may take to end.
const stopTime = 5 * time.Second

// serve answers requests until ctx ends, and then saves what there is.
func serve(
	ctx context.Context, p *program.Program, listener net.Listener, server *sqstest.Server, h *handler, keeper *keeper,
) error {
	web := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(listener) }()
	keeping, stopKeeping := context.WithCancel(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		keeper.run(keeping, h.total, func(err error) { p.Sayf("not saved: %s", program.Line(err.Error())) })
	}()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		server.Close() // ends polls
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		if web.Shutdown(stopping) != nil {
			_ = web.Close()
		}
		cancel()
		err = served(<-ended)
	}
	stopKeeping()
	<-kept
	return errors.Join(err, keeper.save())
}

// served returns nil for the error of a closed server.
func served(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// reachable returns an address by which this machine reaches a listener.
func reachable(address net.Addr) string {
	tcp, ok := address.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return address.String()
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
}

func isLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
