package schedule_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/schedule"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// A bubble begins at 2000-01-01 00:00 UTC. In Berlin clocks went forward on March 26th
// and back on October 29th.
func TestAZoneKeepsItsHourWhenClocksChange(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for _, start := range []int{84, 301} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t)
			time.Sleep(time.Until(time.Now().UTC().AddDate(0, 0, start)))
			from := time.Now()
			args := emailArgs{To: "a@b.c", Subject: "hi"}
			require.NoError(t, schedule.Put(t.Context(), f.scheduler, "daily", schedule.Cron("0 9 * * ? *", berlin), f.email, args))
			time.Sleep(72 * time.Hour)
			f.handle()
			offsets := map[int]bool{}
			for day := range 3 {
				r := <-f.runs
				local := r.at.In(berlin)
				_, offset := local.Zone()
				offsets[offset] = true
				require.Equal(t, 9, local.Hour())
				require.Equal(t, from.YearDay()+day, local.YearDay())
				require.Equal(t, local.Format(time.DateTime), r.metadata.Timestamp.In(berlin).Format(time.DateTime), "the time of the firing")
				require.Equal(t, args, r.args)
				require.Equal(t, "arn:aws:scheduler:us-east-1:000000000000:schedule/default/daily/"+local.UTC().Format(time.RFC3339), r.metadata.ID)
			}
			require.Len(t, offsets, 2, "both sides of the change")
			require.NoError(t, f.scheduler.Cancel(t.Context(), "daily"))
		})
	}
}

