package cli_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/cli"
	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// A flag of all commands that a command does not read is not in its help.
func TestHelpHasNoFlagsWithoutAMeaning(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	for command, flags := range map[string][]string{
		"contract show": {"json"}, "contract go": {"package"}, "contract from-python": {"json", "module"}, "terraform": {"region", "account", "format"},
		"completion": nil, "version": {"json"}, "serve": {"app", "fifo", "json", "listen"},
		"dlq ls": {"app", "fifo", "account", "profile", "region", "endpoint-url", "json", "task"},
	} {
		help := c.ok(append(strings.Fields(command), "--help")...)
		for _, flag := range []string{"app", "fifo", "account", "profile", "region", "endpoint-url", "json"} {
			require.Equal(t, slices.Contains(flags, flag), strings.Contains(help, "--"+flag), "%s: --%s", command, flag)
		}
		for _, flag := range flags {
			require.Contains(t, help, "--"+flag, command)
		}
	}
}

func TestUsageErrorsExitWith2(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	for _, args := range [][]string{
		{}, {"nope"}, {"send"}, {"send", "t", "--nope"}, {"send", "t", "--priority", "urgent"}, {"policy", "worker"},
		{"send", "t", "{"}, {"send", "t", "--header", "x"}, {"send", "t", "--header", "taskhawk_x=1"}, {"send", "t", "a=1", "2"},
		{"policy", "king", "--account", "111122223333"}, {"provision", "--account", "111122223333"},
		{"send", "t", "1", "--file", "f"}, {"completion", "tcsh"}, {"send", "t", "--file", "no-such-file"},
		{"dlq", "load", "no-such-file", "--yes"}, {"terraform", "no-such-file"}, {"contract", "from-python", "no-such-file"},
		{"contract", "validate", "no-such-file"}, {"send", "t", "--contract", "no-such-file"},
	} {
		r := c.run(args...)
		require.Equal(t, 2, r.code, "%s: %s", args, r.err)
		require.NotEmpty(t, r.err, args)
		require.Empty(t, r.out, args)
	}
	require.Zero(t, c.server.TotalRequests())
}

// One file serves every account and region.
func TestTerraformTakesTheAccountAndRegionOfTheFlags(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	file := filepath.Join(t.TempDir(), "apps.hcl")
	require.NoError(t, os.WriteFile(file, []byte("region = \"us-east-1\"\napp \"dev-myapp\" {}"), 0o600))
	r := c.run("terraform", file)
	require.Equal(t, 2, r.code)
	require.Contains(t, r.err, "no region or no account; set them in the file, or by --region and --account")
	out := c.ok("terraform", file, "--region", "eu-west-1", "--account", "111122223333")
	require.Contains(t, out, "arn:aws:sqs:eu-west-1:111122223333:TASKHAWK-DEV-MYAPP")
	require.NotContains(t, out, "us-east-1")
}

func TestWithoutArgumentsThereIsHelp(t *testing.T) {
	t.Parallel()
	var out, err buffer
	require.Zero(t, cli.Run(t.Context(), nil, program.Streams{Out: &out, Err: &err}))
	require.Contains(t, out.String(), "Usage: taskhawk <command>")
	require.Empty(t, err.String())
}

func TestUsageErrorsNameTheHelpOfTheirCommand(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	for command, help := range map[string]string{
		"nope": "taskhawk", "peek": "taskhawk peek", "dlq": "taskhawk dlq", "dlq show": "taskhawk dlq show",
		"provision dev-myapp nope": "taskhawk provision",
	} {
		r := c.run(strings.Fields(command)...)
		require.Equal(t, 2, r.code, command)
		require.True(t, strings.HasSuffix(r.err, "\nFor help: "+help+" --help\n"), r.err)
	}
}

func TestAnAddressInUseHasItsOwnAdvice(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	r := newConsole(t).run("serve", "--listen", listener.Addr().String())
	require.Equal(t, 2, r.code)
	require.True(t, strings.HasSuffix(r.err, "; choose another address with --listen\n"), r.err)
	require.NotContains(t, r.err, "AWS_ENDPOINT_URL_SQS")
}

