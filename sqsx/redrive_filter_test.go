package sqsx_test

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

func TestRedriveByTask(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 30 {
			g.buryTasks("tests.a", "tests.b", "tests.c", "tests.ab")
		}
		report := g.redrive(sqsx.RedriveConfig{Tasks: []string{"tests.a", "tests.c"}})
		require.Equal(g, map[string]sqsx.RedriveCount{
			"tests.a": {Moved: 30}, "tests.c": {Moved: 30}, "tests.b": {Skipped: 30}, "tests.ab": {Skipped: 30},
		}, onDefault(report).Tasks)
		require.Equal(g, sqsx.RedriveCount{Moved: 60, Skipped: 60}, report.Count())
		require.Equal(g, sqsx.ByCopy, onDefault(report).By)
		require.NoError(g, onDefault(report).Fallback)
		g.requireBack(60)
		g.requireDead(60)
	})
}

func TestRedriveLooksAtEachLetterOnceAndGivesItBackAtTheEnd(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 25 {
			g.buryTasks("tests.a")
		}
		g.redrive(sqsx.RedriveConfig{Tasks: []string{"tests.b"}})
		for _, letter := range g.server.Queue(deadLettersOf(taskhawk.Default)).Messages {
			require.Equal(g, 1, letter.Receives)
		}
		g.requireDead(25)
		require.Equal(g, 3, g.server.Requests(sqstest.OpChangeMessageVisibilityBatch))
	})
}

// The body has the name of the task, however the message got here.
func TestRedriveReadsTheTaskAsAWorkerDoes(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		dead := deadLettersOf(taskhawk.Default)
		notification, err := json.Marshal(map[string]any{
			"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:000000000000:taskhawk-dev-myapp", "Message": g.body("tests.sns"),
		})
		require.NoError(g, err)
		g.bury(dead, string(notification))
		g.bury(dead, base64.StdEncoding.EncodeToString([]byte(g.body("tests.base64"))), withAttribute("taskhawk_encoding", "base64"))
		g.bury(dead, g.body("tests.body"), withAttribute("taskhawk_task", "tests.attribute"))
		g.bury(dead, "cut of", withAttribute("taskhawk_task", "tests.attribute"))
		g.bury(dead, g.body(strings.Repeat("x", 257)))
		report := g.redrive(sqsx.RedriveConfig{DryRun: true})
		one := sqsx.RedriveCount{WouldMove: 1}
		require.Equal(g, map[string]sqsx.RedriveCount{
			"tests.sns": one, "tests.base64": one, "tests.body": one, "tests.attribute": one, "": one,
		}, onDefault(report).Tasks)
	})
}

func TestRedriveByReason(t *testing.T) {
	t.Parallel()
	reason := func(text string) func(*sqs.SendMessageInput) { return withAttribute("taskhawk_reason", text) }
	for name, c := range map[string]struct {
		reason func(string) bool
		want   int
	}{
		"a regular expression":   {regexp.MustCompile("card service|timeout").MatchString, 2},
		"letters that SQS moved": {func(reason string) bool { return reason == "" }, 1},
		"none":                   {func(string) bool { return false }, 0},
	} {
		inGraveyard(t, func(g *graveyard) {
			dead := deadLettersOf(taskhawk.Default)
			g.bury(dead, g.body("tests.a"), reason("the card service is down"))
			g.bury(dead, g.body("tests.b"), reason("a timeout"))
			g.bury(dead, g.body("tests.c"), reason("no such user"))
			g.bury(dead, g.body("tests.d"))
			require.Equal(g, c.want, g.redrive(sqsx.RedriveConfig{Reason: c.reason}).Total(), name)
			g.requireDead(4 - c.want)
		})
	}
}

func TestRedriveByTaskAndReasonWithALimit(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		dead := deadLettersOf(taskhawk.Default)
		for range 10 {
			g.bury(dead, g.body("tests.a"))
			g.bury(dead, g.body("tests.a"), withAttribute("taskhawk_reason", "down"))
			g.bury(dead, g.body("tests.b"), withAttribute("taskhawk_reason", "down"))
		}
		report := g.redrive(sqsx.RedriveConfig{
			Tasks: []string{"tests.a"}, Reason: func(reason string) bool { return reason == "down" }, Limit: 7,
		})
		require.Equal(g, 7, report.Total())
		g.requireBack(7)
		g.requireDead(23)
		for _, message := range g.server.Queue(queueOf(taskhawk.Default)).Messages {
			require.Contains(g, message.Body, "tests.a")
		}
	})
}

func TestRedriveDryRunMovesNothing(t *testing.T) {
	t.Parallel()
	inGraveyard(t, func(g *graveyard) {
		for range 15 {
			g.buryTasks("tests.a", "tests.b")
		}
		report := g.redrive(sqsx.RedriveConfig{DryRun: true, Tasks: []string{"tests.b"}, Rate: 1})
		require.Equal(g, sqsx.RedriveCount{WouldMove: 15, Skipped: 15}, report.Count())
		require.Zero(g, report.Total())
		require.Empty(g, report.Moved)
		g.requireDead(30)
		g.requireBack(0)
		require.Equal(g, 12, g.redrive(sqsx.RedriveConfig{DryRun: true, Limit: 12}).Count().WouldMove)
		g.requireDead(30)
	})
}
