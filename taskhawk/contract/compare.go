package contract

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// Verdict is the order in which a change may be deployed.
type Verdict int

const (
	// Safe means any order: old and new programs read each other's messages.
	Safe Verdict = iota
	// ReadersFirst means workers before senders. New programs read old messages. Old
	// programs refuse only messages that use the addition.
	ReadersFirst
	// Breaks means that no order is safe. A message in flight, or one that a new program
	// writes for an old call, is refused or read with another meaning.
	Breaks
)

// String returns the verdict in words.
func (v Verdict) String() string {
	switch v {
	case ReadersFirst:
		return "readers first"
	case Breaks:
		return "breaks"
	case Safe:
	}
	return "safe"
}

// Change is one difference between two contracts.
type Change struct {
	Task    string
	Param   string // empty when the whole task changed
	Verdict Verdict
	Reason  string // what is not read, and by which programs
}

// String returns the change in one line.
func (c Change) String() string {
	where := c.Task
	if c.Param != "" {
		where += ", " + c.Param
	}
	return fmt.Sprintf("%s: %s: %s", where, c.Verdict, c.Reason)
}

// Compare lists the changes from one contract to another, by task. It checks both
// directions: old messages read by new programs, and new messages read by old programs.
// It considers every message that a contract allows, from Go or Python. If Go sends
// keywords, it leaves out arguments by position.
func Compare(before, after *Contract) []Change {
	var changes []Change
	for _, o := range before.Tasks {
		n, ok := after.Task(o.Name)
		if !ok {
			const reason = "the task is removed; its messages become dead letters"
			changes = append(changes, Change{o.Name, "", Breaks, reason})
			continue
		}
		changes = append(changes, compareTask(before, after, o, n)...)
	}
	for _, n := range after.Tasks {
		if _, ok := before.Task(n.Name); !ok {
			changes = append(changes, Change{n.Name, "", ReadersFirst, "the task is new; old programs do not know it"})
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return cmp.Compare(a.Task, b.Task) })
	return changes
}

func compareTask(before, after *Contract, o, n Task) []Change {
	oldMessages := &binder{reading: newReading(after, before), reads: n, writes: o}
	oldMessages.any(true)
	repeated := &binder{reading: newReading(before, after), reads: o, writes: n}
	repeated.repeated()
	newMessages := &binder{reading: newReading(before, after), reads: o, writes: n}
	newMessages.any(false)

	var changes []Change
	add := func(found []finding, verdict Verdict, prefix string) {
		for _, f := range found {
			if !slices.ContainsFunc(changes, func(c Change) bool { return c.Param == f.param }) {
				changes = append(changes, Change{o.Name, f.param, verdict, prefix + f.reason})
			}
		}
	}
	add(oldMessages.found, Breaks, "in old messages, ")
	add(repeated.found, Breaks, "for old programs, ")
	add(newMessages.found, ReadersFirst, "for old programs, ")
	if o.Priority != n.Priority {
		changes = append(changes, Change{o.Name, "", Safe, "priority " + o.Priority + " became " + n.Priority +
			"; workers must receive from that queue"})
	}
	if len(changes) == 0 && !sameText(before, after, o, n) {
		changes = append(changes, Change{o.Name, "", Safe, "described differently but read alike"})
	}
	return changes
}

func newReading(reader, writer *Contract) *reading {
	return &reading{reader: reader, writer: writer, known: map[[2]*Schema]string{}}
}

// sameText reports whether two tasks have the same text, definitions included.
func sameText(before, after *Contract, o, n Task) bool {
	old, bad := (&Contract{Tasks: []Task{o}, Defs: before.used(o)}).text()
	text, worse := (&Contract{Tasks: []Task{n}, Defs: after.used(n)}).text()
	return bad == nil && worse == nil && bytes.Equal(old, text)
}

// used returns the definitions that a task refers to, directly or through others.
func (c *Contract) used(task Task) map[string]*Schema {
	used := map[string]*Schema{}
	var visit func(s *Schema)
	visit = func(s *Schema) {
		if name := s.definition(); name != "" && used[name] == nil {
			used[name] = c.Defs[name]
			visit(c.Defs[name])
		}
		for _, part := range s.parts() {
			visit(part)
		}
	}
	for _, p := range task.Params {
		visit(p.Schema)
	}
	if task.Rest != nil {
		visit(task.Rest.Schema)
	}
	return used
}

// finding is one way in which a reader misreads a message.
type finding struct{ param, reason string }

// binder finds the messages of a writer that a reader refuses or misreads.
type binder struct {
	*reading

	reads, writes Task
	found         []finding
}

func (b *binder) reportf(param, format string, args ...any) {
	b.found = append(b.found, finding{param, fmt.Sprintf(format, args...)})
}

// named returns the index of the parameter that a keyword fills, -1 if none.
func (t Task) named(name string) int {
	return slices.IndexFunc(t.Params, func(p Param) bool { return p.Name == name || slices.Contains(p.Aliases, name) })
}

// placed returns the index of the parameter that args[n] fills, -1 if none.
func (t Task) placed(n int) int {
	for i, p := range t.Params {
		if p.KeywordOnly {
			continue
		}
		if n == 0 {
			return i
		}
		n--
	}
	return -1
}

