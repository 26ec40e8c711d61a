package uv_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

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
	loop.Run(uv.RunDefault)
}

func TestLibuv_metrics_idle_time(t *testing.T) {
	loop, calls := newLoop(t), 0
	spinTimer(t, loop, &calls)
	assert.Equal(t, 1, calls)
	assert.InDelta(t, float64(time.Second), float64(loop.MetricsIdleTime()), float64(500*time.Millisecond))
}

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
