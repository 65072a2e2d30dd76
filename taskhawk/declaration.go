package taskhawk

import "github.com/taskhawk/taskhawk-go/codec"

// Declaration describes one task of a hub, for tools that describe tasks to other
// programs.
type Declaration struct {
	// Name is the name of the task.
	Name string
	// Priority is the default priority of the task.
	Priority Priority
	// Signature holds the parameters of the task. The caller owns the slice.
	Signature codec.Signature
	// KeywordArgs reports whether a dispatch without options sends all arguments by name,
	// because of Config.KeywordArgs or an option of the task.
	KeywordArgs bool
	// OwnValidator reports whether the task has a validator from WithValidator, which
	// decides what its `validate` tags mean.
	OwnValidator bool
}

// Declarations returns the declarations of a hub's tasks, sorted by name. The caller owns
// the slice.
//
// It is not a method. The linker would keep the method in programs that never call it,
// since one of their dependencies looks up methods by name.
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
