package uv_test

import (
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// Idle handles do not keep timers from expiring.
func TestLibuv_idle_starvation(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var idle uv.Idle
	var check uv.Check
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	require.NoError(t, idle.Init(loop))
	require.NoError(t, idle.Start(func(h *uv.Idle) {
		called["idle"]++
		assert.Same(t, &idle, h)
	}))
	require.NoError(t, check.Init(loop))
	require.NoError(t, check.Start(func(h *uv.Check) {
		called["check"]++
		assert.Same(t, &check, h)
	}))
	require.NoError(t, newTimer(t, loop).Start(func(timer *uv.Timer) {
		called["timer"]++
		idle.Close(closed)
		check.Close(closed)
		timer.Close(closed)
	}, 20, 0))
	run(t, loop)
	assert.Positive(t, called["idle"])
	assert.Equal(t, 1, called["timer"])
	assert.Equal(t, 3, called["close"])
}

// Check callbacks come though the last idle handle stops in the same iteration.
func TestLibuv_idle_check(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var idle uv.Idle
	var check uv.Check
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	require.NoError(t, idle.Init(loop))
	require.NoError(t, idle.Start(func(h *uv.Idle) { assert.NoError(t, h.Stop()) }))
	require.NoError(t, check.Init(loop))
	require.NoError(t, check.Start(func(h *uv.Check) {
		called["check"]++
		assert.Same(t, &check, h)
	}))

	assert.True(t, runMode(t, loop, uv.RunOnce))
	assert.Equal(t, counts{"check": 1}, called)

	idle.Close(closed)
	check.Close(closed)
	assert.False(t, runMode(t, loop, uv.RunOnce))
	assert.Equal(t, counts{"check": 1, "close": 2}, called)
}

// A thread sends to a loop, which calls back until it has had enough.
func TestLibuv_async(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var (
		prepare uv.Prepare
		async   uv.Async
		thread  uv.Thread
		calls   atomic.Int32
		called  = counts{}
		closed  = func(uv.Handle) { called["close"]++ }
	)
	require.NoError(t, prepare.Init(loop))
	require.NoError(t, prepare.Start(func(h *uv.Prepare) {
		assert.Same(t, &prepare, h)
		if called["prepare"]++; called["prepare"] > 1 {
			return
		}
		assert.NoError(t, thread.Create(func() {
			// In C the last Send may come after Close, which there is undefined.
			for calls.Load() < 2 {
				assert.NoError(t, async.Send())
				uv.Sleep(0)
			}
		}))
	}))
	require.NoError(t, async.Init(loop, func(h *uv.Async) {
		assert.Same(t, &async, h)
		switch calls.Add(1) {
		case 2:
			assert.NoError(t, thread.Join())
			assert.NoError(t, async.Send())
		case 3:
			async.Close(closed)
			prepare.Close(closed)
		}
	}))
	run(t, loop)
	assert.Positive(t, called["prepare"])
	assert.EqualValues(t, 3, calls.Load())
	assert.Equal(t, 2, called["close"])
}

// Sends without a callback wake the loop up.
func TestLibuv_async_null_cb(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var async uv.Async
	var check uv.Check
	calls := 0
	require.NoError(t, async.Init(loop, nil))
	require.NoError(t, check.Init(loop))
	require.NoError(t, check.Start(func(h *uv.Check) {
		assert.Same(t, &check, h)
		assert.Zero(t, calls)
		calls++
		async.Close(nil)
		check.Close(nil)
	}))
	var thread uv.Thread
	require.NoError(t, thread.Create(func() { assert.NoError(t, async.Send()) }))
	require.NoError(t, thread.Join(), "it sends to a loop that does not run yet, so that it never sends to a closed handle")
	run(t, loop)
	assert.Equal(t, 1, calls)
}

// Each watcher gets each of its signals, whoever else watches for the same one
// or another.
func TestLibuv_we_get_signals(t *testing.T) {
	loop := newLoop(t)
	const signals = 10
	var got, raised []*int
	for _, signum := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGUSR2} {
		_, n := watch(t, loop, signum, signals)
		got = append(got, n)
	}
	for _, signum := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2} {
		n := new(int)
		raised = append(raised, n)
		require.NoError(t, newTimer(t, loop).Start(func(timer *uv.Timer) {
			raise(signum)
			if *n++; *n == signals {
				timer.Close(nil)
			}
		}, 1, 1))
	}
	run(t, loop)
	for _, n := range append(got, raised...) {
		assert.Equal(t, signals, *n)
	}
}

// A watcher that closes keeps the loop alive, though it has a signal that was
// not dispatched and no reference.
func TestLibuv_signal_close_loop_alive(t *testing.T) {
	loop := newLoop(t)
	var s uv.Signal
	require.NoError(t, s.Init(loop))
	require.NoError(t, s.Start(func(*uv.Signal, syscall.Signal) { loop.Stop() }, syscall.SIGPIPE))
	s.Unref()
	raise(syscall.SIGPIPE)
	closed := 0
	require.False(t, runMode(t, loop, uv.RunDefault))
	s.Close(func(uv.Handle) { closed++ })
	assert.True(t, loop.Alive())
	assert.Equal(t, 0, closed)
	run(t, loop)
	assert.Equal(t, 1, closed)
	assert.False(t, loop.Alive())
}
