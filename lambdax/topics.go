package lambdax

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/taskhawk/taskhawk-go/internal/awsbatch"
	"github.com/taskhawk/taskhawk-go/internal/guard"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// topicARNs has the ARN of each topic, from a prefix or from the list of all topics. The
// next call repeats a look-up that failed. One that found no such topic is repeated after
// [awsbatch.MissTTL], since the list may have hundreds of pages.
type topicARNs struct {
	api    PublisherAPI
	app    string
	names  []string          // of the application's topics
	prefix string            // of all ARNs; "" when they are looked up
	turn   chan struct{}     // holds one token while no caller looks
	found  map[string]string // by name; whoever has the token may touch it
	misses awsbatch.Misses[error]
}

func newTopicARNs(api PublisherAPI, app string, names map[taskhawk.Priority]string, prefix string) *topicARNs {
	t := &topicARNs{api: api, app: app, prefix: prefix, turn: make(chan struct{}, 1), found: map[string]string{}}
	for _, priority := range taskhawk.Priorities() {
		// A Naming may put several priorities on one topic.
		if name := names[priority]; !slices.Contains(t.names, name) {
			t.names = append(t.names, name)
		}
	}
	t.turn <- struct{}{}
	return t
}

// get returns the ARN of a topic. Concurrent calls share one look-up.
func (t *topicARNs) get(ctx context.Context, name string) (string, error) {
	if t.prefix != "" {
		return t.prefix + name, nil
	}
	ctx, cancel := context.WithTimeout(ctx, awsbatch.AllTimeout)
	defer cancel()
	select {
	case <-t.turn:
	case <-ctx.Done():
		return "", guard.Error(context.Cause(ctx))
	}
	defer func() { t.turn <- struct{}{} }()
	if arn, known := t.found[name]; known {
		return arn, nil
	}
	if err, known := t.misses.Get(name); known {
		return "", err
	}
	return t.lookUp(ctx, name)
}

// lookUp reads the list up to the topic, and caches it or that it is missing.
func (t *topicARNs) lookUp(ctx context.Context, name string) (string, error) {
	var others []string
	pages := sns.NewListTopicsPaginator(pagesOf{t.api}, &sns.ListTopicsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", fmt.Errorf("look it up: %w", err)
		}
		for _, topic := range page.Topics {
			arn := aws.ToString(topic.TopicArn)
			base := arn[strings.LastIndexByte(arn, ':')+1:]
			if base == name {
				t.found[name] = arn
				return arn, nil
			}
			if slices.Contains(t.names, base) {
				others = append(others, base)
			}
		}
	}
	err := &noTopicError{others: awsbatch.WhichExist("topic", t.app, others)}
	t.misses.Keep(name, err)
	return "", err
}

// pagesOf reads a page of the list, with retries.
type pagesOf struct{ api PublisherAPI }

// ListTopics makes the call.
func (p pagesOf) ListTopics(
	ctx context.Context, in *sns.ListTopicsInput, _ ...func(*sns.Options),
) (out *sns.ListTopicsOutput, err error) {
	err = awsbatch.Retry(ctx, func(ctx context.Context) (err error) {
		out, err = p.api.ListTopics(ctx, in, once(ctx))
		return err
	})
	return out, err
}

// Naming returns the name of the topic of an application for a priority. [TopicName] is
// the default. A name that ends with .fifo names a FIFO topic.
type Naming func(app string, priority taskhawk.Priority) string

// TopicName returns the name that all Taskhawk libraries use: for "dev-myapp" it is
// taskhawk-dev-myapp, in lower case, with the suffix
// -high-priority, -low-priority or -bulk for those priorities.
func TopicName(app string, priority taskhawk.Priority) string {
	name := "taskhawk-" + strings.ToLower(app)
	switch priority {
	case taskhawk.High:
		return name + "-high-priority"
	case taskhawk.Low:
		return name + "-low-priority"
	case taskhawk.Bulk:
		return name + "-bulk"
	default:
		return name
	}
}

// maxTopicName is the length of a topic name in characters, .fifo included.
const maxTopicName = 256

// names returns the names of the topics of all priorities, checked.
func (n Naming) names(app string) (map[taskhawk.Priority]string, error) {
	if err := awsbatch.CheckApp(app); err != nil {
		return nil, err
	}
	if n == nil {
		n = TopicName
	}
	names := make(map[taskhawk.Priority]string, len(taskhawk.Priorities()))
	for _, priority := range taskhawk.Priorities() {
		name, err := awsbatch.Name(n, app, priority)
		if err != nil {
			return nil, err
		}
		if err := checkTopicName(name); err != nil {
			return nil, err
		}
		names[priority] = name
	}
	return names, nil
}

func checkTopicName(name string) error {
	base := strings.TrimSuffix(name, ".fifo")
	if base == "" || len(name) > maxTopicName {
		return fmt.Errorf("topic name %q has %d characters; SNS takes 1 to %d", name, len(name), maxTopicName)
	}
	if strings.ContainsFunc(base, func(r rune) bool { return !topicRune(r) }) {
		return fmt.Errorf("topic name %q: SNS takes letters, digits, '-' and '_'", name)
	}
	return nil
}

func topicRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}
