package codec_test

import (
	"errors"
	"fmt"

	"github.com/taskhawk/taskhawk-go/codec"
)

// ReportArgs is the signature
//
//	def report(user_id, formats, *, locale="", **options)
type ReportArgs struct {
	UserID  int64
	Formats []string
	Locale  string            `taskhawk:",kw,optional"`
	Options map[string]string `taskhawk:",rest"`
}

func Example() {
	reports, err := codec.Of[ReportArgs]()
	if err != nil {
		fmt.Println(err)
		return
	}
	members, err := reports.Append(nil, &ReportArgs{UserID: 7, Formats: []string{"pdf"}, Options: map[string]string{"zone": "CET"}})
	fmt.Println(string(members), err)

	var args ReportArgs
	err = reports.Decode(`[7]`, `{"formats":["pdf","csv"],"locale":"de","currency":"EUR"}`, &args)
	fmt.Println(args, err)
	// Output:
	// "args":[7,["pdf"]],"kwargs":{"zone":"CET"} <nil>
	// {7 [pdf csv] de map[currency:EUR]} <nil>
}

func ExampleCodec_AppendKeyword() {
	reports, err := codec.Of[ReportArgs]()
	if err != nil {
		fmt.Println(err)
		return
	}
	members, err := reports.AppendKeyword(nil, &ReportArgs{UserID: 7})
	fmt.Println(string(members), err)
	// Output: "args":[],"kwargs":{"user_id":7,"formats":null} <nil>
}

func ExampleCodec_Params() {
	reports, err := codec.Of[ReportArgs]()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range reports.Params() {
		fmt.Println(p.Name, p.Kind, p.Optional, p.Type)
	}
	// Output:
	// user_id positional false int64
	// formats positional false []string
	// locale keyword-only true string
	// options rest true map[string]string
}

func ExampleError() {
	reports, err := codec.Of[ReportArgs]()
	if err != nil {
		fmt.Println(err)
		return
	}
	var args ReportArgs
	err = reports.Decode(`[7,["pdf",8]]`, `{}`, &args)
	fmt.Println(err)

	if fault, ok := errors.AsType[*codec.Error](err); ok {
		fmt.Println(fault.Param, fault.Path, errors.Is(err, codec.ErrWrongType))
	}
	// Output:
	// codec: parameter formats: args[1][1]: wrong type: got number, want string
	// formats args[1][1] true
}

func ExampleTypeError() {
	_, err := codec.Of[struct {
		Done chan bool
	}]()
	fmt.Println(err)
	// Output: codec: struct { Done chan bool }.Done: unsupported type chan bool
}
