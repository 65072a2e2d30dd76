package lambdax_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/lambdax"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestTopicName(t *testing.T) {
	t.Parallel()
	for priority, want := range map[taskhawk.Priority]string{
		taskhawk.Default: "taskhawk-dev-myapp", taskhawk.High: "taskhawk-dev-myapp-high-priority",
		taskhawk.Low: "taskhawk-dev-myapp-low-priority", taskhawk.Bulk: "taskhawk-dev-myapp-bulk",
	} {
		require.Equal(t, want, lambdax.TopicName("DEV-MyApp", priority))
	}
}
