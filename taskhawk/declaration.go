package taskhawk

import "github.com/taskhawk/taskhawk-go/codec"

// Declaration is what a hub knows of one of its tasks, for tools that describe tasks to
// other programs.
type Declaration struct {
	// Name is the name of the task.
	Name string
	// Priority is the task's default.
	Priority Priority
	// Signature is the task's parameters. The slice is the caller's.
	Signature codec.Signature
	// KeywordArgs reports that a dispatch without options sends all arguments by name: by
	// Config.KeywordArgs, or by the task's own option.
	KeywordArgs bool
	// OwnValidator reports that WithValidator decides what its `validate` tags mean.
	OwnValidator bool
}

// Declarations describes the tasks of a hub, sorted by name. The slice is the caller's.
//
// It is no method of Hub, which the linker would keep in programs that never call it: they
// have a dependency that looks methods up by name.
func Declarations(h *Hub) []Declaration {
	declarations := make([]Declaration, 0, len(h.tasks))
	for _, name := range h.TaskNames() {
		r := h.tasks[name]
		declarations = append(declarations, Declaration{
			Name:         name,
			Priority:     r.settings.priority,
			Signature:    r.task.Signature(),
			KeywordArgs:  r.settings.keywords(h),
			OwnValidator: r.settings.checker != nil,
		})
	}
	return declarations
}
