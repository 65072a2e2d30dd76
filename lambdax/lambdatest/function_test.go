package lambdatest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax/lambdatest"
)

// description is what the function says of its surroundings.
type description struct {
	Deadline, Left int64
	ID, ARN, Trace string
	Environ        []string
	Process        int
}

func describe(t *testing.T, function *lambdatest.Function, options ...lambdatest.InvokeOption) description {
	t.Helper()
	result := invoke(t, function, `{"Do":"describe"}`, options...)
	require.Nil(t, result.Error)
	var d description
	require.NoError(t, json.Unmarshal(result.Response, &d))
	return d
}

func TestInvocationAnswers(t *testing.T) {
	t.Parallel()
	written := &lambdatest.Log{}
	function := start(t, lambdatest.Config{Timeout: long, Output: written})
	require.Positive(t, function.InitDuration())
	result := invoke(t, function, `{"Do":"answer","With":{"batchItemFailures":[]}}`)
	require.Nil(t, result.Error)
	require.JSONEq(t, `{"batchItemFailures":[]}`, string(result.Response))
	require.Positive(t, result.Duration)
	require.Equal(t, long, result.Duration+result.Left)
	told := func() bool { return strings.Contains(written.String(), "asked to answer\n") }
	require.Eventually(t, told, long, time.Millisecond)

	result = invoke(t, function, `{"Do":"fail"}`)
	require.EqualError(t, result.Error, "errorString: no luck")
	require.Nil(t, result.Response)
	require.Equal(t, 1, function.Starts(), "an error is no reason to start anew")
}

func TestInvocationIsDescribed(t *testing.T) {
	t.Parallel()
	function := start(t, lambdatest.Config{Name: "mails", Timeout: long, Env: map[string]string{"LEVEL": "debug", "AWS_REGION": "eu-west-1"}})
	d := describe(t, function, lambdatest.WithRequestID("id-1"))
	require.Equal(t, "id-1", d.ID)
	require.Equal(t, "arn:aws:lambda:us-east-1:111122223333:function:mails", d.ARN)
	require.Contains(t, d.Trace, "Root=")
	require.InDelta(t, long.Milliseconds(), d.Left, float64(long.Milliseconds()/2))
	for _, variable := range []string{"LEVEL=debug", "AWS_REGION=eu-west-1", "AWS_LAMBDA_FUNCTION_NAME=mails"} {
		require.Contains(t, d.Environ, variable)
	}
	inherited := func(variable string) bool {
		return strings.HasPrefix(variable, "HOME=") || strings.HasPrefix(variable, "GO")
	}
	require.False(t, slices.ContainsFunc(d.Environ, inherited), "the test's own environment is not the function's")

	past := strconv.FormatInt(time.Now().Add(-time.Hour).UnixMilli(), 10)
	late := describe(t, function, lambdatest.WithHeader(lambdatest.HeaderDeadline, past))
	require.Equal(t, past, strconv.FormatInt(late.Deadline, 10))
	require.NotEqual(t, "id-1", late.ID)
	require.Equal(t, d.Process, late.Process)

	result := invoke(t, function, `{"Do":"answer"}`, lambdatest.WithHeader(lambdatest.HeaderDeadline, ""))
	require.ErrorContains(t, result.Error, "failed to parse deadline")
}

func TestTimeoutKillsTheProcess(t *testing.T) {
	t.Parallel()
	function := start(t, lambdatest.Config{Timeout: long})
	before := describe(t, function)
	result := invoke(t, function, `{"Do":"hang"}`, lambdatest.WithTimeout(50*time.Millisecond))
	require.Equal(t, lambdatest.ErrorTimedOut, result.Error.Type)
	require.Contains(t, result.Error.Message, result.RequestID+" Error: Task timed out after 0.05 seconds")
	require.Zero(t, result.Left)
	require.NotEqual(t, before.Process, describe(t, function).Process)
	require.Equal(t, 2, function.Starts())

	result = invoke(t, function, `{"Do":"goexit"}`, lambdatest.WithTimeout(50*time.Millisecond))
	require.Equal(t, lambdatest.ErrorTimedOut, result.Error.Type, "the loop of lambda.Start ends, the process does not")
}

