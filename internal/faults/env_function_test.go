package faults_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax/lambdatest"
)

// functionEnv is a Lambda function: the test binary, started again, below the real
// lambda.Start. What it writes and answers is kept until check judges it.
type functionEnv struct {
	*testing.T

	*lambdatest.Function

	config functionConfig
	log    *os.File // which has what was written before an answer when the answer comes, as a pipe has not
	what   string
	serial atomic.Int32
	found  figures

	runs map[int]int // of each order, as far as the output was read
	read int64
}

// startFunction starts one for the test. An invocation that does not end in time is
// killed after a minute.
func startFunction(t *testing.T, what string, config functionConfig, change ...func(*lambdatest.Config)) *functionEnv {
	t.Helper()
	text, err := json.Marshal(config)
	require.NoError(t, err)
	log, err := os.Create(filepath.Join(t.TempDir(), "output"))
	require.NoError(t, err)
	r := &functionEnv{T: t, config: config, log: log, what: what, runs: map[int]int{}}
	runtime := lambdatest.Config{
		Program: os.Args[0], Timeout: time.Minute, InitTimeout: time.Minute, Output: r.log,
		Env: map[string]string{
			functionVariable: string(text), "GORACE": "atexit_sleep_ms=0",
			"AWS_ACCESS_KEY_ID": canaryKeyID, "AWS_SECRET_ACCESS_KEY": canaryKey, "AWS_SESSION_TOKEN": canaryToken,
		},
	}
	for _, c := range change {
		c(&runtime)
	}
	r.Function, err = lambdatest.Start(t.Context(), runtime)
	require.NoError(t, err)
	t.Cleanup(func() {
		r.Close()
		_ = log.Close()
	})
	return r
}

// output is what the function has written.
func (r *functionEnv) output() string {
	r.Helper()
	text, err := os.ReadFile(r.log.Name())
	require.NoError(r, err)
	return string(text)
}

// order is one record of an event: what its task is to do.
type order struct {
	do    string
	takes time.Duration
	task  string // default tests.order
	group string // of a FIFO queue
	id    string // default: one of its own
	body  string // default: that of a task

	n int
}

// orders makes records of what their tasks are to do.
func orders(do ...string) []order {
	made := make([]order, len(do))
	for i := range do {
		made[i].do = do[i]
	}
	return made
}

// number gives each order its number and its id, unless it has one.
func (r *functionEnv) number(list []order) {
	for i := range list {
		o := &list[i]
		o.n = int(r.serial.Add(1))
		if o.id == "" {
			o.id = fmt.Sprintf("id-%d", o.n)
		}
	}
}

// text is the message of an order.
func (o *order) text() string {
	if o.body != "" {
		return o.body
	}
	task := o.task
	if task == "" {
		task = "tests.order"
	}
	return fmt.Sprintf(`{"id":"task-%d","metadata":{"priority":"default","timestamp":1,"version":"1.0"},"headers":{"k":%q},"task":%q,`+
		`"args":[%q,%d,%d,%q],"kwargs":{}}`, o.n, canaryHeader, task, o.do, o.n, o.takes.Milliseconds(), canaryArgument)
}

// sqsEvent is the event of a batch.
func (r *functionEnv) sqsEvent(list []order) []byte {
	r.Helper()
	event := events.SQSEvent{Records: []events.SQSMessage{}}
	for _, o := range list {
		m := events.SQSMessage{
			MessageId: o.id, ReceiptHandle: "receipt-" + strconv.Itoa(o.n), Body: o.text(), EventSource: "aws:sqs",
			EventSourceARN: "arn:aws:sqs:us-east-1:111122223333:TASKHAWK-DEV-MYAPP", AWSRegion: "us-east-1",
			Attributes: map[string]string{"ApproximateReceiveCount": "1", "SentTimestamp": "1700000000000"},
		}
		if o.group != "" {
			m.EventSourceARN += ".fifo"
			m.Attributes["MessageGroupId"] = o.group
		}
		event.Records = append(event.Records, m)
	}
	text, err := json.Marshal(event)
	require.NoError(r, err)
	return text
}

