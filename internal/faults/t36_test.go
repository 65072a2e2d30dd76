package faults_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// foreign is the body of a task as another program may send it: members is the text behind the id and the metadata.
func foreign(id, members string) string {
	return `{"id":"` + id + `","metadata":{"priority":"default","timestamp":1460868253255,"version":"1.0"},` + members + `}`
}

// hostile are bodies that SQS takes and nobody can run, with ids of their own for each prefix. Most have a secret in them.
func hostile(prefix string) map[string]string {
	of := func(id, members string) string { return foreign(prefix+id, members) }
	job := func(id string) string {
		return of(id, `"task":"tests.job","args":[1,"`+canaryArgument+`"],"headers":{"token":"`+canaryHeader+`"}`)
	}
	changed := func(id, part, by string) string { return strings.Replace(job(id), part, by, 1) }
	return map[string]string{
		"a word":               prefix + canaryArgument,
		"null":                 "null",
		"a list":               `["` + canaryArgument + `"]`,
		"a text":               `"` + canaryArgument + `"`,
		"an empty object":      "{}",
		"a BOM":                "\ufeff" + job("bom"),
		"trailing bytes":       job("trailing") + canaryArgument,
		"two objects":          job("two") + job("two"),
		"cut off":              job("cut")[:60],
		"no id":                changed("x", `"id":"`+prefix+`x",`, ""),
		"an empty id":          changed("x", `"id":"`+prefix+`x"`, `"id":""`),
		"an id that is none":   changed("x", `"id":"`+prefix+`x"`, `"id":{"x":"`+canaryArgument+`"}`),
		"no version":           changed("no-version", `,"version":"1.0"`, ""),
		"another version":      changed("version-2", `"1.0"`, `"2.0"`),
		"another priority":     changed("priority", `"default"`, `"`+canaryArgument+`"`),
		"no metadata":          `{"id":"` + prefix + `no-metadata","task":"tests.job","args":[1,"x"]}`,
		"no task":              of("no-task", `"args":[1,"`+canaryArgument+`"]`),
		"an unknown task":      of("unknown-task", `"task":"tests.nobody","args":["`+canaryArgument+`"]`),
		"headers as a list":    of("headers-list", `"task":"tests.job","args":[1,"x"],"headers":["`+canaryHeader+`"]`),
		"args as an object":    of("args-object", `"task":"tests.job","args":{"n":1,"secret":"`+canaryArgument+`"}`),
		"too many args":        of("too-many", `"task":"tests.job","args":[1,"x","`+canaryArgument+`"]`),
		"too few args":         of("too-few", `"task":"tests.job","args":[1]`),
		"a wrong type":         of("wrong-type", `"task":"tests.job","args":["`+canaryArgument+`","x"]`),
		"an unknown keyword":   of("unknown-keyword", `"task":"tests.job","args":[1,"x"],"kwargs":{"colour":"`+canaryArgument+`"}`),
		"a very long keyword":  of("long-keyword", `"task":"tests.job","args":[1,"x"],"kwargs":{"`+strings.Repeat("colour", 10_000)+`":1}`),
		"a very long task":     of("long-task", `"task":"`+strings.Repeat("tests.", 10_000)+`","args":["`+canaryArgument+`"]`),
		"line breaks in names": of(`\r\nbreak`, `"task":"tests.\r\nlevel=INFO","args":["`+canaryArgument+`"]`),
		"an invalid argument":  of("invalid", `"task":"tests.mail","args":["`+canaryArgument+`"]`),
		"a task without code":  of("no-handler", `"task":"tests.elsewhere","args":["`+canaryArgument+`"]`),
		"a notification of it": `{"Type":"Notification","TopicArn":"arn:aws:sns:us-east-1:000000000000:t","Message":"` + canaryArgument + `"}`,
	}
}

type mailArgs struct {
	To string `validate:"email"`
}

// otherTasks are one whose arguments have a rule, and one that cannot run here.
func otherTasks(r *rig) []taskhawk.AnyTask {
	return []taskhawk.AnyTask{
		taskhawk.New("tests.mail", instrument(r, func(context.Context, mailArgs) error { return nil })),
		taskhawk.New[mailArgs]("tests.elsewhere", nil),
	}
}

// Messages that nobody can run arrive among good ones on every queue. They hold up none of these, no handler sees them, none is
// deleted, and each is a dead letter after five receives.
func TestT36UndecodableMessages(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "messages that cannot be read, bound or validated", Tasks: otherTasks, Handle: takes(100 * time.Millisecond)}, func(r *rig) {
		for _, priority := range taskhawk.Priorities() {
			for _, body := range hostile(priority.String() + "-") {
				r.raw(priority, body)
			}
			r.fill(25, taskhawk.WithPriority(priority))
		}
		w := r.start(sqsx.WorkerConfig{})
		r.await(10*time.Second, "all good tasks have run", func() bool { return r.book.total() == 100 })
		r.drain(2 * time.Hour)
		w.stop()

		dead := 4 * len(hostile(""))
		requireBuried(r, dead, defaultReceives)
		r.Check(want{Dead: dead, Stranded: dead})
	})
}

// defaultReceives is how often a message is received before it is a dead letter.
const defaultReceives = 5

// requireBuried checks that only tasks that succeeded were deleted, and that so many messages became dead letters, after so many receives
// each and no sooner.
func requireBuried(r *rig, dead, receives int) {
	r.Helper()
	ledger := r.server.Ledger()
	require.Equal(r, ledger.Count(sqstest.Succeeded), ledger.Count(sqstest.Deleted))
	require.Equal(r, ledger.Count(sqstest.Started), ledger.Count(sqstest.Succeeded))
	require.Equal(r, dead, ledger.Count(sqstest.DeadLettered))
	for _, e := range ledger.Events() {
		if e.Kind == sqstest.DeadLettered {
			require.Equal(r, receives, e.Receives, "receives of a dead letter")
		}
	}
}

// An encoding that is not what it says is one of them.
func TestT36UndecodableEncoding(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "a body that is not the base64 it says it is"}, func(r *rig) {
		for _, encoding := range []string{"base64", "gzip", "BASE64"} {
			r.raw(taskhawk.Default, "%%% "+encoding+canaryArgument, func(in *sqs.SendMessageInput) {
				in.MessageAttributes = map[string]types.MessageAttributeValue{
					"taskhawk_encoding": {DataType: aws.String("String"), StringValue: aws.String(encoding)},
				}
			})
		}
		r.dispatch(0)
		w := r.start(sqsx.WorkerConfig{})
		r.drain(2 * time.Hour)
		w.stop()
		requireBuried(r, 3, defaultReceives)
		r.Check(want{Dead: 3, Stranded: 3})
	})
}
