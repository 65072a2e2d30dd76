package taskhawk_test

import (
	"encoding/json"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// bubbleStart is what time.Now says at the start of a synctest bubble, in ms: midnight UTC 2000-01-01.
const bubbleStart = "946684800000"

// head returns what is before "args" in the message of tasks.send_email with the id i1, dispatched at bubbleStart.
func head(priority, headers string) string {
	return `{"id":"i1","metadata":{"priority":"` + priority + `","timestamp":` + bubbleStart +
		`,"version":"1.0"},"headers":` + headers + `,"task":"tasks.send_email",`
}

func TestDispatchWritesTheFormat(t *testing.T) {
	t.Parallel()
	from := "me@x.y"
	for _, c := range []struct {
		name    string
		args    emailArgs
		options []taskhawk.DispatchOption
		want    string
	}{
		{
			"required arguments by position", emailArgs{To: "a@b.c", Subject: "hi"}, nil,
			head("default", `{}`) + `"args":["a@b.c","hi"],"kwargs":{}}`,
		},
		{
			"optional arguments by name", emailArgs{To: "a@b.c", FromEmail: &from}, nil,
			head("default", `{}`) + `"args":["a@b.c",""],"kwargs":{"from_email":"me@x.y"}}`,
		},
		{
			"all by name", emailArgs{To: "a@b.c", Subject: "hi", FromEmail: &from},
			[]taskhawk.DispatchOption{taskhawk.WithKeywordArgs()},
			head("default", `{}`) + `"args":[],"kwargs":{"to":"a@b.c","subject":"hi","from_email":"me@x.y"}}`,
		},
		{
			"headers in the order of their names", emailArgs{},
			[]taskhawk.DispatchOption{taskhawk.WithHeaders(taskhawk.Headers{"z": "1", "b": "2", "a": "3", "Z": "4", "é": "5"})},
			head("default", `{"Z":"4","a":"3","b":"2","z":"1","é":"5"}`) + `"args":["",""],"kwargs":{}}`,
		},
		{
			"priority", emailArgs{}, []taskhawk.DispatchOption{taskhawk.WithPriority(taskhawk.Bulk)},
			head("bulk", `{}`) + `"args":["",""],"kwargs":{}}`,
		},
		{
			"text", emailArgs{To: "Zoë 日本 😀 <b>&</b> \x7f", Subject: "\"\\\x00\b\f\n\r\t\x1b \u2028\u2029"}, nil,
			head("default", `{}`) + `"args":["Zoë 日本 😀 <b>&</b> ` + "\x7f" +
				`","\"\\\u0000\b\f\n\r\t\u001b \u2028\u2029"],"kwargs":{}}`,
		},
		{
			"characters that SQS refuses", emailArgs{To: "\ufffe\uffff\ufffd"},
			[]taskhawk.DispatchOption{taskhawk.WithHeaders(taskhawk.Headers{"\uffff": "\ufffe"})},
			head("default", `{"\uffff":"\ufffe"}`) + `"args":["\ufffe\uffff` + "\ufffd" + `",""],"kwargs":{}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				email, publisher := newEmail(t)
				id, err := email.Dispatch(t.Context(), c.args, append(c.options, taskhawk.WithID("i1"))...)
				require.NoError(t, err)
				require.Equal(t, "i1", id)
				out := publisher.last(t)
				require.Equal(t, c.want, out.Body)
				require.True(t, json.Valid([]byte(out.Body)))

				msg, err := taskhawk.ParseMessage(out.Body)
				require.NoError(t, err)
				back, err := email.Bind(msg)
				require.NoError(t, err)
				require.Equal(t, c.args, back)
			})
		})
	}
}

func TestDispatchTellsThePublisherHowToSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		email, publisher := newEmail(t)
		time.Sleep(1500 * time.Microsecond)
		id, err := email.Dispatch(t.Context(), emailArgs{},
			taskhawk.WithID("i1"), taskhawk.WithPriority(taskhawk.High), taskhawk.WithDelay(90*time.Second),
			taskhawk.WithGroup("tenant-1"), taskhawk.WithDeduplicationID("d1"), taskhawk.WithHeaders(taskhawk.Headers{"a": "1"}))
		require.NoError(t, err)
		out := publisher.last(t)
		require.Contains(t, out.Body, `"timestamp":946684800001,`, "whole ms, rounded down")
		out.Body = ""
		require.Equal(t, &taskhawk.Outgoing{
			ID: id, Task: "tasks.send_email", Priority: taskhawk.High, Headers: taskhawk.Headers{"a": "1"},
			Delay: 90 * time.Second, Group: "tenant-1", DeduplicationID: "d1",
		}, out)
	})
}

func TestDispatchMakesRandomIDs(t *testing.T) {
	t.Parallel()
	email, publisher := newEmail(t)
	seen := map[string]bool{}
	for range 100 {
		id, err := email.Dispatch(t.Context(), emailArgs{})
		require.NoError(t, err)
		require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, id)
		require.False(t, seen[id])
		seen[id] = true
		require.Equal(t, id, publisher.last(t).ID)
		msg, err := taskhawk.ParseMessage(publisher.last(t).Body)
		require.NoError(t, err)
		require.Equal(t, id, msg.ID)
	}
}

func TestDispatchedBodiesShareNoMemory(t *testing.T) {
	t.Parallel()
	email, publisher := newEmail(t)
	subjects := []string{"first", "a second that is longer", "", "3", "a fourth that is longer still"}
	for _, subject := range subjects {
		_, err := email.Dispatch(t.Context(), emailArgs{Subject: subject})
		require.NoError(t, err)
		_, err = email.Dispatch(t.Context(), emailArgs{Subject: "\xff"})
		require.Error(t, err, "a failed dispatch gives its buffer back too")
	}
	for i, out := range publisher.published() {
		msg, err := taskhawk.ParseMessage(out.Body)
		require.NoError(t, err)
		args, err := email.Bind(msg)
		require.NoError(t, err)
		require.Equal(t, subjects[i], args.Subject)
		require.Equal(t, out.ID, msg.ID)
	}
}

func TestDispatchKeepsNumbersExact(t *testing.T) {
	t.Parallel()
	type numbers struct {
		Big   uint64
		Least int64
		Ratio float64
		Free  json.Number
	}
	task := taskhawk.New[numbers]("tasks.numbers", nil)
	publisher := &fakePublisher{}
	newHub(t, taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{task}})
	want := numbers{math.MaxUint64, math.MinInt64, 5e-324, "10000000000000000000000000000000000000001"}
	_, err := task.Dispatch(t.Context(), want)
	require.NoError(t, err)
	body := publisher.last(t).Body
	require.Contains(t, body,
		`"args":[18446744073709551615,-9223372036854775808,5e-324,10000000000000000000000000000000000000001]`)
	msg, err := taskhawk.ParseMessage(body)
	require.NoError(t, err)
	got, err := task.Bind(msg)
	require.NoError(t, err)
	require.Equal(t, want, got)
}
