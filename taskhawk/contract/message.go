package contract

import (
	"encoding/json"
	"fmt"
)

// schemaDialect is the draft of JSON Schema of all schemas in this package.
const schemaDialect = "https://json-schema.org/draft/2020-12/schema"

// object is a JSON object under construction.
type object = map[string]any

// MessageSchema returns a JSON Schema of the messages of a task. It describes the whole
// body, with the rules by which args and kwargs bind. It returns an error if the contract
// has no such task.
func (c *Contract) MessageSchema(name string) (json.RawMessage, error) {
	task, ok := c.Task(name)
	if !ok {
		return nil, fmt.Errorf("contract: unknown task %q", name)
	}
	schema := object{
		"$schema":  schemaDialect,
		"type":     "object",
		"required": []string{"id", "metadata", "task"},
		"properties": object{
			"id":       object{"type": "string", "minLength": 1},
			"metadata": metadataSchema(),
			"headers":  object{"type": []string{"object", "null"}},
			"task":     object{"const": task.Name},
			"args":     task.argsSchema(),
			"kwargs":   task.kwargsSchema(),
		},
	}
	if bindings := task.bindings(); bindings != nil {
		schema["allOf"] = bindings
	}
	if defs := c.used(task); len(defs) > 0 {
		schema["$defs"] = defs
	}
	text, err := marshal(schema)
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	return text, nil
}

func metadataSchema() object {
	return object{
		"type":     "object",
		"required": []string{"version"},
		"properties": object{
			"version":  object{"const": "1.0"},
			"priority": object{"enum": []string{"default", "high", "low", "bulk"}},
		},
	}
}

// argsSchema returns the schema of arguments by position. There may be fewer than
// parameters.
func (t Task) argsSchema() object {
	schema := object{"type": []string{"array", "null"}, "items": false}
	var items []*Schema
	for _, p := range t.Params {
		if !p.KeywordOnly {
			items = append(items, p.Schema)
		}
	}
	if items != nil {
		schema["prefixItems"] = items
	}
	return schema
}

func (t Task) kwargsSchema() object {
	properties := object{}
	for _, p := range t.Params {
		properties[p.Name] = p.Schema
		for _, alias := range p.Aliases {
			properties[alias] = p.Schema
		}
	}
	schema := object{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}
	if t.Rest != nil {
		schema["additionalProperties"] = t.Rest.Schema
	}
	return schema
}

// bindings returns a schema for each parameter that is required or may be given in
// several ways. A required parameter is given in exactly one way, another in at most one.
func (t Task) bindings() []any {
	var all []any
	place := 0
	for _, p := range t.Params {
		var ways []any
		if !p.KeywordOnly {
			place++
			ways = append(ways, present("args", object{"type": "array", "minItems": place}))
		}
		for _, name := range append([]string{p.Name}, p.Aliases...) {
			ways = append(ways, present("kwargs", object{"type": "object", "required": []string{name}}))
		}
		switch {
		case p.Optional && len(ways) == 1:
			continue
		case p.Optional:
			ways = append(ways, object{"not": object{"anyOf": append([]any(nil), ways...)}})
		}
		all = append(all, object{"oneOf": ways})
	}
	return all
}

func present(member string, schema object) object {
	return object{"required": []string{member}, "properties": object{member: schema}}
}
