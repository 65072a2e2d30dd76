package setting

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/taskhawk/taskhawk-go/taskhawk"
	"github.com/taskhawk/taskhawk-go/taskhawk/oteltaskhawk"
)

// The names that a document's snippets use and that are the reader's own.
var (
	awsConfig aws.Config
	ctx       context.Context
	client    *sqs.Client
	hub       *taskhawk.Hub
	provider  interface {
		ForceFlush(ctx context.Context) error
	}
	publisher taskhawk.Publisher
	settler   taskhawk.Settler
	t         *testing.T
	tasks     []taskhawk.AnyTask
	telemetry *oteltaskhawk.Telemetry
	topics    *sns.Client

	errAlreadyCharged = errors.New("already charged")
	errDeclined       = errors.New("declined")
	errBusy           = errors.New("busy")
)

type (
	ChargeArgs  struct{ OrderID int }
	transaction struct{}
)

func (*transaction) insertRun(id string) (fresh bool, err error) { return true, nil }

func (*transaction) recordCharge(args ChargeArgs) error { return nil }

func inTransaction(ctx context.Context, do func(tx *transaction) error) error {
	return do(&transaction{})
}

func chargeCard(ctx context.Context, args ChargeArgs) error { return nil }

func transcode(ctx context.Context, part string) error { return nil }

func requestID(ctx context.Context) string { return "" }
