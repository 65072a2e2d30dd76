package lambdatest

import (
	"encoding/json"
	"io"
	"net/http"
)

// maxResponse is the largest response that Lambda accepts: 6 MB and room for its
// envelope.
const maxResponse = 6<<20 + 100

// routes are the operations of the Lambda Runtime API and of the Extensions API that a
// runtime in Go uses. Sources: "Using the Lambda runtime API" and "Using the Lambda
// Extensions API", AWS Lambda Developer Guide.
func (e *environment) routes() http.Handler {
	const runtime, extension = "/2018-06-01/runtime/", "/2020-01-01/extension/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtime+"invocation/next", e.next)
	mux.HandleFunc("POST "+runtime+"invocation/{id}/response", e.response)
	mux.HandleFunc("POST "+runtime+"invocation/{id}/error", e.failure)
	mux.HandleFunc("POST "+runtime+"init/error", e.initFailed)
	mux.HandleFunc("POST "+extension+"register", e.register)
	mux.HandleFunc("GET "+extension+"event/next", e.park)
	return mux
}

// next parks the runtime until there is an invocation.
func (e *environment) next(w http.ResponseWriter, r *http.Request) {
	e.started()
	select {
	case i := <-e.work:
		if e.take(i) {
			i.announce(w.Header(), e.config.arn())
			_, _ = w.Write(i.payload) // a runtime that does not read is a process that ends or times out
		}
	case <-r.Context().Done():
	case <-e.gone:
	}
}

// response receives the answer to an invocation. A trailer reports an answer that broke
// off.
func (e *environment) response(w http.ResponseWriter, r *http.Request) {
	e.answer(w, r, func(body []byte) ([]byte, *FunctionError) {
		if broken := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); broken != "" {
			return nil, &FunctionError{Type: broken, Message: "the response broke off", Body: body}
		}
		return body, nil
	})
}

// failure receives the error of an invocation.
func (e *environment) failure(w http.ResponseWriter, r *http.Request) {
	e.answer(w, r, func(body []byte) ([]byte, *FunctionError) {
		return nil, readFunctionError(body, r.Header.Get("Lambda-Runtime-Function-Error-Type"))
	})
}

// answer ends an invocation with what read makes of the body.
func (e *environment) answer(w http.ResponseWriter, r *http.Request, read func([]byte) ([]byte, *FunctionError)) {
	i := e.find(r.PathValue("id"))
	if i == nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxResponse+1))
	if err != nil {
		return // the connection is broken; the process ends, or times out
	}
	e.forget(i)
	if len(body) > maxResponse {
		i.end(
			nil,
			&FunctionError{
				Type:    ErrorResponseSize,
				Message: "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
			},
		)
		refuse(
			w,
			http.StatusRequestEntityTooLarge,
			"RequestEntityTooLarge",
			"Exceeded maximum allowed payload size (6291556 bytes).",
		)
		return
	}
	i.end(read(body))
	accept(w)
}

// initFailed receives the error of a runtime that cannot start.
func (e *environment) initFailed(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxResponse))
	e.mu.Lock()
	e.initError = readFunctionError(body, r.Header.Get("Lambda-Runtime-Function-Error-Type"))
	e.mu.Unlock()
	accept(w)
}

// register accepts an extension. lambda.WithEnableSIGTERM registers one to get SIGTERM.
func (e *environment) register(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Lambda-Extension-Name") == "" {
		refuse(w, http.StatusBadRequest, "Extension.InvalidExtensionName", "Empty extension name")
		return
	}
	e.mu.Lock()
	e.wantsTERM = true
	e.mu.Unlock()
	w.Header().Set("Lambda-Extension-Identifier", newID())
	writeJSON(
		w,
		http.StatusOK,
		map[string]string{"functionName": e.config.Name, "functionVersion": "$LATEST", "handler": "bootstrap"},
	)
}

// park keeps an extension waiting, since there are no events for it.
func (e *environment) park(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-e.gone:
	}
}

func accept(w http.ResponseWriter) {
	writeJSON(w, http.StatusAccepted, map[string]string{"status": "OK"})
}

func refuse(w http.ResponseWriter, status int, errorType, message string) {
	writeJSON(w, status, map[string]string{"errorType": errorType, "errorMessage": message})
}

func writeJSON(w http.ResponseWriter, status int, value map[string]string) {
	text, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
