package uv_test

import (
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// The default loop can be closed, and is a new one afterwards.
func TestLibuv_default_loop_close(t *testing.T) {
	var timer uv.Timer
	calls := 0
	for i := range 2 {
		loop := uv.DefaultLoop()
		require.NotNil(t, loop)
		require.NoError(t, timer.Init(loop))
		require.NoError(t, timer.Start(func(*uv.Timer) {
			calls++
			timer.Close(nil)
		}, 1, 0))
		run(t, loop)
		assert.Equal(t, i+1, calls)
		require.NoError(t, loop.Close())
	}
}

// RunOnce is one iteration.
func TestLibuv_run_once(t *testing.T) {
	t.Parallel()
	const ticks = 64
	loop := newLoop(t)
	var idle uv.Idle
	calls := 0
	require.NoError(t, idle.Init(loop))
	require.NoError(t, idle.Start(func(h *uv.Idle) {
		assert.Same(t, &idle, h)
		if calls++; calls == ticks {
			assert.NoError(t, h.Stop())
		}
	}))
	runs := 1
	for runMode(t, loop, uv.RunOnce) {
		runs++
	}
	assert.Equal(t, ticks, calls)
	assert.Equal(t, ticks, runs)
	closeAll(t, loop)
}

// RunNowait does not wait for a timer.
func TestLibuv_run_nowait(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	require.NoError(t, timer.Start(func(*uv.Timer) { assert.Fail(t, "called") }, 1000*1000, 100))
	assert.True(t, runMode(t, loop, uv.RunNowait))
	closeAll(t, loop)
}

// A loop is alive while there is an active handle, a request, or a handle that
// closes.
func TestLibuv_loop_alive(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	assert.False(t, loop.Alive())

	timer := newTimer(t, loop)
	c := counts{}
	require.NoError(t, timer.Start(func(*uv.Timer) { c["timer"]++ }, 1, 0))
	assert.True(t, loop.Alive(), "an active handle")
	run(t, loop)
	assert.False(t, loop.Alive())

	require.NoError(t, loop.FsUnlink(nil, filepath.Join(t.TempDir(), "missing"), func(*uv.FsReq) { c["fs"]++ }))
	assert.True(t, loop.Alive(), "an active request")
	run(t, loop)
	assert.False(t, loop.Alive())

	assert.Equal(t, counts{"timer": 1, "fs": 1}, c)

	timer.Close(nil)
	assert.True(t, loop.Alive(), "a closing handle")
	run(t, loop)
	assert.False(t, loop.Alive())
}

// A loop with an open handle cannot be closed, and one that is closed keeps its
// data.
func TestLibuv_loop_close(t *testing.T) {
	t.Parallel()
	var loop uv.Loop
	loop.SetData(&loop)
	require.NoError(t, loop.Init())
	assert.Same(t, &loop, loop.Data())

	timer := newTimer(t, &loop)
	require.NoError(t, timer.Start(func(*uv.Timer) { loop.Stop() }, 1, 1))
	assert.Equal(t, uv.EBUSY, loop.Close())
	assert.True(t, runMode(t, &loop, uv.RunDefault))

	timer.Close(nil)
	run(t, &loop)

	assert.Same(t, &loop, loop.Data())
	assert.NoError(t, loop.Close())
	assert.Same(t, &loop, loop.Data())
}

// The program ends while threads still work for its loop.
func TestLibuv_loop_instant_close(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(helperPath())
	cmd.Env = helperEnv(endsWithWorkQueued)
	out, err := cmd.CombinedOutput()
	assert.NoError(t, err)
	assert.Empty(t, string(out))
}

var endsWithWorkQueued = helper("endsWithWorkQueued", func() {
	var loop uv.Loop
	must(loop.Init())
	for range 100 {
		must(loop.FsUnlink(nil, "/nowhere/at/all", func(*uv.FsReq) {}))
	}
})

// Stop ends Run, and the next Run goes on.
func TestLibuv_loop_stop(t *testing.T) {
	t.Parallel()
	const ticks = 10
	loop := newLoop(t)
	var prepare uv.Prepare
	prepares, timers := 0, 0
	require.NoError(t, prepare.Init(loop))
	require.NoError(t, prepare.Start(func(h *uv.Prepare) {
		assert.Same(t, &prepare, h)
		if prepares++; prepares == ticks {
			assert.NoError(t, h.Stop())
		}
	}))
	timer := newTimer(t, loop)
	require.NoError(t, timer.Start(func(h *uv.Timer) {
		assert.Same(t, timer, h)
		switch timers++; timers {
		case 1:
			loop.Stop()
		case ticks:
			assert.NoError(t, h.Stop())
		}
	}, 10, 10))

	assert.True(t, runMode(t, loop, uv.RunDefault))
	assert.Equal(t, 1, timers)

	assert.True(t, runMode(t, loop, uv.RunNowait))
	assert.Greater(t, prepares, 1)

	run(t, loop)
	assert.Equal(t, ticks, timers)
	assert.Equal(t, ticks, prepares)
	closeAll(t, loop)
}

// A Run that was stopped beforehand calls nothing.
func TestLibuv_loop_stop_before_run(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	calls := 0
	require.NoError(t, timer.Start(func(*uv.Timer) { calls++ }, 0, 0))
	loop.Stop()
	assert.True(t, runMode(t, loop, uv.RunDefault))
	assert.Equal(t, 0, calls)

	run(t, loop)
	assert.Equal(t, 1, calls, "it stops one run only")
	closeAll(t, loop)
}

// Run updates the loop's time, though there is nothing to run.
func TestLibuv_loop_update_time(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	for start := loop.Now(); loop.Now()-start < 20; {
		require.False(t, runMode(t, loop, uv.RunNowait))
	}
}

// The time that a loop may wait is that of its next timer, and none when it has
// nothing to wait for.
func TestLibuv_loop_backend_timeout(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	// A new loop waits to be run before it would wait for events.
	var prepare uv.Prepare
	require.NoError(t, prepare.Init(loop))
	require.NoError(t, prepare.Start(func(*uv.Prepare) {}))
	assert.True(t, runMode(t, loop, uv.RunNowait))
	require.NoError(t, prepare.Stop())
	assert.False(t, loop.Alive())

	timer := newTimer(t, loop)
	assert.False(t, loop.Alive())
	assert.Equal(t, 0, loop.BackendTimeout())

	require.NoError(t, timer.Start(func(timer *uv.Timer) { timer.Close(nil) }, 20, 0))
	assert.Equal(t, 20, loop.BackendTimeout())

	run(t, loop)
	assert.Equal(t, 0, loop.BackendTimeout())
	closeAll(t, loop)
}

// A loop can be a part of another: that waits for its descriptor, as long as it
// says, and then runs it without waiting.
func TestLibuv_embed(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var async uv.Async
	calls := 0
	require.NoError(t, async.Init(loop, func(h *uv.Async) {
		calls++
		assert.Same(t, &async, h)
		h.Close(nil)
	}))
	var thread uv.Thread
	waiting := make(chan bool)
	require.NoError(t, thread.Create(func() {
		<-waiting
		uv.Sleep(10) // most likely the loop waits by then, which is the interesting case
		assert.NoError(t, async.Send())
	}))
	close(waiting)
	for loop.Alive() {
		awaitBackend(t, loop)
		runMode(t, loop, uv.RunNowait)
	}
	require.NoError(t, thread.Join())
	assert.Equal(t, 1, calls)
}

// A loop can be told to wait with SIGPROF blocked, and runs as any other.
func TestLibuv_loop_configure(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	require.NoError(t, loop.Configure(uv.LoopBlockSignal, syscall.SIGPROF))
	calls := 0
	require.NoError(t, newTimer(t, loop).Start(func(timer *uv.Timer) {
		calls++
		timer.Close(nil)
	}, 10, 0))
	run(t, loop)
	assert.Equal(t, 1, calls)
}

// Walk sees each handle that is open, and no other. What C gives the callback
// besides is in Go the callback's own.
func TestLibuv_walk_handles(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	seen := 0
	see := func(h uv.Handle) {
		seen++
		assert.Same(t, timer, h)
	}
	require.NoError(t, timer.Start(func(timer *uv.Timer) {
		timer.Loop().Walk(see)
		timer.Close(nil)
	}, 1, 0))
	assert.Equal(t, 0, seen)
	run(t, loop)
	assert.Equal(t, 1, seen)
	loop.Walk(see)
	assert.Equal(t, 1, seen)
}

// Idle, prepare and check handles start and stop others of their kind, and
// close themselves, from their callbacks. In C the second idle handle lives
// once only, since one that was closed counts as closing for good.
func TestLibuv_loop_handles(t *testing.T) {
	t.Parallel()
	const idleCount, iterations, timeout = 7, 21, 10
	loop := newLoop(t)
	var (
		prepare1, prepare2       uv.Prepare
		check                    uv.Check
		idle1                    [idleCount]uv.Idle
		idle2                    uv.Idle
		timer                    uv.Timer
		iteration, idles1Active  int
		idle1Calls, idle2Started int
		idle2Active              bool
		called                   = counts{}
		idle1CB, idle2CB         uv.IdleCB
		prepare1CB, prepare2CB   uv.PrepareCB
		closed                              = func(name string) uv.CloseCB { return func(uv.Handle) { called[name]++ } }
		idle2Closed              uv.CloseCB = func(uv.Handle) {
			called["idle2 close"]++
			assert.True(t, idle2Active)
			idle2Active = false
		}
	)
	idle2CB = func(h *uv.Idle) {
		assert.Same(t, &idle2, h)
		h.Close(idle2Closed)
	}
	idle1CB = func(h *uv.Idle) {
		assert.Positive(t, idles1Active)
		if !idle2Active && (idle2Started == 0 || !idle2.IsActive()) {
			assert.NoError(t, idle2.Init(loop))
			assert.NoError(t, idle2.Start(idle2CB))
			idle2Active = true
			idle2Started++
		}
		if idle1Calls++; idle1Calls%5 == 0 {
			assert.NoError(t, h.Stop())
			idles1Active--
		}
	}
	checkCB := func(h *uv.Check) {
		assert.Same(t, &check, h)
		if iteration < iterations {
			for i := range 1 + iteration%idleCount {
				assert.NoError(t, idle1[i].Start(idle1CB))
				idles1Active++
			}
		} else {
			prepare1.Close(closed("prepare1 close"))
			check.Close(closed("check close"))
			prepare2.Close(closed("prepare2 close"))
			for i := range idle1 {
				idle1[i].Close(closed("idle1 close"))
			}
			if idle2Active && !idle2.IsClosing() {
				idle2.Close(idle2Closed)
			}
		}
		called["check"]++
	}
	prepare2CB = func(h *uv.Prepare) {
		assert.Same(t, &prepare2, h)
		assert.NotEqual(t, 0, iteration%2, "what a prepare callback starts is not called in the same round")
		assert.NoError(t, h.Stop())
		called["prepare2"]++
	}
	prepare1CB = func(h *uv.Prepare) {
		assert.Same(t, &prepare1, h)
		if iteration%2 == 0 {
			assert.NoError(t, prepare2.Start(prepare2CB))
		}
		called["prepare1"]++
		iteration++
	}

	require.NoError(t, prepare1.Init(loop))
	require.NoError(t, prepare1.Start(prepare1CB))
	require.NoError(t, check.Init(loop))
	require.NoError(t, check.Start(checkCB))
	require.NoError(t, prepare2.Init(loop))
	for i := range idle1 {
		require.NoError(t, idle1[i].Init(loop))
	}
	require.NoError(t, timer.Init(loop))
	require.NoError(t, timer.Start(func(*uv.Timer) {}, timeout, timeout))
	timer.Unref()

	run(t, loop)

	assert.Equal(t, iterations, iteration)
	assert.Positive(t, idle2Started)
	assert.False(t, idle2Active)
	assert.Equal(t, counts{
		"prepare1": iterations, "prepare1 close": 1,
		"prepare2": iterations / 2, "prepare2 close": 1,
		"check": iterations, "check close": 1,
		"idle1 close": idleCount, "idle2 close": idle2Started,
	}, called)
	closeAll(t, loop)
}
