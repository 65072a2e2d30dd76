package transport

// Leaks are the functions of goroutines that peers leave behind for as long as the
// program runs, for tests that look for such.
func Leaks() []string {
	return []string{
		"go.opencensus.io/stats/view.(*worker).start", // of gocloud.dev
		"github.com/robfig/cron/v3.(*Cron).run",       // of machinery, one for each server
	}
}
