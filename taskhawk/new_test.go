package taskhawk_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// requireNewPanics wants New to panic with a text that names the task and has all parts.
func requireNewPanics[Args any](t *testing.T, name string, options []taskhawk.TaskOption, parts ...string) {
	t.Helper()
	defer func() {
		text, _ := recover().(string)
		require.Contains(t, text, "taskhawk: New(", "New did not panic as it should")
		for _, part := range parts {
			require.Contains(t, text, part)
		}
	}()
	taskhawk.New[Args](name, nil, options...)
}

func TestNewPanicsOnABadName(t *testing.T) {
	t.Parallel()
	requireNewPanics[struct{}](t, "", nil, `New("")`, "the task has no name")
	requireNewPanics[struct{}](t, strings.Repeat("n", 257), nil, "257 bytes, more than 256")
	requireNewPanics[struct{}](t, "a\xff", nil, `New("a\xff")`, "not valid UTF-8")
	require.NotPanics(t, func() { taskhawk.New[struct{}](strings.Repeat("n", 256), nil) })
}

func TestNewPanicsOnBadArguments(t *testing.T) {
	t.Parallel()
	const name = "tasks.bad"
	type badOption struct {
		Fine   string
		Amount int `taskhawk:"amount,positional"`
	}
	type badType struct {
		Fine  string
		Ready chan int
	}
	requireNewPanics[int](t, name, nil, `New("tasks.bad")`, "int")
	requireNewPanics[*struct{ A int }](t, name, nil, `New("tasks.bad")`, "struct { A int }")
	requireNewPanics[any](t, name, nil, `New("tasks.bad")`)
	requireNewPanics[badOption](t, name, nil, `New("tasks.bad")`, "badOption.Amount", "unknown option")
	requireNewPanics[badType](t, name, nil, `New("tasks.bad")`, "badType.Ready")
}

func TestNewPanicsOnBadOptions(t *testing.T) {
	t.Parallel()
	bad := func(o taskhawk.TaskOption) []taskhawk.TaskOption { return []taskhawk.TaskOption{o} }
	requireNewPanics[struct{}](t, "t", bad(taskhawk.WithPriority(4)), "unknown priority: Priority(4)")
	requireNewPanics[struct{}](t, "t", bad(taskhawk.WithTimeout(-time.Second)), "negative timeout -1s")
	requireNewPanics[struct{}](t, "t", bad(taskhawk.WithDelay(-1)), "negative delay -1ns")
	requireNewPanics[struct{}](t, "t", bad(taskhawk.WithHeaders(taskhawk.Headers{"": "x"})), "bad header: empty key")
	requireNewPanics[struct{}](t, "t", bad(taskhawk.WithHeaders(taskhawk.Headers{"taskhawk_x": "canary"})), `"taskhawk_x"`, "reserved")
	requireNewPanics[struct{}](t, "t", bad(taskhawk.WithHeaders(taskhawk.Headers{"k": "\xff"})), `"k"`, "not valid UTF-8")
}

func TestNewPanicsOnBadPolicies(t *testing.T) {
	t.Parallel()
	bad := func(o taskhawk.TaskOption) []taskhawk.TaskOption { return []taskhawk.TaskOption{o} }
	requireNewPanics[struct{}](t, "tasks.bad", bad(taskhawk.WithBackoff(nil)), "tasks.bad", "nil Backoff")
	requireNewPanics[struct{}](t, "tasks.bad", bad(taskhawk.WithMaxAttempts(0)), "tasks.bad", "max attempts 0: at least 1")
	requireNewPanics[struct{}](t, "tasks.bad", bad(taskhawk.WithMaxAttempts(-3)), "max attempts -3")
	requireNewPanics[struct{}](t, "tasks.bad", bad(taskhawk.WithMaxConcurrency(0)), "max concurrency 0: at least 1")
}

