package contract_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/contract"
)

type sendEmailArgs struct {
	To        string `validate:"required,email"`
	Subject   string
	FromEmail *string `taskhawk:"from_email,kw,optional"`
}

var sendEmail = taskhawk.New("tasks.send_email", nothing[sendEmailArgs])

func ExampleOf() {
	hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{sendEmail}})
	if err != nil {
		panic(err)
	}
	c, err := contract.Of(hub)
	if err != nil {
		panic(err)
	}
	if _, err := c.WriteTo(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// {
	//   "taskhawk_contract": 1,
	//   "tasks": [
	//     {
	//       "name": "tasks.send_email",
	//       "priority": "default",
	//       "sends": "positional",
	//       "params": [
	//         {"name": "to", "schema": {"type": "string", "format": "email", "minLength": 1}},
	//         {"name": "subject", "schema": {"type": "string"}},
	//         {"name": "from_email", "keyword_only": true, "optional": true, "schema": {"type": ["string", "null"]}}
	//       ]
	//     }
	//   ]
	// }
}

func ExampleCheck() {
	hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: []taskhawk.AnyTask{sendEmail}})
	if err != nil {
		panic(err)
	}
	test := func(t *testing.T) { // func TestContract(t *testing.T) {
		t.Helper()
		contract.Check(t, "contract.json", hub)
	}
	_ = test
}

func ExampleCompare() {
	type reordered struct {
		Subject   string
		To        string  `validate:"required,email"`
		FromEmail *string `taskhawk:"from_email,kw,optional"`
	}
	before, after := contractOf(sendEmail), contractOf(taskhawk.New("tasks.send_email", nothing[reordered]))
	for _, change := range contract.Compare(before, after) {
		fmt.Println(change)
	}
	// Output:
	// tasks.send_email, to: breaks: in old messages, args[0], to, is read as subject
	// tasks.send_email, subject: breaks: in old messages, args[1], subject, is read as to
}

func contractOf(tasks ...taskhawk.AnyTask) *contract.Contract {
	hub, err := taskhawk.NewHub(taskhawk.Config{Tasks: tasks})
	if err != nil {
		panic(err)
	}
	c, err := contract.Of(hub)
	if err != nil {
		panic(err)
	}
	return c
}
