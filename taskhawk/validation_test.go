package taskhawk_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/go-playground/validator/v10"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/codec"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// validated returns the ValidationError of a task for args, nil if they are valid. It
// calls Dispatch, and requires the same result of Bind, which deliveries use.
func validated[Args any](t *testing.T, args Args, options ...taskhawk.TaskOption) *taskhawk.ValidationError {
	t.Helper()
	free := taskhawk.New[Args]("tasks.checked", nil, taskhawk.WithValidator(anything{}))
	publisher := &fakePublisher{}
	hub := newHub(t, taskhawk.Config{Publisher: publisher})
	ctx := taskhawk.ContextWithHub(t.Context(), hub)
	_, err := free.Dispatch(ctx, args)
	require.NoError(t, err)
	msg, err := taskhawk.ParseMessage(publisher.last(t).Body)
	require.NoError(t, err)

	task := taskhawk.New[Args]("tasks.checked", nil, options...)
	_, sent := task.Dispatch(ctx, args)
	_, bound := task.Bind(msg)
	if sent == nil {
		require.NoError(t, bound)
		return nil
	}
	var before, after *taskhawk.ValidationError
	require.ErrorAs(t, sent, &before)
	require.ErrorAs(t, bound, &after)
	require.Equal(t, before.Error(), after.Error())
	require.Len(t, publisher.published(), 1, "nothing is sent")
	return before
}

// anything is a validator that finds nothing wrong.
type anything struct{}

func (anything) Struct(any) error { return nil }

type lineItem struct {
	Price int `validate:"min=1,max=9"`
}

type pageOf[T any] struct {
	Items []T `validate:"dive"`
}

func TestValidationNamesTheFields(t *testing.T) {
	t.Parallel()
	type order struct {
		Items []lineItem `validate:"dive"`
	}
	type Address struct {
		City string `validate:"required"`
	}
	type args struct {
		Address
		To     string `validate:"required,email"`
		Order  order
		Prices map[string]int     `validate:"dive,min=1"`
		Lines  map[int][]lineItem `validate:"dive,dive"`
		Pair   [2]*lineItem       `validate:"dive"`
		Other  any
	}
	invalid := validated(t, args{
		Order:  order{Items: []lineItem{{1}, {10}}},
		Prices: map[string]int{"k].Lines[3": 0},
		Lines:  map[int][]lineItem{4711: {{1}, {0}}},
		Pair:   [2]*lineItem{{1}, {0}},
	})
	require.Equal(t, []taskhawk.FieldError{
		{Field: "Address.City", Rule: "required"},
		{Field: "To", Rule: "required"},
		{Field: "Order.Items[1].Price", Rule: "max", Param: "9"},
		{Field: "Prices[*]", Rule: "min", Param: "1"},
		{Field: "Lines[*].Price", Rule: "min", Param: "1"},
		{Field: "Pair[1].Price", Rule: "min", Param: "1"},
	}, invalid.Fields)
	require.Equal(t, "tasks.checked", invalid.Task)
	require.EqualError(t, invalid, "arguments of tasks.checked: Address.City breaks required, To breaks required, "+
		"Order.Items[1].Price breaks max=9, Prices[*] breaks min=1, Lines[*].Price breaks min=1, Pair[1].Price breaks min=1")
	var own validator.ValidationErrors
	require.ErrorAs(t, invalid, &own)
	require.Len(t, own, 6)
}

func TestValidationOfTypesWithoutAPlainName(t *testing.T) {
	t.Parallel()
	invalid := validated(t, struct {
		To   string `validate:"required"`
		Item lineItem
	}{})
	require.Equal(t, "To", invalid.Fields[0].Field)
	require.Equal(t, "Item.Price", invalid.Fields[1].Field)

	invalid = validated(t, pageOf[lineItem]{Items: []lineItem{{0}}})
	require.Equal(t, "Items[0].Price", invalid.Fields[0].Field)
}

func TestValidArgumentsPass(t *testing.T) {
	t.Parallel()
	require.Nil(t, validated(t, pageOf[lineItem]{Items: []lineItem{{1}, {9}}}))
	require.Nil(t, validated(t, pageOf[lineItem]{}))
	require.Nil(t, validated(t, emailArgs{}), "no tags, no rules")
}

func TestValidationOfInterfaces(t *testing.T) {
	t.Parallel()
	type args struct {
		Tag string `validate:"required"`
		Any any
	}
	task := taskhawk.New[args]("tasks.any", nil)
	newHub(t, taskhawk.Config{Publisher: &fakePublisher{}, Tasks: []taskhawk.AnyTask{task}})
	_, err := task.Dispatch(t.Context(), args{Tag: "x", Any: &lineItem{}})
	var invalid *taskhawk.ValidationError
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "Any.Price", invalid.Fields[0].Field)

	type hidden struct {
		M map[string]lineItem `validate:"dive"`
	}
	_, err = task.Dispatch(t.Context(), args{Tag: "x", Any: hidden{map[string]lineItem{"canary": {}}}})
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "Any.M[*].Price", invalid.Fields[0].Field, "what cannot be told from a map key is left out")
}

func TestWithValidatorBringsTagsOfYourOwn(t *testing.T) {
	t.Parallel()
	type args struct {
		Even int `validate:"even"`
	}
	own := validator.New()
	require.NoError(t, own.RegisterValidation("even", func(f validator.FieldLevel) bool { return f.Field().Int()%2 == 0 }))
	require.Nil(t, validated(t, args{2}, taskhawk.WithValidator(own)))
	invalid := validated(t, args{3}, taskhawk.WithValidator(own))
	require.Equal(t, []taskhawk.FieldError{{Field: "Even", Rule: "even"}}, invalid.Fields)
	requireNewPanics[args](t, "tasks.bad", nil, "even")
}