func TestProcessThatEndsIsStartedAnew(t *testing.T) {
	t.Parallel()
	for event, c := range map[string]struct{ kind, message string }{
		`{"Do":"panic"}`: {"string", "boom"},
		`{"Do":"exit"}`:  {lambdatest.ErrorExit, "Error: Runtime exited with error: exit status 3"},
	} {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			function := start(t, lambdatest.Config{Timeout: long})
			result := invoke(t, function, event)
			require.Equal(t, c.kind, result.Error.Type)
			require.Contains(t, result.Error.Message, c.message)
			require.Nil(t, invoke(t, function, `{"Do":"answer"}`).Error)
			require.Equal(t, 2, function.Starts())
		})
	}
}

func TestKilledProcess(t *testing.T) {
	t.Parallel()
	written := &lambdatest.Log{}
	function := start(t, lambdatest.Config{Timeout: long, Output: written})
	results := make(chan lambdatest.Result, 1)
	go func() {
		result, _ := function.Invoke(t.Context(), []byte(`{"Do":"hang"}`))
		results <- result
	}()
	hangs := func() bool { return strings.Contains(written.String(), "asked to hang") }
	require.Eventually(t, hangs, long, time.Millisecond)
	require.NoError(t, function.Signal(syscall.SIGKILL))
	result := <-results
	require.Equal(t, lambdatest.ErrorExit, result.Error.Type)
	require.Contains(t, result.Error.Message, "signal: killed")
}

func TestResponsesThatLambdaRefuses(t *testing.T) {
	t.Parallel()
	function := start(t, lambdatest.Config{Timeout: long})
	require.Equal(t, lambdatest.ErrorResponseSize, invoke(t, function, `{"Do":"big"}`).Error.Type)
	result := invoke(t, function, `{"Do":"break"}`)
	require.Equal(t, "errorString", result.Error.Type)
	require.Equal(t, "half", string(result.Error.Body))
	require.Nil(t, result.Response)
}

func TestInvocationsAtOnce(t *testing.T) {
	t.Parallel()
	function := start(t, lambdatest.Config{Timeout: long, Concurrency: 3})
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			result, err := function.Invoke(t.Context(), []byte(`{"Do":"answer","Meet":3}`))
			require.NoError(t, err)
			require.Nil(t, result.Error)
		})
	}
	group.Wait()
	require.Equal(t, 1, function.Starts())
	require.Contains(t, describe(t, function).Environ, "AWS_LAMBDA_MAX_CONCURRENCY=3")
}

// One process has one invocation at a time: the second cannot meet the first.
func TestInvocationsOneAfterTheOther(t *testing.T) {
	t.Parallel()
	function := start(t, lambdatest.Config{Timeout: long})
	first := make(chan lambdatest.Result, 1)
	go func() {
		result, _ := function.Invoke(t.Context(), []byte(`{"Do":"answer","Meet":2}`), lambdatest.WithTimeout(100*time.Millisecond))
		first <- result
	}()
	require.Equal(t, lambdatest.ErrorTimedOut, (<-first).Error.Type)
	require.NotContains(t, describe(t, function).Environ, "AWS_LAMBDA_MAX_CONCURRENCY=1")
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env   map[string]string
		state string
		told  bool
	}{
		"without SIGTERM":     {nil, "signal: killed", false},
		"that ends by itself": {map[string]string{"MODE": "SIGTERM"}, "exit status 0", true},
		"that does not":       {map[string]string{"MODE": "SIGTERM", "STUBBORN": "1"}, "signal: killed", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			written := &lambdatest.Log{}
			function := start(t, lambdatest.Config{Env: c.env, Output: written, Timeout: long})
			require.Nil(t, invoke(t, function, `{"Do":"answer"}`).Error)
			told := func() bool { return strings.Contains(written.String(), "told to end") }
			if c.env["STUBBORN"] == "" {
				function.SetTerminationGrace(long)
			} else {
				// A slow process would be killed before it has said so.
				require.NoError(t, function.Signal(syscall.SIGTERM))
				require.Eventually(t, told, long, time.Millisecond)
			}
			require.Equal(t, c.state, function.Shutdown().String())
			require.Equal(t, c.told, told())

			_, err := function.Invoke(t.Context(), []byte(`{"Do":"answer"}`))
			require.EqualError(t, err, "lambdatest: invoke: the function is closed")
			require.Error(t, function.Signal(syscall.SIGTERM))
		})
	}
}

