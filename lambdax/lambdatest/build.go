package lambdatest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// Build compiles the program of a package with the go command and writes it to the file
// output. The package is named as on the command line, seen from the working directory,
// which in a test is the folder of its package. Flags are passed on: Build(ctx, output,
// "./function", "-tags", "lambda.norpc", "-ldflags", "-s -w"). The error has what the
// compiler wrote.
func Build(ctx context.Context, output, packagePath string, flags ...string) error {
	args := append([]string{"build", "-o", output}, flags...)
	command := exec.CommandContext(ctx, "go", append(args, packagePath)...) //nolint:gosec // the caller's own program
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("lambdatest: build %s: %w\n%s", packagePath, err, text)
	}
	return nil
}
