package uv_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// closeUnreferenced closes a handle that let the loop end, and checks that it
// gets its callback, from the loop.
func closeUnreferenced(t *testing.T, h uv.Handle) {
	t.Helper()
	assert.False(t, h.HasRef())
	calls := 0
	h.Close(func(closed uv.Handle) {
		calls++
		assert.Same(t, h, closed)
	})
	assert.Zero(t, calls)
	run(t, h.Loop())
	assert.Equal(t, 1, calls)
}

// unreferenced unreferences a handle and runs the loop, which has nothing else
// to live for.
func unreferenced(t *testing.T, h uv.Handle) {
	t.Helper()
	h.Unref()
	run(t, h.Loop())
	closeUnreferenced(t, h)
}

// An unreferenced idle handle does not keep the loop alive, and is not called.
func TestLibuv_idle_ref(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var h uv.Idle
	require.NoError(t, h.Init(loop))
	require.NoError(t, h.Start(func(*uv.Idle) { assert.Fail(t, "called") }))
	unreferenced(t, &h)
}

// An unreferenced async handle does not keep the loop alive.
func TestLibuv_async_ref(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var h uv.Async
	require.NoError(t, h.Init(loop, nil))
	unreferenced(t, &h)
}

// An unreferenced prepare handle does not keep the loop alive, and is not called.
func TestLibuv_prepare_ref(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var h uv.Prepare
	require.NoError(t, h.Init(loop))
	require.NoError(t, h.Start(func(*uv.Prepare) { assert.Fail(t, "called") }))
	unreferenced(t, &h)
}

// An unreferenced check handle does not keep the loop alive, and is not called.
func TestLibuv_check_ref(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var h uv.Check
	require.NoError(t, h.Init(loop))
	require.NoError(t, h.Start(func(*uv.Check) { assert.Fail(t, "called") }))
	unreferenced(t, &h)
}

// A timer that is not started can be unreferenced.
func TestLibuv_timer_ref(t *testing.T) {
	t.Parallel()
	unreferenced(t, newTimer(t, newLoop(t)))
}

// An unreferenced timer does not keep the loop alive until it expires.
func TestLibuv_timer_ref2(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	h := newTimer(t, loop)
	require.NoError(t, h.Start(func(*uv.Timer) { assert.Fail(t, "called") }, 42, 42))
	unreferenced(t, h)
}

// A pipe that is not open can be unreferenced.
func TestLibuv_pipe_ref(t *testing.T) {
	t.Parallel()
	unreferenced(t, newPipe(t, newLoop(t)))
}

// So can one that could not listen, since it is not bound.
func TestLibuv_pipe_ref2(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	h := newPipe(t, loop)
	assert.Equal(t, uv.EINVAL, h.Listen(128, func(uv.Stream, error) { assert.Fail(t, "called") }))
	unreferenced(t, h)
}

// The requests of an unreferenced pipe keep the loop alive until they are done.
func TestLibuv_pipe_ref3(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	var connect uv.ConnectReq
	var shutdown uv.ShutdownReq
	h := connectToEcho(t, loop, uv.HandleTypeNamedPipe, &connect, func(req *uv.ConnectReq, err error) {
		c["connect"]++
		assert.Same(t, &connect, req)
		assert.NoError(t, err)
		assert.NoError(t, req.Handle().Shutdown(&shutdown, func(req *uv.ShutdownReq, err error) {
			c["shutdown"]++
			assert.Same(t, &shutdown, req)
			assert.NoError(t, err)
		}))
	})
	h.Unref()
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "shutdown": 1}, c)
	closeUnreferenced(t, h)
}

// So does a write, and what comes after it.
func TestLibuv_pipe_ref4(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	var connect uv.ConnectReq
	var write uv.WriteReq
	var shutdown uv.ShutdownReq
	h := connectToEcho(t, loop, uv.HandleTypeNamedPipe, &connect, func(req *uv.ConnectReq, err error) {
		c["connect"]++
		assert.Same(t, &connect, req)
		assert.NoError(t, err)
		assert.NoError(t, req.Handle().Write(&write, [][]byte{make([]byte, 32767)}, func(req *uv.WriteReq, err error) {
			c["write"]++
			assert.Same(t, &write, req)
			assert.NoError(t, err)
			assert.NoError(t, req.Handle().Shutdown(&shutdown, func(req *uv.ShutdownReq, err error) {
				c["shutdown"]++
				assert.Same(t, &shutdown, req)
				assert.NoError(t, err)
			}))
		}))
	})
	h.Unref()
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "write": 1, "shutdown": 1}, c)
	closeUnreferenced(t, h)
}

