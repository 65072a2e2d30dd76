package readme_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
)

// rules returns the rules of documents but for their Go code. A rule returns the places
// that break it.
func rules(t *testing.T) []func(document) []finding {
	t.Helper()
	var tests strings.Builder
	walk(t, "_test.go", func(path string) { tests.WriteString(readText(t, repository, path)) })
	named := func(pattern, kind, format, text string) func(document) []finding {
		return func(d document) []finding { return unknown(d, regexp.MustCompile(pattern), kind, format, text) }
	}
	return []func(document) []finding{
		badJSON,
		func(d document) []finding { return brokenLinks(t, d) },
		func(d document) []finding { return wrongPolicies(t, d) },
		named("`((?:Test|Fuzz)[A-Z]\\w*)`", "test", "\nfunc %s(", tests.String()),
		named(`\b(T\d\d)\b`, "fault", "\nfunc Test%s", tests.String()),
		named("`make ([a-z][a-z0-9-]*)", "target", "\n%s:", readText(t, repository, "Makefile")),
	}
}

// unknown finds the names in the prose, by a pattern, that a text does not declare in a
// format.
func unknown(d document, name *regexp.Regexp, kind, format, text string) []finding {
	var found []finding
	for i, line := range d.prose() {
		for _, match := range name.FindAllStringSubmatch(line, -1) {
			if !strings.Contains(text, fmt.Sprintf(format, match[1])) {
				found = append(found, finding{d.path, i + 1, "no " + kind + " " + match[1]})
			}
		}
	}
	return found
}

// badJSON finds the JSON blocks that do not parse.
func badJSON(d document) []finding {
	var found []finding
	for _, b := range d.blocks("json") {
		var value any
		if err := json.Unmarshal([]byte(b.text), &value); err != nil {
			found = append(found, finding{b.path, b.line, err.Error()})
		}
	}
	return found
}

// brokenLinks finds the relative links that lead to no file, or to no heading in it.
func brokenLinks(t *testing.T, d document) []finding {
	t.Helper()
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	var found []finding
	for i, line := range d.prose() {
		for _, match := range link.FindAllStringSubmatch(line, -1) {
			file, heading, hasHeading := strings.Cut(match[1], "#")
			to := path.Join(path.Dir(d.path), file)
			if file == "" {
				to = d.path
			}
			if strings.Contains(file, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(d.root, to)); err != nil {
				found = append(found, finding{d.path, i + 1, "no file " + match[1]})
			} else if hasHeading && !slices.Contains(anchors(readDocument(t, d.root, to)), heading) {
				found = append(found, finding{d.path, i + 1, "no heading " + match[1]})
			}
		}
	}
	return found
}

// anchors returns the anchors that GitHub makes of the headings of a document.
func anchors(d document) []string {
	var found []string
	for _, line := range d.prose() {
		text := strings.TrimLeft(line, "#")
		if text == line || !strings.HasPrefix(text, " ") {
			continue
		}
		found = append(found, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(text)))
	}
	return found
}

// wrongPolicies finds the IAM policies that differ from what sqscheck.Policy writes for
// the role that the Sid of their first statement names. The tests of sqscheck run each
// role under that policy.
func wrongPolicies(t *testing.T, d document) []finding {
	t.Helper()
	type policy struct {
		Version   string
		Statement []struct {
			Sid, Effect      string
			Action, Resource []string
		}
	}
	right := map[string]policy{}
	for _, role := range sqscheck.Roles() {
		var p policy
		text, err := sqscheck.Policy("dev-myapp", sqscheck.PolicyConfig{
			Roles: []sqscheck.Role{role}, Region: "us-east-1", Account: "111122223333",
		})
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal([]byte(text), &p))
		right[p.Statement[0].Sid] = p
	}
	var found []finding
	for _, b := range d.blocks("json") {
		var p policy
		err := json.Unmarshal([]byte(b.text), &p)
		if len(p.Statement) > 0 && (err != nil || !reflect.DeepEqual(p, right[p.Statement[0].Sid])) {
			found = append(found, finding{b.path, b.line, "not the policy of sqscheck.Policy"})
		}
	}
	return found
}

func TestDocumentsKeepTheirRules(t *testing.T) {
	t.Parallel()
	documents := readDocuments(t)
	for _, find := range rules(t) {
		for _, d := range documents {
			require.Empty(t, find(d))
		}
	}
}

func TestBrokenRulesAreFound(t *testing.T) {
	t.Parallel()
	d := readDocument(t, "testdata", "broken.md")
	find := rules(t)
	for i, want := range [][]finding{
		{{d.path, 54, "invalid character '}' looking for beginning of value"}},
		{{d.path, 50, "no file nowhere.md"}, {d.path, 50, "no heading broken.md#nowhere"}},
		{{d.path, 60, "not the policy of sqscheck.Policy"}},
		{{d.path, 57, "no test TestGone"}},
		{{d.path, 57, "no fault T99"}},
		{{d.path, 63, "no target nothing"}},
	} {
		require.Equal(t, want, find[i](d))
	}
}

// Every attribute of a log line of the library is in the table of docs/operations.md.
func TestLogAttributesAreDocumented(t *testing.T) {
	t.Parallel()
	_, table, found := strings.Cut(readText(t, repository, "docs/operations.md"), "## Log lines")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n## ")
	names := map[string]bool{}
	for _, folder := range []string{"taskhawk", "sqsx", "lambdax", "internal/guard"} {
		files, err := filepath.Glob(filepath.Join(repository, folder, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, match := range regexp.MustCompile(`slog\.\w+\("([a-z_]+)"`).FindAllStringSubmatch(readText(t, file), -1) {
				names[match[1]] = true
			}
		}
	}
	require.Greater(t, len(names), 15)
	for name := range names {
		require.Contains(t, table, "`"+name+"`")
	}
}
