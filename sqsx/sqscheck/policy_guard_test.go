package sqscheck_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// arnPrefix is that of the queues of the embedded server.
const arnPrefix = "arn:aws:sqs:us-east-1:000000000000:"

// A guard stands before the embedded server as IAM stands before SQS: it refuses what its
// policy does not allow, and remembers what it was needed for.
type guard struct {
	next       http.RoundTripper
	statements []statement

	mu     sync.Mutex
	used   map[string]bool // "Sid action resource"
	denied []string
	source string // of the move task that was started last
}

type statement struct {
	Sid, Effect      string
	Action, Resource []string
}

func newGuard(t *testing.T, server *sqstest.Server, policy string) *guard {
	t.Helper()
	var document struct {
		Version   string
		Statement []statement
	}
	decoder := json.NewDecoder(strings.NewReader(policy))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&document))
	require.Equal(t, "2012-10-17", document.Version)
	return &guard{next: server.HTTPClient().Transport, statements: document.Statement, used: map[string]bool{}}
}

// RoundTrip lets a request through if all that it needs is allowed.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	g.mu.Lock()
	allowed := true
	for _, need := range g.needs(r) {
		allowed = g.permit(need) && allowed
	}
	g.mu.Unlock()
	if allowed {
		return g.next.RoundTrip(r)
	}
	return &http.Response{
		StatusCode: http.StatusForbidden, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"__type":"com.amazonaws.sqs#AccessDeniedException","message":"not authorized"}`)),
	}, nil
}

// need is an action on a queue.
type need struct{ action, arn string }

// needs are those of a request: of a move task also what SQS does in the caller's name,
// and of CreateQueue to put tags on it.
func (g *guard) needs(r *http.Request) []need {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var in struct {
		QueueName, QueueURL, SourceArn, DestinationArn string
		Tags                                           map[string]string `json:"tags"`
	}
	_ = json.Unmarshal(body, &in)
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	action := "sqs:" + strings.TrimSuffix(operation, "Batch")
	switch operation {
	case sqstest.OpStartMessageMoveTask:
		g.source = in.SourceArn
		return []need{
			{action, in.SourceArn}, {"sqs:ReceiveMessage", in.SourceArn}, {"sqs:DeleteMessage", in.SourceArn},
			{"sqs:GetQueueAttributes", in.SourceArn}, {"sqs:SendMessage", in.DestinationArn},
		}
	case sqstest.OpListMessageMoveTasks:
		return []need{{action, in.SourceArn}}
	case sqstest.OpCancelMessageMoveTask:
		return []need{{action, g.source}}
	case sqstest.OpCreateQueue:
		if len(in.Tags) > 0 {
			return []need{{action, arnPrefix + in.QueueName}, {"sqs:TagQueue", arnPrefix + in.QueueName}}
		}
	}
	if in.QueueName == "" {
		in.QueueName = path.Base(in.QueueURL)
	}
	return []need{{action, arnPrefix + in.QueueName}}
}

func (g *guard) permit(n need) bool {
	permitted := false
	for _, s := range g.statements {
		if s.Effect == "Allow" && slices.Contains(s.Action, n.action) && slices.Contains(s.Resource, n.arn) {
			permitted = true
			g.used[s.Sid+" "+n.action] = true
		}
	}
	if !permitted {
		g.denied = append(g.denied, fmt.Sprint(n))
	}
	return permitted
}

// unused are the permissions that nothing needed.
func (g *guard) unused() []string {
	var found []string
	for _, s := range g.statements {
		for _, action := range s.Action {
			if !g.used[s.Sid+" "+action] {
				found = append(found, s.Sid+" "+action)
			}
		}
	}
	return found
}
