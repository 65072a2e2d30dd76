package iamtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
)

// Guard is the transport of a client with the permissions of a policy. It is safe for
// concurrent use.
type Guard struct {
	next       http.RoundTripper
	account    string
	statements []Statement

	mu     sync.Mutex
	used   map[string]bool // "Sid action"
	denied []string
	source string // ARN of the queue of the last move task
}

// Statement is a statement of a policy. Those with other fields are refused: the guard
// knows no conditions.
type Statement struct {
	Sid      string   `json:"Sid"`
	Effect   string   `json:"Effect"`
	Action   []string `json:"Action"`
	Resource []string `json:"Resource"`
}

// New returns a guard before next, with the queues and topics of an account in us-east-1.
// Resources of the policy may have wildcards, its actions none.
func New(next http.RoundTripper, account, policy string) (*Guard, error) {
	var document struct {
		Version   string      `json:"Version"`
		Statement []Statement `json:"Statement"`
	}
	decoder := json.NewDecoder(strings.NewReader(policy))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&document); err != nil {
		return nil, fmt.Errorf("iamtest: policy: %w", err)
	}
	if document.Version != "2012-10-17" {
		return nil, fmt.Errorf("iamtest: version %q of a policy", document.Version)
	}
	if len(document.Statement) == 0 {
		return nil, errors.New("iamtest: policy without statements")
	}
	return &Guard{next: next, account: account, statements: document.Statement, used: map[string]bool{}}, nil
}

// Statements returns the statements of the policy.
func (g *Guard) Statements() []Statement { return slices.Clone(g.statements) }

// RoundTrip passes a request on if the policy allows all that it needs, and else answers
// as SQS or SNS does to a caller without the permission.
func (g *Guard) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("iamtest: read the request: %w", err)
	}
	_ = r.Body.Close() // read to its end
	c := readCall(r.Header, body)
	g.mu.Lock()
	allowed := true
	for _, n := range g.needs(c) {
		allowed = g.permit(n) && allowed
	}
	g.mu.Unlock()
	if !allowed {
		return c.refusal(r), nil
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	res, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("iamtest: pass on: %w", err)
	}
	return res, nil
}

// permit records a need and reports whether the policy allows it. mu must be held.
func (g *Guard) permit(n need) bool {
	permitted := false
	for _, s := range g.statements {
		if s.Effect == "Allow" && slices.Contains(s.Action, n.action) && s.covers(n.arn) {
			permitted = true
			g.used[s.Sid+" "+n.action] = true
		}
	}
	if !permitted {
		g.denied = append(g.denied, n.action+" "+n.arn)
	}
	return permitted
}

func (s Statement) covers(arn string) bool {
	return slices.ContainsFunc(s.Resource, func(pattern string) bool {
		match, _ := path.Match(pattern, arn) // a bad pattern matches nothing
		return match
	})
}

// Denied returns the calls that the policy did not allow, as "action ARN".
func (g *Guard) Denied() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.denied)
}

// Unused returns the permissions that no call needed, as "Sid action".
func (g *Guard) Unused() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
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
