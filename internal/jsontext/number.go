package jsontext

// SkipNumber checks the JSON number that begins at s[i] and returns the index just past it. It looks at the grammar only;
// any number of digits is a number.
func SkipNumber(s string, i int) (end int, err error) {
	if i < len(s) && s[i] == '-' {
		i++
	}
	if i < len(s) && s[i] == '0' {
		i++
	} else if i, err = skipDigits(s, i); err != nil {
		return i, err
	}
	if i < len(s) && s[i] == '.' {
		if i, err = skipDigits(s, i+1); err != nil {
			return i, err
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		return skipDigits(s, i)
	}
	return i, nil
}

// skipDigits steps over one digit or more.
func skipDigits(s string, i int) (int, error) {
	start := i
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	if i == start {
		return i, Unexpected(s, i, "a digit")
	}
	return i, nil
}
