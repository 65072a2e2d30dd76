package program

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// Flags are the flags of all commands.
type Flags struct {
	App         string `env:"TASKHAWK_APP"                                                             help:"Name of the application, such as dev-myapp."                            placeholder:"NAME" short:"a"`
	FIFO        bool   `help:"The names of the application's queues end in .fifo."                       name:"fifo"`
	Account     string `help:"Number of the account that owns the queues. Default: the caller's." placeholder:"NUMBER"`
	Profile     string `help:"Profile of the AWS configuration. Default: AWS_PROFILE."                   placeholder:"NAME"`
	Region      string `help:"AWS region. Default: AWS_REGION, otherwise from the profile."                placeholder:"REGION"`
	EndpointURL string `help:"Endpoint of SQS. Default: AWS_ENDPOINT_URL_SQS, otherwise from the region."  name:"endpoint-url" placeholder:"URL"`
	JSON        bool   `help:"Write JSON for programs."                                                  name:"json"`
}

// Streams are what the program reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// Interactive reports that In and Err are a terminal, so that a question can be asked.
	Interactive bool
	// ErrTerminal and OutTerminal report that Err and Out are terminals.
	ErrTerminal, OutTerminal bool
	// HTTP makes the requests to AWS; nil is the SDK's own client.
	HTTP aws.HTTPClient
}

// Program has what a command needs to run.
type Program struct {
	Streams
	Flags

	// Name is the name of the command.
	Name string
}

// NeedApp returns the application's name, or a usage error.
func (p *Program) NeedApp() (string, error) {
	if p.App == "" {
		return "", Usagef("no application: give --app NAME, or set TASKHAWK_APP")
	}
	return p.App, nil
}

// Naming returns the names of the application's queues.
func (p *Program) Naming() sqsx.Naming {
	if !p.FIFO {
		return nil
	}
	return func(app string, priority taskhawk.Priority) string { return sqsx.QueueName(app, priority) + ".fifo" }
}

// SQS makes a client as the AWS command line would: by flags, environment and profile. An
// endpoint on this machine needs neither region nor credentials.
func (p *Program) SQS(ctx context.Context) (*sqs.Client, error) {
	cfg, err := p.aws(ctx)
	if err != nil {
		return nil, err
	}
	return sqs.NewFromConfig(cfg, func(o *sqs.Options) {
		if p.EndpointURL != "" {
			o.BaseEndpoint = aws.String(p.EndpointURL)
		}
	}), nil
}

// CloudWatch makes a client, or returns nil if SQS has an endpoint other than AWS's.
func (p *Program) CloudWatch(ctx context.Context) (*cloudwatch.Client, error) {
	if p.endpoint() != "" && os.Getenv("AWS_ENDPOINT_URL_CLOUDWATCH") == "" {
		return nil, nil //nolint:nilnil // no client is not an error
	}
	cfg, err := p.aws(ctx)
	if err != nil {
		return nil, err
	}
	return cloudwatch.NewFromConfig(cfg), nil
}

func (p *Program) aws(ctx context.Context) (aws.Config, error) {
	local := isLoopback(p.endpoint())
	var options []func(*config.LoadOptions) error
	if p.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(p.Profile))
	}
	if p.Region != "" {
		options = append(options, config.WithRegion(p.Region))
	}
	if local && p.Profile == "" && os.Getenv("AWS_PROFILE") == "" && os.Getenv("AWS_ACCESS_KEY_ID") == "" {
		// A server on this machine checks no signature, and must not get real credentials.
		local := credentials.NewStaticCredentialsProvider("local", "local", "")
		options = append(options, config.WithCredentialsProvider(local))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return cfg, CannotSee(fmt.Errorf("configuration of AWS: %w", err))
	}
	if p.HTTP != nil {
		cfg.HTTPClient = p.HTTP
	}
	if cfg.Region == "" {
		if !local {
			return cfg, Usagef("no region: give --region, or set AWS_REGION or a profile with a region")
		}
		cfg.Region = "us-east-1"
	}
	return cfg, nil
}

// endpoint returns the endpoint of SQS from flags or environment, "" for AWS's.
func (p *Program) endpoint() string {
	for _, endpoint := range []string{p.EndpointURL, os.Getenv("AWS_ENDPOINT_URL_SQS"), os.Getenv("AWS_ENDPOINT_URL")} {
		if endpoint != "" {
			return endpoint
		}
	}
	return ""
}

func isLoopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || endpoint == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// Where returns the account and region, or the endpoint, of the queues.
func (p *Program) Where() string {
	if endpoint := p.endpoint(); endpoint != "" {
		return "at " + Line(endpoint)
	}
	var parts []string
	for _, part := range []struct{ name, value string }{
		{"account", p.Account}, {"profile", p.Profile}, {"region", p.Region},
	} {
		if part.value != "" {
			parts = append(parts, part.name+" "+Line(part.value))
		}
	}
	return strings.Join(parts, ", ")
}

var _ aws.HTTPClient = (*http.Client)(nil)

// DefaultRegion returns the region from environment and profile.
func (p *Program) DefaultRegion(ctx context.Context) (string, error) {
	cfg, err := p.aws(ctx)
	return cfg.Region, err
}
