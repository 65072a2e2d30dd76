package taskhawk

// memberSet is a set of the members that the format knows.
type memberSet uint16

const (
	memberID memberSet = 1 << iota
	memberTask
	memberMetadata
	memberHeaders
	memberArgs
	memberKwargs
	memberPriority
	memberTimestamp
	memberVersion
)

// once refuses a member that was there before.
func (r *messageReader) once(member memberSet, field string) error {
	if r.seen&member != 0 {
		return r.refuse(field, "is given twice")
	}
	r.seen |= member
	return nil
}

// missing refuses a message without the members that it must have.
func (r *messageReader) missing() error {
	var field string
	switch {
	case r.seen&memberID == 0:
		field = "id"
	case r.seen&memberTask == 0:
		field = "task"
	case r.seen&memberMetadata == 0:
		field = "metadata"
	case r.seen&memberVersion == 0:
		field = "metadata.version"
	case r.seen&memberTimestamp == 0:
		field = "metadata.timestamp"
	default:
		return nil
	}
	return &MessageError{Field: field, Reason: "is missing"}
}
