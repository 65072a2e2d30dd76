package manifests_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// checkKubernetes decodes the documents of a file into the types of Kubernetes, of which
// none may have an unknown field. Those of KEDA are left to the tests beside the file.
func checkKubernetes(text []byte) (kinds []string, err error) {
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var head struct{ Kind, APIVersion string }
		if err := yaml.Unmarshal(document, &head); err != nil {
			return nil, err
		}
		var into any
		switch head.APIVersion + " " + head.Kind {
		case "v1 ServiceAccount":
			into = &corev1.ServiceAccount{}
		case "apps/v1 Deployment":
			into = &appsv1.Deployment{}
		case "keda.sh/v1alpha1 ScaledObject", "keda.sh/v1alpha1 TriggerAuthentication":
			into = &map[string]any{}
		default:
			return nil, fmt.Errorf("unknown kind %s of %s", head.Kind, head.APIVersion)
		}
		if err := yaml.UnmarshalStrict(document, into); err != nil {
			return nil, fmt.Errorf("%s: %w", head.Kind, err)
		}
		kinds = append(kinds, head.Kind)
	}
	return kinds, nil
}

func TestKubernetes(t *testing.T) {
	t.Parallel()
	text := read(t, "deploy", "kubernetes.yaml")
	kinds, err := checkKubernetes(text)
	require.NoError(t, err)
	require.Equal(t, []string{"ServiceAccount", "Deployment", "TriggerAuthentication", "ScaledObject"}, kinds)
	for _, field := range []string{"terminationGracePeriodSeconds", "readOnlyRootFilesystem", "periodSeconds", "automountServiceAccountToken"} {
		_, err := checkKubernetes(bytes.Replace(text, []byte(field), []byte("x"+field), 1))
		require.ErrorContains(t, err, `unknown field "x`+field+`"`)
	}
}

func TestCompose(t *testing.T) {
	t.Parallel()
	text := read(t, "deploy", "compose.yaml")
	load := func(text []byte) (*types.Project, error) {
		return loader.LoadWithContext(t.Context(), types.ConfigDetails{
			WorkingDir: "../../examples/deploy", ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Content: text}},
		}, func(o *loader.Options) { o.SetProjectName("taskhawk", true) })
	}
	project, err := load(text)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"api", "sqs", "worker"}, project.ServiceNames())
	for _, name := range []string{"api", "worker"} {
		service := project.Services[name]
		require.True(t, service.ReadOnly, name)
		require.Equal(t, "http://sqs:9324", *service.Environment["AWS_ENDPOINT_URL_SQS"], name)
		require.Contains(t, service.DependsOn, "sqs", name)
		require.NotNil(t, service.Build, name)
	}
	_, err = load(bytes.Replace(text, []byte("stop_grace_period"), []byte("stop_grace"), 1))
	require.ErrorContains(t, err, "stop_grace")
}
