package uv_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

func TestThread_Again(t *testing.T) {
	t.Parallel()
	var thread uv.Thread
	calls := 0
	for range 3 {
		require.NoError(t, thread.Create(func() { calls++ }))
		require.NoError(t, thread.Join())
	}
	assert.Equal(t, 3, calls)
}

func TestThread_JoinTwice(t *testing.T) {
	t.Parallel()
	var thread uv.Thread
	assert.Equal(t, uv.EINVAL, thread.Join(), "never created")
	require.NoError(t, thread.Create(func() {}))
	require.NoError(t, thread.Join())
	assert.Equal(t, uv.EINVAL, thread.Join())
}

func TestThread_NilEntry(t *testing.T) {
	t.Parallel()
	var thread uv.Thread
	assert.Equal(t, uv.EINVAL, thread.Create(nil))
	assert.Equal(t, uv.EINVAL, thread.Join())
}

func TestThread_CreateTwicePanics(t *testing.T) {
	t.Parallel()
	var thread uv.Thread
	end := make(chan bool)
	require.NoError(t, thread.Create(func() { <-end }))
	assert.Contains(t, panicText(func() { _ = thread.Create(func() {}) }), "Thread.Create: the thread is created already")
	close(end)
	require.NoError(t, thread.Join())
}

// A loop is as good in a thread of libuv's as in a goroutine.
func TestThread_RunsLoop(t *testing.T) {
	t.Parallel()
	var thread uv.Thread
	calls := 0
	require.NoError(t, thread.Create(func() {
		var loop uv.Loop
		var timer uv.Timer
		assert.NoError(t, loop.Init())
		assert.NoError(t, timer.Init(&loop))
		assert.NoError(t, timer.Start(func(timer *uv.Timer) {
			if calls++; calls == 3 {
				timer.Close(nil)
			}
		}, 0, 1))
		assert.False(t, loop.Run(uv.RunDefault))
		assert.NoError(t, loop.Close())
	}))
	require.NoError(t, thread.Join())
	assert.Equal(t, 3, calls)
}

func TestThread_ManyWithCollector(t *testing.T) {
	t.Parallel()
	var threads [32]uv.Thread
	var calls atomic.Int32
	for i := range threads {
		require.NoError(t, threads[i].Create(func() {
			runtime.GC()
			calls.Add(1)
		}))
	}
	for i := range threads {
		require.NoError(t, threads[i].Join())
	}
	assert.EqualValues(t, len(threads), calls.Load())
}

// Only libuv knows the thread while it starts.
func TestThread_Dropped(t *testing.T) {
	t.Parallel()
	called := make(chan bool)
	require.NoError(t, new(uv.Thread).Create(func() { close(called) }))
	runtime.GC()
	<-called
}
