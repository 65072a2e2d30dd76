package cli

import (
	"os"
	"path/filepath"

	"github.com/posener/complete"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
)

// predictors returns completions of values by the tag predictor.
func predictors() map[string]complete.Predictor {
	var roles []string
	for _, role := range sqscheck.Roles() {
		roles = append(roles, string(role))
	}
	return map[string]complete.Predictor{
		"file":     complete.PredictFiles("*"),
		"priority": complete.PredictSet("high", "default", "low", "bulk"),
		"role":     complete.PredictSet(roles...),
	}
}

// completion is the command `taskhawk completion`.
type completion struct {
	Shell string `arg:"" default:"" enum:"bash,zsh,fish," help:"bash, zsh or fish. Default: from SHELL." optional:""`
}

// Help has examples.
func (completion) Help() string {
	return `The shell asks the program itself what fits, so that completion is never out of date.

Examples:
  source <(taskhawk completion bash)          # in ~/.bashrc
  source <(taskhawk completion zsh)           # in ~/.zshrc
  taskhawk completion fish | source           # in config.fish`
}

// Run prints the lines for the shell.
func (c completion) Run(p *program.Program) error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	shell := c.Shell
	if shell == "" {
		shell = filepath.Base(os.Getenv("SHELL"))
	}
	switch shell {
	case "bash":
		p.Printf("complete -C %q taskhawk\n", path)
	case "zsh":
		p.Printf("autoload -U +X bashcompinit && bashcompinit\ncomplete -C %q taskhawk\n", path)
	case "fish":
		p.Printf("complete -c taskhawk -f -a '(env COMP_LINE=(commandline -cp) %s)'\n", path)
	default:
		return program.Usagef("unknown shell: give bash, zsh or fish")
	}
	return nil
}
