package sqstest

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// cron is a cron expression: minutes, hours, days, months, weekdays, years. Source:
// "Schedule types in EventBridge Scheduler".
type cron struct {
	zone    *time.Location
	minutes []int
	hours   []int
	months  []int
	years   []int
	day     func(day time.Time) bool // given at noon UTC
}

// lastYear is the last year that an expression can name.
const lastYear = 2199

// following goes through the days in the calendar of the zone. A time that the clock
// skips never comes, and a time that it repeats comes once.
func (c *cron) following(t time.Time) time.Time {
	local := t.In(c.zone)
	day := time.Date(local.Year(), local.Month(), local.Day(), 12, 0, 0, 0, time.UTC)
	for ; day.Year() <= lastYear; day = c.nextDay(day) {
		if !slices.Contains(c.years, day.Year()) || !slices.Contains(c.months, int(day.Month())) || !c.day(day) {
			continue
		}
		if at := c.within(day, t); !at.IsZero() {
			return at
		}
	}
	return time.Time{}
}

// nextDay skips the rest of a month or year without a match.
func (c *cron) nextDay(day time.Time) time.Time {
	switch {
	case !slices.Contains(c.years, day.Year()):
		return time.Date(day.Year()+1, 1, 1, 12, 0, 0, 0, time.UTC)
	case !slices.Contains(c.months, int(day.Month())):
		return time.Date(day.Year(), day.Month()+1, 1, 12, 0, 0, 0, time.UTC)
	}
	return day.AddDate(0, 0, 1)
}

// within returns the first time of a day after t, or the zero time.
func (c *cron) within(day, t time.Time) time.Time {
	for _, hour := range c.hours {
		for _, minute := range c.minutes {
			at := time.Date(day.Year(), day.Month(), day.Day(), hour, minute, 0, 0, c.zone)
			if at.Hour() == hour && at.Minute() == minute && at.After(t) {
				return at
			}
		}
	}
	return time.Time{}
}

func parseCron(text string, zone *time.Location) (timing, error) {
	fields := strings.Fields(text)
	if len(fields) != 6 {
		return nil, errSchedule("The expression is not cron(minutes hours day-of-month month day-of-week year).")
	}
	c := &cron{zone: zone}
	var err error
	for _, f := range []struct {
		into     *[]int
		text     string
		from, to int
		names    string
	}{
		{&c.minutes, fields[0], 0, 59, ""},
		{&c.hours, fields[1], 0, 23, ""},
		{&c.months, fields[3], 1, 12, monthNames},
		{&c.years, fields[5], 1970, lastYear, ""},
	} {
		if *f.into, err = parseCronField(f.text, f.from, f.to, f.names); err != nil {
			return nil, err
		}
	}
	switch {
	case (fields[2] == "?") == (fields[4] == "?"):
		return nil, errSchedule("One of day-of-month and day-of-week is '?', and only one.")
	case fields[4] == "?":
		c.day, err = parseDayOfMonth(fields[2])
	default:
		c.day, err = parseDayOfWeek(fields[4])
	}
	return c, err
}

const (
	monthNames   = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"
	weekdayNames = "SUN MON TUE WED THU FRI SAT"
)

// parseCronField returns the values of a list of values, ranges and increments, in order.
// The names stand for the values from 1 on.
func parseCronField(text string, from, to int, names string) ([]int, error) {
	var values []int
	for part := range strings.SplitSeq(text, ",") {
		span, step, stepped := strings.Cut(part, "/")
		low, high := from, to
		if span != "*" {
			first, last, ranged := strings.Cut(span, "-")
			low = cronValue(first, names)
			high = low
			if ranged {
				high = cronValue(last, names)
			} else if stepped {
				high = to
			}
		}
		by := 1
		if stepped {
			by = cronValue(step, "")
		}
		if low < from || high > to || low > high || by < 1 {
			return nil, errSchedule("The cron field %q is not a list of values from %d to %d.", text, from, to)
		}
		for value := low; value <= high; value += by {
			values = append(values, value)
		}
	}
	slices.Sort(values)
	return slices.Compact(values), nil
}

// cronValue returns a number or the index of a name, -1 for anything else.
func cronValue(text, names string) int {
	if i := slices.Index(strings.Fields(names), strings.ToUpper(text)); i >= 0 {
		return i + 1
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return -1
	}
	return int(n)
}

// lastDay returns the last day of the month of a day.
func lastDay(day time.Time) int {
	return time.Date(day.Year(), day.Month()+1, 0, 12, 0, 0, 0, time.UTC).Day()
}

// parseDayOfMonth reads days, L for the last and nW for the weekday nearest to the n-th,
// within the month.
func parseDayOfMonth(text string) (func(time.Time) bool, error) {
	if text == "L" {
		return func(day time.Time) bool { return day.Day() == lastDay(day) }, nil
	}
	if number, ok := strings.CutSuffix(text, "W"); ok {
		n := cronValue(number, "")
		if n < 1 || n > 31 {
			return nil, errSchedule("The day of month %q is not 1W to 31W.", text)
		}
		return func(day time.Time) bool { return day.Day() == nearestWeekday(day, n) }, nil
	}
	days, err := parseCronField(text, 1, 31, "")
	return func(day time.Time) bool { return slices.Contains(days, day.Day()) }, err
}

// nearestWeekday returns the weekday of the month nearest to the n-th, 0 if the month has
// no n-th.
func nearestWeekday(day time.Time, n int) int {
	if n > lastDay(day) {
		return 0
	}
	switch time.Date(day.Year(), day.Month(), n, 12, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if n == 1 {
			return 3
		}
		return n - 1
	case time.Sunday:
		if n == lastDay(day) {
			return n - 2
		}
		return n + 1
	default:
		return n
	}
}

// parseDayOfWeek reads days from 1, Sunday, to 7, L for Saturday, nL for the last of the
// month and n#m for its m-th.
func parseDayOfWeek(text string) (func(time.Time) bool, error) {
	if text == "L" {
		text = "7"
	}
	if name, ok := strings.CutSuffix(text, "L"); ok {
		n := cronValue(name, weekdayNames)
		if n < 1 || n > 7 {
			return nil, errSchedule("The day of week %q is not 1L to 7L.", text)
		}
		return func(day time.Time) bool { return weekday(day) == n && day.Day() > lastDay(day)-7 }, nil
	}
	if name, place, ok := strings.Cut(text, "#"); ok {
		n, m := cronValue(name, weekdayNames), cronValue(place, "")
		if n < 1 || n > 7 || m < 1 || m > 5 {
			return nil, errSchedule("The day of week %q is not 1#1 to 7#5.", text)
		}
		return func(day time.Time) bool { return weekday(day) == n && (day.Day()+6)/7 == m }, nil
	}
	days, err := parseCronField(text, 1, 7, weekdayNames)
	return func(day time.Time) bool { return slices.Contains(days, weekday(day)) }, err
}

// weekday counts from 1, Sunday.
func weekday(day time.Time) int { return int(day.Weekday()) + 1 }
