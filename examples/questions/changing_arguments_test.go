package questions_test

import (
	"context"
	"fmt"

	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// resizeV1 is what the senders that are deployed have.
type resizeV1 struct {
	ImageURL string
	Width    int
}

// resizeV2 renames a parameter and adds one. Deploy workers before senders: they read both.
type resizeV2 struct {
	Source string `taskhawk:"source,alias=image_url"` // was image_url
	Width  int
	Format string `taskhawk:"format,kw,optional"` // absent in old messages
}

// How do I change the arguments of a task without losing what is on the queue? Add
// parameters as optional, rename with an alias, and send by name while old and new run
// side by side.
func Example_changingArguments() {
	old := taskhawk.New[resizeV1]("images.resize", nil)
	renamed := taskhawk.New[resizeV2]("images.resize", nil)
	hub, err := taskhawk.NewHub(taskhawk.Config{})
	if err != nil {
		fmt.Println(err)
	}
	ctx := taskhawk.ContextWithHub(context.Background(), hub)
	for _, option := range []taskhawk.DispatchOption{taskhawk.WithPositionalArgs(), taskhawk.WithKeywordArgs()} {
		out, err := old.Seal(ctx, resizeV1{ImageURL: "https://example.com/a.png", Width: 80}, option)
		if err != nil {
			fmt.Println(err)
		}
		message, err := taskhawk.ParseMessage(out.Body)
		if err != nil {
			fmt.Println(err)
		}
		args, err := renamed.Bind(message) // what the new handler gets
		fmt.Printf("%+v %v\n", args, err)
	}
	// Output:
	// {Source:https://example.com/a.png Width:80 Format:} <nil>
	// {Source:https://example.com/a.png Width:80 Format:} <nil>
}
