//go:build e2e

package main_test

import (
	"context"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// browser finds a browser that runs without a screen.
func browser() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// seen returns what a browser makes of a page: its elements after all scripts have run.
func seen(t *testing.T, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dump := exec.CommandContext(ctx, browser(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--disable-background-networking", "--no-first-run", "--user-data-dir="+t.TempDir(), "--dump-dom", url)
	dump.WaitDelay = 5 * time.Second
	page, err := dump.Output()
	require.NoError(t, err)
	return string(page)
}

// cells are the texts of the rows of a table.
func cells(t *testing.T, page, id string) (rows []string) {
	t.Helper()
	_, table, found := strings.Cut(page, `<table id="`+id+`">`)
	require.True(t, found, page)
	table, _, _ = strings.Cut(table, "</table>")
	for row := range strings.SplitSeq(table, "<tr") {
		text := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(strings.ReplaceAll("<tr"+row, "</td>", "|"), "")
		rows = append(rows, strings.TrimSpace(text))
	}
	return rows
}

// The status page in a browser: queues, messages and requests, without arguments unless
// asked for, and without running what messages say.
func TestStatusPageInABrowser(t *testing.T) {
	t.Parallel()
	if browser() == "" {
		t.Skip("no chromium here") //nolint:forbidigo // a browser is too much to ask of every machine
	}
	url, _ := serve(t, app)
	s := newTerminal(t, url)
	const hostile = `<script>document.title="owned"</script>`
	s.ok("send", hostile, "argument-secret", "--header", "h=header-secret", "--id", "my-run", "--group", "tenant")
	s.ok("send", "tasks.later", "--delay", "10m")
	page := seen(t, url)
	require.Contains(t, page, "<title>taskhawk serve</title>")
	require.Contains(t, cells(t, page, "queues"), queue+"|1|0|1|")
	require.Contains(t, cells(t, page, "queues"), queue+"-DLQ|0|0|0|")
	require.Regexp(t, `(?m)^\d\d:\d\d:\d\d\.\d+\|SendMessageBatch\|TASKHAWK-DEV-PROGRAM\|200\|\d+ ms\|$`,
		strings.Join(cells(t, page, "requests"), "\n"))

	page = seen(t, url+"/?queue="+queue)
	require.Contains(t, page, "<title>taskhawk serve: "+queue+"</title>", "no script runs")
	messages := strings.Join(cells(t, page, "messages"), "\n")
	require.Regexp(t, `(?m)^my-run\|&lt;script&gt;document.title="owned"&lt;/script&gt;\|waiting\|\d+s\|0\|tenant\|\|$`, messages)
	require.Regexp(t, `(?m)^[0-9a-f-]{36}\|tasks.later\|delayed\|`, messages)
	require.NotContains(t, page, "-secret")

	open, _ := serve(t, app, "--show-args")
	newTerminal(t, open).ok("send", "a", "argument-secret", "--header", "h=header-secret")
	page = seen(t, open+"/?queue="+queue)
	require.Contains(t, page, "argument-secret")
	require.Contains(t, page, "header-secret")
}
