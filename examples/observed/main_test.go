package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheAccountHasTheTraceOfARetryAndADeadLetter(t *testing.T) {
	t.Parallel()
	var account bytes.Buffer
	require.NoError(t, run(t.Context(), &account, ""))
	const head = `(?m)^POST /signup\n  send accounts\.signup\n    SendMessageBatch TASKHAWK-DEV-MYAPP-HIGH-PRIORITY\n` +
		`    ~ process accounts\.signup .*\n      send mails\.welcome\n(        ~? ?SendMessageBatch .*\n)?        ~ process mails\.welcome taskhawk\.attempt=1 `
	require.Regexp(t, head+`taskhawk\.outcome=done`, account.String())
	require.Regexp(t, head+`.* !taskhawk\.retry\n        ~ process mails\.welcome taskhawk\.attempt=2 taskhawk\.outcome=done`, account.String())
	require.Regexp(t, head+`.* !taskhawk\.retry\n        ~ process mails\.welcome taskhawk\.attempt=2 .* !taskhawk\.dead_letter`, account.String())
	require.Regexp(t, `taskhawk_task_dead_letters_total{.*taskhawk_task="mails.welcome"} 1`, account.String())
}

// Every metric that the dashboard asks for exists, with the labels that it asks for.
func TestTheDashboardAsksForWhatThereIs(t *testing.T) {
	t.Parallel()
	o := observed(t)
	families, err := o.registry.Gather()
	require.NoError(t, err)
	labels := map[string]map[string]bool{}
	for _, family := range families {
		names := map[string]bool{"le": true}
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				names[label.GetName()] = true
			}
		}
		labels[family.GetName()] = names
	}

	text, err := os.ReadFile("dashboard.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &dashboard))
	require.NotEmpty(t, dashboard.Panels)
	grouping, metric := regexp.MustCompile(`by \(([^)]*)\)`), regexp.MustCompile(`(?:messaging|taskhawk)_\w+`)
	word, suffix := regexp.MustCompile(`\w+`), regexp.MustCompile(`_(bucket|sum|count)$`)
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			asked := metric.FindAllString(grouping.ReplaceAllString(target.Expr, ""), -1)
			require.NotEmpty(t, asked, panel.Title)
			for _, name := range asked {
				name = suffix.ReplaceAllString(name, "")
				require.Contains(t, labels, name, panel.Title)
				for _, by := range grouping.FindAllStringSubmatch(target.Expr, -1) {
					for _, label := range word.FindAllString(by[1], -1) {
						require.Contains(t, labels[name], label, "%s: label of %s", panel.Title, name)
					}
				}
			}
		}
	}
}

// observed has told its telemetry of all that there is, without a queue.
func observed(t *testing.T) *observability {
	t.Helper()
	o, err := newObservability()
	require.NoError(t, err)
	fail := taskhawk.New("tests.fail", func(context.Context, PersonArgs) error { return errBusy })
	_, err = taskhawk.NewHub(o.telemetry.Apply(taskhawk.Config{Sync: true, Tasks: []taskhawk.AnyTask{fail}, Logger: quiet()}))
	require.NoError(t, err)
	_, err = fail.Dispatch(t.Context(), PersonArgs{Name: "ann"})
	require.ErrorIs(t, err, errBusy)
	_, end := o.telemetry.Call(t.Context(), &taskhawk.Call{Method: "SendMessageBatch", Messages: 1})
	end(1, nil)
	o.telemetry.Settled(t.Context(), &taskhawk.Settlement{Lost: true})
	o.telemetry.Settled(t.Context(), &taskhawk.Settlement{DeadLetter: true, Err: errors.New("down")})
	_, err = o.telemetry.WatchWorker("w", func() taskhawk.WorkerStats { return taskhawk.WorkerStats{} })
	require.NoError(t, err)
	return o
}

func TestThePageShowsTracesAndMetrics(t *testing.T) {
	t.Parallel()
	o := observed(t)
	page, metrics := httptest.NewRecorder(), httptest.NewRecorder()
	o.servePage(page, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	require.Contains(t, page.Body.String(), "send tests.fail")
	require.Contains(t, page.Body.String(), "taskhawk_task_attempts_count")
	o.metricsHandler().ServeHTTP(metrics, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Contains(t, metrics.Body.String(), "messaging_process_duration_seconds_bucket")
	require.Contains(t, metrics.Body.String(), `service_name="observed"`)
}
