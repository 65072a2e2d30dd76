package faults_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

type placeArgs struct {
	City  string
	Place struct{ Street string } `taskhawk:"place,optional"`
}

// Two readers that choose differently between duplicate keys would run different tasks, so none of these runs: in the envelope no known
// key may come twice, and the case of keys matters there and in the names of the arguments.
func TestT41AmbiguousMessages(t *testing.T) {
	t.Parallel()
	metadata := `"metadata":{"timestamp":1,"version":"1.0"}`
	bodies := map[string]string{
		"task twice":            `{"id":"a",` + metadata + `,"task":"tests.nobody","task":"tests.place","args":["x"]}`,
		"task twice, escaped":   `{"id":"b",` + metadata + `,"task":"tests.nobody","\u0074ask":"tests.place","args":["x"]}`,
		"args twice":            `{"id":"c",` + metadata + `,"task":"tests.place","args":["x"],"args":["y"]}`,
		"id twice":              `{"id":"d1","id":"d",` + metadata + `,"task":"tests.place","args":["x"]}`,
		"metadata twice":        `{"id":"e",` + metadata + `,` + metadata + `,"task":"tests.place","args":["x"]}`,
		"version twice":         `{"id":"f","metadata":{"timestamp":1,"version":"2.0","version":"1.0"},"task":"tests.place","args":["x"]}`,
		"header twice":          `{"id":"g",` + metadata + `,"headers":{"a":"1","a":"2"},"task":"tests.place","args":["x"]}`,
		"Task":                  `{"id":"h",` + metadata + `,"Task":"tests.place","args":["x"]}`,
		"ID":                    `{"ID":"i",` + metadata + `,"task":"tests.place","args":["x"]}`,
		"Metadata":              `{"id":"j","Metadata":{"timestamp":1,"version":"1.0"},"task":"tests.place","args":["x"]}`,
		"keyword twice":         `{"id":"k",` + metadata + `,"task":"tests.place","kwargs":{"city":"x","city":"y"}}`,
		"keyword and position":  `{"id":"l",` + metadata + `,"task":"tests.place","args":["x"],"kwargs":{"city":"y"}}`,
		"keyword in other case": `{"id":"m",` + metadata + `,"task":"tests.place","kwargs":{"City":"x"}}`,
	}
	inBubble(t, setup{What: "duplicate keys, and keys in another case", Tasks: placeTask(nil)}, func(r *rig) {
		for _, body := range bodies {
			r.raw(taskhawk.Default, body)
		}
		w := r.start(sqsx.WorkerConfig{})
		r.drain(2 * time.Hour)
		w.stop()
		require.Zero(r, r.server.Ledger().Count(sqstest.Started))
		requireBuried(r, len(bodies), defaultReceives)
		r.Check(want{Dead: len(bodies), Stranded: len(bodies)})
	})
}

func placeTask(note func(placeArgs)) func(r *rig) []taskhawk.AnyTask {
	return func(r *rig) []taskhawk.AnyTask {
		return []taskhawk.AnyTask{taskhawk.New("tests.place", instrument(r, func(_ context.Context, args placeArgs) error {
			note(args)
			return nil
		}))}
	}
}

// Keys in another case beside the known ones are unknown keys, which are passed over. Within a value, keys are matched as encoding/json
// does: without regard to case, and the last of duplicates counts, as documented.
func TestT41KeysOfValues(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]string{}
	s := setup{What: "keys in another case beside known ones, and within values", Tasks: placeTask(func(args placeArgs) {
		mu.Lock()
		defer mu.Unlock()
		seen[args.City] = args.Place.Street
	})}
	inBubble(t, s, func(r *rig) {
		for id, place := range map[string]string{
			"plain": `{"street":"s"}`, "other-case": `{"STREET":"s"}`, "twice": `{"Street":"a","street":"s"}`, "unknown": `{"Street":"s","x":1}`,
		} {
			r.raw(taskhawk.Default, foreign(id,
				`"task":"tests.place","Task":"tests.nobody","ARGS":[1],"args":["`+id+`"],"kwargs":{"place":`+place+`}`))
		}
		r.runAll()
		require.Equal(r, map[string]string{"plain": "s", "other-case": "s", "twice": "s", "unknown": "s"}, seen)
		r.Check(want{})
	})
}
