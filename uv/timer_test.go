package uv_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

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
