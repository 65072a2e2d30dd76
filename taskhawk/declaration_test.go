package taskhawk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type lenient struct{}

func (lenient) Struct(any) error { return nil }

func TestDeclarationsDescribeTheTasksOfAHub(t *testing.T) {
	t.Parallel()
	first := taskhawk.New[emailArgs]("a", nil, taskhawk.WithPriority(taskhawk.Low), taskhawk.WithPositionalArgs())
	second := taskhawk.New[emailArgs]("b", nil, taskhawk.WithValidator(lenient{}))
	hub := newHub(t, taskhawk.Config{KeywordArgs: true, Tasks: []taskhawk.AnyTask{second, first}})
	require.Equal(t, []taskhawk.Declaration{
		{Name: "a", Priority: taskhawk.Low, Signature: first.Signature()},
		{Name: "b", Signature: second.Signature(), KeywordArgs: true, OwnValidator: true},
	}, taskhawk.Declarations(hub))
	require.Empty(t, taskhawk.Declarations(newHub(t, taskhawk.Config{})))
}