func TestNewPanicsOnBadValidateTags(t *testing.T) {
	t.Parallel()
	type unknown struct {
		Fine string `validate:"required"`
		To   string `validate:"nosuchrule"`
	}
	type list struct{ Items []*unknown }
	type table struct{ ByName map[string][2]list }
	type diveOnInt struct {
		N int `validate:"dive"`
	}
	type minOfStruct struct {
		When struct{ A int } `validate:"min=3"`
	}
	type notANumber struct {
		S string `validate:"omitempty,min=three"`
	}
	type onlyOfZero struct {
		S string `validate:"isdefault,min=three"`
	}
	type behindDive struct {
		S []string `validate:"omitempty,dive,min=three"`
	}
	type recursive struct {
		Next *recursive
		S    string `validate:"nosuchrule"`
	}
	requireNewPanics[unknown](t, "tasks.bad", nil, `New("tasks.bad")`, "bad validate tag", "unknown", "nosuchrule", "To")
	requireNewPanics[list](t, "tasks.bad", nil, "bad validate tag", "unknown", "nosuchrule", "To")
	requireNewPanics[table](t, "tasks.bad", nil, "bad validate tag", "unknown", "nosuchrule", "To")
	requireNewPanics[diveOnInt](t, "tasks.bad", nil, "bad validate tag", "diveOnInt", "dive")
	requireNewPanics[minOfStruct](t, "tasks.bad", nil, "bad validate tag", "minOfStruct")
	requireNewPanics[notANumber](t, "tasks.bad", nil, "bad validate tag", "notANumber", "three")
	requireNewPanics[onlyOfZero](t, "tasks.bad", nil, "bad validate tag", "onlyOfZero", "three")
	requireNewPanics[behindDive](t, "tasks.bad", nil, "bad validate tag", "behindDive", "three")
	requireNewPanics[recursive](t, "tasks.bad", nil, "bad validate tag", "recursive", "nosuchrule")
}

func TestNewAcceptsGoodValidateTagsOfEveryKind(t *testing.T) {
	t.Parallel()
	type item struct {
		Price float64 `validate:"gt=0"`
	}
	type base struct {
		Tenant string `validate:"required"`
	}
	type args struct {
		base
		Flag    bool                `validate:"required"`
		Small   int8                `validate:"min=1"`
		Count   uint                `validate:"max=9"`
		Ratio   float32             `validate:"lt=2"`
		Name    *string             `validate:"omitempty,email"`
		Tags    []string            `validate:"dive,min=1"`
		Items   []*item             `validate:"required,dive"`
		ByName  map[string]item     `validate:"dive,keys,min=1,endkeys"`
		Nested  map[string][]string `validate:"dive,dive,min=1"`
		Pair    [2]item             `validate:"dive"`
		When    time.Time           `validate:"required"`
		For     time.Duration       `validate:"min=1s"`
		Any     any
		ignored item
	}
	require.NotPanics(t, func() {
		taskhawk.New("tasks.good", func(_ context.Context, a args) error { _ = a.ignored; return nil })
	})
}

// Rules that depend on another field are reached with it set or not.
func TestNewFindsBadTagsBehindOtherFields(t *testing.T) {
	t.Parallel()
	text := panicOf(func() {
		taskhawk.New[struct {
			A *int32  `validate:"required_without=B,gt=100,omitempty"`
			B *string `validate:"required_without=A,min=10,omitempty"`
		}]("tasks.bad", nil)
	})
	require.Contains(t, text, "tasks.bad")
	require.Contains(t, text, `: at B (validate:"required_without=A,min=10,omitempty"): Bad field type *string`)
	require.NotPanics(t, func() {
		taskhawk.New[struct {
			A *int32  `validate:"required_without=B,omitempty,gt=100"`
			B *string `validate:"required_without=A,omitempty,min=10"`
		}]("tasks.good", nil)
	})
}

// panicOf returns the text that f panics with.
func panicOf(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return ""
}
