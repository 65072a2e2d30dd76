package infra

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// isOld reports whether the text is a configuration of the generator of the Python
// library.
func isOld(source []byte) bool {
	var top map[string]json.RawMessage
	if json.Unmarshal(source, &top) != nil {
		return false
	}
	return top["queue_apps"] != nil || top["lambda_apps"] != nil
}

// readOld reads such a configuration. Region and account are not in it: the caller sets
// them.
func readOld(source []byte) (File, []string, error) {
	var old struct {
		QueueApps  []map[string]json.RawMessage `json:"queue_apps"`
		LambdaApps []map[string]json.RawMessage `json:"lambda_apps"`
	}
	if err := json.Unmarshal(source, &old); err != nil {
		return File{}, nil, fmt.Errorf("read the old configuration: %w", err)
	}
	var file File
	var notes []string
	for _, fields := range old.QueueApps {
		app, more, err := oldApp(fields, "queue")
		if err != nil {
			return File{}, nil, err
		}
		file.Apps, notes = append(file.Apps, app), append(notes, more...)
	}
	for _, fields := range old.LambdaApps {
		app, more, err := oldApp(fields, "name")
		if err != nil {
			return File{}, nil, err
		}
		app.Topics = true
		notes = append(notes, app.Name+
			": topics now send to queues with dead letters; add a function block for the mapping")
		file.Apps, notes = append(file.Apps, app), append(notes, more...)
	}
	return file, notes, nil
}

func oldApp(fields map[string]json.RawMessage, nameField string) (App, []string, error) {
	var app App
	var notes []string
	read := func(field string, into any) error {
		text, ok := fields[field]
		if !ok {
			return nil
		}
		if err := json.Unmarshal(text, into); err != nil {
			return fmt.Errorf("read %s of the old configuration: %w", field, err)
		}
		return nil
	}
	var schedules []map[string]json.RawMessage
	if err := read(nameField, &app.Name); err != nil {
		return App{}, nil, err
	}
	if err := read("schedule", &schedules); err != nil {
		return App{}, nil, err
	}
	if app.Name == "" {
		return App{}, nil, fmt.Errorf("an app of the old configuration has no %s", nameField)
	}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		switch field {
		case nameField, "schedule":
		case "tags":
			notes = append(notes, app.Name+": tags are those of the file now")
		default:
			notes = append(notes, app.Name+": "+field+" is not carried over")
		}
	}
	for _, fields := range schedules {
		s, more, err := oldSchedule(fields)
		if err != nil {
			return App{}, nil, err
		}
		app.Schedules, notes = append(app.Schedules, s), append(notes, more...)
	}
	return app, notes, nil
}

func oldSchedule(fields map[string]json.RawMessage) (Schedule, []string, error) {
	var s Schedule
	var notes []string
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		var into any
		switch field {
		case "name":
			into = &s.Name
		case "schedule_expression":
			into = &s.Expression
		case "priority":
			into = &s.Priority
		case "task":
			into = &s.Task
		case "headers":
			into = &s.Headers
		case "args":
			s.Args = string(fields[field])
			continue
		case "kwargs":
			s.Kwargs = string(fields[field])
			continue
		case "format_version":
			continue // there is one
		default:
			notes = append(notes, "schedule "+s.Name+": "+field+" is not carried over")
			continue
		}
		if err := json.Unmarshal(fields[field], into); err != nil {
			return Schedule{}, nil, fmt.Errorf("read %s of an old schedule: %w", field, err)
		}
	}
	s.Priority = strings.ToLower(s.Priority)
	return s, notes, nil
}
