package readme_test

import (
	"encoding/json"
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// A statement is one of an IAM policy.
type statement struct {
	Sid      string
	Effect   string
	Action   []string
	Resource []string
}

// allows reports whether the statement lets the action at the queue of that ARN through.
func (s statement) allows(action, arn string) bool {
	for _, a := range s.Action {
		for _, r := range s.Resource {
			if match, _ := path.Match(r, arn); match && a == action && s.Effect == "Allow" {
				return true
			}
		}
	}
	return false
}

// policies are the statements of the JSON policies in a document, by the Sid of the first
// of each policy.
func policies(t *testing.T, d document) map[string][]statement {
	t.Helper()
	found := map[string][]statement{}
	for _, b := range d.blocks("json") {
		var policy struct{ Statement []statement }
		require.NoError(t, json.Unmarshal([]byte(b.text), &policy))
		if len(policy.Statement) > 0 {
			found[policy.Statement[0].Sid] = policy.Statement
		}
	}
	return found
}

// A guard stands before the embedded server as IAM before SQS: it refuses what its policy
// does not allow, and remembers what it was needed for.
type guard struct {
	server *sqstest.Server
	policy []statement

	mu     sync.Mutex
	used   map[string]bool // "Sid action"
	denied []string
}

// RoundTrip answers an SDK's request.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	operation, arn, tags := readRequest(r)
	actions := []string{actionOf(operation)}
	if tags {
		actions = append(actions, "sqs:TagQueue")
	}
	for _, action := range actions {
		if !g.permit(action, arn) {
			return refusal(r), nil
		}
	}
	return g.server.HTTPClient().Transport.RoundTrip(r)
}

func (g *guard) permit(action, arn string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	permitted := false
	for _, s := range g.policy {
		if s.allows(action, arn) {
			permitted = true
			if g.used == nil {
				g.used = map[string]bool{}
			}
			g.used[s.Sid+" "+action] = true
		}
	}
	if !permitted {
		g.denied = append(g.denied, action+" "+arn[strings.LastIndexByte(arn, ':')+1:])
	}
	return permitted
}

// unused are the permissions that nothing needed.
func (g *guard) unused() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var found []string
	for _, s := range g.policy {
		for _, action := range s.Action {
			if !g.used[s.Sid+" "+action] {
				found = append(found, s.Sid+" "+action)
			}
		}
	}
	return found
}

// actionOf is the IAM action that an operation needs: those on batches need that of the
// single operation.
func actionOf(operation string) string { return "sqs:" + strings.TrimSuffix(operation, "Batch") }
