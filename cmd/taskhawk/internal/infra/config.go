package infra

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsimple"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// File is what a user writes, in HCL or in its JSON form.
type File struct {
	// Region and Account locate the queues. Required, here or by the flags of the
	// command: policies name queues.
	Region  string `hcl:"region,optional"`
	Account string `hcl:"account,optional"`
	// Tags are put on everything that takes tags.
	Tags map[string]string `hcl:"tags,optional"`
	// AlarmTopic is the ARN of the SNS topic of alarms. Default: alarms notify no topic.
	AlarmTopic string `hcl:"alarm_topic,optional"`
	// Apps are the applications.
	Apps []App `hcl:"app,block"`
}

// App is an application: its queues, and the programs that use them.
type App struct {
	Name string `hcl:"name,label"`
	// Priorities are high, default, low and bulk. Default: all.
	Priorities []string `hcl:"priorities,optional"`
	// FIFO makes FIFO queues.
	FIFO bool `hcl:"fifo,optional"`
	// Topics makes an SNS topic for each queue, with a raw subscription.
	Topics bool `hcl:"topics,optional"`
	// Retention is how long queues keep a message, in seconds. Default: 4 days.
	Retention int `hcl:"retention_seconds,optional"`
	// Function feeds a Lambda function. Default: workers receive.
	Function *Function `hcl:"function,block"`
	// Alarms replace the thresholds.
	Alarms *Alarms `hcl:"alarms,block"`
	// Schedules dispatch tasks at times.
	Schedules []Schedule `hcl:"schedule,block"`
}

// Function is a Lambda function that receives from the queues.
type Function struct {
	// Name is the name or ARN of the function, Timeout its timeout in seconds.
	Name    string `hcl:"name"`
	Timeout int    `hcl:"timeout_seconds"`
	// BatchSize is how many messages an invocation gets. Default 10.
	BatchSize int `hcl:"batch_size,optional"`
	// Window is how long a batch is gathered, in seconds. Default 0.
	Window int `hcl:"window_seconds,optional"`
	// MaximumConcurrency bounds the invocations of each queue. Default: no bound.
	MaximumConcurrency int `hcl:"maximum_concurrency,optional"`
}

// Alarms are thresholds; 0 leaves the default.
type Alarms struct {
	// Oldest is the age of the oldest message of each priority, in seconds. Default: high
	// 60, default 300, low 1800, bulk 14400.
	Oldest map[string]int `hcl:"oldest_seconds,optional"`
	// Backlog is how many messages wait. Default 5000.
	Backlog int `hcl:"backlog,optional"`
}

// Schedule dispatches a task.
type Schedule struct {
	Name string `hcl:"name,label"`
	// Expression is at(...), rate(...) or cron(...), by the clock of Zone, an IANA name.
	// Default: UTC.
	Expression string `hcl:"expression"`
	Zone       string `hcl:"zone,optional"`
	Task       string `hcl:"task"`
	// Priority is the queue. Default: default.
	Priority string `hcl:"priority,optional"`
	// Args and Kwargs are JSON. Default: none.
	Args    string            `hcl:"args,optional"`
	Kwargs  string            `hcl:"kwargs,optional"`
	Headers map[string]string `hcl:"headers,optional"`
	// Group is the message group, which FIFO queues need.
	Group string `hcl:"group,optional"`
}

// Read reads a file: HCL if its name ends in .hcl, JSON if it ends in .json. Notes list
// the settings of an old configuration that are not carried over.
func Read(name string, source []byte) (file File, notes []string, err error) {
	if strings.HasSuffix(name, ".json") && isOld(source) {
		file, notes, err = readOld(source)
	} else if err = hclsimple.Decode(name, source, nil, &file); err != nil {
		err = fmt.Errorf("read %s: %w", name, everyProblem(err))
	}
	return file, notes, err
}

// everyProblem returns an error with all diagnostics; hcl's own names the first only.
func everyProblem(err error) error {
	diagnostics, ok := errors.AsType[hcl.Diagnostics](err)
	if !ok {
		return err
	}
	texts := make([]string, 0, len(diagnostics))
	for _, d := range diagnostics {
		texts = append(texts, d.Error())
	}
	return errors.New(strings.Join(texts, "; "))
}

const defaultBacklog = 5000

// oldest returns the threshold of the age of the oldest message, in seconds.
func oldest(priority taskhawk.Priority) int {
	return map[taskhawk.Priority]int{
		taskhawk.High: 60, taskhawk.Default: 300, taskhawk.Low: 1800, taskhawk.Bulk: 14400,
	}[priority]
}

// queue is one queue of an application with all its values.
type queue struct {
	app         *App
	priority    taskhawk.Priority
	name        string
	deadLetters string
	settings    sqscheck.Settings
	oldest      int
	backlog     int
}

