package codec

// timeKind is time.Time, in JSON an RFC 3339 string.
type timeKind struct{}

func (timeKind) encode(dst []byte, p place, _ *walk) ([]byte, *Error) {
	dst = append(dst, '"')
	dst, err := p.time().AppendText(dst)
	if err != nil {
		return dst, newCausedError(ErrUnsupportedValue, "time.Time that RFC 3339 cannot express", err)
	}
	return append(dst, '"'), nil
}

// decode passes on what is between the quotes as it stands: time.Time takes no escapes in JSON.
func (timeKind) decode(s string, i int, p place, _ int) (int, *Error) {
	if !at(s, i, '"') {
		return nullOr(s, i, "time.Time")
	}
	_, end, err := readString(s, i)
	if err != nil {
		return end, err
	}
	if bad := p.time().UnmarshalText([]byte(s[i+1 : end-1])); bad != nil {
		return i, newCausedError(ErrWrongType, "got string that is not RFC 3339, want time.Time", bad)
	}
	return end, nil
}
