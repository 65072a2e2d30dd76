package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// When is the time or times at which a schedule fires. [At], [Rate] and [Cron] make one;
// the zero value is an error of [Put].
type When struct {
	expression string
	zone       string
	start      time.Time // of a rate, else zero
	at         time.Time // of one firing, else zero
	once       bool
	err        error
}

// String returns the expression in the form of EventBridge Scheduler, and the zone.
func (w When) String() string {
	if w.zone == "" {
		return w.expression
	}
	return w.expression + " " + w.zone
}

// At fires once, at t, or at the next whole second. The schedule is deleted afterwards.
// [Put] refuses a time in the past.
func At(t time.Time) When {
	whole := t.UTC().Truncate(time.Second)
	if whole.Before(t) {
		whole = whole.Add(time.Second)
	}
	return When{expression: whole.Format("at(2006-01-02T15:04:05)"), zone: "UTC", at: whole, once: true}
}

// Rate fires every d, a multiple of a minute. It fires at multiples of d since midnight
// UTC of January 1, 1970, so a program that puts its schedules at every start does not
// shift them.
func Rate(d time.Duration) When {
	if d < time.Minute || d%time.Minute != 0 {
		return When{err: fmt.Errorf("rate %s is not a multiple of a minute", d)}
	}
	now := time.Now()
	since := time.Duration(now.Unix()) * time.Second
	return When{
		expression: rateExpression(int64(d / time.Minute)),
		start:      time.Unix(0, 0).UTC().Add(since.Truncate(d) + d),
	}
}

func rateExpression(minutes int64) string {
	unit, n := "minute", minutes
	switch {
	case minutes%(24*60) == 0:
		unit, n = "day", minutes/(24*60)
	case minutes%60 == 0:
		unit, n = "hour", minutes/60
	}
	if n > 1 {
		unit += "s"
	}
	return fmt.Sprintf("rate(%d %s)", n, unit)
}

// Cron fires by a cron expression of six fields: minutes, hours, days, months, weekdays (1
// is Sunday), years. One of days and weekdays is "?". "0 9 * * ? *" is every day at
// 9:00 by the clock of zone, which time.LoadLocation gives by its IANA name; nil is UTC.
//
// EventBridge Scheduler checks the values of the fields, and [Put] returns its error.
func Cron(expression string, zone *time.Location) When {
	if zone == nil {
		zone = time.UTC
	}
	w := When{expression: "cron(" + strings.Join(strings.Fields(expression), " ") + ")", zone: zone.String()}
	switch {
	case len(strings.Fields(expression)) != 6 || strings.ContainsAny(expression, "()"):
		w.err = fmt.Errorf("cron expression %q does not have six fields", expression)
	case zone == time.Local:
		w.err = errors.New("the zone of this machine has no name: load one by its IANA name")
	}
	return w
}
