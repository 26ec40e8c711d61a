package uv_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

func TestThread_CreateJoin(t *testing.T) {
	t.Parallel()
	var thread uv.Thread
	result := 0
	require.NoError(t, thread.Create(func() { result = 42 }))
	require.NoError(t, thread.Join())
	assert.Equal(t, 42, result, "what the thread did is seen after Join")
}

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

// Threads equal themselves and nobody else, however their ids are come by.
func TestLibuv_thread_equal(t *testing.T) {
	t.Parallel()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	main := uv.ThreadSelf()
	assert.True(t, main.Equal(main))
	assert.True(t, main.Equal(uv.ThreadSelf()))
	var threads [2]uv.Thread
	var selves [2]*uv.Thread
	var running sync.WaitGroup // neither ends before both have an id
	running.Add(len(threads))
	for i := range threads {
		require.NoError(t, threads[i].Create(func() {
			selves[i] = uv.ThreadSelf()
			running.Done()
			running.Wait()
		}))
	}
	running.Wait()
	for i := range threads {
		assert.True(t, threads[i].Equal(selves[i]))
		assert.False(t, main.Equal(selves[i]))
	}
	assert.False(t, selves[0].Equal(selves[1]))
	for i := range threads {
		require.NoError(t, threads[i].Join())
		assert.False(t, threads[i].Equal(selves[i]), "it is gone")
	}
	assert.Equal(t, uv.EINVAL, main.Join(), "nobody created it")
	assert.False(t, new(uv.Thread).Equal(new(uv.Thread)))
}
