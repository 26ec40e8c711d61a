package uv_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

func TestLoop_OpenHandles(t *testing.T) {
	loop := newLoop(t)
	require.Empty(t, loop.OpenHandles())

	uv.TraceHandles(true)
	var timer uv.Timer
	var pipe uv.Pipe
	_, _, line, _ := runtime.Caller(0)
	require.NoError(t, timer.Init(loop))
	require.NoError(t, pipe.Init(loop, false))
	uv.TraceHandles(false)
	var idle uv.Idle
	require.NoError(t, idle.Init(loop))
	require.NoError(t, timer.Start(func(*uv.Timer) {}, 1000, 0))

	require.Equal(t, uv.EBUSY, loop.Close())
	open := loop.OpenHandles()
	require.Len(t, open, 3)
	assert.Same(t, &timer, open[0].Handle)
	assert.Regexp(t, fmt.Sprintf(`^timer, active, initialised at .*leaks_test\.go:%d$`, line+1), open[0].String())
	assert.Regexp(t, fmt.Sprintf(`^pipe, inactive, initialised at .*leaks_test\.go:%d$`, line+2), open[1].String())
	assert.Equal(t, "idle, inactive", open[2].String())

	idle.Close(nil)
	assert.Equal(t, "idle, closing", loop.OpenHandles()[2].String())
	closeAll(t, loop)
	assert.Empty(t, loop.OpenHandles())
}
