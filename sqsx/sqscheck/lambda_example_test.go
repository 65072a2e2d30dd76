package sqscheck_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqscheck"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// mappings reads event source mappings with the SDK's client of Lambda, which needs the
// permissions lambda:ListEventSourceMappings and lambda:GetFunctionConfiguration.
func mappings(cfg aws.Config) func(context.Context, string) ([]sqscheck.EventSourceMapping, error) {
	client := lambda.NewFromConfig(cfg)
	return func(ctx context.Context, queueARN string) ([]sqscheck.EventSourceMapping, error) {
		var found []sqscheck.EventSourceMapping
		pages := lambda.NewListEventSourceMappingsPaginator(client, &lambda.ListEventSourceMappingsInput{EventSourceArn: &queueARN})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, m := range page.EventSourceMappings {
				function, err := client.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: m.FunctionArn})
				if err != nil {
					return nil, err
				}
				mapping := sqscheck.EventSourceMapping{
					Function:                aws.ToString(function.FunctionName),
					FunctionTimeout:         time.Duration(aws.ToInt32(function.Timeout)) * time.Second,
					Disabled:                strings.HasPrefix(aws.ToString(m.State), "Disabl"), // Disabling, Disabled
					BatchSize:               int(aws.ToInt32(m.BatchSize)),
					Window:                  time.Duration(aws.ToInt32(m.MaximumBatchingWindowInSeconds)) * time.Second,
					ReportBatchItemFailures: slices.Contains(m.FunctionResponseTypes, types.FunctionResponseTypeReportBatchItemFailures),
				}
				if m.ScalingConfig != nil {
					mapping.MaximumConcurrency = int(aws.ToInt32(m.ScalingConfig.MaximumConcurrency))
				}
				found = append(found, mapping)
			}
		}
		return found, nil
	}
}

// A queue that feeds a function, on whose mapping somebody forgot ReportBatchItemFailures.
func ExampleCheck_eventSourceMapping() {
	server := sqstest.NewServer()
	defer server.Close()
	api := httptest.NewServer(lambdaAPI())
	defer api.Close()
	ctx := context.Background()
	if err := sqsx.Provision(ctx, server.Client(), "dev-myapp", sqsx.ProvisionConfig{VisibilityTimeout: time.Minute}); err != nil {
		panic(err)
	}

	report, err := sqscheck.Check(ctx, server.Client(), "dev-myapp", sqscheck.Config{
		Worker:       sqsx.WorkerConfig{Priorities: []taskhawk.Priority{taskhawk.Default}},
		Mappings:     mappings(aws.Config{BaseEndpoint: &api.URL, Region: "us-east-1", HTTPClient: api.Client()}), // see above
		PartialBatch: true,                                                                                        // the function is lambdax.SQS(hub, lambdax.SQSConfig{PartialBatch: true})
	})
	if err != nil {
		panic(err)
	}
	fmt.Print(report)
	// Output:
	// error partial-batch: TASKHAWK-DEV-MYAPP is fed to mails without ReportBatchItemFailures, and its handler has PartialBatch of lambdax.SQSConfig: Lambda deletes what failed, and those tasks are lost; set FunctionResponseTypes of the mapping to ReportBatchItemFailures
	// warning mapping: TASKHAWK-DEV-MYAPP has a disabled event source mapping to mails: its tasks wait, or are dropped in the end; enable it, or delete it when workers receive from the queue
	// errors: 1, warnings: 1, infos: 0
}

// lambdaAPI answers as Lambda does, with two pages of one mapping each.
func lambdaAPI() http.Handler {
	const arn = `"FunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:mails","EventSourceArn":"arn:aws:sqs:us-east-1:000000000000:TASKHAWK-DEV-MYAPP"`
	pages := map[string]string{
		"":  `{"EventSourceMappings":[{` + arn + `,"BatchSize":10,"State":"Enabled","ScalingConfig":{"MaximumConcurrency":5}}],"NextMarker":"2"}`,
		"2": `{"EventSourceMappings":[{` + arn + `,"State":"Disabled","FunctionResponseTypes":["ReportBatchItemFailures"]}]}`,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2015-03-31/event-source-mappings", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, pages[r.URL.Query().Get("Marker")])
	})
	mux.HandleFunc("GET /2015-03-31/functions/{arn}/configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"FunctionName":"mails","Timeout":10}`)
	})
	return mux
}
