package main

import "math"

// backlog is what a look at the queue sees, and the workers.
type backlog struct {
	visible, inFlight float64 // messages
	running           int     // workers that work
	starting          int     // workers that will
}

func (b backlog) workers() int { return b.running + b.starting }

// scaler decides how many workers there should be. It is asked at regular times, with the
// second of the day. The test asks it about real workers.
type scaler interface {
	want(second int, b backlog) int
}

// policy is a way to scale.
type policy struct {
	name   string
	every  int // seconds between two looks
	start  int // seconds until a new worker works
	scaler func(s scenario) scaler
}

// policies are a fixed number of workers, the rule of KEDA with the Deployment of
// kubernetes.yaml, and the target tracking of ecs.yaml.
func policies() []policy {
	return []policy{
		{"two workers", 60, 0, func(scenario) scaler { return fixed(2) }},
		{"KEDA", 15, 10, func(s scenario) scaler {
			return &autoscaler{target: float64(s.concurrency), most: s.maxWorkers}
		}},
		{"ECS", 60, 40, func(s scenario) scaler {
			return &tracking{target: acceptable * float64(s.concurrency) / s.taskTime, most: s.maxWorkers}
		}},
	}
}

// fixed is a number of workers that nothing changes.
type fixed int

func (f fixed) want(int, backlog) int { return int(f) }

// The rules of Kubernetes. Source: "Horizontal Pod Autoscaling", algorithm details and
// default behavior. KEDA's pollingInterval and cooldownPeriod matter only for scaling from
// and to zero.
const (
	tolerance     = 0.1 // of the ratio of metric and target
	stabilization = 300 // seconds that a lower number waits
	podsAtOnce    = 4   // new pods in a period, or as many as there are
)

// autoscaler is the Horizontal Pod Autoscaler that KEDA makes for a ScaledObject, with
// messages in flight counted.
type autoscaler struct {
	target float64 // messages for each pod
	most   int
	wishes []wish // of the last five minutes
}

type wish struct{ second, workers int }

func (a *autoscaler) want(second int, b backlog) int {
	messages, current := b.visible+b.inFlight, b.workers()
	desired := int(math.Ceil(messages / a.target))
	if math.Abs(messages/(a.target*float64(current))-1) <= tolerance {
		desired = current
	}
	desired = min(max(desired, 1), a.most)
	a.wishes = append(a.wishes, wish{second, desired})
	for a.wishes[0].second <= second-stabilization {
		a.wishes = a.wishes[1:]
	}
	if desired > current {
		return min(desired, max(2*current, current+podsAtOnce))
	}
	highest := desired
	for _, w := range a.wishes {
		highest = max(highest, w.workers)
	}
	return min(highest, current)
}

// The rules of target tracking. Source: the alarms that Application Auto Scaling makes for
// a policy, and "Target tracking scaling policies", cooldown periods.
const (
	highPeriods = 3   // minutes above the target until tasks are added
	lowPeriods  = 15  // minutes below the target until tasks are removed
	lowShare    = 0.9 // of the target, below which a minute counts as low
	outCooldown = 60  // seconds: ScaleOutCooldown
	inCooldown  = 300 // seconds: ScaleInCooldown
)

// tracking is target tracking on the visible messages of each running task.
type tracking struct {
	target    float64 // messages for each task
	most      int
	high, low int // minutes in a row
	quiet     int // second until which a cooldown lasts
}

func (t *tracking) want(second int, b backlog) int {
	metric := b.visible / float64(max(b.running, 1))
	switch {
	case metric > t.target:
		t.high, t.low = t.high+1, 0
	case metric < lowShare*t.target:
		t.high, t.low = 0, t.low+1
	default:
		t.high, t.low = 0, 0
	}
	current := b.workers()
	desired := min(max(int(math.Ceil(b.visible/t.target)), 1), t.most)
	switch {
	case second < t.quiet:
	case t.high >= highPeriods && desired > current:
		t.quiet = second + outCooldown
		return desired
	case t.low >= lowPeriods && desired < current:
		t.quiet = second + inCooldown
		return desired
	}
	return current
}
