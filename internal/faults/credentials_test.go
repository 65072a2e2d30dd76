package faults_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/taskhawk/taskhawk-go/sqsx"
	"github.com/taskhawk/taskhawk-go/sqsx/sqstest"
	"github.com/taskhawk/taskhawk-go/taskhawk"
)

// keyLife is how long credentials are good.
const keyLife = 10 * time.Minute

// keyring gives out credentials that expire, as a role does.
type keyring struct {
	mu     sync.Mutex
	issued int
	err    error         // what it answers instead
	hang   chan struct{} // what it waits for before it answers
}

// Retrieve issues new credentials.
func (k *keyring) Retrieve(context.Context) (aws.Credentials, error) {
	k.mu.Lock()
	hang := k.hang
	k.mu.Unlock()
	if hang != nil {
		<-hang
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return aws.Credentials{}, k.err
	}
	k.issued++
	generation := strconv.Itoa(k.issued)
	return aws.Credentials{
		AccessKeyID: canaryKeyID + generation, SecretAccessKey: canaryKey + generation, SessionToken: canaryToken + generation,
		CanExpire: true, Expires: time.Now().Add(keyLife),
	}, nil
}

func (k *keyring) set(err error, hang chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err, k.hang = err, hang
}

func (k *keyring) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.issued
}

func (k *keyring) setup(what string) setup {
	return setup{What: what, Handle: halfMinute, Client: func(o *sqs.Options) { o.Credentials = aws.NewCredentialsCache(k) }}
}

// dispatchEach dispatches tasks one by one, and returns how many failed.
func (r *env) dispatchEach(count int, every time.Duration) (failed int) {
	r.Helper()
	for n := range count {
		if _, err := r.tryDispatch(n); err != nil {
			require.NotErrorIs(r, err, taskhawk.ErrOutcomeUnknown, "nothing was sent")
			failed++
		}
		time.Sleep(every)
	}
	return failed
}

// Credentials are replaced six times in an hour, and no task notices.
func TestT09CredentialsRotate(t *testing.T) {
	t.Parallel()
	keys := &keyring{}
	inBubble(t, keys.setup("credentials that rotate every ten minutes"), func(r *env) {
		w := r.start(sqsx.WorkerConfig{Concurrency: 40})
		require.Zero(r, r.dispatchEach(360, 10*time.Second))
		r.drain(time.Minute)
		w.stop()
		require.InDelta(r, 6, keys.count(), 1.1)
		r.Check(want{})
	})
}

// SQS refuses credentials a minute before they believe that they have expired. Polls back
// off, and go on with the next ones.
func TestT09CredentialsExpireEarly(t *testing.T) {
	t.Parallel()
	keys := &keyring{}
	inBubble(t, keys.setup("ExpiredToken until the credentials are replaced"), func(r *env) {
		w := r.start(sqsx.WorkerConfig{Concurrency: 40})
		time.Sleep(keyLife - time.Minute)
		expired := r.server.Inject(sqstest.Fault{
			If: func(request sqstest.Request) bool { return strings.HasSuffix(request.AccessKeyID, "1") },
			Do: sqstest.Error("ExpiredToken", "the security token has expired"),
		})
		failed := r.dispatchEach(120, time.Second)
		require.InDelta(r, 60, failed, 2)
		require.Positive(r, expired.Fired())
		r.drain(time.Minute)
		w.stop()
		require.Equal(r, 2, keys.count(), "asked once more")
		r.Check(want{})
	})
}

// The provider of the credentials fails, or hangs as the instance metadata service can,
// for five minutes.
func TestT09CredentialsMissing(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"failing": errors.New("no role here"), "hanging": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys := &keyring{}
			inBubble(t, keys.setup("a provider of credentials that fails, or hangs"), func(r *env) {
				receives := r.watch(sqstest.OpReceiveMessage)
				w := r.start(sqsx.WorkerConfig{})
				r.dispatch(0)
				time.Sleep(keyLife - 10*time.Second)
				r.dispatch(1) // its handler ends without credentials
				back := make(chan struct{})
				keys.set(err, back)
				if err != nil {
					close(back)
				}
				time.Sleep(5 * time.Minute)
				for _, health := range w.Health() {
					require.Positive(r, health.Failures)
				}
				_, sent := r.tryDispatch(2)
				require.Error(r, sent)
				healed := time.Now()
				keys.set(nil, nil)
				if err == nil {
					close(back)
				}
				r.await(maxRecovery, "the poller is alive", func() bool {
					return receives.between(queueName(taskhawk.Default), healed, time.Now()) > 0
				})
				r.drain(time.Minute)
				require.Equal(r, 1, r.record.runs(1))
				require.LessOrEqual(r, w.stop(), 21*time.Second)
				r.Check(want{})
			})
		})
	}
}

// A stop does not wait for a provider that hangs.
func TestT09StopWithoutCredentials(t *testing.T) {
	t.Parallel()
	keys := &keyring{}
	inBubble(t, keys.setup("a stop while the provider of credentials hangs"), func(r *env) {
		w := r.start(sqsx.WorkerConfig{GracePeriod: 5 * time.Second})
		time.Sleep(keyLife - 30*time.Second)
		back := make(chan struct{})
		keys.set(nil, back)
		time.Sleep(2 * time.Minute)
		require.LessOrEqual(r, w.stop(), 6*time.Second)
		close(back)
		r.Check(want{})
	})
}
