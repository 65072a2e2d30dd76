package infra_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const workers = `
region      = "us-east-1"
account     = "000000000000"
alarm_topic = "arn:aws:sns:us-east-1:000000000000:alarms"
tags        = { team = "mail", "a b" = "$${x}" }

app "dev-myapp" {
  alarms {
    oldest_seconds = { high = 30 }
  }
  schedule "daily" {
    expression = "cron(0 9 * * ? *)"
    zone       = "Europe/Berlin"
    task       = "tasks.report"
    args       = "[\"<&>\"]"
    headers    = { k = "v" }
  }
}

app "dev-orders" {
  fifo       = true
  priorities = ["default", "high"]
}

app "dev-jobs" {
  topics     = true
  priorities = ["bulk"]
  retention_seconds = 86400
  function {
    name                = "jobs"
    timeout_seconds     = 60
    batch_size          = 100
    window_seconds      = 5
    maximum_concurrency = 10
  }
}
`

const old = `{
  "queue_apps": [{
    "queue": "DEV-MYAPP", "tags": {"App": "myapp"}, "queue_alarm_threshold": 1,
    "schedule": [{
      "name": "nightly-job", "format_version": "v1.0", "schedule_expression": "cron(0 10 * * ? *)", "priority": "HIGH",
      "task": "tasks.send_email", "args": ["hello@automatic.com", "Hello!"], "kwargs": {"from_email": "spam@example.com"},
      "headers": {"request_id": "1234"}
    }]
  }],
  "lambda_apps": [{"name": "dev-lambda", "function_arn": "arn:aws:lambda:us-east-1:000000000000:function:f"}]
}`
