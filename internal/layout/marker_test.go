package layout_test

import (
	"regexp"
)

// noMarkers allows a marker only beside the issue that will remove it, in tests too.
func noMarkers() rule {
	marker := regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)
	issue := regexp.MustCompile(`#[0-9]+|https?://\S+/issues/[0-9]+`)
	comments := func(s source) []finding {
		var found []finding
		for _, group := range s.syntax.Comments {
			for _, comment := range group.List {
				if word := marker.FindString(comment.Text); word != "" && !issue.MatchString(comment.Text) {
					found = append(found, s.at(comment.Pos(), word+" without an issue"))
				}
			}
		}
		return found
	}
	return rule{
		name:  "no-markers",
		fix:   "do it now, or open an issue and put its number or link in the comment",
		check: func(f folder) []finding { return over(f.sources, comments) },
	}
}
