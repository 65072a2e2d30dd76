package lambdatest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Config configures the program of a function and how Lambda runs it.
type Config struct {
	// Program is the path of the compiled program, which calls lambda.Start. Required.
	Program string
	// Env is added to its environment and overrides the variables that Lambda sets, with
	// the region us-east-1 and dummy credentials.
	Env map[string]string
	// Name is the function's name. Default "function".
	Name string
	// Timeout is how long an invocation may take before the process is killed. Default 3
	// s, as on Lambda.
	Timeout time.Duration
	// InitTimeout is how long the program may take until it asks for its first
	// invocation. Default 10 s, as on Lambda.
	InitTimeout time.Duration
	// Concurrency is how many invocations the process takes at once:
	// AWS_LAMBDA_MAX_CONCURRENCY. Default 1.
	Concurrency int
	// Output receives the standard output and error of the program, which Lambda would
	// log; a *Log keeps it. Default: discarded.
	Output io.Writer
}

// check fills in the defaults.
func (c *Config) check() error {
	if c.Program == "" {
		return errors.New("no Program")
	}
	if c.Timeout < 0 || c.InitTimeout < 0 || c.Concurrency < 0 {
		return errors.New("negative Timeout, InitTimeout or Concurrency")
	}
	c.Name = cmp.Or(c.Name, "function")
	c.Timeout = cmp.Or(c.Timeout, 3*time.Second)
	c.InitTimeout = cmp.Or(c.InitTimeout, 10*time.Second)
	c.Concurrency = cmp.Or(c.Concurrency, 1)
	return nil
}

const (
	region  = "us-east-1"
	account = "111122223333"
)

// arn returns the ARN of the function.
func (c *Config) arn() string {
	return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", region, account, c.Name)
}

// environ returns the environment of the process: the variables that Lambda defines, and
// the caller's. Source: "Defined runtime environment variables", AWS Lambda Developer
// Guide.
func (c *Config) environ(runtimeAPI string) []string {
	variables := map[string]string{
		"AWS_LAMBDA_RUNTIME_API":          runtimeAPI,
		"AWS_LAMBDA_FUNCTION_NAME":        c.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + c.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      "lambdatest",
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_REGION":                      region,
		"AWS_DEFAULT_REGION":              region,
		"AWS_ACCESS_KEY_ID":               "AKIDLAMBDATEST",
		"AWS_SECRET_ACCESS_KEY":           "secret",
		"AWS_SESSION_TOKEN":               "token",
		"_HANDLER":                        "bootstrap",
		"LAMBDA_TASK_ROOT":                "/var/task",
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
		"PATH":                            "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"LANG":                            "en_US.UTF-8",
		"TZ":                              ":UTC",
	}
	if c.Concurrency > 1 {
		variables["AWS_LAMBDA_MAX_CONCURRENCY"] = strconv.Itoa(c.Concurrency)
	}
	maps.Copy(variables, c.Env)
	environ := make([]string, 0, len(variables))
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		environ = append(environ, name+"="+variables[name])
	}
	return environ
}