func TestProgramsThatDoNotStart(t *testing.T) {
	t.Parallel()
	mode := func(name string) lambdatest.Config {
		return lambdatest.Config{Program: program, InitTimeout: long, Env: map[string]string{"MODE": name}}
	}
	never := mode("never ready")
	never.InitTimeout = 50 * time.Millisecond
	for want, config := range map[string]lambdatest.Config{
		"Runtime.ExitError: Error: Runtime exited before its first invocation: exit status 4": mode("exits"),
		"Config: no database": mode("init error"),
		"Sandbox.Timedout: Error: Init timed out after 0.05 seconds": never,
		"no Program":       {},
		"negative Timeout": {Program: program, Timeout: -1},
		"start the program": {
			Program: "testdata/missing",
		},
	} {
		_, err := lambdatest.Start(t.Context(), config)
		require.ErrorContains(t, err, want)
	}
}

func TestInvocationsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	function := start(t, lambdatest.Config{Timeout: long})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := function.Invoke(ctx, []byte(`{"Do":"hang"}`))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = function.Invoke(ctx, []byte(`{"Do":"answer"}`))
	require.ErrorIs(t, err, context.DeadlineExceeded, "the process is busy")

	canceled, stop := context.WithCancel(t.Context())
	stop()
	_, err = lambdatest.Start(canceled, lambdatest.Config{Program: program, Env: map[string]string{"MODE": "never ready"}})
	require.ErrorIs(t, err, context.Canceled)
}

func TestAnEndedContextInvokesNothing(t *testing.T) {
	t.Parallel()
	written := &lambdatest.Log{}
	function := start(t, lambdatest.Config{Timeout: long, Output: written})
	require.Nil(t, invoke(t, function, `{"Do":"answer"}`).Error)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 { // idle now and then: an invocation would be taken
		_, err := function.Invoke(ended, []byte(`{"Do":"exit"}`))
		require.ErrorIs(t, err, context.Canceled)
	}
	require.Nil(t, invoke(t, function, `{"Do":"answer"}`).Error)
	require.Equal(t, 1, function.Starts())
}

// A runtime that is not Amazon's: what it does wrong, it is told.
func TestAnswersToNobody(t *testing.T) {
	t.Parallel()
	function := start(t, lambdatest.Config{Timeout: long, Env: map[string]string{"MODE": "raw"}})
	told := string(invoke(t, function, `{}`).Response)
	require.Contains(t, told, `400 Bad Request {"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`)
	require.Contains(t, told, "Extension.InvalidExtensionName")
}

func TestBuildSaysWhatTheCompilerSays(t *testing.T) {
	t.Parallel()
	err := lambdatest.Build(t.Context(), t.TempDir()+"/x", "./testdata/nothing")
	require.ErrorContains(t, err, "testdata/nothing")
}

// A function ends with the test that runs it, also when that is killed while the function
// is busy: the output of both comes to its end.
func TestAFunctionEndsWithItsTest(t *testing.T) {
	t.Parallel()
	test := exec.CommandContext(t.Context(), os.Args[0])
	test.Env = append(os.Environ(), victimVariable+"="+program)
	output, err := test.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, test.Start())
	lines := bufio.NewReader(output)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "asked to hang\n", line)

	require.NoError(t, test.Process.Kill())
	rest, err := io.ReadAll(lines) // blocks for as long as the function lives
	require.NoError(t, err)
	require.Empty(t, rest)
	require.ErrorContains(t, test.Wait(), "killed")
}
