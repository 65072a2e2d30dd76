package contract_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestMessageSchemaNamesUnknownTasks(t *testing.T) {
	t.Parallel()
	_, err := describe(t).MessageSchema("tasks.none")
	require.EqualError(t, err, `contract: unknown task "tasks.none"`)
}

func TestMessageSchemaHasTheRulesOfBinding(t *testing.T) {
	t.Parallel()
	schema, err := describe(t, taskhawk.New("t", nothing[abKO])).MessageSchema("t")
	require.NoError(t, err)
	require.JSONEq(t, `{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"type": "object",
		"required": ["id", "metadata", "task"],
		"properties": {
			"id": {"type": "string", "minLength": 1},
			"metadata": {"type": "object", "required": ["version"], "properties": {
				"version": {"const": "1.0"}, "priority": {"enum": ["default", "high", "low", "bulk"]}}},
			"headers": {"type": ["object", "null"]},
			"task": {"const": "t"},
			"args": {"type": ["array", "null"], "items": false, "prefixItems": [{"type": "string"}]},
			"kwargs": {"type": ["object", "null"], "additionalProperties": false, "properties": {
				"a": {"type": "string"}, "b": {"type": "string"}}}
		},
		"allOf": [{"oneOf": [
			{"required": ["args"], "properties": {"args": {"type": "array", "minItems": 1}}},
			{"required": ["kwargs"], "properties": {"kwargs": {"type": "object", "required": ["a"]}}}
		]}]
	}`, string(schema))
}