func TestProvisionAndCheckTakeTheApplication(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	require.Contains(t, c.ok("provision", "dev-other", "--priority", "bulk"), "TASKHAWK-DEV-OTHER-BULK\n")
	require.Equal(t, "errors: 0, warnings: 0, infos: 0\n", c.ok("check", "dev-other", "--priority", "bulk"))
	require.NotZero(t, c.run("check", "dev-other").code, "the other queues are missing")
	c.ok("provision", "dev-other", "--tag", "team=mail")
	require.Equal(t, "errors: 0, warnings: 0, infos: 0\n", c.ok("check", "dev-other"))
	require.Equal(t, 8, strings.Count(c.ok("queues", "dev-other"), " ok\n"))
}

func TestQueuesCountOneInfo(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	c.provision(sqsx.ProvisionConfig{})
	url := c.server.Queue(queue).URL
	_, err := c.client.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{
		QueueUrl: &url, Attributes: map[string]string{"ReceiveMessageWaitTimeSeconds": "0"},
	})
	require.NoError(t, err)
	require.Contains(t, c.ok("queues"), "ok, 1 info\n")
}

func TestAnEmptyListSaysSo(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	c.provision(sqsx.ProvisionConfig{})
	require.Equal(t, "taskhawk: no dead letters found\n", c.run("dlq", "ls").err)
	require.Empty(t, c.run("dlq", "ls", "--json").err)
}

func TestPurgeWantsTheWholeNameOfAQueue(t *testing.T) {
	t.Parallel()
	r := newConsole(t).run("purge", "bulk", "--confirm", "bulk")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.err, "such as TASKHAWK-DEV-MYAPP-BULK\n")
}

func TestACommandNeedsTheApplication(t *testing.T) {
	t.Setenv("TASKHAWK_APP", "")
	for _, command := range [][]string{{"check"}, {"send", "t"}, {"provision"}, {"policy", "worker"}} {
		var out, err buffer
		require.Equal(t, 2, cli.Run(t.Context(), command, program.Streams{Out: &out, Err: &err}))
		require.Equal(t, "taskhawk: no application: give --app NAME, or set TASKHAWK_APP\n", err.String())
	}
}

func TestEveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	for _, command := range []string{"queues", "send", "check", "policy", "provision", "serve", "completion"} {
		out := c.ok(command, "--help")
		require.Contains(t, out, "Usage: taskhawk "+command)
		require.Contains(t, out, "Examples:\n")
	}
}

func TestVersionAndCompletion(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	require.Regexp(t, `^taskhawk \S+ go\d`, c.ok("version"))
	var version map[string]string
	require.NoError(t, json.Unmarshal([]byte(c.ok("version", "--json")), &version))
	require.NotEmpty(t, version["go"])
	for shell, begin := range map[string]string{"bash": "complete -C ", "zsh": "autoload ", "fish": "complete -c taskhawk "} {
		require.True(t, strings.HasPrefix(c.ok("completion", shell), begin), shell)
	}
}

func TestQueuesListsCountsAndFindings(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	c.provision(sqsx.ProvisionConfig{MaxReceiveCount: 1, Priorities: []taskhawk.Priority{taskhawk.High, taskhawk.Default}})
	c.ok("send", "tasks.a", "--priority", "high")
	r := c.run("queues")
	require.Zero(t, r.code, r.err)
	require.Equal(t, strings.Join([]string{
		"QUEUE                                 WAITING  IN FLIGHT  DELAYED  OLDEST  FINDINGS",
		"TASKHAWK-DEV-MYAPP-HIGH-PRIORITY      1        0          0        -       error: max-receive-count",
		"TASKHAWK-DEV-MYAPP-HIGH-PRIORITY-DLQ  0        0          0        -       ok",
		"TASKHAWK-DEV-MYAPP                    0        0          0        -       error: max-receive-count",
		"TASKHAWK-DEV-MYAPP-DLQ                0        0          0        -       ok",
		"TASKHAWK-DEV-MYAPP-LOW-PRIORITY       -        -          -        -       does not exist",
		"TASKHAWK-DEV-MYAPP-LOW-PRIORITY-DLQ   -        -          -        -       does not exist",
		"TASKHAWK-DEV-MYAPP-BULK               -        -          -        -       does not exist",
		"TASKHAWK-DEV-MYAPP-BULK-DLQ           -        -          -        -       does not exist",
		"",
	}, "\n"), r.out)
	lines := c.lines("queues")
	require.Len(t, lines, 8)
	require.InDelta(t, 1, lines[0]["waiting"], 0)
	require.Equal(t, "high", lines[0]["priority"])
	require.Nil(t, lines[7]["waiting"])
	require.Equal(t, false, lines[7]["exists"])
}

