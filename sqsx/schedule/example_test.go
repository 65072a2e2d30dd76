package schedule_test

import (
	"context"
	"fmt"
	"time"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/schedule"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type reportArgs struct {
	Kind string
}

// A report every weekday at nine in Berlin, and one next week that is called off. The
// embedded server stands for AWS: there, the client is
// scheduler.NewFromConfig(awsConfig), and Endpoint stays empty.
func ExamplePut() {
	server := sqstest.NewServer()
	defer server.Close()
	ctx := context.Background()
	if err := sqsx.Provision(ctx, server.Client(), "dev-myapp", sqsx.ProvisionConfig{}); err != nil {
		fmt.Println(err)
		return
	}
	report := taskhawk.New[reportArgs]("reports.make", nil)
	if _, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{report}}); err != nil {
		fmt.Println(err)
		return
	}
	s, err := schedule.New(newClient(server), schedule.Config{
		App: "dev-myapp", Region: "us-east-1", Account: "000000000000",
		RoleARN:  "arn:aws:iam::000000000000:role/dev-myapp-schedules",
		Endpoint: server.URL,
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		fmt.Println(err)
		return
	}
	weekdays := schedule.Cron("0 9 ? * MON-FRI *", berlin)
	fmt.Println(weekdays, schedule.Put(ctx, s, "daily", weekdays, report, reportArgs{Kind: "sales"}))

	nextWeek := schedule.At(time.Now().AddDate(0, 0, 7))
	fmt.Println(schedule.Put(ctx, s, "audit", nextWeek, report, reportArgs{Kind: "audit"}, taskhawk.WithPriority(taskhawk.Low)))
	fmt.Println(s.Cancel(ctx, "audit"))
	// Output:
	// cron(0 9 ? * MON-FRI *) Europe/Berlin <nil>
	// <nil>
	// <nil>
}
