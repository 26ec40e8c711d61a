package uv_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// spinTimer runs a loop that waits for a second, and is then busy for more than
// half of one.
func spinTimer(t *testing.T, loop *uv.Loop, calls *int) {
	var timer uv.Timer
	assert.NoError(t, loop.Configure(uv.MetricsIdleTime))
	assert.NoError(t, timer.Init(loop))
	assert.NoError(t, timer.Start(func(h *uv.Timer) {
		*calls++
		for start := uv.Hrtime(); uv.Hrtime()-start < uint64(600*time.Millisecond); {
		}
		h.Close(nil)
	}, 1000, 0))
	assert.False(t, loop.Run(uv.RunDefault))
}

// The time that a loop waits for events is its idle time; that of callbacks is
// not.
func TestLibuv_metrics_idle_time(t *testing.T) {
	loop, calls := newLoop(t), 0
	spinTimer(t, loop, &calls)
	assert.Equal(t, 1, calls)
	assert.InDelta(t, float64(time.Second), float64(loop.MetricsIdleTime()), float64(500*time.Millisecond))
}

// Loops have idle times of their own.
func TestLibuv_metrics_idle_time_thread(t *testing.T) {
	var threads [5]uv.Thread
	for i := range threads {
		require.NoError(t, threads[i].Create(func() {
			var loop uv.Loop
			calls := 0
			assert.NoError(t, loop.Init())
			spinTimer(t, &loop, &calls)
			assert.Equal(t, 1, calls)
			assert.GreaterOrEqual(t, loop.MetricsIdleTime(), uint64(500*time.Millisecond))
			assert.NoError(t, loop.Close())
		}))
	}
	for i := range threads {
		require.NoError(t, threads[i].Join())
	}
}

// A loop that never waits has no idle time, though it counts its iterations.
func TestLibuv_metrics_idle_time_zero(t *testing.T) {
	t.Parallel()
	loop, calls := newLoop(t), 0
	require.NoError(t, loop.Configure(uv.MetricsIdleTime))
	var timer uv.Timer
	require.NoError(t, timer.Init(loop))
	require.NoError(t, timer.Start(func(*uv.Timer) { calls++ }, 0, 0))
	run(t, loop)
	assert.Equal(t, 1, calls)
	assert.Zero(t, loop.MetricsIdleTime())
	metrics, err := loop.MetricsInfo()
	if uv.Version() < 0x012d00 {
		assert.Equal(t, uv.ENOSYS, err)
	} else {
		assert.NoError(t, err)
		assert.Equal(t, uint64(calls), metrics.LoopCount)
	}
	closeAll(t, loop)
}
