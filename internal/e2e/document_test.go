//go:build e2e

package e2e_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// document is where readers find the list.
const document = "../../docs/sqstest.md"

// The document has the table of differences, row by row, and no other rows.
func TestDocumentListsTheDifferences(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	want := table()
	require.Contains(t, string(text), want, "put this table into docs/sqstest.md:\n%s", want)
	require.Equal(t, rows(want), rows(string(text)), "rows that are in no table of this test")
}

func rows(text string) int { return strings.Count("\n"+text, "\n| ") }

// table lists the checks in which somebody differs, as Markdown.
func table() string {
	head := []string{"check", "AWS documents", embedded, "fauxqs 1.9.2", "local-aws-sqs 2.0.2"}
	var text strings.Builder
	row := func(cells ...string) { fmt.Fprintf(&text, "| %s |\n", strings.Join(cells, " | ")) }
	row(head...)
	row(strings.Fields(strings.Repeat("--- ", len(head)))...)
	for _, c := range checks() {
		fauxqs, differs := cell("fauxqs", c)
		local, also := cell("local-aws-sqs", c)
		if differs || also {
			row(c.name, strings.ReplaceAll(c.rule, "|", `\|`), c.want, fauxqs, local)
		}
	}
	return text.String()
}

// cell is what a service does in a check, when it differs.
func cell(service string, c check) (text string, differs bool) {
	d, differs := differenceOf(service, c.name)
	switch {
	case !differs:
		return "the same", false
	case d.allowed:
		return d.got + " (allowed)", true
	}
	return d.got, true
}
