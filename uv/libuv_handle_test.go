package uv_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// A handle is active from its start to its stop or its close, and closing from
// its close on.
func TestLibuv_active(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	never := func(*uv.Timer) { assert.Fail(t, "called") }
	closed := 0

	assert.False(t, timer.IsActive())
	assert.False(t, timer.IsClosing())

	require.NoError(t, timer.Start(never, 1000, 0))
	assert.True(t, timer.IsActive())
	assert.False(t, timer.IsClosing())

	require.NoError(t, timer.Stop())
	assert.False(t, timer.IsActive())
	assert.False(t, timer.IsClosing())

	require.NoError(t, timer.Start(never, 1000, 0))
	assert.True(t, timer.IsActive())
	assert.False(t, timer.IsClosing())

	timer.Close(func(uv.Handle) { closed++ })
	assert.False(t, timer.IsActive())
	assert.True(t, timer.IsClosing())

	run(t, loop)
	assert.Equal(t, 1, closed)
}

// Handles that are closed in an iteration get their callbacks at its end, after
// the check callbacks.
func TestLibuv_close_order(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var check uv.Check
	timer1, timer2 := newTimer(t, loop), newTimer(t, loop)
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	require.NoError(t, check.Init(loop))
	require.NoError(t, check.Start(func(h *uv.Check) {
		assert.Equal(t, counts{"timer": 1}, called, "before any close callback")
		h.Close(closed)
		timer2.Close(closed)
		called["check"]++
	}))
	require.NoError(t, timer1.Start(func(timer *uv.Timer) {
		timer.Close(closed)
		called["timer"]++
	}, 0, 0))
	require.NoError(t, timer2.Start(func(*uv.Timer) { assert.Fail(t, "called") }, 100_000, 0))
	run(t, loop)
	assert.Equal(t, counts{"check": 1, "timer": 1, "close": 3}, called)
}

// Each type of handle has a name, and what is none has none.
func TestLibuv_handle_type_name(t *testing.T) {
	t.Parallel()
	for handleType, name := range map[uv.HandleType]string{
		uv.HandleTypeAsync: "async", uv.HandleTypeCheck: "check", uv.HandleTypeFsEvent: "fs_event",
		uv.HandleTypeFsPoll: "fs_poll", uv.HandleTypeHandle: "handle", uv.HandleTypeIdle: "idle",
		uv.HandleTypeNamedPipe: "pipe", uv.HandleTypePoll: "poll", uv.HandleTypePrepare: "prepare",
		uv.HandleTypeProcess: "process", uv.HandleTypeStream: "stream", uv.HandleTypeTCP: "tcp",
		uv.HandleTypeTimer: "timer", uv.HandleTypeTTY: "tty", uv.HandleTypeUDP: "udp",
		uv.HandleTypeSignal: "signal", uv.HandleTypeFile: "file",
		uv.HandleTypeMax: "", uv.HandleTypeMax + 1: "", uv.HandleTypeUnknown: "", -1: "",
	} {
		assert.Equal(t, name, handleType.Name(), "type %d", int(handleType))
		assert.Equal(t, name, fmt.Sprint(handleType))
	}
}

// So it is with requests.
func TestLibuv_req_type_name(t *testing.T) {
	t.Parallel()
	for reqType, name := range map[uv.ReqType]string{
		uv.ReqTypeReq: "req", uv.ReqTypeConnect: "connect", uv.ReqTypeWrite: "write", uv.ReqTypeShutdown: "shutdown",
		uv.ReqTypeUDPSend: "udp_send", uv.ReqTypeFs: "fs", uv.ReqTypeWork: "work", uv.ReqTypeGetaddrinfo: "getaddrinfo",
		uv.ReqTypeGetnameinfo: "getnameinfo", uv.ReqTypeRandom: "random",
		uv.ReqTypeMax: "", uv.ReqTypeMax + 1: "", uv.ReqTypeUnknown: "", -1: "",
	} {
		assert.Equal(t, name, reqType.Name(), "type %d", int(reqType))
		assert.Equal(t, name, fmt.Sprint(reqType))
	}
}

