package infra

import (
	"fmt"
	"os"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/program"
)

// Command is the command terraform.
type Command struct {
	File   string `arg:""            help:"What to declare, in HCL or JSON; or the JSON of the old generator."`
	Format string `default:"terraform" enum:"terraform,cloudformation" help:"terraform or cloudformation."`
}

// Help has examples.
func (*Command) Help() string {
	return `It makes no call and writes to the standard output. docs/deploy.md has the file.
--region and --account replace the values in the file.

Examples:
  taskhawk terraform apps.hcl > taskhawk.tf
  taskhawk terraform apps.hcl --format cloudformation > taskhawk.json
  taskhawk terraform old.json --region us-east-1 --account 111122223333 > taskhawk.tf`
}

// Run writes the declarations.
func (c *Command) Run(p *program.Program) error {
	source, err := os.ReadFile(c.File)
	if err != nil {
		return program.Usagef("%w", err)
	}
	file, notes, err := Read(c.File, source)
	if err != nil {
		return program.Usagef("%w", err)
	}
	for _, note := range notes {
		p.Sayf("%s", program.Line(note))
	}
	if p.Region != "" {
		file.Region = p.Region
	}
	if p.Account != "" {
		file.Account = p.Account
	}
	if file.Region == "" || file.Account == "" {
		return program.Usagef("%s: no region or no account; set them in the file, or by --region and --account", c.File)
	}
	write := Terraform
	if c.Format == "cloudformation" {
		write = CloudFormation
	}
	text, err := write(file)
	if err != nil {
		return program.Usagef("%s: %w", c.File, err)
	}
	if _, err := p.Out.Write(text); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
