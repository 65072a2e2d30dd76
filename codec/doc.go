// Package codec turns a Go struct into the arguments of a task message and back: a struct
// is a Python signature, a value of it is a call.
//
//	type SendEmail struct {
//		To        string                                      // def send_email(to,
//		Subject   string                                      //                subject, *,
//		FromEmail *string `taskhawk:"from_email,kw,optional"` //                from_email=None)
//	}
//
//	"args":["a@example.com","Hello!"],"kwargs":{"from_email":"b@example.com"}
//
// # Parameters
//
// Each exported field is one parameter, in the order of declaration. Unexported fields
// are left out. In order:
//
//  1. The name comes from the taskhawk tag, else from the json tag, else the field's
//     in snake_case: HTTPServer is http_server, UserID is user_id, UserIDs is user_ids,
//     S3Key is s3_key. Acronyms with a small letter inside need a tag: OAuth2Token is
//     o_auth2_token. A name may have what encoding/json allows: letters, digits and
//     punctuation without quotes, backslash and comma.
//  2. taskhawk:"-" leaves a field out. So does json:"-", unless a taskhawk tag gives
//     the field a name. Other options of a json tag on a parameter have no effect
//     (omitempty, omitzero) or are refused (string).
//  3. The option kw makes a parameter keyword-only: taskhawk:"name,kw", or
//     taskhawk:",kw" to keep the name.
//  4. The option optional lets a parameter be absent. An absent parameter is zero, and
//     a zero one is left out. Its method IsZero() bool decides if it has one, else
//     reflect.Value.IsZero.
//  5. The option rest is for the last field, a map with string keys: it takes the
//     keywords that are no parameter, as **kwargs does.
//  6. The fields of an embedded struct are parameters at that place. A pointer to a
//     struct is allocated when one of its parameters is given, and encodes as a zero
//     struct when nil. A parameter hides others of its name that are embedded deeper;
//     two at one depth are refused. A struct embedded with a name in a tag is one
//     parameter.
//
// [Of] returns a [*TypeError] for a struct that breaks these rules.
//
// # Encoding
//
// [Codec.Append] writes the leading parameters that are required and not keyword-only to
// args; from the first other one on, all go to kwargs by name. A rest key that is also a
// parameter's name is an error.
//
// A value is what encoding/json writes for a pointer to it with SetEscapeHTML(false),
// byte for byte, with two exceptions, both because of SQS. U+FFFE and U+FFFF, which SQS
// refuses, are written escaped; and a string that is not valid UTF-8 is an error, where
// encoding/json would change it in silence.
//
// # Decoding
//
// [Codec.Decode] binds as Python does. args fill the parameters that are not keyword-only
// in order, optional ones too; kwargs fill by name, whose case matters. Too many args, an
// unknown keyword, a parameter given twice or missing are errors. A null counts as given:
// a pointer, map, slice or interface is then nil, all other types zero.
//
// Values are read as encoding/json reads them. A number in an interface is a float64;
// json.Number keeps all digits. Within a value, keys match without regard to case,
// unknown ones are skipped, and of duplicates the last wins.
//
// Numbers are read by their text: 1.0 does not fit an int, and a number out of range is
// an error.
//
// # How it works
//
// [Of] compiles a type once into a plan; [Codec.Append] and [Codec.Decode] run it.
//
//	reflect.Type of the argument struct
//	     |  scanFields      fields of the struct and of those embedded  fields.go
//	     |  paramLabel      names and options from the tags             signature.go
//	     |  paramFields     one field for a name                        signature.go
//	     v
//	builder                 an encoder and a decoder for each type      plan.go
//	     |  newEncoder      own methods first, then by kind             plan.go
//	     |  newDecoder      own methods first, then by kind             plan.go
//	     v
//	signature               params in order, by name, and rest          signature.go
//	     |                  kept for the life of the program            plan.go
//	     |-- append         args, then kwargs                           encode.go
//	     |     encode       the JSON of the value at a place            kind_*.go
//	     |     walk         cycles, memory to sort map entries          encode.go
//	     |-- bind           args and kwargs, once                       decode.go
//	           decode       the JSON at s[i] into a place               kind_*.go
//
// A place is a pointer into the struct, of which only the plan knows the type:
// place_unsafe.go, or place_purego.go under the build tag purego, which does without
// package unsafe. An error starts where the fault is and collects its path on the way
// out: error.go.
//
// To add a kind: write a file kind_x.go with a type that has the methods encode and
// decode of plan.go; choose it in newEncoder and newDecoder; add a field of it to the
// struct rich of the tests, and the comparison with encoding/json covers it.
package codec
