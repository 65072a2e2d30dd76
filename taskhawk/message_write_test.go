package taskhawk_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestMarshalJSONWritesTheFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*taskhawk.Message)
		want   string
	}{
		{"plain", func(*taskhawk.Message) {}, plainBody},
		{
			"nothing but what must be there",
			func(m *taskhawk.Message) {
				*m = taskhawk.Message{ID: "i", Task: "t", Timestamp: time.UnixMilli(0)}
			},
			`{"id":"i","metadata":{"priority":"default","timestamp":0,"version":"1.0"},` +
				`"headers":{},"task":"t","args":[],"kwargs":{}}`,
		},
		{
			"headers in the order of their names",
			func(m *taskhawk.Message) {
				*m = taskhawk.Message{
					ID: "i", Task: "t", Timestamp: time.UnixMilli(-1), Priority: taskhawk.Bulk,
					Headers: taskhawk.Headers{"b": "2", "a": "1", "B": "0", "": "e"},
				}
			},
			`{"id":"i","metadata":{"priority":"bulk","timestamp":-1,"version":"1.0"},` +
				`"headers":{"":"e","B":"0","a":"1","b":"2"},"task":"t","args":[],"kwargs":{}}`,
		},
		{
			"text is escaped as little as JSON and SQS allow",
			func(m *taskhawk.Message) {
				*m = taskhawk.Message{
					ID: `"\/` + "\x00\n\x7f", Task: "é日😀<b>&", Timestamp: time.UnixMilli(1),
					Headers: taskhawk.Headers{"\u2028": "\ufffe\uffff\ufffd"},
				}
			},
			`{"id":"\"\\/\u0000\n` + "\x7f" + `","metadata":{"priority":"default","timestamp":1,"version":"1.0"},` +
				`"headers":{"\u2028":"\ufffe\uffff` + "\ufffd" + `"},"task":"é日😀<b>&","args":[],"kwargs":{}}`,
		},
		{
			"arguments stay as they are",
			func(m *taskhawk.Message) {
				*m = taskhawk.Message{
					ID: "i", Task: "t", Timestamp: time.UnixMilli(1), Args: "[ 1.0 ,\t\"\\u003c\"]", Kwargs: `{ }`,
				}
			},
			`{"id":"i","metadata":{"priority":"default","timestamp":1,"version":"1.0"},` +
				`"headers":{},"task":"t","args":[ 1.0 ,` + "\t" + `"\u003c"],"kwargs":{ }}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			msg := plainMessage()
			c.change(&msg)
			body, err := msg.MarshalJSON()
			require.NoError(t, err)
			require.Equal(t, c.want, string(body))
			require.True(t, json.Valid(body))

			again, err := taskhawk.ParseMessage(string(body))
			require.NoError(t, err)
			require.Equal(t, msg.Timestamp.UTC(), again.Timestamp)
			require.Len(t, again.Headers, len(msg.Headers))
			require.Equal(t, msg.ID+msg.Task, again.ID+again.Task)
		})
	}
}

func TestMarshalJSONRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		change        func(*taskhawk.Message)
		field, reason string
	}{
		{"no id", func(m *taskhawk.Message) { m.ID = "" }, "id", "is empty"},
		{"no task", func(m *taskhawk.Message) { m.Task = "" }, "task", "is empty"},
		{"no such priority", func(m *taskhawk.Message) { m.Priority = 4 }, "metadata.priority", "is unknown"},
		{
			"after the year 9999", func(m *taskhawk.Message) { m.Timestamp = time.UnixMilli(253402300800000) },
			"metadata.timestamp", "is out of range",
		},
		{"id not UTF-8", func(m *taskhawk.Message) { m.ID = "\xff" }, "id", "is not valid UTF-8"},
		{"task not UTF-8", func(m *taskhawk.Message) { m.Task = "\xed\xa0\x80" }, "task", "is not valid UTF-8"},
		{"header key not UTF-8", func(m *taskhawk.Message) { m.Headers = taskhawk.Headers{"\xc3": ""} }, "headers", "is not valid UTF-8"},
		{"header value not UTF-8", func(m *taskhawk.Message) { m.Headers["request_id"] = "\x80" }, "headers", "is not valid UTF-8"},
		{"args an object", func(m *taskhawk.Message) { m.Args = "{}" }, "args", "does not begin with ["},
		{"args after a space", func(m *taskhawk.Message) { m.Args = " []" }, "args", "does not begin with ["},
		{"args cut off", func(m *taskhawk.Message) { m.Args = "[1" }, "args", "is not JSON"},
		{"args not JSON", func(m *taskhawk.Message) { m.Args = "[NaN]" }, "args", "is not JSON"},
		{"args with more behind", func(m *taskhawk.Message) { m.Args = `[],"task":"x"` }, "args", "goes on after its end"},
		{"kwargs a list", func(m *taskhawk.Message) { m.Kwargs = "[]" }, "kwargs", "does not begin with {"},
		{"kwargs cut off", func(m *taskhawk.Message) { m.Kwargs = `{"a"` }, "kwargs", "is not JSON"},
		{"kwargs with more behind", func(m *taskhawk.Message) { m.Kwargs = `{}}` }, "kwargs", "goes on after its end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			msg := plainMessage()
			c.change(&msg)
			body, err := msg.MarshalJSON()
			require.Nil(t, body)
			var refused *taskhawk.MessageError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, c.field, refused.Field)
			require.Equal(t, c.reason, refused.Reason)
		})
	}
	unknown := plainMessage()
	unknown.Priority = 4
	_, err := unknown.MarshalJSON()
	require.ErrorIs(t, err, taskhawk.ErrUnknownPriority)
}

func TestMessageTravelsThroughEncodingJSON(t *testing.T) {
	t.Parallel()
	msg := plainMessage()
	encoded, err := json.Marshal(&msg)
	require.NoError(t, err)
	require.JSONEq(t, plainBody, string(encoded))
	var decoded taskhawk.Message
	require.NoError(t, json.Unmarshal(encoded, &decoded))
	require.Equal(t, msg, decoded)
}

func TestAppendMessageWritesWhatDispatchSends(t *testing.T) {
	t.Parallel()
	headers := taskhawk.Headers{"b": "2", "a": "1", "request_id": "\u2028é"}
	from := "me@x.y"
	args := emailArgs{To: "a@b.c", Subject: `"hi"`, FromEmail: &from}
	for name, options := range map[string][]taskhawk.TaskOption{
		"positional": nil,
		"keyword":    {taskhawk.WithKeywordArgs()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task, publisher := newEmail(t, options...)
			_, err := task.Dispatch(t.Context(), args, taskhawk.WithHeaders(headers), taskhawk.WithPriority(taskhawk.Bulk))
			require.NoError(t, err)
			sent := publisher.last(t)
			head, err := taskhawk.ParseMessage(sent.Body)
			require.NoError(t, err)

			body, err := task.AppendMessage([]byte("before"), head, &args)
			require.NoError(t, err)
			require.Equal(t, "before"+sent.Body, string(body))
		})
	}
}

func TestReadMessageReadsWhatAppendMessageWrites(t *testing.T) {
	t.Parallel()
	task := taskhawk.New[emailArgs]("tasks.\"send\"", nil)
	head := taskhawk.Message{ID: "1", Priority: taskhawk.Low, Timestamp: time.UnixMilli(-5).UTC(), Task: "ignored", Args: "ignored"}
	args := emailArgs{To: "a@b.c", Subject: "hi"}
	body, err := task.AppendMessage(nil, &head, &args)
	require.NoError(t, err)
	require.Equal(t, "ignored", head.Task, "the head belongs to the caller")

	var read emailArgs
	msg, err := task.ReadMessage(string(body), &read)
	require.NoError(t, err)
	require.Equal(t, args, read)
	require.Equal(t, &taskhawk.Message{
		ID: "1", Priority: taskhawk.Low, Timestamp: head.Timestamp, Task: task.Name(), Args: `["a@b.c","hi"]`, Kwargs: `{}`,
	}, msg)
}

func TestReadMessageRefusesWhatParseMessageAndBindRefuse(t *testing.T) {
	t.Parallel()
	type checkedArgs struct {
		To      string `validate:"email"`
		Subject string
	}
	task := taskhawk.New[checkedArgs]("tasks.send_email", nil)
	for name, c := range map[string]struct {
		part, by string
		as       any
	}{
		"no id":              {`"b1328174"`, `""`, new(*taskhawk.MessageError)},
		"cut off":            {`{"subject":"hi"}`, `{"subject":"hi"`, new(*taskhawk.MessageError)},
		"args not JSON":      {`["a@b.c"]`, `[NaN]`, new(*taskhawk.ArgumentError)},
		"kwargs not JSON":    {`{"subject":"hi"}`, `{"subject":"hi"]`, new(*taskhawk.ArgumentError)},
		"brackets that swap": {`["a@b.c"]`, `["a@b.c"}`, new(*taskhawk.ArgumentError)},
		"wrong type":         {`["a@b.c"]`, `[1]`, new(*taskhawk.ArgumentError)},
		"validate tag":       {`["a@b.c"]`, `["a"]`, new(*taskhawk.ValidationError)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var args checkedArgs
			msg, err := task.ReadMessage(replaced(t, c.part, c.by), &args)
			require.Nil(t, msg)
			require.ErrorAs(t, err, c.as)
		})
	}
}

// FuzzReadMessage holds ReadMessage, which checks args and kwargs once, to ParseMessage
// and Bind, which check them twice.
func FuzzReadMessage(f *testing.F) {
	for _, body := range wireBodies(f) {
		f.Add(body)
	}
	f.Add(plainBody)
	f.Add(compactBody)
	f.Add(spacedBody)
	task := taskhawk.New[emailArgs]("tasks.send_email", nil)
	f.Fuzz(func(t *testing.T, body string) {
		want, wantErr := taskhawk.ParseMessage(body)
		var wantArgs emailArgs
		if wantErr == nil {
			wantArgs, wantErr = task.Bind(want)
		}
		var args emailArgs
		msg, err := task.ReadMessage(body, &args)
		require.Equal(t, wantErr == nil, err == nil, "%v and %v", wantErr, err)
		if err == nil {
			require.Equal(t, want, msg)
			require.Equal(t, wantArgs, args)
		}
	})
}

func TestAppendMessageRefusesWhatDispatchRefuses(t *testing.T) {
	t.Parallel()
	type checkedArgs struct {
		To string `validate:"email"`
	}
	task := taskhawk.New[checkedArgs]("tasks.send_email", nil)
	good := func() (taskhawk.Message, checkedArgs) {
		return taskhawk.Message{ID: "1", Timestamp: time.UnixMilli(1), Headers: taskhawk.Headers{"a": "1"}}, checkedArgs{To: "a@b.c"}
	}
	for name, c := range map[string]struct {
		change func(head *taskhawk.Message, args *checkedArgs)
		is     error // by errors.Is
		as     any   // by errors.As
	}{
		"no id":           {func(head *taskhawk.Message, _ *checkedArgs) { head.ID = "" }, nil, new(*taskhawk.MessageError)},
		"id not UTF-8":    {func(head *taskhawk.Message, _ *checkedArgs) { head.ID = "\xff" }, nil, new(*taskhawk.MessageError)},
		"priority":        {func(head *taskhawk.Message, _ *checkedArgs) { head.Priority = 4 }, taskhawk.ErrUnknownPriority, nil},
		"timestamp":       {func(head *taskhawk.Message, _ *checkedArgs) { head.Timestamp = time.UnixMilli(1 << 62) }, nil, new(*taskhawk.MessageError)},
		"reserved header": {func(head *taskhawk.Message, _ *checkedArgs) { head.Headers["taskhawk_task"] = "x" }, taskhawk.ErrHeader, nil},
		"empty header":    {func(head *taskhawk.Message, _ *checkedArgs) { head.Headers[""] = "x" }, taskhawk.ErrHeader, nil},
		"header name":     {func(head *taskhawk.Message, _ *checkedArgs) { head.Headers["\xff"] = "x" }, taskhawk.ErrHeader, nil},
		"header value":    {func(head *taskhawk.Message, _ *checkedArgs) { head.Headers["a"] = "\xff" }, taskhawk.ErrHeader, nil},
		"validate tag":    {func(_ *taskhawk.Message, args *checkedArgs) { args.To = "x" }, nil, new(*taskhawk.ValidationError)},
		"argument":        {func(_ *taskhawk.Message, args *checkedArgs) { args.To = "\"\xff\"@b.c" }, nil, new(*taskhawk.ArgumentError)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task := task
			if name == "argument" {
				task = taskhawk.New[checkedArgs]("tasks.send_email", nil, taskhawk.WithValidator(anything{}))
			}
			head, args := good()
			c.change(&head, &args)
			dst, err := task.AppendMessage([]byte("before"), &head, &args)
			require.Equal(t, "before", string(dst), "the length is unchanged")
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			} else {
				require.ErrorAs(t, err, c.as)
			}
		})
	}
}

func TestAppendMessageAllocatesNothing(t *testing.T) {
	task := taskhawk.New[emailArgs]("tasks.send_email", nil)
	args := emailArgs{To: "a@b.c", Subject: "hi"}
	for _, headers := range []int{0, 1, 8} {
		head := taskhawk.Message{ID: "1", Timestamp: time.UnixMilli(1), Headers: taskhawk.Headers{}}
		for i := range headers {
			head.Headers[fmt.Sprint("header-", i)] = "value"
		}
		var dst []byte
		require.Zero(t, testing.AllocsPerRun(100, func() { dst, _ = task.AppendMessage(dst[:0], &head, &args) }), "%d headers", headers)
		require.Contains(t, string(dst), `"args":["a@b.c","hi"],"kwargs":{}}`)
	}
}
