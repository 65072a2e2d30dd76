package taskhawk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/taskhawk/taskhawk-go/internal/jsontext"
)

// registration is a task with its argument type erased: everything behind this border is plain.
type registration struct {
	identity *identity
	handler  Handler // nil for a task that can only be dispatched
	timeout  time.Duration
}

// identity is what all copies of a task share: its name, and the hubs that it is registered with.
type identity struct {
	name   string
	member string // "task":"name", with the comma, as it stands in every message

	mu   sync.RWMutex
	hubs []*Hub
}

const maxTaskName = 256 // bytes

// newIdentity checks the name of a task.
func newIdentity(name string) (*identity, error) {
	switch {
	case name == "":
		return nil, errors.New("the task has no name")
	case len(name) > maxTaskName:
		return nil, fmt.Errorf("the name has %d bytes, more than %d", len(name), maxTaskName)
	}
	member, ok := jsontext.AppendString([]byte(`"task":`), name)
	if !ok {
		return nil, errors.New("the name is not valid UTF-8")
	}
	return &identity{name: name, member: string(member) + ","}, nil
}

var (
	// ErrNoHub is wrapped by the error of a Dispatch when the task is registered with no hub and the context names none.
	ErrNoHub = errors.New("the task is registered with no hub: put it in Config.Tasks, or use ContextWithHub")
	// ErrAmbiguousHub is wrapped by the error of a Dispatch when the task is registered with several hubs and the
	// context names none of them.
	ErrAmbiguousHub = errors.New("the task is registered with more than one hub: choose one with ContextWithHub")
)

func (id *identity) register(hub *Hub) {
	id.mu.Lock()
	defer id.mu.Unlock()
	id.hubs = append(id.hubs, hub)
}

// hub returns the hub that dispatches in ctx.
func (id *identity) hub(ctx context.Context) (*Hub, error) {
	if hub := HubFrom(ctx); hub != nil {
		return hub, nil
	}
	id.mu.RLock()
	defer id.mu.RUnlock()
	switch len(id.hubs) {
	case 0:
		return nil, ErrNoHub
	case 1:
		return id.hubs[0], nil
	}
	return nil, ErrAmbiguousHub
}
