package program

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Confirm asks a question, and returns nil for yes. With yes it does not ask. Without a
// terminal it refuses: a script says --yes.
func (p *Program) Confirm(ctx context.Context, yes bool, question string) error {
	if yes {
		return nil
	}
	if !p.Interactive {
		return Usagef("%s There is no terminal to ask on: add --yes", question)
	}
	answer, err := p.ask(ctx, question+" [y/N] ")
	if err != nil {
		return err
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	return &exitError{code: ExitFailed, err: errNotConfirmed}
}

var errNotConfirmed = errors.New("nothing done: no answer of yes")

// ConfirmName asks for the name. Scripts pass it as given.
func (p *Program) ConfirmName(ctx context.Context, given, name, question string) error {
	if given == "" {
		if !p.Interactive {
			return Usagef("%s There is no terminal to ask on: add --confirm %s", question, name)
		}
		var err error
		if given, err = p.ask(ctx, question+" Type its name: "); err != nil {
			return err
		}
	}
	if given != name {
		return &exitError{code: ExitFailed, err: fmt.Errorf("nothing done: the name is not %s", name)}
	}
	return nil
}

// ask writes a question and reads a line. It ends with ctx; its reading goroutine then ends
// with the program.
func (p *Program) ask(ctx context.Context, question string) (string, error) {
	_, _ = fmt.Fprint(p.Err, question)
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(p.In).ReadString('\n')
		read <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		_, _ = fmt.Fprintln(p.Err)
		return "", context.Cause(ctx)
	case l := <-read:
		if l.err != nil && !errors.Is(l.err, io.EOF) {
			return "", l.err
		}
		return strings.TrimSpace(l.text), nil
	}
}

// progressEvery is the shortest time between two updates of a progress line.
const progressEvery = 200 * time.Millisecond

// Progress is a line on a terminal that is updated in place. It is silent without a
// terminal, and safe for concurrent use.
type Progress struct {
	mu    sync.Mutex
	out   io.Writer // nil for silence
	last  time.Time
	width int
}

// NewProgress starts a progress line.
func (p *Program) NewProgress() *Progress {
	if !p.ErrTerminal || p.JSON {
		return &Progress{}
	}
	return &Progress{out: p.Err}
}

// Setf updates the line, at most once per progressEvery.
func (g *Progress) Setf(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.out == nil || time.Since(g.last) < progressEvery {
		return
	}
	g.last = time.Now()
	text := fmt.Sprintf(format, args...)
	_, _ = fmt.Fprintf(g.out, "\r%-*s", g.width, text)
	g.width = len(text)
}

// Close erases the line.
func (g *Progress) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.out != nil && g.width > 0 {
		_, _ = fmt.Fprintf(g.out, "\r%-*s\r", g.width, "")
		g.width = 0
	}
}