// What is set is got, of a loop and of a handle; a stream knows how much it has
// to write, and a request what it was for and how it went. In C memory for them
// is had by their sizes.
func TestLibuv_getters_setters(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	for _, size := range []int{uv.LoopSize(), uv.HandleSize(uv.HandleTypeNamedPipe), uv.ReqSize(uv.ReqTypeFs)} {
		assert.Positive(t, size)
	}
	cookie1, cookie2 := new(int), new(int)
	loop.SetData(cookie1)
	assert.Same(t, cookie1, loop.Data())

	pipe := newPipe(t, loop)
	assert.Equal(t, uv.HandleTypeNamedPipe, pipe.Type())
	assert.Same(t, loop, pipe.Loop())
	pipe.SetData(cookie2)
	assert.Same(t, cookie2, pipe.Data())
	pipe.SetData(cookie1)
	assert.Same(t, cookie1, pipe.Data())

	// In C the size of the queue is a member, which is set.
	path := socketPath(t)
	server := listen(t, loop, path, func(uv.Stream, error) { assert.Fail(t, "called") })
	c := counts{}
	require.NoError(t, pipe.Connect(nil, path, func(_ *uv.ConnectReq, err error) {
		c["connect"]++
		assert.Equal(t, uv.ECANCELED, err)
	}))
	assert.Zero(t, pipe.WriteQueueSize())
	require.NoError(t, pipe.Write(nil, buffers("x"), func(_ *uv.WriteReq, err error) {
		c["write"]++
		assert.Equal(t, uv.ECANCELED, err)
	}))
	assert.Equal(t, 1, pipe.WriteQueueSize(), "it waits for the connection")
	pipe.Close(nil)
	server.Close(nil)
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "write": 1}, c)

	file := newFile(t)
	var req uv.FsReq
	require.NoError(t, loop.FsUnlink(&req, file, nil))
	run(t, loop)
	assert.Equal(t, uv.ReqTypeFs, req.Type())
	assert.Zero(t, req.Result())
	assert.Equal(t, file, req.Path())
	req.Cleanup()
}

// A handle has a descriptor when it is a stream, from the time when it is bound
// until it is closed.
func TestLibuv_handle_fileno(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var idle uv.Idle
	require.NoError(t, idle.Init(loop))
	fd, err := idle.Fileno()
	assert.Equal(t, uv.EINVAL, err)
	assert.Equal(t, -1, fd)
	idle.Close(nil)

	tcp := newTCP(t, loop)
	_, err = tcp.Fileno()
	assert.Equal(t, uv.EBADF, err)
	require.NoError(t, tcp.Bind(localhost, 0))
	fd, err = tcp.Fileno()
	assert.NoError(t, err)
	assert.Equal(t, uv.HandleTypeTCP, uv.GuessHandle(fd))
	tcp.Close(nil)
	_, err = tcp.Fileno()
	assert.Equal(t, uv.EBADF, err)

	pipe := newPipe(t, loop)
	_, err = pipe.Fileno()
	assert.Equal(t, uv.EBADF, err)
	require.NoError(t, pipe.Bind(socketPath(t)))
	fd, err = pipe.Fileno()
	assert.NoError(t, err)
	assert.Equal(t, uv.HandleTypeNamedPipe, uv.GuessHandle(fd))
	pipe.Close(nil)
	_, err = pipe.Fileno()
	assert.Equal(t, uv.EBADF, err)
	run(t, loop)
}

// A socket's buffers have a size, which can be set.
func TestLibuv_socket_buffer_size(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	tcp := newTCP(t, loop)
	require.NoError(t, tcp.Bind(localhost, 0))
	for _, size := range []func(int) (int, error){tcp.RecvBufferSize, tcp.SendBufferSize} {
		value, err := size(0)
		assert.NoError(t, err)
		assert.Positive(t, value)

		value, err = size(10000)
		assert.NoError(t, err)
		assert.Equal(t, 10000, value)

		value, err = size(0)
		assert.NoError(t, err)
		assert.Contains(t, []int{10000, 20000}, value, "Linux doubles it")
	}
	tcpCloseCounted(t, loop, tcp)
}
