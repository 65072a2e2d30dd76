package contracts

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// rules are the formats of texts that contracts have, with the validator's rule that
// accepts the most of those that a contract writes as this format.
var rules = map[string]string{
	"email": "email", "uri": "url", "ipv4": "ipv4", "ipv6": "ipv6", "uuid": "uuid",
}

// unasserted are formats that the schema library knows and contracts do not write. A type
// may declare one: its own decoder decides what it reads.
var unasserted = []string{
	"json-pointer", "relative-json-pointer", "duration", "period", "hostname", "date", "time", "iri",
	"uri-reference", "iri-reference", "uri-template", "semver",
}

var errFormat = errors.New("value not of the format")

// assertFormats makes schemas of the compiler refuse values that workers refuse because of
// their format, and no others: by the validator and the time format of the workers.
func assertFormats(compiler *jsonschema.Compiler) {
	compiler.AssertFormat()
	register := func(name string, fits func(value any) bool) {
		compiler.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(value any) error {
			if !fits(value) {
				return errFormat
			}
			return nil
		}})
	}
	validate := validator.New()
	for format, rule := range rules {
		register(format, text(func(s string) bool { return validate.Var(s, rule) == nil }))
	}
	register("date-time", text(func(s string) bool {
		var t time.Time
		return t.UnmarshalText([]byte(s)) == nil
	}))
	register("int64", number(func(s string) error { _, err := strconv.ParseInt(s, 10, 64); return err }))
	register("uint64", number(func(s string) error { _, err := strconv.ParseUint(s, 10, 64); return err }))
	for _, format := range unasserted {
		register(format, func(any) bool { return true })
	}
}

// text returns a format of texts. Other values fit: a format is about texts alone.
func text(fits func(string) bool) func(any) bool {
	return func(value any) bool {
		s, ok := value.(string)
		return !ok || fits(s)
	}
}

// number returns a format of integers. parse fails with strconv.ErrRange for a number that
// does not fit. Other errors of it are about how the number is written: the type decides.
func number(parse func(string) error) func(any) bool {
	return func(value any) bool {
		n, ok := value.(json.Number)
		return !ok || !errors.Is(parse(n.String()), strconv.ErrRange)
	}
}
