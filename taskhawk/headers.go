package taskhawk

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"
)

// Headers travel with a task beside its arguments: request ids, trace context, tenant
// names. They are in the message body and, as far as SQS allows, mirrored as message
// attributes.
//
// Keys that begin with "taskhawk_" are reserved and refused by Dispatch, as the older Go
// library does.
type Headers map[string]string

// ErrHeader is wrapped by the error of a Dispatch whose headers have a reserved key, an
// empty key, or text that is not valid UTF-8.
var ErrHeader = errors.New("bad header")

const reservedHeaderPrefix = "taskhawk_"

// merge returns base overlaid with over, and changes neither. If one is empty, it
// returns the other itself, so both must be maps that no longer change.
func (base Headers) merge(over Headers) Headers {
	if len(over) == 0 {
		return base
	}
	if len(base) == 0 {
		return over
	}
	merged := maps.Clone(base)
	maps.Copy(merged, over)
	return merged
}

func (base Headers) check() error {
	for key, value := range base {
		if err := checkHeader(key, value); err != nil {
			return err
		}
	}
	return nil
}

// checkHeader returns an error for a header that a dispatch refuses.
func checkHeader(key, value string) error {
	if err := checkHeaderName(key); err != nil {
		return err
	}
	switch {
	case !utf8.ValidString(key):
		return fmt.Errorf("%w: a key is not valid UTF-8", ErrHeader)
	case !utf8.ValidString(value):
		return fmt.Errorf("%w: %q: value is not valid UTF-8", ErrHeader, clip(key))
	}
	return nil
}

func checkHeaderName(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("%w: empty key", ErrHeader)
	case strings.HasPrefix(key, reservedHeaderPrefix):
		return fmt.Errorf("%w: %q: keys beginning with %q are reserved", ErrHeader, clip(key), reservedHeaderPrefix)
	}
	return nil
}

// traceFamily is a system of trace context, whose headers belong together.
type traceFamily uint8

const (
	noTrace traceFamily = iota
	traceW3C
	traceBaggage
	traceB3
	traceXRay
)

// traceFamilyOf returns the family of a header, noTrace for all others. Its name counts
// in any case, as in HTTP.
func traceFamilyOf(name string) traceFamily {
	switch {
	case strings.EqualFold(name, "traceparent"), strings.EqualFold(name, "tracestate"):
		return traceW3C
	case strings.EqualFold(name, "baggage"):
		return traceBaggage
	case strings.EqualFold(name, "b3"), len(name) > len("x-b3-") && strings.EqualFold(name[:len("x-b3-")], "x-b3-"):
		return traceB3
	case strings.EqualFold(name, "X-Amzn-Trace-Id"):
		return traceXRay
	}
	return noTrace
}

// withTraceContext returns headers with the trace context of attributes: the Python
// library with OpenTelemetry and the older Go library send it only there. A family is
// taken whole, and only if headers have nothing of it, since a tracestate says nothing
// about the traceparent of another sender. It changes headers, which must belong to the
// caller.
func withTraceContext(headers Headers, attributes map[string]string) Headers {
	var known [traceXRay + 1]bool
	looked := false
	for name, value := range attributes {
		family := traceFamilyOf(name)
		if family == noTrace {
			continue
		}
		if !looked { // most deliveries have none, and do not pay for this
			for own := range headers {
				known[traceFamilyOf(own)] = true
			}
			looked = true
		}
		if known[family] {
			continue
		}
		if headers == nil {
			headers = Headers{}
		}
		headers[name] = value
	}
	return headers
}
