package infra_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/cmd/taskhawk/internal/infra"
)

// Regions of other partitions have no ARN of the first one, in either format.
func TestPartitionOfTheRegion(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]struct{ partition, domain string }{
		"us-east-1":      {"aws", "amazonaws.com"},
		"cn-north-1":     {"aws-cn", "amazonaws.com.cn"},
		"us-gov-west-1":  {"aws-us-gov", "amazonaws.com"},
		"us-iso-east-1":  {"aws-iso", "c2s.ic.gov"},
		"us-isob-east-1": {"aws-iso-b", "sc2s.sgov.gov"},
		"eusc-de-east-1": {"aws-eusc", "amazonaws.eu"},
	} {
		source := strings.ReplaceAll(workers, "us-east-1", region)
		source = strings.Replace(source, "arn:aws:sns", "arn:"+want.partition+":sns", 1) // what the file says itself
		file, _, err := infra.Read("apps.hcl", []byte(source))
		require.NoError(t, err)
		template, err := infra.CloudFormation(file)
		require.NoError(t, err)
		configuration, err := infra.Terraform(file)
		require.NoError(t, err)
		for _, text := range []string{string(template), string(configuration)} {
			require.Contains(t, text, `"arn:`+want.partition+`:scheduler:::aws-sdk:sqs:sendMessage"`)
			require.Contains(t, text, "https://sqs."+region+"."+want.domain+"/000000000000/TASKHAWK-DEV-MYAPP")
			require.Equal(t, strings.Count(text, "arn:aws"), strings.Count(text, "arn:"+want.partition+":"))
		}
	}
}