func TestAFiringIsTheMessageThatDispatchSends(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		args := emailArgs{To: "ä<&>\u2028", Subject: `"\`}
		options := []taskhawk.DispatchOption{
			taskhawk.WithHeaders(taskhawk.Headers{"request_id": "<1>"}), taskhawk.WithGroup("tenant"),
		}
		require.NoError(t, schedule.Put(t.Context(), f.scheduler, "s", schedule.Rate(time.Minute), f.email, args, options...))
		publisher, err := sqsx.NewPublisher(f.server.Client(), app, sqsx.PublisherConfig{})
		require.NoError(t, err)
		hub, err := taskhawk.NewHub(taskhawk.Config{Publisher: publisher})
		require.NoError(t, err)
		time.Sleep(time.Minute)
		_, err = f.email.Dispatch(taskhawk.ContextWithHub(t.Context(), hub), args, append(options, taskhawk.WithID("i1"))...)
		require.NoError(t, err)

		messages := f.server.Queue(queueName).Messages
		require.Len(t, messages, 2)
		fired, sent := messages[0], messages[1]
		require.Equal(t, sent.Attributes, fired.Attributes)
		require.Equal(t, "tasks.send_email", fired.Attributes["taskhawk_task"])
		require.Equal(t, sent.GroupID, fired.GroupID)
		id := "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s/2000-01-01T00:01:00Z"
		want := strings.Replace(sent.Body, `"id":"i1"`, `"id":"`+id+`"`, 1)
		want = strings.Replace(want, `"timestamp":946684860000`, `"timestamp":"2000-01-01T00:01:00Z"`, 1)
		require.Equal(t, want, fired.Body)
	})
}

// The scheduler delivers at least once: the same input again, later.
func TestAFiringThatComesTwiceHasOneID(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		naming := func(app string, priority taskhawk.Priority) string { return sqsx.QueueName(app, priority) + ".fifo" }
		require.NoError(t, sqsx.Provision(t.Context(), f.server.Client(), app, sqsx.ProvisionConfig{Naming: naming}))
		fifo := f.with(func(c *schedule.Config) { c.Naming = naming })
		for name, s := range map[string]*schedule.Scheduler{"standard": f.scheduler, "fifo": fifo} {
			options := []taskhawk.DispatchOption{taskhawk.WithGroup("g")}
			require.NoError(t, schedule.Put(t.Context(), s, name, schedule.Rate(time.Minute), f.email, emailArgs{To: "a"}, options...))
		}
		time.Sleep(time.Minute)
		for _, name := range []string{"standard", "fifo"} {
			got, err := f.client.GetSchedule(t.Context(), &scheduler.GetScheduleInput{Name: &name})
			require.NoError(t, err)
			again := strings.NewReplacer(
				"<aws.scheduler.schedule-arn>", *got.Arn, "<aws.scheduler.scheduled-time>", "2000-01-01T00:01:00Z",
			).Replace(*got.Target.Input)
			var in sqs.SendMessageInput
			require.NoError(t, json.Unmarshal([]byte(again), &in))
			_, err = f.server.Client().SendMessage(t.Context(), &in)
			require.NoError(t, err)
		}
		bodies := f.bodies()
		require.Len(t, bodies, 2)
		require.Equal(t, bodies[0], bodies[1])
		require.Len(t, f.server.Queue(queueName+".fifo").Messages, 1, "SQS keeps one of the firing")
		time.Sleep(time.Minute)
		require.Len(t, f.server.Queue(queueName+".fifo").Messages, 2, "and the next firing")
	})
}

func TestAtRunsOnceLongAfterFifteenMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		due := time.Now().Add(40 * 24 * time.Hour)
		require.NoError(t, schedule.Put(t.Context(), f.scheduler, "once", schedule.At(due), f.email, emailArgs{To: "a"}, taskhawk.WithID("mine")))
		time.Sleep(time.Until(due) - time.Minute)
		f.work()
		var r run
		select {
		case r = <-f.runs:
		case <-time.After(time.Hour):
			t.Fatal("no run")
		}
		require.WithinDuration(t, due, r.at, time.Second)
		require.Equal(t, "mine", r.metadata.ID)
		require.ErrorIs(t, f.scheduler.Cancel(t.Context(), "once"), schedule.ErrNotFound, "it is gone when it is done")
	})
}

// A moment less than a second away has not passed, and a time is judged when it is put.
func TestAtTheNextWholeSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		at := schedule.At(time.Now().Add(300 * time.Millisecond))
		require.NoError(t, schedule.Put(t.Context(), f.scheduler, "once", at, f.email, emailArgs{To: "a"}))
		time.Sleep(time.Minute)
		require.Len(t, f.bodies(), 1)
		require.ErrorContains(t, schedule.Put(t.Context(), f.scheduler, "again", at, f.email, emailArgs{To: "a"}), "the time has passed")
	})
}

func TestACancelledScheduleDoesNotFire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		require.NoError(t, schedule.Put(t.Context(), f.scheduler, "s", schedule.At(time.Now().Add(time.Hour)), f.email, emailArgs{To: "a"}))
		require.NoError(t, f.scheduler.Cancel(t.Context(), "s"))
		time.Sleep(2 * time.Hour)
		require.Empty(t, f.bodies())
	})
}

func TestPutReplacesByName(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		put := func(subject string) {
			require.NoError(t, schedule.Put(t.Context(), f.scheduler, "s", schedule.Rate(7*time.Minute), f.email, emailArgs{To: "a", Subject: subject}))
		}
		put("first")
		time.Sleep(10 * time.Minute)
		put("second")
		time.Sleep(20 * time.Minute)
		bodies := f.bodies()
		require.Len(t, bodies, 4)
		for i, subject := range []string{"first", "second", "second", "second"} {
			require.Contains(t, bodies[i], subject)
		}
		for i := range bodies[1:] {
			var before, after struct{ Metadata struct{ Timestamp time.Time } }
			require.NoError(t, json.Unmarshal([]byte(bodies[i]), &before))
			require.NoError(t, json.Unmarshal([]byte(bodies[i+1]), &after))
			require.Equal(t, 7*time.Minute, after.Metadata.Timestamp.Sub(before.Metadata.Timestamp), "a Put moves no rate")
		}
	})
}

// TestPythonAcceptsFirings holds what is fired to rules that accept nothing that a Python
// consumer refused, as the recorded messages say.
func TestPythonAcceptsFirings(t *testing.T) {
	t.Parallel()
	recorded, err := os.ReadFile("../../taskhawk/testdata/wire/python-accepts.jsonl")
	require.NoError(t, err)
	seen := 0
	for line := range strings.Lines(string(recorded)) {
		var c struct {
			Case, Body   string
			Older, Newer bool
		}
		var raw map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &raw))
		c.Case, c.Body = raw["case"].(string), raw["body"].(string)
		c.Older, c.Newer = raw["accepted_by_1.4.0"].(bool), raw["accepted_by_4.7.0"].(bool)
		if pythonAccepts(c.Body) {
			require.True(t, c.Older && c.Newer, "the rules accept %s, Python does not", c.Case)
			seen++
		}
	}
	require.Equal(t, 3, seen, "the rules accept RFC 3339 in three forms")

	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		from := "me@x.y"
		for name, args := range map[string]emailArgs{"a": {To: "a@b.c"}, "b": {To: "ä", Subject: "<>", FromEmail: &from}} {
			headers := taskhawk.WithHeaders(taskhawk.Headers{"k": "v"})
			require.NoError(t, schedule.Put(t.Context(), f.scheduler, name, schedule.Rate(time.Minute), f.email, args, headers))
		}
		time.Sleep(time.Minute)
		require.Len(t, f.bodies(), 2)
		for _, body := range f.bodies() {
			require.True(t, pythonAccepts(body), body)
			_, err := taskhawk.ParseMessage(body)
			require.NoError(t, err)
		}
	})
}

// pythonAccepts is narrower than Python: tasks.send_email with two arguments by position.
func pythonAccepts(body string) bool {
	var m struct {
		ID       string
		Metadata struct {
			Priority, Version string
			Timestamp         string
		}
		Headers map[string]string
		Task    string
		Args    []any
		Kwargs  map[string]any
	}
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&m) != nil || decoder.More() || m.Headers == nil || m.Kwargs == nil {
		return false
	}
	delete(m.Kwargs, "from_email")
	_, err := time.Parse(time.RFC3339, m.Metadata.Timestamp)
	_, priority := taskhawk.ParsePriority(m.Metadata.Priority)
	return err == nil && priority == nil && m.ID != "" && m.Metadata.Version == "1.0" && m.Task == "tasks.send_email" &&
		len(m.Args) == 2 && len(m.Kwargs) == 0
}
