package uv_test

import (
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
