package taskhawk

import "strconv"

// clipped is how many bytes of a name that came from outside an error or a log line may show.
const clipped = 64

// clip shortens a name that came from outside, so that it cannot flood a log. Quote the result with %q.
func clip(name string) string {
	if len(name) <= clipped {
		return name
	}
	return name[:clipped] + "..."
}

// inLog is clip for an attribute of a log line: a name with line breaks, quotes or other characters that could pass for
// something else is quoted.
func inLog(name string) string {
	name = clip(name)
	if quoted := strconv.Quote(name); len(quoted) > len(name)+len(`""`) {
		return quoted
	}
	return name
}
