package infra_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// The file that docs/deploy.md shows is one that the command takes.
func TestTheDocumentedFileIsRead(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../../../docs/deploy.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindSubmatch(document)
	require.NotNil(t, block)
	text, notes := generate(t, "apps.hcl", string(block[1]))
	require.Empty(t, notes)
	require.Len(t, parse(t, text)["aws_cloudwatch_dashboard"], 3)
}
