package layout_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// module is the path that all packages of the repository begin with.
const module = "github.com/taskhawk/taskhawk-go/"

// A linked package is what go list tells of one package in a build, tests left out.
type linked struct {
	ImportPath string
	Standard   bool     // part of the standard library
	Imports    []string // directly
}

// A build is every package that the packages of one module link, by import path.
type build map[string]linked

// listBuild asks the go command for all packages of the module in dir and what they link. An import that
// does not resolve is the compiler's finding (-e).
func listBuild(t *testing.T, dir string) build {
	t.Helper()
	packages := build{}
	list := output(t, dir, "go", "list", "-e", "-deps", "-json=ImportPath,Standard,Imports", "./...")
	decoder := json.NewDecoder(bytes.NewReader(list))
	for {
		var next linked
		err := decoder.Decode(&next)
		if errors.Is(err, io.EOF) {
			return packages
		}
		require.NoError(t, err)
		packages[next.ImportPath] = next
	}
}

// output runs a command in dir and returns what it prints.
func output(t *testing.T, dir string, name string, args ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir = dir
	var problem strings.Builder
	command.Stderr = &problem
	out, err := command.Output()
	require.NoError(t, err, "%s %s: %s", name, strings.Join(args, " "), problem.String())
	return out
}

// own is the packages of this module that the patterns name, without the module's path: "sqsx" is one
// package, "sqsx/..." the package and all below it.
func (b build) own(patterns string) []string {
	var found []string
	for importPath := range b {
		if name, ours := strings.CutPrefix(importPath, module); ours && named(name, patterns) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

func named(name, patterns string) bool {
	for pattern := range strings.FieldsSeq(patterns) {
		parent, below := strings.CutSuffix(pattern, "...")
		if name == pattern || below && strings.HasPrefix(name+"/", parent) {
			return true
		}
	}
	return false
}

// routes are the shortest chains of imports that lead from a package to those that are off limits; what
// these import in turn is left out.
func (b build) routes(from string, limits func(importPath string) bool) []string {
	var found []string
	before := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		if queue[0] != from && limits(queue[0]) {
			found = append(found, chain(before, queue[0]))
			continue
		}
		for _, next := range b[queue[0]].Imports {
			if _, seen := before[next]; !seen {
				before[next] = queue[0]
				queue = append(queue, next)
			}
		}
	}
	return found
}

// chain writes the way back from a package, first one first.
func chain(before map[string]string, to string) string {
	var steps []string
	for step := to; step != ""; step = before[step] {
		steps = append(steps, strings.TrimPrefix(step, module))
	}
	slices.Reverse(steps)
	return strings.Join(steps, " -> ")
}
