package taskhawk_test

import (
	"context"
	"fmt"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// SendEmailArgs are the parameters of the Python function send_email(to, subject, *, from_email=None).
type SendEmailArgs struct {
	To        string `validate:"required,email"`
	Subject   string
	FromEmail *string `taskhawk:"from_email,kw,optional"`
}

func sendEmail(_ context.Context, args SendEmailArgs) error {
	fmt.Printf("to %s: %s\n", args.To, args.Subject)
	return nil
}

// printer is a publisher that prints what would go on a queue.
type printer struct{}

func (printer) Publish(_ context.Context, out *taskhawk.Outgoing) error {
	msg, err := taskhawk.ParseMessage(out.Body)
	if err != nil {
		return err
	}
	fmt.Println(msg.Task, msg.Priority, msg.Headers, msg.Args, msg.Kwargs)
	return nil
}

func ExampleNew() {
	// Usually a package variable.
	sendEmail := taskhawk.New("tasks.send_email", sendEmail)

	_, err := taskhawk.NewHub(taskhawk.Config{Publisher: printer{}, Tasks: []taskhawk.AnyTask{sendEmail}})
	if err != nil {
		fmt.Println(err)
	}
	from := "spam@example.com"
	_, err = sendEmail.Dispatch(context.Background(),
		SendEmailArgs{To: "ann@example.com", Subject: "Hello!", FromEmail: &from})
	fmt.Println(err)
	_, err = sendEmail.Dispatch(context.Background(), SendEmailArgs{To: "nobody"})
	fmt.Println(err)
	// Output:
	// tasks.send_email default map[] ["ann@example.com","Hello!"] {"from_email":"spam@example.com"}
	// <nil>
	// taskhawk: dispatch tasks.send_email: arguments of tasks.send_email: To breaks email
}

func ExampleTask_Dispatch() {
	sendEmail := taskhawk.New("tasks.send_email", sendEmail, taskhawk.WithHeaders(taskhawk.Headers{"service": "shop"}))
	if _, err := taskhawk.NewHub(taskhawk.Config{Publisher: printer{}, Tasks: []taskhawk.AnyTask{sendEmail}}); err != nil {
		fmt.Println(err)
	}
	ctx, args := context.Background(), SendEmailArgs{To: "ann@example.com"}

	// Options of one dispatch:
	_, _ = sendEmail.Dispatch(ctx, args, taskhawk.WithPriority(taskhawk.High),
		taskhawk.WithHeaders(taskhawk.Headers{"request_id": "1234"}))

	// A copy of the task with its own options, to keep or to chain:
	bulk := sendEmail.WithPriority(taskhawk.Bulk).WithHeaders(taskhawk.Headers{"campaign": "spring"})
	_, _ = bulk.Dispatch(ctx, args)
	_, _ = bulk.WithHeaders(taskhawk.Headers{"service": "mail"}).Dispatch(ctx, args, taskhawk.WithKeywordArgs())

	// The task itself is as it was:
	id, err := sendEmail.Dispatch(ctx, args, taskhawk.WithID("order-17"))
	fmt.Println(id, err)
	// Output:
	// tasks.send_email high map[request_id:1234 service:shop] ["ann@example.com",""] {}
	// tasks.send_email bulk map[campaign:spring service:shop] ["ann@example.com",""] {}
	// tasks.send_email bulk map[campaign:spring service:mail] [] {"to":"ann@example.com","subject":""}
	// tasks.send_email default map[service:shop] ["ann@example.com",""] {}
	// order-17 <nil>
}

func ExampleTask_DispatchAll() {
	sendEmail := taskhawk.New("tasks.send_email", sendEmail)
	if _, err := taskhawk.NewHub(taskhawk.Config{Publisher: printer{}, Tasks: []taskhawk.AnyTask{sendEmail}}); err != nil {
		fmt.Println(err)
	}
	ids, err := sendEmail.DispatchAll(context.Background(), []SendEmailArgs{{To: "ann@example.com"}, {To: "ben@example.com"}})
	fmt.Println(len(ids), err)
	_, err = sendEmail.DispatchAll(context.Background(), []SendEmailArgs{{To: "ann@example.com"}, {To: "ben"}})
	fmt.Println(err)
	// Output:
	// tasks.send_email default map[] ["ann@example.com",""] {}
	// tasks.send_email default map[] ["ben@example.com",""] {}
	// 2 <nil>
	// taskhawk: dispatch tasks.send_email: 2 of 2 failed, first [1]: arguments of tasks.send_email: To breaks email
}

func ExampleContextWithHub() {
	sendEmail := taskhawk.New("tasks.send_email", sendEmail)
	if _, err := taskhawk.NewHub(taskhawk.Config{Publisher: printer{}, Tasks: []taskhawk.AnyTask{sendEmail}}); err != nil {
		fmt.Println(err)
	}
	// In this context tasks run at once, though the task is registered with a hub that publishes.
	sync, err := taskhawk.NewHub(taskhawk.Config{Sync: true, Tasks: []taskhawk.AnyTask{sendEmail.WithPriority(taskhawk.High)}})
	if err != nil {
		fmt.Println(err)
	}
	ctx := taskhawk.ContextWithHub(context.Background(), sync)
	_, err = sendEmail.Dispatch(ctx, SendEmailArgs{To: "ann@example.com", Subject: "Hello!"})
	fmt.Println(err)
	// Output:
	// to ann@example.com: Hello!
	// <nil>
}

func ExampleDispatchMiddleware() {
	welcome := taskhawk.New("tasks.welcome", func(ctx context.Context, args struct{ Name string }) error {
		fmt.Println("welcome", args.Name, "to", taskhawk.MetadataFrom(ctx).Headers["tenant"])
		return nil
	})
	tenant := func(ctx context.Context, d *taskhawk.Dispatch) (context.Context, func(error)) {
		if d.Header("tenant") == "" {
			d.SetHeader("tenant", "acme")
		}
		return ctx, func(err error) { fmt.Println("sent", d.Task, "error:", err) }
	}
	_, err := taskhawk.NewHub(taskhawk.Config{
		Tasks: []taskhawk.AnyTask{welcome}, DispatchMiddleware: []taskhawk.DispatchMiddleware{tenant}, Sync: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = welcome.Dispatch(context.Background(), struct{ Name string }{"Ann"})
	// Output:
	// welcome Ann to acme
	// sent tasks.welcome error: <nil>
}
