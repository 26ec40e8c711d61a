package uv_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// pipePinger sends a word again and again, each time when the one before has
// come back.
type pipePinger struct {
	t         *testing.T
	vectored  bool // a buffer for each byte
	writer    *uv.Pipe
	pongs     int
	state     int // how much of the word has come back
	completed int
}

const (
	pipePing  = "PING\n"
	pipePings = 1000
)

func (p *pipePinger) ping() {
	bufs := buffers(pipePing)
	if p.vectored {
		bufs = buffers(strings.Split(pipePing, "")...)
	}
	assert.NoError(p.t, p.writer.Write(nil, bufs, func(_ *uv.WriteReq, err error) { assert.NoError(p.t, err) }))
}

func (p *pipePinger) read(s uv.Stream, buf []byte, err error) {
	if err != nil {
		assert.Equal(p.t, uv.EOF, err)
		s.Close(p.closed)
		return
	}
	for _, b := range buf {
		assert.Equal(p.t, pipePing[p.state], b)
		if p.state = (p.state + 1) % len(pipePing); p.state != 0 {
			continue
		}
		if p.pongs++; p.pongs < pipePings {
			p.ping()
		} else {
			s.Close(p.closed)
			break
		}
	}
}

func (p *pipePinger) closed(h uv.Handle) {
	assert.Equal(p.t, pipePings, p.pongs)
	if h != p.writer {
		p.writer.Close(nil)
	}
	p.completed++
}

func pipePingPong(t *testing.T, vectored bool) {
	loop := newLoop(t)
	echoed := &pipePinger{t: t, vectored: vectored}
	connects := 0
	echoed.writer = connectToEcho(t, loop, uv.HandleTypeNamedPipe, nil, func(req *uv.ConnectReq, err error) {
		connects++
		assert.NoError(t, err)
		s := req.Handle()
		assert.True(t, s.IsReadable())
		assert.True(t, s.IsWritable())
		assert.False(t, s.IsClosing())
		echoed.ping()
		assert.NoError(t, s.ReadStart(nil, echoed.read))
	}).(*uv.Pipe)
	run(t, loop)
	assert.Equal(t, 1, connects)
	assert.Equal(t, 1, echoed.completed)

	direct := &pipePinger{t: t, vectored: vectored, writer: newPipe(t, loop)}
	reader := newPipe(t, loop)
	fds, err := uv.MakePipe(uv.NonblockPipe, uv.NonblockPipe)
	require.NoError(t, err)
	assert.Equal(t, uv.HandleTypeNamedPipe, uv.GuessHandle(fds[0]))
	assert.Equal(t, uv.HandleTypeNamedPipe, uv.GuessHandle(fds[1]))
	require.NoError(t, reader.Open(fds[0]))
	require.NoError(t, direct.writer.Open(fds[1]))
	direct.ping()
	require.NoError(t, reader.ReadStart(nil, direct.read))
	run(t, loop)
	assert.Equal(t, 1, direct.completed)
}

// A thousand round trips over a socket, and as many messages over a pipe that
// goes one way.
func TestLibuv_pipe_ping_pong(t *testing.T) {
	t.Parallel()
	pipePingPong(t, false)
}

// The same with several buffers a write.
func TestLibuv_pipe_ping_pong_vec(t *testing.T) {
	t.Parallel()
	pipePingPong(t, true)
}

// Clients that are closed right after Connect are told that it was cancelled;
// the server sees them all the same.
func TestLibuv_pipe_connect_close_multiple(t *testing.T) {
	t.Parallel()
	const n = 10
	loop := newLoop(t)
	path := socketPath(t)
	c := counts{}
	var server *uv.Pipe
	closeAtLast := func() {
		if c["connection"] == n && c["connect"] == n {
			server.Close(nil)
		}
	}
	server = listen(t, loop, path, func(s uv.Stream, err error) {
		assert.NoError(t, err)
		accept(t, s).Close(nil)
		c["connection"]++
		closeAtLast()
	})
	var clients []*uv.Pipe
	for range n {
		client := newPipe(t, loop)
		clients = append(clients, client)
		require.NoError(t, client.Connect(nil, path, func(_ *uv.ConnectReq, err error) {
			assert.Equal(t, uv.ECANCELED, err)
			c["connect"]++
			closeAtLast()
		}))
	}
	for _, client := range clients {
		client.Close(nil)
	}
	assert.Empty(t, c)
	run(t, loop)
	assert.Equal(t, counts{"connection": n, "connect": n}, c)
}

// A name that is too long is refused at once, an empty one by the connect
// callback.
func TestLibuv_pipe_overlong_path(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	p := newPipe(t, loop)
	never := func(*uv.ConnectReq, error) { assert.Fail(t, "unexpected connect callback") }
	var req uv.ConnectReq
	tooLong, empty := uv.EINVAL, uv.EINVAL
	if !hasPipe2() {
		tooLong = uv.ENOSYS
		empty = uv.ECONNREFUSED // a name of NUL bytes only, which nobody has
	}
	path := strings.Repeat("@", 512)
	assert.Equal(t, tooLong, p.Bind2(path, uv.PipeNoTruncate))
	assert.Equal(t, tooLong, p.Connect2(&req, path, uv.PipeNoTruncate, never))
	run(t, loop)

	if v := uv.Version(); v >= 0x012e00 && v < 0x013000 { // they never call back
		assert.Equal(t, uv.EINVAL, p.Connect(&req, "", never))
		closeAll(t, loop)
		return
	}
	c := counts{}
	require.NoError(t, p.Connect(&req, "", func(r *uv.ConnectReq, err error) {
		c["connect"]++
		assert.Same(t, &req, r)
		assert.Equal(t, empty, err)
		r.Handle().Close(func(uv.Handle) { c["close"]++ })
	}))
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "close": 1}, c)
}

// An anonymous pipe has no name, whether it reads or not. Libuv's test does its
// steps on Windows only, where asking for the name could wait for the read.
func TestLibuv_pipe_getsockname_blocking(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	fds, err := uv.MakePipe(0, 0)
	require.NoError(t, err)
	reader, writer := newPipe(t, loop), newPipe(t, loop)
	require.NoError(t, reader.Open(fds[0]))
	require.NoError(t, writer.Open(fds[1]))
	start := func() {
		t.Helper()
		require.NoError(t, reader.ReadStart(
			func(uv.Handle, int) []byte { assert.Fail(t, "called"); return nil },
			func(uv.Stream, []byte, error) { assert.Fail(t, "called") }))
		assert.True(t, runMode(t, loop, uv.RunNowait))
	}
	assertNoName := func() {
		t.Helper()
		name, err := reader.Getsockname()
		assert.Empty(t, name)
		assert.Equal(t, uv.ENOTSOCK, err)
	}
	start()
	require.NoError(t, reader.ReadStop())
	assertNoName()
	start()
	assertNoName()
	require.NoError(t, reader.ReadStop())

	c := counts{}
	reader.Close(func(uv.Handle) { c["close"]++ })
	run(t, loop)
	assert.Equal(t, counts{"close": 1}, c)
	closeAll(t, loop)
}