// give invokes the function with an event.
func (r *functionEnv) give(event []byte, options ...lambdatest.InvokeOption) lambdatest.Result {
	r.Helper()
	result, err := r.Invoke(r.Context(), event, options...)
	require.NoError(r, err)
	return result
}

// verdict is what Lambda makes of an invocation.
type verdict struct {
	lambdatest.Result

	orders []order
	done   []string // ids, in the order of the batch
	failed []string // those that come back
}

// batch gives the function a batch, and judges the answer as Lambda does, by a mapping
// with ReportBatchItemFailures where the function wants it.
func (r *functionEnv) batch(list []order, options ...lambdatest.InvokeOption) verdict {
	r.Helper()
	r.number(list)
	return r.judge(list, r.give(r.sqsEvent(list), options...))
}

// judge also looks for the one thing that must never happen: a task that is done for
// Lambda, and did not succeed.
func (r *functionEnv) judge(list []order, result lambdatest.Result) verdict {
	r.Helper()
	v := verdict{Result: result, orders: list}
	var batch []string
	for _, o := range list {
		batch = append(batch, o.id)
	}
	v.done = lambdatest.Done(batch, result, r.config.Partial)
	for _, id := range batch {
		if !slices.Contains(v.done, id) {
			v.failed = append(v.failed, id)
		}
	}
	ran := r.ran()
	r.found.Tasks += len(list)
	for _, o := range list {
		succeeded := (o.do == "ok" || o.do == "ignore") && (ran[o.n] > 0 || r.twin(list, o, ran))
		if slices.Contains(v.done, o.id) && !succeeded {
			r.found.Lost++
			r.Errorf("order %d, to %q, is done for Lambda and was not; response %s", o.n, o.do, result.Response)
		}
	}
	if r.config.Partial && result.Error == nil {
		require.NotContains(r, string(result.Response), `"itemIdentifier":""`)
		require.NotContains(r, string(result.Response), `null`)
	}
	return v
}

// twin reports whether another record of the same message ran.
func (r *functionEnv) twin(list []order, o order, ran map[int]int) bool {
	return slices.ContainsFunc(list, func(other order) bool { return other.id == o.id && ran[other.n] > 0 })
}

// ran counts the runs of each order. It reads on where it ended before.
func (r *functionEnv) ran() map[int]int {
	r.Helper()
	written := make([]byte, 1<<20)
	for {
		n, err := r.log.ReadAt(written, r.read)
		end := bytes.LastIndexByte(written[:n], '\n') + 1
		for line := range bytes.Lines(written[:end]) {
			var order int
			if _, err := fmt.Sscanf(string(line), "ran %d,", &order); err == nil {
				r.runs[order]++
			}
		}
		r.read += int64(end)
		if errors.Is(err, io.EOF) {
			return r.runs
		}
		require.NoError(r, err)
	}
}

// ranOf are the orders of a batch that ran, by their place.
func (r *functionEnv) ranOf(list []order) []int {
	ran := r.ran()
	var places []int
	for i, o := range list {
		if ran[o.n] > 0 {
			places = append(places, i)
		}
	}
	return places
}

// check ends the test: no secret is in the output, and the figures are reported.
func (r *functionEnv) check() {
	r.Helper()
	for _, secret := range canaries() {
		require.NotContains(r, r.output(), secret, "in the output of the function")
	}
	require.NotContains(r, r.output(), "receipt-")
	for _, n := range r.ran() {
		r.found.Runs += n
	}
	(&env{tb: r.T, what: r.what}).report(r.found)
}

// awsEvent reads an event from the test data of aws-lambda-go.
func awsEvent(t *testing.T, name string) []byte {
	t.Helper()
	folder, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go").Output()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(folder)), "events", "testdata", name))
	require.NoError(t, err)
	return text
}