func TestQueuesOfAnApplicationThatIsNotThere(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	r := c.run("queues")
	require.Equal(t, 1, r.code)
	require.Empty(t, r.out)
	require.Equal(t, `taskhawk: no queue of "dev-myapp" exists in this account and region
taskhawk: check --app, --profile and --region, or create queues with taskhawk provision dev-myapp
`, r.err)
	require.Len(t, parseLines(t, c.run("queues", "--json").out), 8)
	require.Equal(t, `error queue-missing: no queue of "nope" exists in this account and region; `+
		"check --app, --profile and --region, or create queues with taskhawk provision nope\n"+
		"errors: 1, warnings: 0, infos: 0\n", c.run("check", "nope").out)
	c.ok("provision", "--priority", "high")
	require.Contains(t, c.run("check").out, "create it, for example with taskhawk provision dev-myapp\n")
}

func TestQueuesFindsAllApplications(t *testing.T) {
	t.Setenv("TASKHAWK_APP", "")
	c := newConsole(t)
	for _, name := range []string{"one", "two"} {
		require.NoError(t, sqsx.Provision(t.Context(), c.client, name, sqsx.ProvisionConfig{}))
	}
	var out, err buffer
	code := cli.Run(t.Context(), []string{"queues", "--json", "--endpoint-url", "http://127.0.0.1:1"},
		program.Streams{Out: &out, Err: &err, HTTP: c.server.HTTPClient()})
	require.Zero(t, code, err.String())
	lines := parseLines(t, out.String())
	require.Len(t, lines, 16)
	require.Equal(t, "one", lines[0]["app"])
	require.Equal(t, "two", lines[15]["app"])
}

func TestCheckExitsByTheWorstFinding(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	c.provision(sqsx.ProvisionConfig{})
	require.Contains(t, c.ok("check"), "errors: 0")
	missing := newConsole(t).run("check", "--json")
	require.Equal(t, 1, missing.code)
	var report struct {
		OK       bool
		Errors   int
		Findings []struct{ Code, Queue string }
	}
	require.NoError(t, json.Unmarshal([]byte(missing.out), &report))
	require.False(t, report.OK)
	require.Equal(t, 1, report.Errors)
	require.Equal(t, "queue-missing", report.Findings[0].Code)
}

func TestProvisionThenCheck(t *testing.T) {
	t.Parallel()
	c := newConsole(t)
	require.Equal(t, 8, strings.Count(c.ok("provision", "--max-receive-count", "1", "--tag", "team=mail"), "\n"))
	require.Equal(t, 1, c.run("check").code)
	require.Equal(t, 8, strings.Count(c.ok("provision", "--fifo"), ".fifo\n"))
}

func TestPolicyOfSchedules(t *testing.T) {
	t.Parallel()
	const firings = "arn:aws:sqs:eu-west-1:111122223333:firings"
	out := newConsole(t).ok("policy", "schedule", "--region", "eu-west-1", "--account", "111122223333", "--firings", firings)
	require.Contains(t, out, "TaskhawkScheduleQueues")
	require.Contains(t, out, firings)
}

func TestPolicyOfRoles(t *testing.T) {
	t.Parallel()
	out := newConsole(t).ok("policy", "worker", "publisher", "--region", "eu-west-1", "--account", "111122223333")
	require.True(t, json.Valid([]byte(out)))
	require.Contains(t, out, "arn:aws:sqs:eu-west-1:111122223333:TASKHAWK-DEV-MYAPP-BULK-DLQ")
}

// The list is renewed until it is stopped, which is no failure.
func TestQueuesAreWatched(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *console) {
		ctx, cancel := context.WithTimeout(c.Context(), 12*time.Second)
		defer cancel()
		r := c.runIn(ctx, "queues", "--watch", "--interval", "5s")
		require.Zero(c, r.code, r.err)
		require.Equal(c, 3, strings.Count(r.out, "QUEUE "))
		require.NotContains(c, r.out, "\x1b", "no escape codes without a terminal")
	})
}
