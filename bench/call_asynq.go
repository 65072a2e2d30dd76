package bench

import (
	"context"
	"encoding/json"
	"net"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// asynqCalls are a dispatch and a delivery of hibiken/asynq as its guide shows them: the
// arguments go through encoding/json by hand. The delivery begins behind the decoding of
// asynq's own message, which cannot be called from outside.
func asynqCalls() ([]Call, error) {
	m := Small().Message
	connection := redis.NewClient(&redis.Options{
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	connection.AddHook(answer{})
	client := asynq.NewClientFromRedisClient(connection)
	mux := asynq.NewServeMux()
	mux.HandleFunc(m.Task, func(_ context.Context, task *asynq.Task) error {
		var args smallArgs
		return json.Unmarshal(task.Payload(), &args)
	})
	payload, err := json.Marshal(m.Args)
	if err != nil {
		return nil, err
	}
	ctx, task := context.Background(), asynq.NewTaskWithHeaders(m.Task, payload, m.Headers)
	return []Call{
		{Name: "dispatch/small/asynq", Title: "asynq, Client.Enqueue", Run: func() error {
			payload, err := json.Marshal(m.Args)
			if err != nil {
				return err
			}
			_, err = client.EnqueueContext(ctx, asynq.NewTaskWithHeaders(m.Task, payload, m.Headers))
			return err
		}},
		{Name: "handle/small/asynq", Title: "asynq, ServeMux.ProcessTask", Run: func() error {
			return mux.ProcessTask(ctx, task)
		}},
	}, nil
}

// answer is a hook of the Redis client that answers each command itself: there is no
// server.
type answer struct{}

// DialHook implements redis.Hook.
func (answer) DialHook(redis.DialHook) redis.DialHook {
	return func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }
}

// ProcessHook implements redis.Hook.
func (answer) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, command redis.Cmder) error {
		if script, ok := command.(*redis.Cmd); ok {
			script.SetVal(int64(1))
		}
		return nil
	}
}

// ProcessPipelineHook implements redis.Hook.
func (answer) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(context.Context, []redis.Cmder) error { return net.ErrClosed }
}
