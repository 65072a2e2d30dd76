package partition_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/internal/partition"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ofTheSDK reads the partitions in the source of the SDK that go.mod requires.
func ofTheSDK(t *testing.T) []sdkPartition {
	t.Helper()
	folder, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2").Output()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(folder)), "internal", "endpoints", "awsrulesfn", "partitions.json"))
	require.NoError(t, err)
	var file struct{ Partitions []sdkPartition }
	require.NoError(t, json.Unmarshal(text, &file))
	require.GreaterOrEqual(t, len(file.Partitions), 8)
	return file.Partitions
}

type sdkPartition struct {
	ID      string
	Outputs struct{ DNSSuffix string }
	Regions map[string]struct{}
}

func TestPartitionsAreThoseOfTheSDK(t *testing.T) {
	t.Parallel()
	for _, p := range ofTheSDK(t) {
		require.Equal(t, p.Outputs.DNSSuffix, partition.Domain(p.ID))
		regions := 0
		for region := range p.Regions {
			if strings.HasSuffix(region, "-global") {
				continue // for services that have no regions
			}
			regions++
			require.Equal(t, p.ID, partition.Of(region), region)
			require.True(t, partition.IsRegion(region), region)
		}
		require.Positive(t, regions, p.ID)
	}
}

func TestUnknownRegionsAndPartitions(t *testing.T) {
	t.Parallel()
	require.Equal(t, "aws", partition.Of("xx-somewhere-1"))
	require.Equal(t, "amazonaws.com", partition.Domain("aws-other"))
	for _, text := range []string{"", "*", "us", "us-east", "US-EAST-1", "us-east-1 ", "aws-global"} {
		require.False(t, partition.IsRegion(text), text)
	}
}
