package jsontext

// SkipNumber checks the JSON number that begins at s[i] and returns the index just past it. It looks at the grammar only;
// any number of digits is a number.
func SkipNumber(s string, i int) (end int, err error) {
	if at(s, i, '-') {
		i++
	}
	if at(s, i, '0') {
		i++
	} else if i, err = skipDigits(s, i); err != nil {
		return i, err
	}
	if at(s, i, '.') {
		if i, err = skipDigits(s, i+1); err != nil {
			return i, err
		}
	}
	return skipExponent(s, i)
}

// skipExponent steps over an exponent, if there is one.
func skipExponent(s string, i int) (int, error) {
	if !at(s, i, 'e') && !at(s, i, 'E') {
		return i, nil
	}
	i++
	if at(s, i, '+') || at(s, i, '-') {
		i++
	}
	return skipDigits(s, i)
}

// skipDigits steps over one digit or more.
func skipDigits(s string, i int) (int, error) {
	start := i
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	if i == start {
		return i, Unexpected(s, i, "a digit")
	}
	return i, nil
}

func isDigit(c byte) bool { return c-'0' <= 9 }
