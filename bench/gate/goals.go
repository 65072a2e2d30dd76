package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// goals are what goals.json holds.
type goals struct {
	// Cells are the goals of each cell, by its name.
	Cells map[string]cellGoals `json:"cells"`
	// Calls are the goals of calls, by their names.
	Calls map[string]callGoals `json:"calls"`
	// Overheads are the goals of overheads, by their names.
	Overheads map[string]overheadGoals `json:"overheads"`
	// Transport are the goals of each of our ways to publish and to work, by their names.
	Transport map[string]transportGoals `json:"transport"`
}

// choose forgets the goals of all parts but one: codec, lambda or transport. An empty
// part is all.
func (g *goals) choose(part string) {
	if part != "" && part != "codec" {
		g.Cells, g.Calls = nil, nil
	}
	if part != "" && part != "lambda" {
		g.Overheads = nil
	}
	if part != "" && part != "transport" {
		g.Transport = nil
	}
}

// cellGoals are the least times that ours has to be faster, and the most allocations that
// it may make.
type cellGoals struct {
	// Naive compares with the naive contender.
	Naive float64 `json:"naive"`
	// Rival compares with the fastest rival.
	Rival float64 `json:"rival"`
	// Typed compares with the fastest library that has types written by hand.
	Typed float64 `json:"typed"`
	// Allocs is for the message in its own buffer, or for reading it.
	Allocs float64 `json:"allocs"`
	// AppendAllocs is for the message in the caller's buffer.
	AppendAllocs float64 `json:"append_allocs"`
}

// callGoals are the most that a call may do.
type callGoals struct {
	// Allocs is the number of allocations.
	Allocs float64 `json:"allocs"`
}

// overheadGoals are the most that a unit of work may cost beside the work.
type overheadGoals struct {
	// Times is how many times the reference.
	Times float64 `json:"times"`
	// Allocs is the number of allocations.
	Allocs float64 `json:"allocs"`
}

// readGoals refuses a file with a name that means nothing: a goal that is not looked at
// would be no goal.
func readGoals(path string) (*goals, error) {
	file, err := os.Open(path) //nolint:gosec // the caller names the file
	if err != nil {
		return nil, err
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	var g goals
	if err := decoder.Decode(&g); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &g, nil
}