// any checks every message that the writer's contract allows, with old names too if
// aliases is set.
func (b *binder) any(aliases bool) {
	given := map[int]bool{}   // parameters of the reader that every message fills
	taken := map[int]string{} // by which parameter of the writer
	place := 0
	for _, p := range b.writes.Params {
		names := []string{p.Name}
		if aliases {
			names = append(names, p.Aliases...)
		}
		target, ok := b.byName(p, names)
		if other, twice := taken[target]; twice && target >= 0 {
			b.reportf(p.Name, "%s and %s are read as one", other, p.Name)
			ok = false
		}
		taken[target] = p.Name
		if !p.KeywordOnly {
			if b.writes.Sends == Positional {
				ok = b.byPlace(p, place, target) && ok
			}
			place++
		}
		if ok && target >= 0 && !p.Optional {
			given[target] = true
		}
	}
	b.rest()
	for i, p := range b.reads.Params {
		if !p.Optional && !given[i] {
			b.reportf(p.Name, "%s may be missing but is required", p.Name)
		}
	}
}

// byName checks a parameter given by any of its names. All names must lead to one
// parameter of the reader, or to its rest (-1).
func (b *binder) byName(p Param, names []string) (target int, ok bool) {
	target = b.reads.named(p.Name)
	for _, name := range names {
		switch i := b.reads.named(name); {
		case i != target, i < 0 && name != p.Name: // rest would keep the older name
			b.reportf(p.Name, "keyword %s is no longer a name of %s", name, p.Name)
			return target, false
		case i < 0 && b.reads.Rest == nil:
			b.reportf(p.Name, "keyword %s is unknown", name)
			return target, false
		}
	}
	schema := b.schema(target)
	if gap := b.gap(schema, p.Schema); gap != "" {
		b.reportf(p.Name, "%s is retyped: %s", p.Name, gap)
		return target, false
	}
	return target, true
}

// schema returns the schema of a parameter of the reader, or of its rest for -1.
func (b *binder) schema(target int) *Schema {
	if target < 0 {
		return b.reads.Rest.Schema
	}
	return b.reads.Params[target].Schema
}

// byPlace checks the same parameter given by position. The position must lead to the same
// parameter as the name, since no decoder notices a swap.
func (b *binder) byPlace(p Param, place, target int) bool {
	switch i := b.reads.placed(place); {
	case i < 0:
		b.reportf(p.Name, "args[%d], %s, is one too many", place, p.Name)
	case i != target:
		b.reportf(p.Name, "args[%d], %s, is read as %s", place, p.Name, b.reads.Params[i].Name)
	default:
		return true
	}
	return false
}

// rest checks keywords that are no parameter of the writer.
func (b *binder) rest() {
	rest := b.writes.Rest
	switch {
	case rest == nil:
		return
	case b.reads.Rest == nil:
		b.reportf(rest.Name, "keywords that %s took are unknown", rest.Name)
		return
	}
	if gap := b.gap(b.reads.Rest.Schema, rest.Schema); gap != "" {
		b.reportf(rest.Name, "%s is retyped: %s", rest.Name, gap)
	}
	for _, p := range b.reads.Params {
		if b.writes.named(p.Name) >= 0 {
			continue
		}
		if gap := b.gap(p.Schema, rest.Schema); gap != "" {
			b.reportf(p.Name, "keyword %s, which %s took, is retyped: %s", p.Name, rest.Name, gap)
		}
	}
}

// repeated checks the messages that Go writes for calls that use nothing new. Arguments
// go by position up to the first optional or keyword-only parameter, and by their present
// name from there on.
func (b *binder) repeated() {
	leading := b.writes.Sends == Positional
	for i, p := range b.writes.Params {
		leading = leading && !p.Optional && !p.KeywordOnly
		target := b.counterpart(p)
		switch {
		case leading:
			at := b.reads.placed(i)
			if at < 0 {
				b.reportf(p.Name, "args[%s], %s, is one too many", strconv.Itoa(i), p.Name)
			} else if target >= 0 && at != target {
				b.reportf(p.Name, "args[%d], %s, is read as %s", i, p.Name, b.reads.Params[at].Name)
			}
		case target >= 0 && b.reads.named(p.Name) != target:
			b.reportf(p.Name, "keyword %s is unknown: add it as an alias first, rename in a second step",
				p.Name)
		case target < 0 && !p.Optional && b.reads.Rest == nil:
			b.reportf(p.Name, "keyword %s is unknown and is in every message", p.Name)
		}
	}
	for _, q := range b.reads.Params {
		isWritten := func(p Param) bool { return p.Name == q.Name || b.isAlias(p, q) }
		if !q.Optional && !slices.ContainsFunc(b.writes.Params, isWritten) {
			b.reportf(q.Name, "%s is required and no longer sent", q.Name)
		}
	}
}

// counterpart returns the parameter of the reader with a name of the writer's parameter,
// -1 if it is new.
func (b *binder) counterpart(p Param) int {
	if i := b.reads.named(p.Name); i >= 0 {
		return i
	}
	return slices.IndexFunc(b.reads.Params, func(q Param) bool { return b.isAlias(p, q) })
}

// isAlias reports whether two parameters have a name in common, an old one or a new one.
func (b *binder) isAlias(p, q Param) bool {
	return slices.ContainsFunc(append([]string{p.Name}, p.Aliases...), func(name string) bool {
		return q.Name == name || slices.Contains(q.Aliases, name)
	})
}
