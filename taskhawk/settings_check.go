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
	if err := s.headers.check(); err != nil {
		return err
	}
	return s.checkDispatch()
}

// checkDispatch leaves the headers to appendHead, which goes through them anyway.
func (s *settings) checkDispatch() error {
	switch {
	case !s.priority.Valid():
		return fmt.Errorf("%w: %s", ErrUnknownPriority, s.priority)
	case s.delay < 0:
		return fmt.Errorf("negative delay %s", s.delay)
	case !utf8.ValidString(s.id):
		return errors.New("the id is not valid UTF-8")
	}
	return nil
}
