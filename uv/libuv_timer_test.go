package uv_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// A timer that its callback starts again with no time to wait is due in the next
// iteration. Before libuv 1.48 it is due at once, and the loop never gets on.
func TestLibuv_timer_zero_timeout(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	const enough = 100
	want := 1
	if uv.Version() < 0x013000 {
		want = enough
	}
	calls := 0
	var cb uv.TimerCB
	cb = func(timer *uv.Timer) {
		timeout := uint64(0)
		if calls++; calls == enough {
			timeout = 86400 * 1000
		}
		assert.NoError(t, timer.Start(cb, timeout, 0))
		loop.Stop()
	}
	require.NoError(t, timer.Start(cb, 0, 0))
	assert.True(t, runMode(t, loop, uv.RunDefault), "it was stopped")
	assert.Equal(t, want, calls)
	timer.Close(nil)
	run(t, loop)
	assert.Equal(t, want, calls)
}

// callsWhenLate returns how often one Run calls a timer that repeats and has
// been due twice.
func callsWhenLate(t *testing.T, mode uv.RunMode) int {
	t.Helper()
	const timeout = 10
	loop := newLoop(t)
	timer := newTimer(t, loop)
	calls := 0
	require.NoError(t, timer.Start(func(*uv.Timer) { calls++ }, timeout, timeout))
	uv.Sleep(2 * timeout)
	assert.True(t, runMode(t, loop, mode))
	timer.Close(nil)
	run(t, loop)
	return calls
}

// A timer that is late expires once. Before libuv 1.45 RunOnce looks at timers
// before it waits and after, and waits for the timer here.
func TestLibuv_timer_no_double_call_once(t *testing.T) {
	t.Parallel()
	want := 1
	if uv.Version() < 0x012d00 {
		want = 2
	}
	assert.Equal(t, want, callsWhenLate(t, uv.RunOnce))
}

// The same without waiting for events.
func TestLibuv_timer_no_double_call_nowait(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 1, callsWhenLate(t, uv.RunNowait))
}

// Timers expire once or again and again, and not once they were stopped.
func TestLibuv_timer(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	start := loop.Now()
	assert.Positive(t, start)
	called := counts{}
	for i := range 10 {
		require.NoError(t, newTimer(t, loop).Start(func(timer *uv.Timer) {
			assert.False(t, timer.IsActive())
			called["once"]++
			timer.Close(func(h uv.Handle) {
				assert.False(t, h.IsActive())
				called["once close"]++
			})
			loop.UpdateTime()
		}, uint64(i*5), 0))
	}
	repeat := newTimer(t, loop)
	require.NoError(t, repeat.Start(func(timer *uv.Timer) {
		assert.Same(t, repeat, timer)
		assert.True(t, timer.IsActive())
		if called["repeat"]++; called["repeat"] == 5 {
			timer.Close(func(uv.Handle) { called["repeat close"]++ })
		}
	}, 10, 10))
	never := newTimer(t, loop)
	require.NoError(t, never.Start(func(*uv.Timer) { assert.Fail(t, "called") }, 10, 10))
	require.NoError(t, never.Stop())
	never.Unref()

	run(t, loop)

	assert.Equal(t, counts{"once": 10, "once close": 10, "repeat": 5, "repeat close": 1}, called)
	assert.GreaterOrEqual(t, loop.Now()-start, uint64(50))
	closeAll(t, loop)
}

// To start a timer again is to forget how it was started before.
func TestLibuv_timer_start_twice(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	calls := 0
	require.NoError(t, timer.Start(func(*uv.Timer) { assert.Fail(t, "called") }, 86400*1000, 0))
	closes := 0
	require.NoError(t, timer.Start(func(timer *uv.Timer) {
		calls++
		assert.False(t, timer.IsActive())
		timer.Close(func(h uv.Handle) {
			closes++
			assert.False(t, h.IsActive())
		})
	}, 10, 0))
	run(t, loop)
	assert.Equal(t, 1, calls)
	assert.Equal(t, 1, closes)
}

