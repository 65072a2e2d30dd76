package sqstest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

const sendTarget = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"

// definition is the body of CreateSchedule: a message with the scheduled time to the
// queue of that URL, with members changed.
func definition(expression, url string, change ...func(body, target map[string]any)) map[string]any {
	input := fmt.Sprintf(`{"QueueUrl":%q,"MessageBody":"<aws.scheduler.scheduled-time>"}`, url)
	target := map[string]any{
		"Arn": sendTarget, "RoleArn": "arn:aws:iam::000000000000:role/r",
		"Input": input,
	}
	body := map[string]any{
		"ScheduleExpression": expression, "FlexibleTimeWindow": map[string]string{"Mode": "OFF"}, "Target": target,
	}
	for _, c := range change {
		c(body, target)
	}
	return body
}

// scheduler makes a request of EventBridge Scheduler and returns the status, the error's
// code and the answer.
func (f *fixture) scheduler(method, path string, body any) (status int, code string, answer map[string]any) {
	f.Helper()
	text, err := json.Marshal(body)
	require.NoError(f, err)
	req, err := http.NewRequestWithContext(f.Context(), method, f.URL+path, strings.NewReader(string(text)))
	require.NoError(f, err)
	if body == nil {
		req.Body = http.NoBody
	}
	res, err := f.HTTPClient().Do(req)
	require.NoError(f, err)
	all, err := io.ReadAll(res.Body)
	require.NoError(f, err)
	require.NoError(f, res.Body.Close())
	require.NoError(f, json.Unmarshal(all, &answer), "%s", all)
	return res.StatusCode, res.Header.Get("X-Amzn-Errortype"), answer
}

func (f *fixture) schedule(name string, body map[string]any) {
	f.Helper()
	status, code, answer := f.scheduler(http.MethodPost, "/schedules/"+name, body)
	require.Equal(f, http.StatusOK, status, "%s %v", code, answer)
	require.Equal(f, "arn:aws:scheduler:us-east-1:000000000000:schedule/default/"+name, answer["ScheduleArn"])
}

// accepted are the times at which messages came, in UTC.
func (f *fixture) accepted() []string {
	var times []string
	for _, e := range f.Ledger().Events() {
		if e.Kind == sqstest.Accepted {
			times = append(times, e.Time.UTC().Format(time.RFC3339))
		}
	}
	return times
}

// A bubble begins at 2000-01-01 00:00 UTC, a Saturday.
func TestSchedulesFireAtTheirTimes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		expression, zone string
		days             int
		from             string // the first that is looked at
		want             []string
	}{
		{"rate(5 minutes)", "", 1, "", []string{"2000-01-01T00:00:00Z", "2000-01-01T00:05:00Z", "2000-01-01T00:10:00Z"}},
		{"rate(1 day)", "Europe/Berlin", 100, "2000-03-25", []string{"2000-03-25T00:00:00Z", "2000-03-26T00:00:00Z"}},
		{"at(2000-01-02T03:04:05)", "", 400, "", []string{"2000-01-02T03:04:05Z"}},
		{"at(2000-01-02T03:04:05)", "America/New_York", 2, "", []string{"2000-01-02T08:04:05Z"}},
		{"cron(0 9 ? * MON-FRI *)", "", 5, "", []string{"2000-01-03T09:00:00Z", "2000-01-04T09:00:00Z", "2000-01-05T09:00:00Z"}},
		{"cron(0 9 ? * 2,4 *)", "", 7, "", []string{"2000-01-03T09:00:00Z", "2000-01-05T09:00:00Z"}},
		{"cron(0/20 8-9 1,15 FEB ? 2001)", "", 400, "", []string{"2001-02-01T08:00:00Z", "2001-02-01T08:20:00Z", "2001-02-01T08:40:00Z"}},
		{"cron(10-30/10 0 1 * ? *)", "", 1, "", []string{"2000-01-01T00:10:00Z", "2000-01-01T00:20:00Z", "2000-01-01T00:30:00Z"}},
		{"cron(0 0 L * ? *)", "", 100, "", []string{"2000-01-31T00:00:00Z", "2000-02-29T00:00:00Z", "2000-03-31T00:00:00Z"}},
		{"cron(0 0 15W * ? *)", "", 50, "", []string{"2000-01-14T00:00:00Z", "2000-02-15T00:00:00Z"}},
		{"cron(0 0 1W * ? *)", "", 50, "", []string{"2000-01-03T00:00:00Z", "2000-02-01T00:00:00Z"}},
		{"cron(0 0 30W 1,4 ? *)", "", 130, "", []string{"2000-01-31T00:00:00Z", "2000-04-28T00:00:00Z"}},
		{"cron(0 0 ? * 6L *)", "", 60, "", []string{"2000-01-28T00:00:00Z", "2000-02-25T00:00:00Z"}},
		{"cron(0 0 ? * L *)", "", 10, "", []string{"2000-01-01T00:00:00Z", "2000-01-08T00:00:00Z"}},
		{"cron(0 0 ? * TUE#2 *)", "", 60, "", []string{"2000-01-11T00:00:00Z", "2000-02-08T00:00:00Z"}},
		// Clocks went forward on March 26th and back on October 29th.
		{"cron(0 9 * * ? *)", "Europe/Berlin", 100, "2000-03-25", []string{"2000-03-25T08:00:00Z", "2000-03-26T07:00:00Z", "2000-03-27T07:00:00Z"}},
		{"cron(0 9 * * ? *)", "Europe/Berlin", 310, "2000-10-28", []string{"2000-10-28T07:00:00Z", "2000-10-29T08:00:00Z", "2000-10-30T08:00:00Z"}},
		{"cron(30 2 * * ? *)", "Europe/Berlin", 100, "2000-03-25", []string{"2000-03-25T01:30:00Z", "2000-03-27T00:30:00Z"}},
		{"cron(30 2 * 10 ? *)", "Europe/Berlin", 310, "2000-10-28", []string{"2000-10-28T00:30:00Z", "2000-10-29T0", "2000-10-30T01:30:00Z"}},
	} {
		t.Run(c.expression+c.zone+c.from, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(f *fixture) {
				f.schedule("s", definition(c.expression, f.queue("jobs"), func(body, _ map[string]any) {
					body["ScheduleExpressionTimezone"] = c.zone
				}))
				time.Sleep(time.Duration(c.days) * 24 * time.Hour)
				var got []string
				for _, at := range f.accepted() {
					if at >= c.from && len(got) < len(c.want) {
						got = append(got, at)
					}
				}
				require.Len(t, got, len(c.want), "%v", got)
				for i := range got {
					require.True(t, strings.HasPrefix(got[i], c.want[i]), "%v, not %v", got, c.want)
				}
				if strings.HasPrefix(c.expression, "at") {
					require.Len(t, f.accepted(), 1)
				}
			})
		})
	}
}

