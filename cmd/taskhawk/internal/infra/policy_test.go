package infra_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/infra"
	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// declaredApp is an application of the file in main_test.go.
type declaredApp struct {
	name       string
	roles      []sqscheck.Role
	priorities []taskhawk.Priority
	naming     sqsx.Naming
}

func declaredApps() []declaredApp {
	programs := []sqscheck.Role{sqscheck.RolePublisher, sqscheck.RoleRedrive, sqscheck.RoleCheck}
	return []declaredApp{
		{
			name: "dev-myapp", roles: append(slices.Clone(programs), sqscheck.RoleWorker),
			priorities: taskhawk.Priorities(), naming: sqsx.QueueName,
		},
		{
			name: "dev-orders", roles: append(slices.Clone(programs), sqscheck.RoleWorker),
			priorities: []taskhawk.Priority{taskhawk.High, taskhawk.Default}, naming: fifo,
		},
		{
			name: "dev-jobs", roles: append(slices.Clone(programs), sqscheck.RoleFunction),
			priorities: []taskhawk.Priority{taskhawk.Bulk}, naming: sqsx.QueueName,
		},
	}
}

// id is the Terraform id of a resource of the application.
func (a *declaredApp) id(suffix string) string {
	return strings.ReplaceAll(a.name, "-", "_") + "_" + suffix
}

func (a *declaredApp) policy(t *testing.T, role sqscheck.Role, firings string) string {
	t.Helper()
	text, err := sqscheck.Policy(a.name, sqscheck.PolicyConfig{
		Roles: []sqscheck.Role{role}, Region: "us-east-1", Account: "000000000000",
		Priorities: a.priorities, Naming: a.naming, FiringsARN: firings,
	})
	require.NoError(t, err)
	return text + "\n"
}

// programPolicies are the policies of programs in a file of Terraform, by id.
func programPolicies(found resources) map[string]string {
	policies := map[string]string{}
	for id, values := range found["aws_iam_policy"] {
		policies[id] = values["policy"].AsString()
	}
	return policies
}

func TestPoliciesAreThoseOfTheCheck(t *testing.T) {
	t.Parallel()
	text, _ := generate(t, "apps.hcl", workers)
	found := parse(t, text)
	want := map[string]string{}
	for _, app := range declaredApps() {
		for _, role := range app.roles {
			want[app.id(string(role))] = app.policy(t, role, "")
		}
	}
	require.Len(t, want, 12)
	declared := programPolicies(found)
	require.Contains(t, declared, "dev_jobs_topic_publisher")
	delete(declared, "dev_jobs_topic_publisher") // package sqscheck knows no topics
	require.Equal(t, want, declared)

	firings := found["aws_scheduler_schedule"]["dev_myapp_daily"]["target.dead_letter_config.arn"].AsString()
	myapp := declaredApps()[0]
	schedules := found["aws_iam_role_policy"]["dev_myapp_schedules"]["policy"].AsString()
	require.Equal(t, myapp.policy(t, sqscheck.RoleSchedule, firings), schedules)
	require.JSONEq(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"scheduler.amazonaws.com"},
		"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"000000000000"}}}]}`,
		found["aws_iam_role"]["dev_myapp_schedules"]["assume_role_policy"].AsString())
}

// A topic may send to its queue and to the dead letters of its subscription, and to no
// other queue; no other topic may.
func TestQueuePoliciesLetTheTopicSend(t *testing.T) {
	t.Parallel()
	text, _ := generate(t, "apps.hcl", workers)
	found := parse(t, text)
	require.Len(t, found["aws_sqs_queue_policy"], 2)
	for id, queue := range map[string]string{"dev_jobs_bulk": "TASKHAWK-DEV-JOBS-BULK", "dev_jobs_bulk_dlq": "TASKHAWK-DEV-JOBS-BULK-DLQ"} {
		policy := found["aws_sqs_queue_policy"][id]
		require.Equal(t, id, policy["queue_url"].AsString())
		require.JSONEq(t, `{"Version":"2012-10-17","Statement":[{"Sid":"TaskhawkTopic","Effect":"Allow",
			"Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage",
			"Resource":"arn:aws:sqs:us-east-1:000000000000:`+queue+`",
			"Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:us-east-1:000000000000:taskhawk-dev-jobs-bulk"}}}]}`,
			policy["policy"].AsString())
	}
}

func TestTheTemplateHasTheSamePolicies(t *testing.T) {
	t.Parallel()
	terraform, _ := generate(t, "apps.hcl", workers)
	found := parse(t, terraform)
	file, _, err := infra.Read("apps.hcl", []byte(workers))
	require.NoError(t, err)
	text, err := infra.CloudFormation(file)
	require.NoError(t, err)
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties struct {
				ManagedPolicyName string
				PolicyDocument    json.RawMessage
				Policies          []struct{ PolicyDocument json.RawMessage }
			}
		}
	}
	require.NoError(t, json.Unmarshal(text, &template))
	named := map[string]string{}
	for _, values := range found["aws_iam_policy"] {
		named[values["name"].AsString()] = values["policy"].AsString()
	}
	for _, r := range template.Resources {
		if p := r.Properties; r.Type == "AWS::IAM::ManagedPolicy" {
			require.JSONEq(t, named[p.ManagedPolicyName], string(p.PolicyDocument), p.ManagedPolicyName)
			delete(named, p.ManagedPolicyName)
		}
	}
	require.Empty(t, slices.Collect(maps.Keys(named)), "policies that only Terraform has")
	require.JSONEq(t, found["aws_iam_role_policy"]["dev_myapp_schedules"]["policy"].AsString(),
		string(template.Resources["DevMyappSchedulesRole"].Properties.Policies[0].PolicyDocument))
}