// stack is a checked file.
type stack struct {
	File

	queues map[string][]queue // by application
}

func newStack(file File) (*stack, error) {
	s := &stack{File: file, queues: map[string][]queue{}}
	if len(file.Apps) == 0 {
		return nil, errors.New("no app")
	}
	for i := range s.Apps {
		app := &s.Apps[i]
		if s.queues[app.Name] != nil {
			return nil, fmt.Errorf("app %q is declared twice", app.Name)
		}
		queues, err := s.queuesOf(app)
		if err != nil {
			return nil, fmt.Errorf("app %q: %w", app.Name, err)
		}
		s.queues[app.Name] = queues
	}
	return s, nil
}

func (s *stack) queuesOf(app *App) ([]queue, error) {
	priorities, err := parsePriorities(app.Priorities)
	if err != nil {
		return nil, err
	}
	timeout, window, err := app.times()
	if err != nil {
		return nil, err
	}
	settings := sqscheck.Advised(timeout, window)
	if app.Retention != 0 {
		settings.Retention = time.Duration(app.Retention) * time.Second
	}
	if settings.Retention < time.Hour || settings.Retention >= settings.DeadLetterRetention {
		return nil, fmt.Errorf("retention_seconds %d: an hour to less than the 14 days of dead letters", app.Retention)
	}
	var queues []queue
	for _, priority := range priorities {
		q := queue{app: app, priority: priority, settings: settings, oldest: oldest(priority), backlog: defaultBacklog}
		q.name = app.naming()(app.Name, priority)
		q.deadLetters = sqsx.DeadLetterQueueName(q.name)
		if a := app.Alarms; a != nil {
			if n := a.Oldest[priority.String()]; n > 0 {
				q.oldest = n
			}
			if a.Backlog > 0 {
				q.backlog = a.Backlog
			}
		}
		queues = append(queues, q)
	}
	// The policy checks region, account and the names of the queues.
	_, err = s.policy(app, sqscheck.RoleWorker)
	return queues, err
}

func parsePriorities(names []string) ([]taskhawk.Priority, error) {
	if len(names) == 0 {
		return taskhawk.Priorities(), nil
	}
	var priorities []taskhawk.Priority
	for _, name := range names {
		priority, err := taskhawk.ParsePriority(name)
		if err != nil {
			return nil, err
		}
		if slices.Contains(priorities, priority) {
			return nil, fmt.Errorf("priority %s is named twice", name)
		}
		priorities = append(priorities, priority)
	}
	slices.SortFunc(priorities, func(a, b taskhawk.Priority) int {
		return slices.Index(taskhawk.Priorities(), a) - slices.Index(taskhawk.Priorities(), b)
	})
	return priorities, nil
}

// times checks the function, and returns its timeout and window.
func (a *App) times() (timeout, window time.Duration, err error) {
	f := a.Function
	if f == nil {
		return 0, 0, nil
	}
	if f.BatchSize == 0 {
		f.BatchSize = 10
	}
	switch {
	case f.Timeout < 1 || f.Timeout > 900:
		return 0, 0, fmt.Errorf("timeout_seconds %d: Lambda takes 1 to 900", f.Timeout)
	case f.Window < 0 || f.Window > 300 || a.FIFO && f.Window > 0:
		return 0, 0, fmt.Errorf("window_seconds %d: Lambda takes 0 to 300, and 0 on FIFO queues", f.Window)
	case f.BatchSize < 1 || f.BatchSize > 10000 || f.BatchSize > 10 && (a.FIFO || f.Window == 0):
		return 0, 0, fmt.Errorf("batch_size %d: 1 to 10, on standard queues with a window to 10000", f.BatchSize)
	case f.MaximumConcurrency != 0 && (f.MaximumConcurrency < 2 || f.MaximumConcurrency > 1000):
		return 0, 0, fmt.Errorf("maximum_concurrency %d: Lambda takes 2 to 1000", f.MaximumConcurrency)
	}
	return time.Duration(f.Timeout) * time.Second, time.Duration(f.Window) * time.Second, nil
}

func (a *App) naming() sqsx.Naming {
	if !a.FIFO {
		return sqsx.QueueName
	}
	return func(app string, priority taskhawk.Priority) string { return sqsx.QueueName(app, priority) + ".fifo" }
}

// identifier makes a name of parts, for Terraform and, without the underscores, for
// CloudFormation.
func identifier(parts ...string) string {
	text := strings.ToLower(strings.Join(parts, "_"))
	text = regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(text, "_")
	if text[0] >= '0' && text[0] <= '9' {
		text = "_" + text
	}
	return text
}
