package uv_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

func TestLibuv_timer(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	start := loop.Now()
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

func TestLibuv_timer_start_twice(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	calls := 0
	require.NoError(t, timer.Start(func(*uv.Timer) { assert.Fail(t, "called") }, 86400*1000, 0))
	require.NoError(t, timer.Start(func(timer *uv.Timer) {
		calls++
		timer.Close(nil)
	}, 10, 0))
	run(t, loop)
	assert.Equal(t, 1, calls)
}

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
	}
	closeAll(t, loop)
}

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

// In C it is EINVAL; here a method of a closed handle panics.
func TestLibuv_timer_is_closing(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	timer.Close(nil)
	assert.Equal(t, "uv: Timer.Start: the handle is closed",
		panicText(func() { _ = timer.Start(func(*uv.Timer) {}, 100, 100) }))
	run(t, loop)
}

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

func TestLibuv_timer_no_run_on_unref(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	require.NoError(t, timer.Start(func(*uv.Timer) { assert.Fail(t, "called") }, 0, 0))
	timer.Unref()
	run(t, loop)
	closeAll(t, loop)
}

func TestLibuv_timer_from_check(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var prepare uv.Prepare
	var check uv.Check
	var idle uv.Idle // so that the loop does not wait for the timer before it checks
	timer := newTimer(t, loop)
	var order []string
	require.NoError(t, prepare.Init(loop))
	require.NoError(t, check.Init(loop))
	require.NoError(t, check.Start(func(check *uv.Check) {
		order = append(order, "check")
		assert.NoError(t, check.Stop())
		assert.NoError(t, idle.Stop())
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
	// In C 50 ms; long here, so that it is not due before the check.
	require.NoError(t, timer.Start(func(*uv.Timer) { assert.Fail(t, "called") }, 1000*1000, 0))
	require.NoError(t, idle.Init(loop))
	require.NoError(t, idle.Start(func(*uv.Idle) {}))
	run(t, loop)
	assert.Equal(t, []string{"check", "prepare", "timer"}, order)
	closeAll(t, loop)
}

func TestLibuv_timer_again(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	dummy, repeat1, repeat2 := newTimer(t, loop), newTimer(t, loop), newTimer(t, loop)
	assert.Equal(t, uv.EINVAL, dummy.Again(), "never started")
	dummy.Unref()

	called, allowed := counts{}, false
	closed := func(uv.Handle) { called["close"]++ }
	require.NoError(t, repeat1.Start(func(timer *uv.Timer) {
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

func TestTimer_AgainWithoutRepeat(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	calls := 0
	require.NoError(t, timer.Start(func(*uv.Timer) { calls++ }, 0, 0))
	require.NoError(t, timer.Again(), "it does nothing")
	run(t, loop)
	assert.Equal(t, 1, calls)
	require.NoError(t, timer.Again())
	assert.False(t, timer.IsActive())
	closeAll(t, loop)
}

// SetRepeat counts from the next expiry on.
func TestTimer_SetRepeat(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	calls := 0
	require.NoError(t, timer.Start(func(timer *uv.Timer) {
		if calls++; calls == 3 {
			timer.SetRepeat(0)
			assert.True(t, timer.IsActive(), "once more")
		}
	}, 0, 0))
	timer.SetRepeat(1)
	run(t, loop)
	assert.Equal(t, 4, calls)
	closeAll(t, loop)
}

func TestTimer_DueIn(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	require.NoError(t, timer.Start(func(*uv.Timer) { assert.Fail(t, "called") }, 5, 0))
	assert.EqualValues(t, 5, timer.DueIn(), "the loop's time stands still")
	uv.Sleep(6)
	assert.EqualValues(t, 5, timer.DueIn())
	loop.UpdateTime()
	assert.Zero(t, timer.DueIn(), "it is due")
	closeAll(t, loop)
}

func TestTimer_StopInCallback(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	calls := 0
	require.NoError(t, timer.Start(func(timer *uv.Timer) {
		if calls++; calls == 3 {
			assert.NoError(t, timer.Stop())
		}
	}, 0, 1))
	run(t, loop)
	assert.Equal(t, 3, calls)
	closeAll(t, loop)
}

// A timer that is due in the same iteration is not called once it was stopped
// or closed.
func TestTimer_StopOfAnotherThatIsDue(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	first, stopped, closed := newTimer(t, loop), newTimer(t, loop), newTimer(t, loop)
	never := func(*uv.Timer) { assert.Fail(t, "called") }
	calls := 0
	require.NoError(t, first.Start(func(*uv.Timer) {
		calls++
		assert.NoError(t, stopped.Stop())
		closed.Close(nil)
	}, 0, 0))
	require.NoError(t, stopped.Start(never, 0, 0))
	require.NoError(t, closed.Start(never, 0, 0))
	run(t, loop)
	assert.Equal(t, 1, calls)
	closeAll(t, loop)
}

func TestTimer_StartInCallback(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	called := counts{}
	require.NoError(t, timer.Start(func(timer *uv.Timer) {
		called["first"]++
		assert.NoError(t, timer.Start(func(*uv.Timer) { called["second"]++ }, 1, 0))
	}, 0, 0))
	run(t, loop)
	assert.Equal(t, counts{"first": 1, "second": 1}, called)
	closeAll(t, loop)
}

func TestTimer_ZeroTimeoutWaitsForRun(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	calls := 0
	require.NoError(t, timer.Start(func(*uv.Timer) { calls++ }, 0, 0))
	assert.Equal(t, 0, calls)
	assert.True(t, timer.IsActive())
	assert.Zero(t, timer.DueIn())
	run(t, loop)
	assert.Equal(t, 1, calls)
	assert.False(t, timer.IsActive())
	closeAll(t, loop)
}
