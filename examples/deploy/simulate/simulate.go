package main

import (
	"math"
	"time"
)

// The assumptions of the simulation: a day in steps of a second.
const (
	concurrency = 20               // handlers at once in a worker
	taskTime    = 0.5              // seconds of a task
	day         = 24 * 60 * 60     // seconds
	acceptable  = 60.0             // seconds that a task may wait, for the target of ECS
	maxWorkers  = 20               // of all policies
	pollQueues  = 4                // queues of a worker
	longPoll    = 20.0             // seconds
	requests    = 0.35             // of SQS for a task at saturation: send, receive and delete in tens
	requestCost = 0.40 / 1e6       // dollars, standard queues, us-east-1
	workerCost  = 0.01 / (60 * 60) // dollars a second: 0.25 vCPU and 0.5 GB of Fargate on arm64, us-east-1
)

// load is how many tasks come in a second of the day: few at night, a hill at noon, and
// 20,000 within ten seconds at 15:00.
func load(second int) float64 {
	hour := float64(second) / (60 * 60)
	tasks := 2 + 58*math.Exp(-(hour-12)*(hour-12)/8)
	if burst := 15 * 60 * 60; second >= burst && second < burst+10 {
		tasks += 2000
	}
	return tasks
}

// policy decides how many workers there should be.
type policy struct {
	name  string
	every int // seconds between two looks
	start int // seconds until a new worker works
	// want is what a look at the backlog asks for.
	want func(visible, inFlight float64, running int) int
	// hold is how long workers are kept after the last look that wanted them, in seconds.
	hold int
}

// policies are a fixed number of workers, the rule of KEDA with the Deployment of
// kubernetes.yaml, and the target tracking of ecs.yaml.
func policies() []policy {
	share := func(tasks, each float64) int { return int(math.Ceil(tasks / each)) }
	return []policy{
		{"two workers", day, 0, func(float64, float64, int) int { return 2 }, 0},
		{"KEDA", 30, 10, func(visible, inFlight float64, _ int) int {
			return share(visible+inFlight, concurrency)
		}, 300},
		{"ECS", 60, 40, func(visible, _ float64, _ int) int {
			return share(visible, acceptable*concurrency/taskTime)
		}, 300},
	}
}

// minute is what a plot shows of a minute.
type minute struct {
	backlog float64 // tasks that wait, at the end
	oldest  float64 // seconds, of the oldest
	workers int
}

// result is a day under a policy.
type result struct {
	policy    string
	minutes   []minute
	backlog   float64       // the most that waited
	oldest    time.Duration // the oldest task of the day
	late      float64       // share of seconds in which the oldest is above 60 s
	requests  float64
	dollars   float64
	workHours float64
}

// run simulates a day.
func run(p policy) result {
	r := result{policy: p.name}
	arrived, done := []float64{0}, 0.0            // by the end of each second, and in all
	workers, starting := p.want(0, 0, 1), []int{} // seconds at which new workers work
	workers = max(workers, 1)
	oldestAt, wantedUntil := 0, 0
	for now := range day {
		all := arrived[len(arrived)-1] + load(now)
		arrived = append(arrived, all)
		for len(starting) > 0 && starting[0] <= now {
			workers, starting = workers+1, starting[1:]
		}
		before := done
		done = min(all, done+float64(workers)*concurrency/taskTime)
		waiting := all - done
		for oldestAt < now && arrived[oldestAt+1] <= done {
			oldestAt++
		}
		age := 0.0
		if waiting > 0.5 {
			age = float64(now - oldestAt)
		}
		if now%p.every == 0 {
			want := min(max(p.want(waiting, (done-before)*taskTime, workers), 1), maxWorkers)
			switch total := workers + len(starting); {
			case want >= total:
				wantedUntil = now + p.hold
				for range want - total {
					starting = append(starting, now+p.start)
				}
			case now >= wantedUntil:
				workers, starting = max(want, 1), nil
			}
		}
		r.note(now, workers, waiting, age)
		r.requests += (done-before)*requests + idle(workers, done-before)*pollQueues/longPoll
	}
	r.dollars = r.requests*requestCost + r.workHours*60*60*workerCost
	r.late /= day
	return r
}

// idle is how many workers have nothing to do.
func idle(workers int, rate float64) float64 {
	return max(0, float64(workers)-rate*taskTime/concurrency)
}

func (r *result) note(now, workers int, waiting, age float64) {
	r.backlog = max(r.backlog, waiting)
	r.oldest = max(r.oldest, time.Duration(age)*time.Second)
	r.workHours += float64(workers) / (60 * 60)
	if age > 60 {
		r.late++
	}
	if now%60 == 59 {
		r.minutes = append(r.minutes, minute{waiting, age, workers})
	}
}