func TestAParkedPollGetsWhatAScheduleSends(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.schedule("s", definition("at(2000-01-01T00:00:10)", url))
		long := func(in *sqs.ReceiveMessageInput) { in.WaitTimeSeconds = 20 }
		start := time.Now()
		require.Equal(t, "2000-01-01T00:00:10Z", *f.receiveOne(url, long).Body)
		require.Equal(t, 10*time.Second, time.Since(start))

		done := make(chan string)
		go func() { done <- *f.receiveOne(url, long).Body }()
		time.Sleep(time.Second)
		f.schedule("t", definition("at(2000-01-01T00:00:13)", url))
		require.Equal(t, "2000-01-01T00:00:13Z", <-done, "the poll was parked before the schedule was made")
		require.Equal(t, 13*time.Second, time.Since(start))
	})
}

func TestKeywordsAreReplacedAnywhereInTheInput(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs.fifo", "FifoQueue", "true")
		f.schedule("s", definition("rate(1 minute)", url, func(_, target map[string]any) {
			target["Input"] = fmt.Sprintf(`{"QueueUrl":%q,"MessageBody":"{\"id\":\"<aws.scheduler.schedule-arn>\"}",`+
				`"MessageGroupId":"g","MessageDeduplicationId":"<aws.scheduler.scheduled-time>",`+
				`"MessageAttributes":{"attempt":{"DataType":"Number","StringValue":"<aws.scheduler.attempt-number>"},`+
				`"execution":{"DataType":"String","StringValue":"<aws.scheduler.execution-id>"}}}`, url)
		}))
		time.Sleep(90 * time.Second)
		messages := f.Queue("jobs.fifo").Messages
		require.Len(t, messages, 2)
		require.JSONEq(t, `{"id":"arn:aws:scheduler:us-east-1:000000000000:schedule/default/s"}`, messages[0].Body)
		require.Equal(t, "1", messages[0].Attributes["attempt"])
		require.NotEqual(t, messages[0].Attributes["execution"], messages[1].Attributes["execution"])
	})
}