func TestWithValidatorBringsRulesThatAreNoTags(t *testing.T) {
	t.Parallel()
	type span struct{ From, To int }
	own := validator.New()
	own.RegisterStructValidation(func(level validator.StructLevel) {
		if s := level.Current().Interface().(span); s.From > s.To { //nolint:forcetypeassert // registered for span
			level.ReportError(s.To, "To", "To", "order", "")
		}
	}, span{})
	require.Nil(t, validated(t, span{1, 2}, taskhawk.WithValidator(own)))
	invalid := validated(t, span{2, 1}, taskhawk.WithValidator(own))
	require.Equal(t, []taskhawk.FieldError{{Field: "To", Rule: "order"}}, invalid.Fields)
}

// failing is a validator that fails in an unusual way.
type failing struct{ fail func() error }

func (f failing) Struct(any) error { return f.fail() }

func TestAValidatorThatFails(t *testing.T) {
	t.Parallel()
	armed := false
	own := failing{func() error {
		if armed {
			panic("canary")
		}
		return nil
	}}
	task := taskhawk.New("t", func(context.Context, lineItem) error { return nil }, taskhawk.WithValidator(own))
	publisher := &fakePublisher{}
	hub := newHub(t, taskhawk.Config{Publisher: publisher, Tasks: []taskhawk.AnyTask{task}})
	armed = true
	_, err := task.Dispatch(t.Context(), lineItem{1})
	for _, err := range []error{err, hub.Handle(t.Context(), delivery("t", "1"))} {
		var invalid *taskhawk.ValidationError
		require.ErrorAs(t, err, &invalid)
		require.Empty(t, invalid.Fields)
		var panicked *taskhawk.PanicError
		require.ErrorAs(t, err, &panicked)
		require.ErrorContains(t, err, "arguments of t: validation failed: panic (string)")
		require.NotContains(t, err.Error(), "canary")
	}
	require.Empty(t, publisher.published())

	invalid := validated(t, lineItem{}, taskhawk.WithValidator(failing{func() error { return errDown }}))
	require.EqualError(t, invalid, "arguments of tasks.checked: validation failed: the service is down")
	require.ErrorIs(t, invalid, errDown)
}

// Validation finds some bad tags only when it reaches them, which New cannot always bring
// about.
func TestABadTagThatIsReachedLateIsAnError(t *testing.T) {
	t.Parallel()
	type args struct {
		S string `validate:"email,min=three"`
	}
	invalid := validated(t, args{S: "a@b.c"})
	require.EqualError(t, invalid, `arguments of tasks.checked: validation failed: panic (string) at S (validate:"email,min=three")`)
}

func TestAValidationThatPanicsNamesTheField(t *testing.T) {
	t.Parallel()
	type inner struct {
		N int `validate:"explode"`
		B string
	}
	type args struct {
		A    string            `validate:"required"`
		Many []inner           `validate:"dive"`
		By   map[string]*inner `validate:"dive"`
		Odd  any               `validate:"omitempty,gt=100"`
	}
	explosive := func() *validator.Validate {
		own := validator.New()
		require.NoError(t, own.RegisterValidation("explode", func(level validator.FieldLevel) bool {
			if n := level.Field().Int(); n > 1 {
				panic(fmt.Sprint("Bad field type for the canary ", n))
			}
			return true
		}))
		return own
	}
	const prefix = "arguments of tasks.checked: validation failed: panic (string) "
	own := explosive()
	for want, bad := range map[string]args{
		`at Many[1].N (validate:"explode")`: {A: "a", Many: []inner{{N: 1}, {N: 77}}},
		`at By[*].N`:                        {A: "a", By: map[string]*inner{"canary": {N: 77}}},
		`at Odd (validate:"omitempty,gt=100"): Bad field type bool`: {A: "a", Odd: true},
	} {
		invalid := validated(t, bad, taskhawk.WithValidator(own))
		require.ErrorContains(t, invalid, prefix+want)
		require.NotContains(t, invalid.Error(), "canary")
		require.Empty(t, invalid.Fields)
	}

	own = explosive()
	own.RegisterStructValidation(func(level validator.StructLevel) {
		if level.Current().Interface().(args).A == "b" { //nolint:forcetypeassert // registered for args
			panic("canary")
		}
	}, args{})
	invalid := validated(t, args{A: "b", Many: []inner{{N: 1}}}, taskhawk.WithValidator(own))
	require.EqualError(t, invalid, strings.TrimSpace(prefix), "the rule of a struct has no field")
}

func TestATypeWithoutTagsPaysNothing(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts for the whole program
	type plain struct{ Name, Text string }
	type tagged struct {
		Name, Text string
		Free       *plain `taskhawk:"free,optional" validate:"omitempty"`
	}
	bare, err := codec.Of[plain]()
	require.NoError(t, err)
	free, checked := taskhawk.New[plain]("t", nil), taskhawk.New[tagged]("t", nil)
	msg := &taskhawk.Message{Args: `["name"]`, Kwargs: `{"text":"x"}`}
	decoding := testing.AllocsPerRun(100, func() {
		var args plain
		if err := bare.Decode(msg.Args, msg.Kwargs, &args); err != nil {
			t.Error(err)
		}
	})
	require.InDelta(t, decoding, bindAllocs(t, free, msg), 0, "nothing but decoding")
	require.Greater(t, bindAllocs(t, checked, msg), decoding, "this test can tell the difference")
}

func bindAllocs[Args any](t *testing.T, task *taskhawk.Task[Args], msg *taskhawk.Message) float64 {
	t.Helper()
	return testing.AllocsPerRun(100, func() {
		if _, err := task.Bind(msg); err != nil {
			t.Error(err)
		}
	})
}