// A helper does nothing for longer than a test may take.
var helperIdles = helper("idles", func() {
	loop := new(uv.Loop)
	must(loop.Init())
	var timer uv.Timer
	must(timer.Init(loop))
	must(timer.Start(func(*uv.Timer) { timer.Close(nil) }, uint64(2*timeLimit.Milliseconds()), 0))
	loop.Run(uv.RunDefault)
	must(loop.Close())
})

// An unreferenced process, which nobody wants to hear of, does not keep the loop
// alive while it runs.
func TestLibuv_process_ref(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var h uv.Process
	require.NoError(t, loop.Spawn(&h, helperOptions(helperIdles)))
	pid := h.PID()
	h.Unref()
	run(t, loop)
	assert.NoError(t, h.Kill(syscall.SIGTERM))
	closeUnreferenced(t, &h)

	var status syscall.WaitStatus // libuv does not wait for it any more
	waited, err := wait4(pid, &status)
	require.NoError(t, err)
	assert.Equal(t, pid, waited)
	assert.Equal(t, syscall.SIGTERM, status.Signal())
}

// An empty loop has nothing to run for.
func TestLibuv_ref(t *testing.T) {
	t.Parallel()
	run(t, newLoop(t))
}

// A handle has a reference or has none, however often it is given or taken one.
func TestLibuv_has_ref(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var idle uv.Idle
	require.NoError(t, idle.Init(loop))
	assert.True(t, idle.HasRef(), "where it starts")
	idle.Ref()
	idle.Ref()
	assert.True(t, idle.HasRef())
	idle.Unref()
	assert.False(t, idle.HasRef(), "refs are not counted")
	idle.Unref()
	idle.Ref()
	assert.True(t, idle.HasRef())
	closeAll(t, loop)
}

// A callback can take the reference from its own handle, and by that let the
// loop end.
func TestLibuv_unref_in_prepare_cb(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var h uv.Prepare
	calls := 0
	require.NoError(t, h.Init(loop))
	require.NoError(t, h.Start(func(prepare *uv.Prepare) {
		calls++
		assert.Same(t, &h, prepare)
		prepare.Unref()
	}))
	run(t, loop)
	assert.Equal(t, 1, calls)
	closeUnreferenced(t, &h)
}

// unreferencedTCP connects an unreferenced TCP handle, writes when there is
// something to write, and shuts it down: its requests keep the loop alive until
// they are done.
func unreferencedTCP(t *testing.T, data [][]byte) {
	loop := newLoop(t)
	c := counts{}
	var connect uv.ConnectReq
	var write uv.WriteReq
	var shutdown uv.ShutdownReq
	end := func(s uv.Stream) {
		assert.NoError(t, s.Shutdown(&shutdown, func(req *uv.ShutdownReq, err error) {
			c["shutdown"]++
			assert.Same(t, &shutdown, req)
			assert.NoError(t, err)
		}))
	}
	h := connectToEcho(t, loop, uv.HandleTypeTCP, &connect, func(req *uv.ConnectReq, err error) {
		c["connect"]++
		assert.Same(t, &connect, req)
		assert.NoError(t, err)
		if data == nil {
			end(req.Handle())
			return
		}
		assert.NoError(t, req.Handle().Write(&write, data, func(req *uv.WriteReq, err error) {
			c["write"]++
			assert.Same(t, &write, req)
			assert.NoError(t, err)
			end(req.Handle())
		}))
	})
	h.Unref()
	run(t, loop)
	want := counts{"connect": 1, "shutdown": 1}
	if data != nil {
		want["write"] = 1
	}
	assert.Equal(t, want, c)
	closeUnreferenced(t, h)
}

// The requests of an unreferenced TCP handle keep the loop alive until they are
// done.
func TestLibuv_tcp_ref3(t *testing.T) {
	t.Parallel()
	unreferencedTCP(t, nil)
}

// So does a write, and what comes after it.
func TestLibuv_tcp_ref4(t *testing.T) {
	t.Parallel()
	unreferencedTCP(t, [][]byte{make([]byte, 32767)})
}
