package sqstest

import (
	"strings"
	"unicode/utf8"
)

// maxMessageBytes is the largest message, and the largest sum of a batch: 1 MiB.
const maxMessageBytes = 1 << 20

// checkBody checks the rules of SendMessage's MessageBody that do not depend
// on the queue: it is not empty and has only characters XML 1.0 allows.
func checkBody(body string) error {
	if body == "" {
		return errMissingParameter("MessageBody")
	}
	if bad, found := illegalCharacter(body); found {
		return newError("InvalidMessageContents", "Invalid binary character '#x%X' was found in the message body, "+
			"the set of allowed characters is #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF", bad)
	}
	return nil
}

// illegalCharacter finds the first character that SQS does not carry.
func illegalCharacter(text string) (rune, bool) {
	i := strings.IndexFunc(text, func(r rune) bool { return !legalCharacter(r) })
	if i < 0 {
		return 0, false
	}
	r, _ := utf8.DecodeRuneInString(text[i:])
	return r, true
}

func legalCharacter(r rune) bool {
	switch {
	case r < 0x20:
		return r == 0x9 || r == 0xA || r == 0xD
	case r <= 0xD7FF:
		return true
	case r <= 0xFFFD:
		return r >= 0xE000
	}
	return r >= 0x10000
}
