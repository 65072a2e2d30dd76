package sqstest

// entryFault makes entries of a batch fail, or go missing from the answer.
type entryFault struct {
	chosen selection
	err    *apiError // nil leaves the entry out of both lists
	sender bool
	after  bool // the entry was applied all the same; set from Fault.After
}

// FailEntries makes entries of a batch fail by themselves, with this code and
// this word on who is to blame: those of the given indexes, from 0, or all when
// none is given. They are not applied; with Fault.After they are, and the
// answer is wrong.
func FailEntries(code string, senderFault bool, indexes ...int) Effect {
	return Effect{name: "fail entries", entry: &entryFault{
		chosen: indexes, sender: senderFault, err: newError(code, "A fault was injected."),
	}}
}

// OmitEntries leaves entries of a batch out of both lists of the answer: those
// of the given indexes, from 0, or all when none is given. They are not applied;
// with Fault.After they are.
func OmitEntries(indexes ...int) Effect {
	return Effect{name: "omit entries", entry: &entryFault{chosen: indexes}}
}

// entryFault is the fault that acts on an entry of the call, or nil.
func (c *call) entryFault(index int) *entryFault {
	for _, f := range c.entryFaults {
		if f.chosen.has(index) {
			return &f
		}
	}
	return nil
}

// report says in the answer that the entry failed, or nothing.
func (f *entryFault) report(failed []batchFailure, id string) []batchFailure {
	if f.err == nil {
		return failed
	}
	return append(failed, batchFailure{Id: id, Code: f.err.code, Message: f.err.message, SenderFault: f.sender})
}
