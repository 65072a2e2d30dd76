package oteltaskhawk

import (
	"errors"

	"go.opentelemetry.io/otel/metric"
)

// instruments are the metrics. docs/observability.md lists them.
type instruments struct {
	sent, consumed     metric.Int64Counter
	process, operation metric.Float64Histogram
	waited             metric.Float64Histogram
	running            metric.Int64UpDownCounter
	attempts           metric.Int64Histogram
	dead, lost         metric.Int64Counter
	unsettled          metric.Int64Counter
	batch              metric.Int64Histogram
	requests           metric.Int64Counter

	workerWaiting, workerSettling    metric.Int64ObservableGauge
	workerLongest                    metric.Float64ObservableGauge
	workerReleased, workerDuplicates metric.Int64ObservableCounter
}

// The buckets of durations: the buckets of the conventions, and longer ones for the time
// on a queue.
func durations() metric.HistogramOption {
	return metric.WithExplicitBucketBoundaries(
		0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
	)
}

func waits() metric.HistogramOption {
	const hour = 3600
	return metric.WithExplicitBucketBoundaries(
		0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, hour, 6*hour, 24*hour, 4*24*hour,
	)
}

func newInstruments(meter metric.Meter) (*instruments, error) {
	var m instruments
	var errs [17]error
	m.sent, errs[0] = meter.Int64Counter("messaging.client.sent.messages", metric.WithUnit("{message}"),
		metric.WithDescription("Tasks dispatched."))
	m.consumed, errs[1] = meter.Int64Counter("messaging.client.consumed.messages", metric.WithUnit("{message}"),
		metric.WithDescription("Runs of tasks that have ended."))
	m.process, errs[2] = meter.Float64Histogram("messaging.process.duration", metric.WithUnit("s"), durations(),
		metric.WithDescription("Duration of runs."))
	m.operation, errs[3] = meter.Float64Histogram("messaging.client.operation.duration",
		metric.WithUnit("s"), durations(), metric.WithDescription("Duration of requests."))
	m.waited, errs[4] = meter.Float64Histogram("taskhawk.task.wait", metric.WithUnit("s"), waits(),
		metric.WithDescription("Time from dispatch to the start of a run, delays and retries included."))
	m.running, errs[5] = meter.Int64UpDownCounter("taskhawk.task.running", metric.WithUnit("{task}"),
		metric.WithDescription("Tasks running now."))
	m.attempts, errs[6] = meter.Int64Histogram("taskhawk.task.attempts", metric.WithUnit("{attempt}"),
		metric.WithExplicitBucketBoundaries(1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 50, 100),
		metric.WithDescription("Deliveries of a task until it was done or a dead letter."))
	m.dead, errs[7] = meter.Int64Counter("taskhawk.task.dead_letters", metric.WithUnit("{message}"),
		metric.WithDescription("Messages that became dead letters."))
	m.lost, errs[8] = meter.Int64Counter("taskhawk.lease.lost", metric.WithUnit("{lease}"),
		metric.WithDescription("Leases lost while a worker held the message."))
	m.unsettled, errs[9] = meter.Int64Counter("taskhawk.settle.failures", metric.WithUnit("{message}"),
		metric.WithDescription("Messages not settled, and so delivered again."))
	m.batch, errs[10] = meter.Int64Histogram("taskhawk.request.messages", metric.WithUnit("{message}"),
		metric.WithExplicitBucketBoundaries(1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
		metric.WithDescription("Messages in a request that carries messages."))
	m.requests, errs[11] = meter.Int64Counter("taskhawk.requests", metric.WithUnit("{request}"),
		metric.WithDescription("Billable requests to the service, retries included."))
	m.workerWaiting, errs[12] = meter.Int64ObservableGauge("taskhawk.worker.waiting", metric.WithUnit("{message}"),
		metric.WithDescription("Messages waiting in a worker for a slot."))
	m.workerSettling, errs[13] = meter.Int64ObservableGauge("taskhawk.worker.settling", metric.WithUnit("{message}"),
		metric.WithDescription("Messages that a worker is settling."))
	m.workerLongest, errs[14] = meter.Float64ObservableGauge("taskhawk.worker.longest_run", metric.WithUnit("s"),
		metric.WithDescription("Duration so far of the longest-running handler."))
	m.workerReleased, errs[15] = meter.Int64ObservableCounter("taskhawk.worker.released", metric.WithUnit("{message}"),
		metric.WithDescription("Messages given back unhandled."))
	m.workerDuplicates, errs[16] = meter.Int64ObservableCounter("taskhawk.worker.duplicates",
		metric.WithUnit("{message}"),
		metric.WithDescription("Deliveries of messages that the worker was holding already."))
	return &m, errors.Join(errs[:]...)
}
