package readme_test

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// brokenLinks are the relative links of a document that lead to no file below root, or to
// no heading of it.
func brokenLinks(t *testing.T, root string, d document) []finding {
	t.Helper()
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	prose := d.prose()
	var found []finding
	for _, line := range slices.Sorted(maps.Keys(prose)) {
		for _, match := range link.FindAllStringSubmatch(prose[line], -1) {
			if target := match[1]; !strings.Contains(target, "://") {
				if problem := follow(t, root, d, target); problem != "" {
					found = append(found, finding{path: d.path, line: line, text: problem})
				}
			}
		}
	}
	return found
}

// follow says what is wrong with the target of a link in d; nothing when it is there.
func follow(t *testing.T, root string, d document, target string) string {
	t.Helper()
	file, heading, hasHeading := strings.Cut(target, "#")
	to := d.path
	if file != "" {
		to = path.Join(path.Dir(d.path), file)
	}
	if _, err := os.Stat(filepath.Join(root, to)); err != nil {
		return fmt.Sprintf("no file %s", target)
	}
	if hasHeading && !slices.Contains(headings(readDocument(t, root, to)), heading) {
		return fmt.Sprintf("no heading %s", target)
	}
	return ""
}

// headings are the anchors that GitHub makes of the headings of a document.
func headings(d document) []string {
	var found []string
	for _, line := range d.prose() {
		if text := strings.TrimLeft(line, "#"); text != line && strings.HasPrefix(text, " ") {
			found = append(found, anchor(strings.TrimSpace(text)))
		}
	}
	return found
}

func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, d := range readDocuments(t) {
		require.Empty(t, brokenLinks(t, repository, d))
	}
}

func TestLinksToNowhereAreFound(t *testing.T) {
	t.Parallel()
	d := readDocument(t, "testdata", "broken.md")
	require.Equal(t, []finding{
		{path: "broken.md", line: 43, text: "no file nowhere.md"},
		{path: "broken.md", line: 43, text: "no heading broken.md#nowhere"},
	}, brokenLinks(t, "testdata", d))
}
