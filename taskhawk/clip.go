package taskhawk

// clipped is how many bytes of a name that came from outside an error or a log line may show.
const clipped = 64

// clip shortens a name that came from outside, so that it cannot flood a log. Quote the result with %q.
func clip(name string) string {
	if len(name) <= clipped {
		return name
	}
	return name[:clipped] + "..."
}
