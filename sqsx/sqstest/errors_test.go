package sqstest_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
)

// is makes a test for an error's Go type.
func is[E error](err error) bool {
	var target E
	return errors.As(err, &target)
}

func TestErrorsHaveTheTypesOfTheSDK(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		is     func(error) bool
		legacy string
	}{
		"BatchEntryIdsNotDistinct":     {is[*types.BatchEntryIdsNotDistinct], "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"},
		"BatchRequestTooLong":          {is[*types.BatchRequestTooLong], "AWS.SimpleQueueService.BatchRequestTooLong"},
		"EmptyBatchRequest":            {is[*types.EmptyBatchRequest], "AWS.SimpleQueueService.EmptyBatchRequest"},
		"InvalidAddress":               {is[*types.InvalidAddress], "InvalidAddress"},
		"InvalidAttributeName":         {is[*types.InvalidAttributeName], "InvalidAttributeName"},
		"InvalidAttributeValue":        {is[*types.InvalidAttributeValue], "InvalidAttributeValue"},
		"InvalidBatchEntryId":          {is[*types.InvalidBatchEntryId], "AWS.SimpleQueueService.InvalidBatchEntryId"},
		"InvalidMessageContents":       {is[*types.InvalidMessageContents], "InvalidMessageContents"},
		"InvalidSecurity":              {is[*types.InvalidSecurity], "InvalidSecurity"},
		"KmsAccessDenied":              {is[*types.KmsAccessDenied], "KMS.AccessDeniedException"},
		"KmsDisabled":                  {is[*types.KmsDisabled], "KMS.DisabledException"},
		"KmsInvalidKeyUsage":           {is[*types.KmsInvalidKeyUsage], "KMS.InvalidKeyUsageException"},
		"KmsInvalidState":              {is[*types.KmsInvalidState], "KMS.InvalidStateException"},
		"KmsNotFound":                  {is[*types.KmsNotFound], "KMS.NotFoundException"},
		"KmsOptInRequired":             {is[*types.KmsOptInRequired], "KMS.OptInRequired"},
		"KmsThrottled":                 {is[*types.KmsThrottled], "KMS.ThrottlingException"},
		"MessageNotInflight":           {is[*types.MessageNotInflight], "AWS.SimpleQueueService.MessageNotInflight"},
		"OverLimit":                    {is[*types.OverLimit], "OverLimit"},
		"PurgeQueueInProgress":         {is[*types.PurgeQueueInProgress], "AWS.SimpleQueueService.PurgeQueueInProgress"},
		"QueueDeletedRecently":         {is[*types.QueueDeletedRecently], "AWS.SimpleQueueService.QueueDeletedRecently"},
		"QueueDoesNotExist":            {is[*types.QueueDoesNotExist], "AWS.SimpleQueueService.NonExistentQueue"},
		"QueueNameExists":              {is[*types.QueueNameExists], "QueueAlreadyExists"},
		"ReceiptHandleIsInvalid":       {is[*types.ReceiptHandleIsInvalid], "ReceiptHandleIsInvalid"},
		"RequestThrottled":             {is[*types.RequestThrottled], "RequestThrottled"},
		"ResourceNotFoundException":    {is[*types.ResourceNotFoundException], "ResourceNotFoundException"},
		"TooManyEntriesInBatchRequest": {is[*types.TooManyEntriesInBatchRequest], "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"},
		"UnsupportedOperation":         {is[*types.UnsupportedOperation], "AWS.SimpleQueueService.UnsupportedOperation"},
		"InternalError":                {func(error) bool { return true }, "InternalError"},
		"ExpiredToken":                 {func(error) bool { return true }, "ExpiredToken"},
		"ServiceUnavailable":           {func(error) bool { return true }, "ServiceUnavailable"},
	}
	for code, c := range cases {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.Inject(sqstest.Fault{Do: sqstest.Error(code, "why")})
			_, err := f.Client(func(o *sqs.Options) { o.RetryMaxAttempts = 1 }).ListQueues(t.Context(), &sqs.ListQueuesInput{})
			require.True(t, c.is(err), "%T: %v", errors.Unwrap(err), err)
			var api smithy.APIError
			require.ErrorAs(t, err, &api)
			require.Equal(t, c.legacy, api.ErrorCode())
			if code != "MessageNotInflight" { // its shape has no message
				require.Equal(t, "why", api.ErrorMessage())
			}
			require.Empty(t, f.ClientErrors(), "faults are not the client's")
		})
	}
}