// A new timer does not repeat, is not due and not active.
func TestLibuv_timer_init(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	assert.Zero(t, timer.Repeat())
	assert.Zero(t, timer.DueIn())
	assert.False(t, timer.IsActive())
	assert.NoError(t, timer.Stop(), "there is nothing to stop")
	closeAll(t, loop)
}

// Timers that are due at the same time expire in the order in which they were
// started.
func TestLibuv_timer_order(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := newTimer(t, loop), newTimer(t, loop)
	var order []*uv.Timer
	cb := func(timer *uv.Timer) { order = append(order, timer) }
	for _, want := range [][]*uv.Timer{{a, b}, {b, a}} {
		order = nil
		for _, timer := range want {
			require.NoError(t, timer.Start(cb, 0, 0))
		}
		run(t, loop)
		require.Len(t, order, 2)
		assert.Same(t, want[0], order[0])
		assert.Same(t, want[1], order[1])
		assert.NoError(t, a.Stop())
		assert.NoError(t, b.Stop())
	}
	closeAll(t, loop)
}

// No time is too long for a timer.
func TestLibuv_timer_huge_timeout(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	tiny, huge1, huge2 := newTimer(t, loop), newTimer(t, loop), newTimer(t, loop)
	calls := 0
	cb := func(timer *uv.Timer) {
		calls++
		assert.Same(t, tiny, timer)
		tiny.Close(nil)
		huge1.Close(nil)
		huge2.Close(nil)
	}
	require.NoError(t, tiny.Start(cb, 1, 0))
	require.NoError(t, huge1.Start(cb, 0xffffffffffff, 0))
	require.NoError(t, huge2.Start(cb, math.MaxUint64, 0))
	assert.EqualValues(t, 1, tiny.DueIn())
	assert.EqualValues(t, 0xffffffffffff, huge1.DueIn())
	assert.Equal(t, math.MaxUint64-loop.Now(), huge2.DueIn(), "the end of time")
	run(t, loop)
	assert.Equal(t, 1, calls)
}

// Nor is it to repeat.
func TestLibuv_timer_huge_repeat(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	tiny, huge := newTimer(t, loop), newTimer(t, loop)
	calls := 0
	cb := func(timer *uv.Timer) {
		if calls == 0 {
			assert.Same(t, huge, timer)
		} else {
			assert.Same(t, tiny, timer)
		}
		if calls++; calls == 10 {
			tiny.Close(nil)
			huge.Close(nil)
		}
	}
	require.NoError(t, tiny.Start(cb, 2, 2))
	require.NoError(t, huge.Start(cb, 1, math.MaxUint64))
	run(t, loop)
	assert.Equal(t, 10, calls)
}

// RunOnce waits for a timer.
func TestLibuv_timer_run_once(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	calls := 0
	cb := func(*uv.Timer) { calls++ }
	require.NoError(t, timer.Start(cb, 0, 0))
	assert.False(t, runMode(t, loop, uv.RunOnce))
	assert.Equal(t, 1, calls)

	require.NoError(t, timer.Start(cb, 1, 0))
	assert.False(t, runMode(t, loop, uv.RunOnce))
	assert.Equal(t, 2, calls)

	timer.Close(nil)
	assert.False(t, runMode(t, loop, uv.RunOnce))
}

// A timer is not started without a callback.
func TestLibuv_timer_null_callback(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	assert.Equal(t, uv.EINVAL, timer.Start(nil, 100, 100))
	assert.False(t, timer.IsActive())

	calls := 0
	require.NoError(t, timer.Start(func(*uv.Timer) { calls++ }, 0, 0))
	assert.Equal(t, uv.EINVAL, timer.Start(nil, 0, 0))
	run(t, loop)
	assert.Equal(t, 1, calls, "it keeps what it has")
	closeAll(t, loop)
}

// A timer that is closed is not started.
func TestLibuv_timer_is_closing(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	timer.Close(nil)
	assert.Equal(t, uv.EINVAL, timer.Start(func(*uv.Timer) {}, 100, 100))
	run(t, loop)
}