func TestSchedulesAreReplacedAndDeleted(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.schedule("s", definition("rate(1 hour)", url, func(body, _ map[string]any) { body["StartDate"] = 946684800 + 3600 }))
		status, code, _ := f.scheduler(http.MethodPost, "/schedules/s", definition("rate(1 hour)", url))
		require.Equal(t, http.StatusConflict, status)
		require.Equal(t, "ConflictException", code)
		require.Empty(t, f.accepted(), "the start is in an hour")

		status, _, _ = f.scheduler(http.MethodPut, "/schedules/s", definition("rate(2 hours)", url))
		require.Equal(t, http.StatusOK, status)
		_, _, got := f.scheduler(http.MethodGet, "/schedules/s", nil)
		require.Equal(t, "rate(2 hours)", got["ScheduleExpression"])
		require.Equal(t, "ENABLED", got["State"])
		require.NotContains(t, got, "StartDate", "an update replaces everything")
		time.Sleep(3 * time.Hour)
		require.Equal(t, []string{"2000-01-01T00:00:00Z", "2000-01-01T02:00:00Z"}, f.accepted())

		_, _, list := f.scheduler(http.MethodGet, "/schedules", nil)
		require.Len(t, list["Schedules"], 1)
		status, _, _ = f.scheduler(http.MethodDelete, "/schedules/s?groupName=default", nil)
		require.Equal(t, http.StatusOK, status)
		for _, method := range []string{http.MethodDelete, http.MethodGet} {
			status, code, _ = f.scheduler(method, "/schedules/s", nil)
			require.Equal(t, http.StatusNotFound, status)
			require.Equal(t, "ResourceNotFoundException", code)
		}
		status, _, _ = f.scheduler(http.MethodPut, "/schedules/s", definition("rate(2 hours)", url))
		require.Equal(t, http.StatusNotFound, status)
		time.Sleep(3 * time.Hour)
		require.Len(t, f.accepted(), 2)
	})
}

func TestAOneTimeScheduleIsDeletedAfterwards(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		url := f.queue("jobs")
		f.schedule("kept", definition("at(2000-01-01T01:00:00)", url))
		f.schedule("gone", definition("at(2000-01-01T01:00:00)", url, func(body, _ map[string]any) {
			body["ActionAfterCompletion"] = "DELETE"
		}))
		time.Sleep(time.Hour)
		_, _, list := f.scheduler(http.MethodGet, "/schedules?NamePrefix=&ScheduleGroup=default", nil)
		require.Len(t, list["Schedules"], 1)
		require.Len(t, f.accepted(), 2)
	})
}

func TestWhatAScheduleCannotSendIsADeadLetter(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		f.queue("letters")
		f.schedule("s", definition("at(2000-01-01T01:00:00)", f.URL+"/000000000000/none", func(_, target map[string]any) {
			target["DeadLetterConfig"] = map[string]string{"Arn": "arn:aws:sqs:us-east-1:000000000000:letters"}
		}))
		time.Sleep(time.Hour)
		letters := f.Queue("letters").Messages
		require.Len(t, letters, 1)
		require.Equal(t, "QueueDoesNotExist", letters[0].Attributes["ERROR_CODE"])
		require.Contains(t, letters[0].Body, "2000-01-01T01:00:00Z")
	})
}

func TestATemplatedTargetIsTheQueue(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		f.queue("jobs.fifo", "FifoQueue", "true", "ContentBasedDeduplication", "true")
		f.schedule("s", definition("rate(1 minute)", "", func(_, target map[string]any) {
			target["Arn"], target["Input"] = "arn:aws:sqs:us-east-1:000000000000:jobs.fifo", "at <aws.scheduler.scheduled-time>"
			target["SqsParameters"] = map[string]string{"MessageGroupId": "g"}
		}))
		messages := f.Queue("jobs.fifo").Messages
		require.Len(t, messages, 1)
		require.Equal(t, "at 2000-01-01T00:00:00Z", messages[0].Body)
		require.Equal(t, "g", messages[0].GroupID)
	})
}

func TestBadSchedulesAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	url := f.queue("jobs")
	for _, expression := range []string{
		"", "rate(5)", "rate(0 minutes)", "rate(5 seconds)", "rate(5 minutes", "at(2030-01-01)", "at(1999-01-01T00:00:00)", "every(1 day)",
		"cron(0 9 * * *)", "cron(0 9 * * * *)", "cron(0 9 ? * ? *)", "cron(60 9 * * ? *)", "cron(0 24 * * ? *)", "cron(0 9 0 * ? *)",
		"cron(0 9 32W * ? *)", "cron(0 9 ? * 8L *)", "cron(0 9 ? * 2#6 *)", "cron(0 9 ? * 2#1,3#1 *)", "cron(0 9 * 13 ? *)",
		"cron(9-5 9 * * ? *)", "cron(0/0 9 * * ? *)", "cron(0 9 * * ? 1999)", "cron(x 9 * * ? *)", strings.Repeat("x", 257),
	} {
		_, code, _ := f.scheduler(http.MethodPost, "/schedules/s", definition(expression, url))
		require.Equal(t, "ValidationException", code, expression)
	}
	for name, change := range map[string]func(body, target map[string]any){
		"a zone":         func(body, _ map[string]any) { body["ScheduleExpressionTimezone"] = "Mars/Base" },
		"a window":       func(body, _ map[string]any) { body["FlexibleTimeWindow"] = map[string]string{"Mode": "FLEXIBLE"} },
		"a state":        func(body, _ map[string]any) { body["State"] = "ON" },
		"an action":      func(body, _ map[string]any) { body["ActionAfterCompletion"] = "KEEP" },
		"a member":       func(body, _ map[string]any) { body["Cron"] = "x" },
		"no role":        func(_, target map[string]any) { delete(target, "RoleArn") },
		"another target": func(_, target map[string]any) { target["Arn"] = "arn:aws:scheduler:::aws-sdk:sns:publish" },
		"an input":       func(_, target map[string]any) { target["Input"] = `{"QueueUrl":"u","Body":"b"}` },
		"no input":       func(_, target map[string]any) { target["Input"] = "" },
		"attempts":       func(_, target map[string]any) { target["RetryPolicy"] = map[string]int{"MaximumRetryAttempts": 186} },
		"an age":         func(_, target map[string]any) { target["RetryPolicy"] = map[string]int{"MaximumEventAgeInSeconds": 59} },
		"a letter queue": func(_, target map[string]any) { target["DeadLetterConfig"] = map[string]string{"Arn": "arn:aws:sns:x"} },
		"SqsParameters":  func(_, target map[string]any) { target["SqsParameters"] = map[string]string{"MessageGroupId": "g"} },
	} {
		_, code, _ := f.scheduler(http.MethodPost, "/schedules/s", definition("rate(1 day)", url, change))
		require.Equal(t, "ValidationException", code, name)
	}
	_, code, _ := f.scheduler(http.MethodPost, "/schedules/a%20b", definition("rate(1 day)", url))
	require.Equal(t, "ValidationException", code)
	group := func(body, _ map[string]any) { body["GroupName"] = "jobs" }
	_, code, _ = f.scheduler(http.MethodPost, "/schedules/s", definition("rate(1 day)", url, group))
	require.Equal(t, "ResourceNotFoundException", code)
	status, _, _ := f.scheduler(http.MethodPost, "/schedule-groups/jobs", map[string]string{})
	require.Equal(t, http.StatusOK, status)
	_, code, _ = f.scheduler(http.MethodPost, "/schedule-groups/jobs", map[string]string{})
	require.Equal(t, "ConflictException", code)
	status, _, _ = f.scheduler(http.MethodPost, "/schedules/s", definition("rate(1 day)", url, group))
	require.Equal(t, http.StatusOK, status)
	_, code, _ = f.scheduler(http.MethodPatch, "/schedules/s", definition("rate(1 day)", url))
	require.Equal(t, "UnknownOperationException", code)
}

func TestADisabledScheduleDoesNotFire(t *testing.T) {
	t.Parallel()
	inBubble(t, func(f *fixture) {
		f.schedule("s", definition("rate(1 minute)", f.queue("jobs"), func(body, _ map[string]any) { body["State"] = "DISABLED" }))
		f.schedule("e", definition("rate(1 minute)", f.queue("jobs"), func(body, _ map[string]any) {
			body["EndDate"] = aws.Float64(946684800 + 60)
		}))
		time.Sleep(time.Hour)
		require.Equal(t, []string{"2000-01-01T00:00:00Z", "2000-01-01T00:01:00Z"}, f.accepted())
	})
}

// Whatever the expression, the server refuses it or keeps the schedule, and goes on.
func FuzzScheduleExpression(f *testing.F) {
	for _, seed := range []string{
		"rate(5 minutes)", "at(2030-01-02T03:04:05)", "cron(0 9 ? * MON-FRI *)", "cron(0/20 8-9 1,15 FEB ? 2001)",
		"cron(0 0 LW * ? *)", "cron(0 0 31W 2 ? *)", "cron(0 0 ? * 6L *)", "cron(0 0 ? * TUE#5 *)", "cron(0 0 30 2 ? *)",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		fixture := newFixture(t)
		status, code, _ := fixture.scheduler(http.MethodPost, "/schedules/s", definition(expression, fixture.queue("jobs")))
		if status != http.StatusOK {
			require.Contains(t, []string{"ValidationException"}, code)
			return
		}
		status, _, _ = fixture.scheduler(http.MethodGet, "/schedules/s", nil)
		require.Equal(t, http.StatusOK, status)
	})
}
