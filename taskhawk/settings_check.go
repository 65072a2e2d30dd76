package taskhawk

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

func (s *settings) checkTask() error {
	if s.timeout < 0 {
		return fmt.Errorf("negative timeout %s", s.timeout)
	}
	return s.checkDispatch()
}

func (s *settings) checkDispatch() error {
	switch {
	case !s.priority.Valid():
		return fmt.Errorf("%w: %s", ErrUnknownPriority, s.priority)
	case s.delay < 0:
		return fmt.Errorf("negative delay %s", s.delay)
	case !utf8.ValidString(s.id):
		return errors.New("the id is not valid UTF-8")
	}
	return s.headers.check()
}
