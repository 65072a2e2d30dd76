package taskhawk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// canary is a secret that must never be found in a log line or in the text of an error.
const canary = "s3cr3t-canary"

// canaryArgs can go wrong in every way that shows a value.
type canaryArgs struct {
	Name   string                  `validate:"max=20"`
	Count  int                     `taskhawk:"count,optional"`
	Emails map[string]string       `taskhawk:"emails,optional" validate:"dive,keys,max=30,endkeys,email"`
	Orders map[string][]canaryItem `taskhawk:"orders,optional" validate:"dive,dive"`
	Text   canaryText              `taskhawk:"text,optional"`
}

type canaryItem struct {
	Price int `validate:"min=1"`
}

// canaryText refuses every text, and quotes it.
type canaryText struct{}

func (canaryText) UnmarshalText(text []byte) error { return fmt.Errorf("cannot read %q", text) }

// TestNoCanaryInLogsAndErrors sends a secret through every place a message has, on every
// way to fail.
func TestNoCanaryInLogsAndErrors(t *testing.T) {
	t.Parallel()
	logger, log := newLog()
	config := taskhawk.Config{Logger: logger, Publisher: &fakePublisher{}, Tasks: []taskhawk.AnyTask{
		taskhawk.New("ok", func(context.Context, canaryArgs) error { return nil }),
		taskhawk.New("panics", func(_ context.Context, args canaryArgs) error { panic(args) }),
		taskhawk.New("panics.error", func(_ context.Context, args canaryArgs) error { panic(errors.New(args.Name)) }),
	}}
	const rest = `,"headers":{"token":"` + canary + `"}`
	bodies := map[string]string{
		"success":             body("ok", `"args":["`+canary+`"]`+rest),
		"panic":               body("panics", `"args":["`+canary+`"]`+rest),
		"panic with an error": body("panics.error", `"args":["`+canary+`"]`+rest),
		"too many args":       body("ok", `"args":["a",1,{},{},"","`+canary+`"]`+rest),
		"wrong type":          body("ok", `"args":["a","`+canary+`"]`+rest),
		"wrong type, deep":    body("ok", `"args":["a",1,{"`+canary+`":{"`+canary+`":1}}]`+rest),
		"twice":               body("ok", `"args":["`+canary+`"],"kwargs":{"name":"`+canary+`"}`+rest),
		"unmarshaler":         body("ok", `"args":["a"],"kwargs":{"text":"`+canary+`"}`+rest),
		"validation":          body("ok", `"args":["`+canary+canary+`"]`+rest),
		"validation of a map": body("ok", `"args":["a",1,{"`+canary+`].x[":"`+canary+`"}]`+rest),
		"validation of a key": body("ok", `"args":["a",1,{"`+strings.Repeat(canary, 3)+`":"a@b.c"}]`+rest),
		"validation below":    body("ok", `"args":["a",1,{},{"`+canary+`":[{"price":1},{"price":0}]}]`+rest),
		"not JSON":            `{"id":"` + canary + `"` + canary,
		"no object":           `"` + canary + `"`,
		"trailing":            body("ok", `"args":[]`) + canary,
		"bad version":         strings.Replace(body("ok", `"args":[]`), "1.0", canary, 1),
		"bad priority":        strings.Replace(body("ok", `"args":[]`), `"version"`, `"priority":"`+canary+`","version"`, 1),
		"bad timestamp":       strings.Replace(body("ok", `"args":[]`), `:1,`, `:"`+canary+`",`, 1),
		"bad headers":         body("ok", `"headers":"`+canary+`"`),
		"header twice":        body("ok", `"headers":{"`+canary+`":1,"`+canary+`":2}`),
		"bad args":            body("ok", `"args":"`+canary+`"`),
	}
	for name, text := range bodies {
		for _, attributes := range []map[string]string{{"token": canary}, {"taskhawk_encoding": canary}, {"taskhawk_encoding": "base64"}} {
			hub := newHub(t, config) // a new one, which leaves no repeated line out
			err := hub.Handle(t.Context(), &taskhawk.Delivery{
				Body: text, Receipt: canary, Attributes: attributes, Group: canary, Raw: canary,
			})
			require.Equal(t, name == "success" && attributes["token"] != "", err == nil, "%s: %v", name, err)
			if err != nil {
				require.NotContains(t, err.Error(), canary, name)
			}
		}
	}
	require.NotContains(t, log.String(), canary)
	require.Equal(t, 3*len(bodies), strings.Count(log.String(), "\n"), "everything was logged")
}

// body returns a message for a task with more members.
func body(task, members string) string {
	return `{"id":"i1","metadata":{"timestamp":1,"version":"1.0"},"task":"` + task + `",` + members + `}`
}

func TestNoCanaryInErrorsOfDispatch(t *testing.T) {
	t.Parallel()
	task := taskhawk.New("ok", func(context.Context, canaryArgs) error { return nil },
		taskhawk.WithHeaders(taskhawk.Headers{"token": canary}))
	publisher := &fakePublisher{}
	newHub(t, taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{task}})
	for name, args := range map[string]canaryArgs{
		"validation":        {Name: canary + canary},
		"map":               {Emails: map[string]string{canary: canary}},
		"key":               {Emails: map[string]string{strings.Repeat(canary, 3): "a@b.c"}},
		"below":             {Orders: map[string][]canaryItem{canary: {{}}}},
		"invalid UTF-8":     {Name: canary + "\xff"},
		"invalid UTF-8 key": {Orders: map[string][]canaryItem{canary + "\xff": nil}},
	} {
		_, err := task.Dispatch(t.Context(), args)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), canary, name)
		_, err = task.DispatchAll(t.Context(), []canaryArgs{args, {}})
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), canary, name)
	}
	require.Empty(t, publisher.published())
}
