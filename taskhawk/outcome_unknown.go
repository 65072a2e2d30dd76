package taskhawk

import "errors"

// ErrOutcomeUnknown is wrapped by the error of a Dispatch whose message may be stored although no answer said so: the answer was
// lost, or the caller gave up while the call was in flight. Repeat the dispatch with WithID and the same id, and let the handler
// stand a duplicate.
var ErrOutcomeUnknown = errors.New("the message may be stored or not")