// A timer is never early.
func TestLibuv_timer_early_check(t *testing.T) {
	t.Parallel()
	const timeout = 10
	loop := newLoop(t)
	due := loop.Now() + timeout
	calls := 0
	timer := newTimer(t, loop)
	require.NoError(t, timer.Start(func(*uv.Timer) {
		calls++
		assert.GreaterOrEqual(t, uv.Hrtime()/1e6, due)
	}, timeout, 0))
	run(t, loop)
	assert.Equal(t, 1, calls)
	closeAll(t, loop)
}

// A loop with nothing but an unreferenced timer does not run it, though it is
// due.
func TestLibuv_timer_no_run_on_unref(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	require.NoError(t, timer.Start(func(*uv.Timer) { assert.Fail(t, "called") }, 0, 0))
	timer.Unref()
	run(t, loop)
	closeAll(t, loop)
}

// Check callbacks come before timers that are due, so they can stop them, and
// prepare callbacks that they start come before timers that they start.
func TestLibuv_timer_from_check(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var prepare uv.Prepare
	var check uv.Check
	var idle uv.Idle
	timer := newTimer(t, loop)
	var order []string
	require.NoError(t, prepare.Init(loop))
	require.NoError(t, check.Init(loop))
	require.NoError(t, check.Start(func(check *uv.Check) {
		order = append(order, "check")
		assert.Zero(t, timer.DueIn())
		assert.NoError(t, check.Stop())
		assert.NoError(t, timer.Stop())
		assert.NoError(t, timer.Start(func(timer *uv.Timer) {
			order = append(order, "timer")
			assert.NoError(t, timer.Stop())
		}, 10, 0))
		assert.NoError(t, prepare.Start(func(prepare *uv.Prepare) {
			order = append(order, "prepare")
			assert.NoError(t, prepare.Stop())
		}))
	}))
	// In C the timer is started before Run, which must not be late then.
	require.NoError(t, idle.Init(loop))
	require.NoError(t, idle.Start(func(idle *uv.Idle) {
		assert.NoError(t, idle.Stop())
		assert.NoError(t, timer.Start(func(*uv.Timer) { assert.Fail(t, "called") }, 1, 0))
		for timer.DueIn() > 0 {
			uv.Sleep(1)
			loop.UpdateTime()
		}
	}))
	run(t, loop)
	assert.Equal(t, []string{"check", "prepare", "timer"}, order)
	for _, h := range []uv.Handle{&prepare, &check, timer, &idle} {
		h.Close(nil)
	}
	assert.False(t, runMode(t, loop, uv.RunOnce))
}

// Again starts a timer that repeats once more from now; one that was never
// started it does not.
func TestLibuv_timer_again(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	dummy, repeat1, repeat2 := newTimer(t, loop), newTimer(t, loop), newTimer(t, loop)
	assert.Equal(t, uv.EINVAL, dummy.Again(), "never started")
	dummy.Unref()

	assert.Positive(t, loop.Now())
	called, allowed := counts{}, false
	closed := func(uv.Handle) { called["close"]++ }
	require.NoError(t, repeat1.Start(func(timer *uv.Timer) {
		assert.Same(t, repeat1, timer)
		assert.EqualValues(t, 10, timer.Repeat())
		assert.NoError(t, repeat2.Again())
		if called["repeat1"]++; called["repeat1"] == 10 {
			timer.Close(closed)
			allowed = true
		}
	}, 10, 0))
	assert.Zero(t, repeat1.Repeat())
	repeat1.SetRepeat(10)
	assert.EqualValues(t, 10, repeat1.Repeat())

	// Started again and again by repeat1, which is always due first, it does not
	// expire until repeat1 ends.
	require.NoError(t, repeat2.Start(func(timer *uv.Timer) {
		assert.Same(t, repeat2, timer)
		assert.True(t, allowed)
		called["repeat2"]++
		if timer.Repeat() == 0 {
			assert.False(t, timer.IsActive())
			timer.Close(closed)
			return
		}
		assert.EqualValues(t, 20, timer.Repeat())
		timer.SetRepeat(0) // from its next expiry on
	}, 20, 20))
	assert.EqualValues(t, 20, repeat2.Repeat())

	run(t, loop)
	assert.Equal(t, counts{"repeat1": 10, "repeat2": 2, "close": 2}, called)
	closeAll(t, loop)
}
