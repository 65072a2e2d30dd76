package taskhawk

import (
	"fmt"
	"maps"
	"time"
)

// TaskOption is an option of [New]: a default of the task, or a setting of how it runs.
type TaskOption interface{ applyTask(s *settings) }

// DispatchOption is an option of Dispatch, DispatchAll and With, for one dispatch.
type DispatchOption interface{ applyDispatch(s *dispatchSettings) }

// Option is both: in [New] it sets a default of the task, in Dispatch it wins over that
// default. Within one list, later options win.
type Option interface {
	TaskOption
	DispatchOption
}

// settings are the result of the options of a task.
type settings struct {
	dispatchSettings

	policy   TaskPolicy
	rejected error // the first invalid option of New
	checker  Validator
}

// dispatchSettings are the result of the options of a task and a dispatch. They are
// separate because each dispatch with options copies them.
type dispatchSettings struct {
	priority        Priority
	headers         Headers
	delay           time.Duration
	group           string
	deduplicationID string
	id              string
	ids             func(i int) string
	form            argsForm
}

// with returns a copy of s with the options applied, or s itself without options. Do not
// change the result: it may belong to a task, whose dispatches share it.
func (s *dispatchSettings) with(options []DispatchOption) *dispatchSettings {
	if len(options) == 0 {
		return s
	}
	changed := *s
	for _, o := range options {
		o.applyDispatch(&changed)
	}
	return &changed
}

type (
	taskOption     func(*settings)
	dispatchOption func(*dispatchSettings)
	option         func(*dispatchSettings)
)

func (o taskOption) applyTask(s *settings)                 { o(s) }
func (o dispatchOption) applyDispatch(s *dispatchSettings) { o(s) }
func (o option) applyTask(s *settings)                     { o(&s.dispatchSettings) }
func (o option) applyDispatch(s *dispatchSettings)         { o(s) }

// WithPriority chooses the queue. Without it a task goes to the [Default] queue. A value
// that is none of the four priorities is an error of Dispatch, and a panic in [New].
func WithPriority(priority Priority) Option {
	return option(func(s *dispatchSettings) { s.priority = priority })
}

// WithHeaders adds headers. Later options and calls win over earlier ones with the same
// key, and all of them over Config.DefaultHeaders. The map is copied.
func WithHeaders(headers Headers) Option {
	headers = maps.Clone(headers)
	return option(func(s *dispatchSettings) { s.headers = s.headers.merge(headers) })
}

// WithDelay keeps the message invisible for d after it is sent. SQS counts whole seconds
// (d is rounded up) and takes up to 15 minutes; FIFO queues take no delay per message.
// For longer delays, package sqsx/schedule keeps the task until it is due.
func WithDelay(d time.Duration) Option {
	return option(func(s *dispatchSettings) { s.delay = d })
}

// WithGroup sets the message group: on a FIFO queue the unit of order, on a standard
// queue the tenant that fair queues balance. SQS takes up to 128 letters, digits and
// punctuation marks.
func WithGroup(group string) Option {
	return option(func(s *dispatchSettings) { s.group = group })
}

// argsForm says how arguments are sent.
type argsForm uint8

const (
	hubArgs        argsForm = iota // as the hub's Config.KeywordArgs says
	positionalArgs                 // those that can, by position
	keywordArgs                    // all by name
)

// WithKeywordArgs sends all arguments as keyword arguments and none by position, for
// readers that know no positions, such as the older Go library. Config.KeywordArgs does
// so for all tasks of a hub.
func WithKeywordArgs() Option {
	return option(func(s *dispatchSettings) { s.form = keywordArgs })
}

// WithPositionalArgs sends the leading arguments by position although Config.KeywordArgs
// is set, for a queue with readers that know positions only. Without Config.KeywordArgs
// it is the default.
func WithPositionalArgs() Option {
	return option(func(s *dispatchSettings) { s.form = positionalArgs })
}

// keywords reports whether all arguments are sent by name through hub, nil for none.
func (s *dispatchSettings) keywords(hub *Hub) bool {
	return s.form == keywordArgs || s.form == hubArgs && hub != nil && hub.keywordArgs
}

// WithDeduplicationID sets the deduplication id of a FIFO queue: within five minutes SQS
// stores one message per id.
func WithDeduplicationID(id string) DispatchOption {
	return dispatchOption(func(s *dispatchSettings) { s.deduplicationID = id })
}

// WithID gives the dispatch an id instead of a new UUID: any text that is not empty.
// Repeat a dispatch whose outcome is unknown with the id of the first try, so that the
// handler sees one id for both. DispatchAll refuses WithID for more than one message.
func WithID(id string) DispatchOption {
	return dispatchOption(func(s *dispatchSettings) { s.id = id })
}

// WithIDs gives each dispatch of a DispatchAll an id: the i-th entry gets id(i). A
// handler that fans out derives them from the id of its run, so that it dispatches the
// same ids when it fails after the fan-out and runs again. In Dispatch, i is 0. The
// dispatch fails if the id is empty or the function is nil.
func WithIDs(id func(i int) string) DispatchOption {
	if id == nil {
		id = func(int) string { return "" }
	}
	return dispatchOption(func(s *dispatchSettings) { s.ids = id })
}

// WithTimeout limits how long the handler may run: its context ends after d with the
// cause [ErrTimeout]. Zero, the default, sets no limit.
func WithTimeout(d time.Duration) TaskOption {
	return taskOption(func(s *settings) { s.policy.Timeout = d })
}

// WithValidator replaces the validator of the task's `validate` tags, for example by a
// *validator.Validate with further tags. It is called for every dispatch and delivery of
// the task, even if Args has no `validate` tag, since it may have other rules.
func WithValidator(v Validator) TaskOption {
	return taskOption(func(s *settings) { s.checker = v })
}

func (s *settings) checkTask() error {
	if s.policy.Timeout < 0 {
		return fmt.Errorf("negative timeout %s", s.policy.Timeout)
	}
	if s.rejected != nil {
		return s.rejected
	}
	if err := s.headers.check(); err != nil {
		return err
	}
	return s.checkDispatch()
}

// checkDispatch leaves the headers to appendHead, which goes through them anyway.
func (s *dispatchSettings) checkDispatch() error {
	switch {
	case !s.priority.Valid():
		return fmt.Errorf("%w: %s", ErrUnknownPriority, s.priority)
	case s.delay < 0:
		return fmt.Errorf("negative delay %s", s.delay)
	}
	return nil
}
