package lambdax

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/events"

	"github.com/taskhawk/taskhawk-go/internal/guard"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// ErrUnknownEvent is wrapped by the error of a handler for an event without records or
// from another source. Without the error, Lambda would drop the event.
var ErrUnknownEvent = errors.New("unknown event")

// The event sources, from the member eventSource of records. SNS spells it EventSource.
const (
	sourceSQS = "aws:sqs"
	sourceSNS = "aws:sns"
)

// Handler returns the handler of a Lambda function that both queues and topics feed, for
// lambda.Start. It does what [SQS] and [SNS] do, and distinguishes events by the source
// in their records. For a single kind of source, SQS and SNS are faster: they read the
// event once instead of twice.
//
// Handler returns an error where SQS or SNS would.
func Handler(
	hub *taskhawk.Hub, config HandlerConfig,
) (handler func(context.Context, json.RawMessage) (any, error), err error) {
	sqs, err := SQS(hub, config.SQS)
	if err != nil {
		return nil, err
	}
	sns, err := SNS(hub, config.SNS)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		source, err := sourceOf(event)
		switch {
		case err != nil:
			return nil, fmt.Errorf("lambdax: %w", err)
		case source == sourceSNS:
			return nil, handle(event, func(e events.SNSEvent) error { return sns(ctx, e) })
		}
		var response events.SQSEventResponse
		err = handle(event, func(e events.SQSEvent) (err error) {
			response, err = sqs(ctx, e)
			return err
		})
		return response, err
	}, nil
}

func handle[Event any](text json.RawMessage, next func(Event) error) error {
	var event Event
	if err := json.Unmarshal(text, &event); err != nil {
		return fmt.Errorf("lambdax: %w: %w", ErrUnknownEvent, err)
	}
	return next(event)
}

// checkSource returns an error unless the event has records, all from the source. A
// record without a source, as in tests, is accepted.
func checkSource[Record any](records []Record, source string, of func(*Record) string) error {
	if len(records) == 0 {
		return fmt.Errorf("lambdax: %w: no records", ErrUnknownEvent)
	}
	for i := range records {
		switch found := of(&records[i]); found {
		case "", source:
		case sourceSNS:
			return fmt.Errorf("lambdax: %w: an SNS event: use lambdax.SNS or lambdax.Handler", ErrUnknownEvent)
		case sourceSQS:
			return fmt.Errorf("lambdax: %w: an SQS event: use lambdax.SQS or lambdax.Handler", ErrUnknownEvent)
		default:
			return fmt.Errorf("lambdax: %w: source %q", ErrUnknownEvent, guard.Line(found, maxShown))
		}
	}
	return nil
}

// sourceOf returns the common source of all records of an event.
func sourceOf(event json.RawMessage) (string, error) {
	var probe struct {
		Records []struct {
			Source string `json:"eventSource"` // encoding/json takes EventSource as well
		} `json:"Records"` //nolint:tagliatelle // as Lambda writes it
	}
	if err := json.Unmarshal(event, &probe); err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnknownEvent, err)
	}
	if len(probe.Records) == 0 {
		return "", fmt.Errorf("%w: no records", ErrUnknownEvent)
	}
	source := probe.Records[0].Source
	for _, r := range probe.Records {
		if r.Source != source || source != sourceSQS && source != sourceSNS {
			return "", fmt.Errorf("%w: source %q", ErrUnknownEvent, guard.Line(r.Source, maxShown))
		}
	}
	return source, nil
}
