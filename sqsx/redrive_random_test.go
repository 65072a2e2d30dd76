package sqsx_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// effects are the faults of requests of a redrive, by a name for rapid to show.
func effects() map[string]sqstest.Effect {
	return map[string]sqstest.Effect{
		"reset":          sqstest.Reset(),
		"internal error": sqstest.Error("InternalError", "oops"),
		"denied":         sqstest.Error("AccessDenied", "no"),
		"bad gateway":    sqstest.Status(502, "<html>"),
		"delay":          sqstest.Delay(15 * time.Second),
		"truncate":       sqstest.Truncate(5),
		"entries failed": sqstest.FailEntries("InternalError", false, 0, 2),
		"entries wrong":  sqstest.FailEntries("InvalidParameterValue", true, 1),
		"omitted":        sqstest.OmitEntries(0),
		"redeliver":      sqstest.Redeliver(),
		"twice":          sqstest.DuplicateInBatch(),
		"bad MD5":        sqstest.CorruptMD5(0),
	}
}

// mishap is a fault that rapid has drawn.
type mishap struct {
	On, Effect string
	Nth, Times int
	After      bool
}

func mishaps(t *rapid.T) []mishap {
	operation := rapid.SampledFrom([]string{
		sqstest.OpReceiveMessage, sqstest.OpSendMessageBatch, sqstest.OpDeleteMessageBatch, sqstest.OpChangeMessageVisibilityBatch,
	})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) mishap {
		return mishap{
			On: operation.Draw(t, "operation"), Nth: rapid.IntRange(1, 5).Draw(t, "nth"), Times: rapid.IntRange(1, 4).Draw(t, "times"),
			Effect: rapid.SampledFrom([]string{
				"reset", "internal error", "denied", "bad gateway", "delay", "truncate", "entries failed", "entries wrong", "omitted",
				"redeliver", "twice", "bad MD5",
			}).Draw(t, "effect"), After: rapid.Bool().Draw(t, "after"),
		}
	}), 0, 4).Draw(t, "mishaps")
}

// trial redrives with faults, and then once more without. It returns the violated
// conditions.
func (g *graveyard) trial(all []mishap, config sqsx.RedriveConfig) error {
	copiesMayBe := false
	var injected []*sqstest.Injection
	for _, m := range all {
		injected = append(injected, g.server.Inject(sqstest.Fault{On: m.On, Nth: m.Nth, Times: m.Times, After: m.After, Do: effects()[m.Effect]}))
	}
	report, err := sqsx.Redrive(g.Context(), g.client, app, config)
	for i, m := range all {
		if injected[i].Fired() > 0 && (m.On == sqstest.OpSendMessageBatch || m.On == sqstest.OpDeleteMessageBatch) {
			copiesMayBe = true // SQS has stored a letter and not said so, or not deleted it
		}
	}
	g.server.Heal()
	dead, back := g.copies()
	if report.Total() > len(back) {
		return fmt.Errorf("the report counts %d, %d are back", report.Total(), len(back))
	}
	if err == nil && config.Limit == 0 && len(dead) > 0 {
		return fmt.Errorf("%d letters are left, and there is no error", len(dead))
	}
	if config.Limit > 0 && report.Total() > config.Limit {
		return fmt.Errorf("%d letters were moved, the limit is %d", report.Total(), config.Limit)
	}
	time.Sleep(3 * time.Minute)
	config.Limit = 0
	if _, err := sqsx.Redrive(g.Context(), g.client, app, config); err != nil {
		return err
	}
	return g.judge(copiesMayBe)
}

// judge returns the violated conditions if everything should have been moved.
func (g *graveyard) judge(copiesMayBe bool) error {
	dead, back := g.copies()
	if len(dead) > 0 || len(back) != wanted {
		return fmt.Errorf("%d letters are back, %d are not", len(back), len(dead))
	}
	for body, n := range back {
		if n > 1 && !copiesMayBe {
			return fmt.Errorf("%d copies of a letter that nothing explains", n)
		}
		if !strings.Contains(body, "tests.wanted") {
			return errors.New("a letter that was dropped is back")
		}
	}
	if left := g.server.Queue(deadLettersOf(taskhawk.Default)).Visible; left != unwanted {
		return fmt.Errorf("%d unwanted letters are left, of %d", left, unwanted)
	}
	return nil
}

// Whatever fails, and however often: no letter is lost, each letter left behind has an
// error, and each copy has a cause.
func TestRedriveThroughRandomMishaps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		all := mishaps(r)
		config := onlyDefault()
		config.Tasks = []string{"tests.wanted"}
		config.Limit = rapid.SampledFrom([]int{0, 0, 5, 12}).Draw(r, "limit")
		config.Rate = rapid.SampledFrom([]int{0, 1, 7, 500}).Draw(r, "rate")
		var wrong error
		synctest.Test(t, func(t *testing.T) {
			g := newGraveyard(t, sqsx.ProvisionConfig{Priorities: config.Priorities})
			g.fill()
			wrong = g.trial(all, config)
		})
		if wrong != nil {
			r.Fatal(wrong)
		}
	})
}
