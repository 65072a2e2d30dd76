package faults_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// checkedArgs are arguments with rules.
type checkedArgs struct {
	To    string   `validate:"required,email"`
	Lines []string `validate:"max=3,dive,required"`
}

// Arguments that break the rules come from another program: Dispatch would have refused them.
func TestT45InvalidArguments(t *testing.T) {
	t.Parallel()
	var checked *taskhawk.Task[checkedArgs]
	ran := 0
	tasks := func(r *rig) []taskhawk.AnyTask {
		checked = taskhawk.New("tests.checked", instrument(r, func(context.Context, checkedArgs) error {
			ran++
			return nil
		}))
		return []taskhawk.AnyTask{checked}
	}
	s := setup{What: "arguments fail validation", Tasks: tasks, Provision: sqsx.ProvisionConfig{MaxReceiveCount: 3}}
	inBubble(t, s, func(r *rig) {
		w := r.start(sqsx.WorkerConfig{Concurrency: 2})
		invalid := []string{`"nobody"`, `""`, `"a@b.c",["1","2","3","4"]`, `"a@b.c",[""]`, `null`, `7`}
		for i, args := range invalid {
			r.raw(taskhawk.Default, fmt.Sprintf(
				`{"id":"i%d","metadata":{"priority":"high","timestamp":1,"version":"1.0"},"headers":{},"task":"tests.checked","args":[%s],"kwargs":{}}`,
				i, args))
			_, err := checked.Dispatch(r.Context(), checkedArgs{To: canaryArgument})
			var refused *taskhawk.ValidationError
			require.ErrorAs(r, err, &refused)
			r.sink.failure(err)
		}
		r.fill(50)
		_, err := checked.Dispatch(r.Context(), checkedArgs{To: "a@b.c"})
		require.NoError(r, err)
		time.Sleep(time.Second)
		require.Equal(r, len(invalid), r.left(), "the good ones are not held up")
		r.drain(time.Hour)
		w.stop()
		require.Equal(r, 1, ran, "no invalid arguments reach a handler")
		for _, letter := range r.letters(taskhawk.Default) {
			require.Equal(r, 3, letter.Receives)
		}
		r.Check(want{Dead: len(invalid), Stranded: len(invalid)})
	})
}

// A bad rule is found when the task is declared, and not when the first message comes.
func TestT45BadRules(t *testing.T) {
	t.Parallel()
	inBubble(t, setup{What: "bad validate tags"}, func(r *rig) {
		for name, declare := range map[string]func(){
			"no such rule": func() {
				taskhawk.New[struct {
					A int `validate:"nope"`
				}]("t", nil)
			},
			"dive into a struct": func() {
				taskhawk.New[struct {
					A struct{ B int } `validate:"dive"`
				}]("t", nil)
			},
			"dive into a number": func() {
				taskhawk.New[struct {
					A int `validate:"dive,required"`
				}]("t", nil)
			},
			"a rule for another type": func() {
				taskhawk.New[struct {
					A struct{ B int } `validate:"max=3"`
				}]("t", nil)
			},
			"a choice for another type": func() {
				taskhawk.New[struct {
					A float64 `validate:"oneof=1 2"`
				}]("t", nil)
			},
			"a parameter that is no number": func() {
				taskhawk.New[struct {
					A int `validate:"max=many"`
				}]("t", nil)
			},
			"in an element": func() {
				taskhawk.New[struct {
					A []struct {
						B int `validate:"nope"`
					} `validate:"dive"`
				}]("t", nil)
			},
		} {
			require.Panics(r, declare, name)
		}
		r.Check(want{})
	})
}
