package sqstest

// errSNS is SNS's error for a request that breaks a rule.
func errSNS(format string, args ...any) *apiError {
	return newError("InvalidParameter", "Invalid parameter: "+format, args...)
}

func errSNSParameter(name, reason string) *apiError { return errSNS("%s Reason: %s", name, reason) }

func errTopicNotFound() *apiError { return newError("NotFound", "Topic does not exist") }

func errSubscriptionNotFound() *apiError { return newError("NotFound", "Subscription does not exist") }

// asSNS turns an error of the rules that SNS shares with SQS into SNS's own.
func asSNS(err error, code string) error {
	if err == nil {
		return nil
	}
	return newError(code, "Invalid parameter: %s", asAPIError(err).message)
}
