package lambdatest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/lambdax/lambdatest"
)

// program is the path of the compiled testdata/function.
var program = filepath.Join(os.TempDir(), "lambdatest-function")

// TestMain compiles the function once, in a folder that it removes.
func TestMain(m *testing.M) {
	if program := os.Getenv(victimVariable); program != "" {
		victim(program)
	}
	folder, err := os.MkdirTemp("", "lambdatest")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(folder, "bootstrap")
	if err := lambdatest.Build(context.Background(), program, "./testdata/function"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(folder)
		os.Exit(code)
	}))
}

// victimVariable makes the test binary a test that is killed; it holds the path of the
// function.
const victimVariable = "LAMBDATEST_VICTIM"

// victim starts a function that writes where this process does, and keeps it busy.
func victim(program string) {
	ctx := context.Background()
	function, err := lambdatest.Start(ctx, lambdatest.Config{Program: program, Timeout: time.Hour, Output: os.Stdout})
	if err != nil {
		panic(err)
	}
	_, err = function.Invoke(ctx, []byte(`{"Do":"hang"}`))
	panic(fmt.Sprintf("the invocation ended: %v", err))
}

// start runs the function until the end of the test.
func start(t *testing.T, config lambdatest.Config) *lambdatest.Function {
	t.Helper()
	config.Program, config.InitTimeout = program, long
	function, err := lambdatest.Start(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(function.Close)
	return function
}

// long is a timeout that no test reaches.
const long = 5 * time.Minute

// invoke gives the function an event.
func invoke(t *testing.T, function *lambdatest.Function, event string, options ...lambdatest.InvokeOption) lambdatest.Result {
	t.Helper()
	result, err := function.Invoke(t.Context(), []byte(event), options...)
	require.NoError(t, err)
	require.NotEmpty(t, result.RequestID)
	return result
}
