package manifests_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/awslabs/goformation/v7/schema"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// definitions maps kinds of resources and properties to their definitions in a schema.
type definitions map[string]any

func readDefinitions(t *testing.T, text string) definitions {
	t.Helper()
	var document struct{ Definitions definitions }
	require.NoError(t, json.Unmarshal([]byte(text), &document))
	return document.Definitions
}

// compile compiles the schema of a kind of resource, with what it refers to: the whole
// schema takes minutes.
func (d definitions) compile(kind string) (*jsonschema.Schema, error) {
	needed := map[string]any{}
	d.collect(kind, needed)
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", map[string]any{"definitions": needed}); err != nil {
		return nil, err
	}
	return compiler.Compile("schema.json#/definitions/" + kind)
}

// collect adds a definition and all that it refers to.
func (d definitions) collect(name string, into map[string]any) {
	definition, ok := d[name]
	if _, known := into[name]; known || !ok {
		return
	}
	into[name] = definition
	var walk func(any)
	walk = func(value any) {
		switch v := value.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				d.collect(strings.TrimPrefix(ref, "#/definitions/"), into)
			}
			for _, inner := range v {
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	walk(definition)
}

// serverless returns the definitions of SAM, with two rules from AWS's documentation that
// this schema does not have: the properties of SQS events, and that OnSuccess is optional.
func serverless(t *testing.T) definitions {
	t.Helper()
	sam := readDefinitions(t, schema.SamSchema)
	event, ok := sam["AWS::Serverless::Function.SQSEvent"].(map[string]any)
	require.True(t, ok)
	properties, ok := event["properties"].(map[string]any)
	require.True(t, ok)
	for name, kind := range map[string]string{"FunctionResponseTypes": "array", "ScalingConfig": "object"} {
		require.NotContains(t, properties, name, "the schema has it now")
		properties[name] = map[string]any{"type": kind}
	}
	destination, ok := sam["AWS::Serverless::Function.EventInvokeDestinationConfig"].(map[string]any)
	require.True(t, ok)
	delete(destination, "required")
	return sam
}

// problems returns the errors of the resources of a template.
func problems(t *testing.T, text []byte) (found []string) {
	t.Helper()
	cloudFormation, sam := readDefinitions(t, schema.CloudformationSchema), serverless(t)
	read := template(t, text)
	resources, ok := read["Resources"].(map[string]any)
	require.True(t, ok)
	require.NotEmpty(t, resources)
	for name, resource := range resources {
		object, ok := resource.(map[string]any)
		require.True(t, ok)
		kind, ok := object["Type"].(string)
		require.True(t, ok, name)
		known := cloudFormation
		if strings.HasPrefix(kind, "AWS::Serverless::") {
			known = sam
		}
		compiled, err := known.compile(kind)
		if err == nil {
			err = compiled.Validate(resource)
		}
		if err != nil {
			found = append(found, fmt.Sprintf("%s %s: %v", kind, name, err))
		}
	}
	parameters, _ := read["Parameters"].(map[string]any)
	for name, parameter := range parameters {
		for key := range parameter.(map[string]any) {
			if key != "Type" && key != "Description" && key != "Default" {
				found = append(found, fmt.Sprintf("parameter %s: unknown key %q", name, key))
			}
		}
	}
	return found
}

// template reads a template, in YAML or JSON, with texts in place of its functions, for
// which the schema has no place.
func template(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var node yaml.Node
	require.NoError(t, yaml.Unmarshal(text, &node))
	var parameters struct {
		Parameters map[string]struct {
			Type string `yaml:"Type"`
		} `yaml:"Parameters"`
	}
	require.NoError(t, node.Decode(&parameters))
	resolve(&node, func(name string) bool { return strings.HasPrefix(parameters.Parameters[name].Type, "List<") })
	var plain any
	require.NoError(t, node.Decode(&plain))
	encoded, err := json.Marshal(plain)
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(encoded)))
	require.NoError(t, err)
	object, ok := value.(map[string]any)
	require.True(t, ok)
	return object
}

// resolve puts values in place of functions, in their short and long forms: a list for a
// reference to a list.
func resolve(node *yaml.Node, list func(name string) bool) {
	function, argument := "", node
	switch {
	case strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!"):
		function = strings.TrimPrefix(node.Tag, "!")
	case node.Kind == yaml.MappingNode && len(node.Content) == 2 &&
		(node.Content[0].Value == "Ref" || strings.HasPrefix(node.Content[0].Value, "Fn::")):
		function, argument = strings.TrimPrefix(node.Content[0].Value, "Fn::"), node.Content[1]
	}
	if function == "" {
		for _, inner := range node.Content {
			resolve(inner, list)
		}
		return
	}
	text := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "resolved"}
	if function == "Ref" && list(argument.Value) {
		*node = yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{&text}}
		return
	}
	*node = text
}

// generated is what "taskhawk terraform --format cloudformation" writes for the file that
// docs/deploy.md shows.
func generated(t *testing.T) []byte {
	t.Helper()
	document := string(read(t, "..", "docs", "deploy.md"))
	_, rest, ok := strings.Cut(document, "```hcl\n")
	require.True(t, ok)
	source, _, ok := strings.Cut(rest, "```")
	require.True(t, ok)
	path := filepath.Join(t.TempDir(), "apps.hcl")
	write(t, path, source)
	command := exec.CommandContext(t.Context(), "go", "run", ".", "terraform", path, "--format", "cloudformation")
	command.Dir = filepath.Join("..", "..", "cmd", "taskhawk")
	text, err := command.Output()
	require.NoError(t, err)
	return text
}

// Templates have the resources and properties that CloudFormation and SAM know, all that
// they need, and values of the right types.
func TestTemplates(t *testing.T) {
	t.Parallel()
	require.Empty(t, problems(t, read(t, "deploy", "ecs.yaml")))
	require.Empty(t, problems(t, read(t, "lambda", "template.yaml")))
	require.Empty(t, problems(t, generated(t)))
}

func TestMistakesInTemplatesAreFound(t *testing.T) {
	t.Parallel()
	text := string(read(t, "deploy", "ecs.yaml"))
	for old, replaced := range map[string]string{
		"StopTimeout:": "StopTimeouts:", "StopTimeout: 35": "StopTimeout: [35]", "PolicyType:": "PolicyKind:",
		"AWS::ECS::Service\n": "AWS::ECS::Services\n", "Description: ARN of the": "Description: ARN, of the",
	} {
		require.Contains(t, text, old)
		broken := strings.Replace(text, old, replaced, 1)
		require.Len(t, problems(t, []byte(broken)), 1, "%s for %s", replaced, old)
	}
}
