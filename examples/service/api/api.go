// Package api is the HTTP side of the service: it answers requests and leaves the work to
// tasks.
package api

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/taskhawk/taskhawk-go/examples/service/requestid"
	"github.com/taskhawk/taskhawk-go/examples/service/tasks"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// maxBody is the largest request that is read, in bytes.
const maxBody = 64 << 10

// New returns the handler of
//
//	POST /signups {"email": "ann@example.com", "name": "Ann"}
//	POST /imports {"feed": "https://example.com/feed"}
//
// Both answer 202 with the id of the task, 400 for what is not valid, and 503 when the
// task could not be dispatched.
func New(logger *slog.Logger) http.Handler {
	a := &api{logger: logger}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /signups", a.signUp)
	mux.HandleFunc("POST /imports", a.startImport)
	return requestid.HTTP(mux)
}

type api struct{ logger *slog.Logger }

func (a *api) signUp(w http.ResponseWriter, r *http.Request) {
	var in struct{ Email, Name string }
	if !read(w, r, &in) {
		return
	}
	id, err := tasks.SendWelcome.Dispatch(r.Context(), tasks.SendWelcomeArgs{Email: in.Email, Name: in.Name})
	a.answer(w, r, id, err)
}

func (a *api) startImport(w http.ResponseWriter, r *http.Request) {
	var in struct{ Feed string }
	if !read(w, r, &in) {
		return
	}
	id, err := tasks.ImportPage.Dispatch(r.Context(), tasks.ImportPageArgs{Feed: in.Feed, Page: 1})
	a.answer(w, r, id, err)
}

func read(w http.ResponseWriter, r *http.Request, to any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(to); err != nil {
		http.Error(w, "the body is not the JSON that is expected here", http.StatusBadRequest)
		return false
	}
	return true
}

// answer tells the client what became of its dispatch.
func (a *api) answer(w http.ResponseWriter, r *http.Request, id string, err error) {
	var invalid *taskhawk.ValidationError
	switch {
	case errors.As(err, &invalid):
		http.Error(w, invalid.Error(), http.StatusBadRequest)
	case err != nil:
		a.logger.ErrorContext(r.Context(), "not dispatched", "request_id", requestid.From(r.Context()), "error", err)
		http.Error(w, "try again later", http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		if err := json.NewEncoder(w).Encode(map[string]string{"id": id}); err != nil {
			a.logger.DebugContext(r.Context(), "the client did not wait for its answer", "error", err)
		}
	}
}
