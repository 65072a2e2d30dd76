package deploy_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// leftover is what a stop needs beside the grace period: the last deletes.
const leftover = 5 * time.Second

type container struct {
	Args      []string
	Env       []struct{ Name, Value string }
	Ports     []struct{ Name string }
	Liveness  probe `yaml:"livenessProbe"`
	Readiness probe `yaml:"readinessProbe"`
	Resources struct{ Limits struct{ Memory string } }
	Security  struct {
		Escalation bool `yaml:"allowPrivilegeEscalation"`
		ReadOnly   bool `yaml:"readOnlyRootFilesystem"`
	} `yaml:"securityContext"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

type manifest struct {
	Kind     string
	Metadata struct {
		Name        string
		Annotations map[string]string
	}
	Spec struct {
		Replicas *int
		Selector struct {
			Labels map[string]string `yaml:"matchLabels"`
		}
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				Account  string `yaml:"serviceAccountName"`
				Grace    int    `yaml:"terminationGracePeriodSeconds"`
				Security struct {
					RunAsNonRoot bool `yaml:"runAsNonRoot"`
				} `yaml:"securityContext"`
				Containers []container
			}
		}
		Pod struct {
			Provider string
		} `yaml:"podIdentity"`
		Target   struct{ Name string } `yaml:"scaleTargetRef"`
		Triggers []struct {
			Type           string
			Metadata       map[string]string
			Authentication struct{ Name string } `yaml:"authenticationRef"`
		}
	}
}

// documents reads all documents of a file.
func documents(t *testing.T, name string) []manifest {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var all []manifest
	for {
		var m manifest
		err := decoder.Decode(&m)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, m)
	}
}

// argument is the value behind a flag.
func argument(t *testing.T, args []string, flag string) string {
	t.Helper()
	i := slices.Index(args, flag)
	require.True(t, i >= 0 && i+1 < len(args), "no %s in %v", flag, args)
	return args[i+1]
}

func grace(t *testing.T, args []string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(argument(t, args, "-grace"))
	require.NoError(t, err)
	return d
}

// mebibytes reads 200MiB and 256Mi.
func mebibytes(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSuffix(text, "B"), "Mi"))
	require.NoError(t, err)
	return n
}

func TestKubernetes(t *testing.T) {
	t.Parallel()
	all := documents(t, "kubernetes.yaml")
	require.Len(t, all, 4)
	account, deployment, authentication, scaled := all[0], all[1], all[2], all[3]
	require.Equal(t, "ServiceAccount", account.Kind)
	require.Regexp(t, `^arn:aws:iam::\d{12}:role/`, account.Metadata.Annotations["eks.amazonaws.com/role-arn"])
	require.Equal(t, "Deployment", deployment.Kind)
	require.Nil(t, deployment.Spec.Replicas, "KEDA sets the number")
	require.Equal(t, deployment.Spec.Selector.Labels, deployment.Spec.Template.Metadata.Labels)
	pod := deployment.Spec.Template.Spec
	require.Equal(t, account.Metadata.Name, pod.Account)
	require.True(t, pod.Security.RunAsNonRoot)
	require.Len(t, pod.Containers, 1)
	worker := pod.Containers[0]
	require.GreaterOrEqual(t, time.Duration(pod.Grace)*time.Second, grace(t, worker.Args)+leftover)
	require.Equal(t, "/live", worker.Liveness.HTTPGet.Path)
	require.Equal(t, "/ready", worker.Readiness.HTTPGet.Path)
	require.Equal(t, worker.Ports[0].Name, worker.Liveness.HTTPGet.Port)
	require.Equal(t, worker.Ports[0].Name, worker.Readiness.HTTPGet.Port)
	require.NotEmpty(t, argument(t, worker.Args, "-probes"))
	require.True(t, worker.Security.ReadOnly)
	require.False(t, worker.Security.Escalation)
	limit := mebibytes(t, worker.Resources.Limits.Memory)
	for _, e := range worker.Env {
		if e.Name == "GOMEMLIMIT" {
			require.Less(t, mebibytes(t, e.Value), limit)
			limit = 0
		}
	}
	require.Zero(t, limit, "GOMEMLIMIT is set")

	require.Equal(t, "TriggerAuthentication", authentication.Kind)
	require.Equal(t, "aws", authentication.Spec.Pod.Provider)
	require.Equal(t, "ScaledObject", scaled.Kind)
	require.Equal(t, deployment.Metadata.Name, scaled.Spec.Target.Name)
	var queues []string
	for _, trigger := range scaled.Spec.Triggers {
		require.Equal(t, authentication.Metadata.Name, trigger.Authentication.Name)
		require.Equal(t, "aws-sqs-queue", trigger.Type)
		require.Equal(t, argument(t, worker.Args, "-concurrency"), trigger.Metadata["queueLength"])
		require.Equal(t, "true", trigger.Metadata["scaleOnInFlight"])
		queues = append(queues, trigger.Metadata["queueURL"][strings.LastIndex(trigger.Metadata["queueURL"], "/")+1:])
	}
	app := "TASKHAWK-" + strings.ToUpper(argument(t, worker.Args, "-queue"))
	require.ElementsMatch(t, []string{app, app + "-HIGH-PRIORITY", app + "-LOW-PRIORITY", app + "-BULK"}, queues)
}

func TestECS(t *testing.T) {
	t.Parallel()
	var template struct {
		Resources map[string]struct {
			Type       string    `yaml:"Type"`
			Properties yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	text, err := os.ReadFile("ecs.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &template))
	var definition struct {
		Memory     string `yaml:"Memory"`
		Containers []struct {
			Command     []string `yaml:"Command"`
			User        string   `yaml:"User"`
			StopTimeout int      `yaml:"StopTimeout"`
		} `yaml:"ContainerDefinitions"`
	}
	properties := template.Resources["Definition"].Properties
	require.NoError(t, properties.Decode(&definition))
	worker := definition.Containers[0]
	require.GreaterOrEqual(t, time.Duration(worker.StopTimeout)*time.Second, grace(t, worker.Command)+leftover)
	require.LessOrEqual(t, worker.StopTimeout, 120, "the most of Fargate")
	require.NotEqual(t, "0", strings.Split(worker.User+"0", ":")[0])
	limit := regexp.MustCompile(`Name: GOMEMLIMIT, Value: (\w+)`).FindSubmatch(text)
	require.Less(t, mebibytes(t, string(limit[1])), mebibytes(t, definition.Memory))
	var policy struct {
		Tracking struct {
			Target int `yaml:"TargetValue"`
		} `yaml:"TargetTrackingScalingPolicyConfiguration"`
	}
	properties = template.Resources["BacklogPerTask"].Properties
	require.NoError(t, properties.Decode(&policy))
	concurrency, err := strconv.Atoi(argument(t, worker.Command, "-concurrency"))
	require.NoError(t, err)
	require.Equal(t, concurrency*60*2, policy.Tracking.Target, "60 s of tasks of half a second")
	app := "TASKHAWK-" + strings.ToUpper(argument(t, worker.Command, "-queue"))
	var queues []string
	for _, named := range regexp.MustCompile(`Name: QueueName, Value: ([\w-]+)`).FindAllStringSubmatch(string(text), -1) {
		queues = append(queues, named[1])
	}
	require.ElementsMatch(t, []string{app, app + "-HIGH-PRIORITY", app + "-LOW-PRIORITY", app + "-BULK"}, queues)
	require.NotContains(t, string(text), "\n      DesiredCount:", "an update of the stack would set it again")
	for _, used := range regexp.MustCompile(`!Ref (\w+)\b|\$\{(\w+)[.}]`).FindAllStringSubmatch(string(text), -1) {
		name := used[1] + used[2]
		_, resource := template.Resources[name]
		require.True(t, resource || name == "AWS" || strings.Contains(string(text), "\n  "+name+": {Type: "), name)
	}
}

func TestCompose(t *testing.T) {
	t.Parallel()
	var compose struct {
		Services map[string]struct {
			Command     []string
			Environment map[string]string
			Stop        string `yaml:"stop_grace_period"`
			ReadOnly    bool   `yaml:"read_only"`
		}
	}
	text, err := os.ReadFile("compose.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &compose))
	worker := compose.Services["worker"]
	require.True(t, worker.ReadOnly)
	stop, err := time.ParseDuration(worker.Stop)
	require.NoError(t, err)
	require.GreaterOrEqual(t, stop, grace(t, worker.Command)+leftover)
	url := argument(t, compose.Services["sqs"].Command, "--url")
	for _, name := range []string{"api", "worker"} {
		require.Equal(t, url, compose.Services[name].Environment["AWS_ENDPOINT_URL_SQS"])
	}
}

func TestDockerfile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("Dockerfile")
	require.NoError(t, err)
	for _, want := range []string{
		`(?m)^FROM gcr.io/distroless/static-debian12:nonroot$`, `(?m)^USER 65532:65532$`, `(?m)^ENTRYPOINT \["/program"\]$`,
		`(?m)^ +CGO_ENABLED=0 GOOS=\$TARGETOS GOARCH=\$TARGETARCH go build -trimpath`, `(?m)^FROM --platform=\$BUILDPLATFORM golang:1\.26 AS build$`,
	} {
		require.Regexp(t, want, string(text))
	}
}
