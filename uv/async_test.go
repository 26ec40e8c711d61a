package uv_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

func TestAsync_IsActiveFromInit(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var async uv.Async
	require.NoError(t, async.Init(loop, func(*uv.Async) { assert.Fail(t, "called without a Send") }))
	assert.True(t, async.IsActive())
	assert.True(t, loop.Alive())
	assert.True(t, runMode(t, loop, uv.RunNowait))
	closeAll(t, loop)
}

// Sends share a callback, but none is lost.
func TestAsync_Coalesces(t *testing.T) {
	t.Parallel()
	const sends = 100
	loop := newLoop(t)
	var async uv.Async
	calls := 0
	require.NoError(t, async.Init(loop, func(*uv.Async) { calls++ }))
	for range sends {
		require.NoError(t, async.Send())
	}
	assert.True(t, runMode(t, loop, uv.RunNowait))
	assert.Equal(t, 1, calls, "all were sent before the loop ran")
	assert.True(t, runMode(t, loop, uv.RunNowait))
	assert.Equal(t, 1, calls)
	closeAll(t, loop)
}

func TestAsync_ManySenders(t *testing.T) {
	t.Parallel()
	const senders, sends = 16, 200
	loop := newLoop(t)
	var async uv.Async
	var sent atomic.Int32
	var wg sync.WaitGroup
	calls := 0
	require.NoError(t, async.Init(loop, func(h *uv.Async) {
		calls++
		if sent.Load() == senders*sends {
			wg.Wait() // for those that are still inside Send
			h.Close(nil)
		}
	}))
	for range senders {
		wg.Go(func() {
			for range sends {
				sent.Add(1)
				assert.NoError(t, async.Send())
			}
		})
	}
	run(t, loop)
	assert.GreaterOrEqual(t, calls, 1)
	assert.LessOrEqual(t, calls, senders*sends)
}

// What a goroutine did before Send is seen by the callback, without more.
func TestAsync_PublishesWhatWasWritten(t *testing.T) {
	t.Parallel()
	const rounds = 200
	loop := newLoop(t)
	var async uv.Async
	value, calls, next := 0, 0, make(chan bool)
	require.NoError(t, async.Init(loop, func(h *uv.Async) {
		calls++
		assert.Equal(t, calls, value)
		if calls == rounds {
			h.Close(nil)
		}
		next <- true
	}))
	go func() {
		for range rounds {
			value++
			assert.NoError(t, async.Send())
			<-next
		}
	}()
	run(t, loop)
	assert.Equal(t, rounds, calls)
}

func TestAsync_SendInCallback(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var async uv.Async
	calls := 0
	require.NoError(t, async.Init(loop, func(h *uv.Async) {
		if calls++; calls == 3 {
			h.Close(nil)
			return
		}
		assert.NoError(t, h.Send())
	}))
	require.NoError(t, async.Send())
	run(t, loop)
	assert.Equal(t, 3, calls)
}

func TestAsync_SendOutsideItsLifePanics(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var async uv.Async
	assert.Equal(t, "uv: Async.Send: the handle is not initialised", panicText(func() { _ = async.Send() }))
	require.NoError(t, async.Init(loop, func(*uv.Async) { assert.Fail(t, "called") }))
	async.Close(nil)
	assert.NoError(t, async.Send(), "which has no effect")
	run(t, loop)
	assert.Equal(t, "uv: Async.Send: the handle is closed", panicText(func() { _ = async.Send() }))
}

// A Send that comes before Close is not delivered after it.
func TestAsync_SendThenClose(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var async uv.Async
	closed := 0
	require.NoError(t, async.Init(loop, func(*uv.Async) { assert.Fail(t, "called") }))
	require.NoError(t, async.Send())
	async.Close(func(uv.Handle) { closed++ })
	run(t, loop)
	assert.Equal(t, 1, closed)
}

// A Send that comes too late must say so, and not write to freed memory.
func TestAsync_SendRacesWithClose(t *testing.T) {
	t.Parallel()
	const senders, rounds = 4, 100
	for range rounds {
		loop := newLoop(t)
		var async uv.Async
		require.NoError(t, async.Init(loop, func(h *uv.Async) { h.Close(nil) }))
		var wg sync.WaitGroup
		for range senders {
			wg.Go(func() {
				for {
					var err error
					if text := panicText(func() { err = async.Send() }); text != "" {
						assert.Equal(t, "uv: Async.Send: the handle is closed", text)
						return
					}
					assert.NoError(t, err)
				}
			})
		}
		run(t, loop)
		wg.Wait()
	}
}

func TestAsync_SeveralInOneLoop(t *testing.T) {
	t.Parallel()
	const n = 20
	loop := newLoop(t)
	var asyncs [n]uv.Async
	called := map[*uv.Async]int{}
	for i := range asyncs {
		require.NoError(t, asyncs[i].Init(loop, func(h *uv.Async) {
			called[h]++
			h.Close(nil)
		}))
	}
	go func() {
		for i := range asyncs {
			assert.NoError(t, asyncs[i].Send())
		}
	}()
	run(t, loop)
	assert.Len(t, called, n)
	for i := range asyncs {
		assert.Equal(t, 1, called[&asyncs[i]])
	}
}
