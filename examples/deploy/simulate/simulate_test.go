package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestScalingKeepsTasksYoung(t *testing.T) {
	t.Parallel()
	results := map[string]result{}
	for _, p := range policies() {
		r := run(p, aDay())
		require.Len(t, r.minutes, 24*60)
		require.Less(t, r.minutes[len(r.minutes)-1].backlog, 100.0, "%s: all is done at the end of the day", p.name)
		results[p.name] = r
	}
	fixed, keda, ecs := results["two workers"], results["KEDA"], results["ECS"]
	require.Greater(t, fixed.oldest, 4*time.Minute, "the burst waits for two workers")
	require.Less(t, keda.oldest, time.Minute)
	require.Less(t, ecs.oldest, 5*time.Minute)
	require.Less(t, keda.workHours, fixed.workHours)
	require.Less(t, ecs.workHours, fixed.workHours)
}

// The table of docs/deploy.md is what the program prints.
func TestTheDocumentHasTheTable(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../../docs/deploy.md")
	require.NoError(t, err)
	var results []result
	for _, p := range policies() {
		results = append(results, run(p, aDay()))
	}
	var want strings.Builder
	table(&want, results)
	require.Contains(t, string(document), want.String())
}

func TestThePlotIsXML(t *testing.T) {
	t.Parallel()
	decoder := xml.NewDecoder(strings.NewReader(plot([]result{run(policies()[0], aDay())})))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}
