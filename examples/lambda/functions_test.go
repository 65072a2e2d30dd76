package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax/lambdatest"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// stripped are the flags of the Makefile.
func stripped() []string { return []string{"-tags", "lambda.norpc", "-trimpath", "-ldflags=-s"} }

// programs are the compiled functions of the tests, each made once.
type programs struct {
	folder string

	mu    sync.Mutex
	built map[string]bool
}

// built is emptied when the tests are over.
var built = programs{built: map[string]bool{}}

// compile builds a function of the example.
func compile(t *testing.T, name string, flags ...string) (program string) {
	t.Helper()
	built.mu.Lock()
	defer built.mu.Unlock()
	program = filepath.Join(built.folder, fmt.Sprintf("%s-%d", name, len(flags)))
	if !built.built[program] {
		require.NoError(t, lambdatest.Build(t.Context(), program, "./"+name, flags...))
		built.built[program] = true
	}
	return program
}

// serve runs a function against an embedded server.
func serve(t *testing.T, program string, output io.Writer) *lambdatest.Function {
	t.Helper()
	server := sqstest.NewServer()
	t.Cleanup(server.Close)
	function, err := lambdatest.Start(t.Context(), lambdatest.Config{
		Program: program, Timeout: time.Minute, InitTimeout: time.Minute, Output: output,
		Env: map[string]string{"AWS_ENDPOINT_URL_SQS": server.URL, "AWS_ENDPOINT_URL_SNS": server.URL},
	})
	require.NoError(t, err)
	t.Cleanup(function.Close)
	return function
}

// eventOf reads an event from the test data of aws-lambda-go.
func eventOf(t *testing.T, name string) []byte {
	t.Helper()
	folder, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go").Output()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(folder)), "events", "testdata", name))
	require.NoError(t, err)
	return text
}

// The functions take AWS's own example events, whose messages are no tasks: they fail by
// their ids and not otherwise.
func TestFunctionsTakeEventsOfAWS(t *testing.T) {
	t.Parallel()
	log := &lambdatest.Log{}
	queues := serve(t, compile(t, "sqs"), log)
	result, err := queues.Invoke(t.Context(), eventOf(t, "sqs-event.json"))
	require.NoError(t, err)
	require.Nil(t, result.Error)
	require.JSONEq(t, `{"batchItemFailures":[{"itemIdentifier":"MessageID_1"}]}`, string(result.Response))

	topics := serve(t, compile(t, "sns"), log)
	result, err = topics.Invoke(t.Context(), eventOf(t, "sns-event.json"))
	require.NoError(t, err)
	require.Contains(t, result.Error.Message, "1 of 1 records failed: record 95df01b4-ee98-5cb9-9903-4c221d41eb5e: ")
	require.Equal(t, 1, queues.Starts()*topics.Starts(), "both live on")
	queues.Close()
	topics.Close()
	require.NotContains(t, log.String(), "Hello from SNS!")
	require.NotContains(t, log.String(), "MessageReceiptHandle")
}

// A cold start pays for what is linked: the function behind the topic has no SQS client,
// the one behind the queues none of SNS.
func TestFunctionsLinkNoClientTheyDoNotUse(t *testing.T) {
	t.Parallel()
	for function, c := range map[string]struct{ has, lacks string }{
		"sns": {"taskhawk-go/lambdax.", "service/sqs."}, "sqs": {"service/sqs.(*Client)", "service/sns.(*Client)"},
	} {
		symbols, err := exec.CommandContext(t.Context(), "go", "tool", "nm", compile(t, function)).Output()
		require.NoError(t, err)
		require.Contains(t, string(symbols), c.has)
		require.NotContains(t, string(symbols), c.lacks, function)
	}
}

// TestColdStart logs sizes and init times: go test -v -run ColdStart ./examples/lambda.
func TestColdStart(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "function\tMB\tMB, stripped\tinit, median of 10\tfastest\tslowest")
	for _, function := range []string{"sns", "sqs"} {
		whole, program := compile(t, function), compile(t, function, stripped()...)
		var took []time.Duration
		for range 10 {
			f := serve(t, program, nil)
			took = append(took, f.InitDuration())
			f.Close()
		}
		slices.Sort(took)
		require.Positive(t, took[0])
		fmt.Fprintf(table, "%s\t%.1f\t%.1f\t%.1f ms\t%.1f ms\t%.1f ms\n", function, megabytes(t, whole), megabytes(t, program),
			milliseconds((took[4]+took[5])/2), milliseconds(took[0]), milliseconds(took[9]))
	}
	require.NoError(t, table.Flush())
	t.Logf("cold start\n%s", text.String())
}

func megabytes(t *testing.T, file string) float64 {
	t.Helper()
	info, err := os.Stat(file)
	require.NoError(t, err)
	return float64(info.Size()) / 1e6
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
