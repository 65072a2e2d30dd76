package main

import (
	"math"
	"time"
)

const (
	day        = 24 * 60 * 60 // seconds
	acceptable = 60.0         // seconds that a task may wait, for the target of ECS
	pollQueues = 4            // queues of a worker
	longPoll   = 20.0         // seconds
	latency    = 0.01         // seconds of a request
	lookAhead  = 1.0          // seconds: a worker receives what can start within it

	// perRequestMost is the most messages that a request has.
	perRequestMost = 10

	requestCost = 0.40 / 1e6       // dollars, standard queues, us-east-1
	workerCost  = 0.01 / (60 * 60) // dollars a second: 0.25 vCPU and 0.5 GB of Fargate on arm64, us-east-1
)

// scenario is a load, and workers that take it.
type scenario struct {
	seconds     int
	load        func(second int) float64 // tasks that arrive in a second
	taskTime    float64                  // seconds of a task
	concurrency int                      // handlers at once in a worker
	maxWorkers  int
}

// aDay is the scenario of the program: few tasks at night, a peak at noon, and 20,000
// within ten seconds at 15:00.
func aDay() scenario {
	return scenario{
		seconds: day, taskTime: 0.5, concurrency: 20, maxWorkers: 20,
		load: func(second int) float64 {
			hour := float64(second) / (60 * 60)
			tasks := 2 + 58*math.Exp(-(hour-12)*(hour-12)/8)
			if burst := 15 * 60 * 60; second >= burst && second < burst+10 {
				tasks += 2000
			}
			return tasks
		},
	}
}

// minute is what a plot shows of a minute.
type minute struct {
	backlog float64 // tasks that wait, at the end
	workers int
}

// result is a scenario under a policy.
type result struct {
	policy    string
	minutes   []minute
	tasks     float64
	backlog   float64       // the most that waited
	oldest    time.Duration // the longest that a task waited
	late      float64       // share of seconds in which the oldest waits above 60 s
	requests  float64
	dollars   float64
	workHours float64
}

// run steps through the scenario by the second.
func run(p policy, s scenario) result {
	r := result{policy: p.name}
	rule := p.scaler(s)
	arrived, done := []float64{0}, 0.0 // by the end of each second, and in all
	workers := rule.want(0, backlog{running: 1})
	var starting []int // seconds at which new workers work
	oldestAt := 0
	for now := range s.seconds {
		all := arrived[len(arrived)-1] + s.load(now)
		arrived = append(arrived, all)
		for len(starting) > 0 && starting[0] <= now {
			workers, starting = workers+1, starting[1:]
		}
		before := done
		done = min(all, done+float64(workers*s.concurrency)/s.taskTime)
		waiting := all - done
		for oldestAt < now && arrived[oldestAt+1] <= done {
			oldestAt++
		}
		age := 0.0
		if waiting > 0.5 {
			age = float64(now - oldestAt)
		}
		if end := now + 1; end%p.every == 0 {
			want := rule.want(end, backlog{waiting, (done - before) * s.taskTime, workers, len(starting)})
			for range want - workers - len(starting) {
				starting = append(starting, end+p.start)
			}
			if want < workers+len(starting) {
				starting = starting[:min(len(starting), max(0, want-workers))]
				workers = min(workers, want)
			}
		}
		r.note(now, workers, waiting, age)
		r.requests += requests(workers, s.load(now), done-before, waiting)
	}
	r.tasks = arrived[len(arrived)-1]
	r.total(s)
	return r
}

// requests counts calls of SQS in a second in which tasks come and are done. Sends share
// requests in the program that dispatches, deletes in each worker. A task that comes while
// a worker polls ends the poll. A poll takes as many waiting tasks as can start soon.
func requests(workers int, come, done, waiting float64) float64 {
	each := done / float64(workers)
	received := done / perRequest(each)
	if waiting > 0.5 {
		received = done / min(max(each*lookAhead, 1), perRequestMost)
	}
	idle := float64(workers) * (pollQueues - 1) / longPoll // polls of the other queues
	return come/perRequest(come) + received + done/perRequest(each) + idle
}

// perRequest is how many messages share a request when they come at random: those that
// come while one is in flight share the next.
func perRequest(rate float64) float64 {
	each := rate * latency
	return min(each+math.Exp(-each), perRequestMost)
}

func (r *result) note(now, workers int, waiting, age float64) {
	r.backlog = max(r.backlog, waiting)
	r.oldest = max(r.oldest, time.Duration(age)*time.Second)
	r.workHours += float64(workers) / (60 * 60)
	if age > 60 {
		r.late++
	}
	if now%60 == 59 {
		r.minutes = append(r.minutes, minute{waiting, workers})
	}
}

// total makes sums of what was noted.
func (r *result) total(s scenario) {
	r.dollars = r.requests*requestCost + r.workHours*60*60*workerCost
	r.late /= float64(s.seconds)
}
