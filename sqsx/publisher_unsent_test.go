package sqsx_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/auth"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Nothing was sent, so the message is certainly not stored, and another attempt would fail
// too.
func TestPublishThatFailsBeforeItIsSent(t *testing.T) {
	t.Parallel()
	denied := errors.New("no EC2 IMDS role found")
	busy := &smithy.GenericAPIError{Code: "ThrottlingException"}
	for name, c := range map[string]struct {
		err      error // of the second and later calls
		attempts int
	}{
		"no credentials":    {denied, 1},
		"credentials later": {busy, 3},
		"gateway of STS": {&smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusBadGateway}}, Err: denied,
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for step, breakIt := range map[string]func(*sqs.Options, func() error){
				"credentials": func(o *sqs.Options, fail func() error) {
					good := o.Credentials
					o.Credentials = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
						if err := fail(); err != nil {
							return aws.Credentials{}, err
						}
						return good.Retrieve(ctx)
					})
				},
				"endpoint": func(o *sqs.Options, fail func() error) {
					o.EndpointResolverV2 = brokenEndpoint{o.EndpointResolverV2, fail}
				},
				"signature": func(o *sqs.Options, fail func() error) {
					o.AuthSchemes = []smithyhttp.AuthScheme{brokenScheme{o.AuthSchemes[0], fail}}
				},
			} {
				synctest.Test(t, func(t *testing.T) {
					r, calls := newEnv(t, succeed), 0
					client := sqs.New(r.client.Options(), func(o *sqs.Options) {
						breakIt(o, func() error {
							calls++
							if calls == 1 {
								return nil // the queue is found
							}
							return c.err
						})
					})
					publisher, err := sqsx.NewPublisher(client, app, sqsx.PublisherConfig{})
					require.NoError(t, err)
					err = publisher.Publish(t.Context(), &taskhawk.Outgoing{Task: "t", Body: "a"})
					require.ErrorIs(t, err, c.err, step)
					require.NotErrorIs(t, err, taskhawk.ErrOutcomeUnknown, step)
					require.Equal(t, 1+c.attempts, calls, step)
					require.Zero(t, r.server.Requests("SendMessageBatch"))
				})
			}
		})
	}
}

// brokenEndpoint fails to resolve the endpoint if fail returns an error.
type brokenEndpoint struct {
	sqs.EndpointResolverV2
	fail func() error
}

func (b brokenEndpoint) ResolveEndpoint(
	ctx context.Context, params sqs.EndpointParameters,
) (endpoint smithyendpoints.Endpoint, err error) {
	if err = b.fail(); err != nil {
		return endpoint, err
	}
	return b.EndpointResolverV2.ResolveEndpoint(ctx, params)
}

// brokenScheme has a signer that fails if fail returns an error.
type brokenScheme struct {
	smithyhttp.AuthScheme
	fail func() error
}

func (b brokenScheme) Signer() smithyhttp.Signer { return brokenSigner{b.AuthScheme.Signer(), b.fail} }

type brokenSigner struct {
	smithyhttp.Signer
	fail func() error
}

func (b brokenSigner) SignRequest(
	ctx context.Context, r *smithyhttp.Request, identity auth.Identity, properties smithy.Properties,
) error {
	if err := b.fail(); err != nil {
		return err
	}
	return b.Signer.SignRequest(ctx, r, identity, properties)
}
