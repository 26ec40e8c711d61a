package uv_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
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

// Several clients connect at a time, and each is accepted.
func TestLibuv_pipe_connect_multiple(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	const n = 10
	c := counts{}
	stop := func() {
		if c["connection"] == n && c["connect"] == n {
			loop.Stop()
		}
	}
	listen(t, loop, path, func(s uv.Stream, err error) {
		assert.NoError(t, err)
		accept(t, s)
		c["connection"]++
		stop()
	})
	for range n {
		require.NoError(t, newPipe(t, loop).Connect(nil, path, func(_ *uv.ConnectReq, err error) {
			assert.NoError(t, err)
			c["connect"]++
			stop()
		}))
	}
	runMode(t, loop, uv.RunDefault)
	assert.Equal(t, counts{"connection": n, "connect": n}, c)
	closeAll(t, loop)
}

// A server can be closed, with connections that nobody accepted.
func TestLibuv_pipe_server_close(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	c := counts{}
	server := listen(t, loop, path, func(_ uv.Stream, err error) { assert.NoError(t, err) }) // it may come before the client's
	client := newPipe(t, loop)
	closed := func(h uv.Handle) {
		c["close"]++
		assert.Contains(t, []uv.Handle{client, server}, h)
	}
	var req uv.ConnectReq
	require.NoError(t, client.Connect(&req, path, func(r *uv.ConnectReq, err error) {
		c["connect"]++
		assert.Same(t, &req, r)
		assert.NoError(t, err)
		client.Close(closed)
		server.Close(closed)
	}))
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "close": 2}, c)
}

// Where there is nothing, nothing can be connected to.
func TestLibuv_pipe_connect_bad_name(t *testing.T) {
	t.Parallel()
	assert.Equal(t, uv.ENOENT, connectError(t, socketPath(t)))
}

// A file is no socket.
func TestLibuv_pipe_connect_to_file(t *testing.T) {
	t.Parallel()
	path := tempFile(t).Name()
	if len(path) > 100 {
		path = socketPath(t)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	assert.Contains(t, []error{uv.ENOTSOCK, uv.EACCES, uv.ECONNREFUSED}, connectError(t, path))
}

// A prepare callback connects: the failure is told in the same iteration.
func TestLibuv_pipe_connect_on_prepare(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	c := counts{}
	closed := func(uv.Handle) { c["close"]++ }
	client := newPipe(t, loop)
	var prepare uv.Prepare
	require.NoError(t, prepare.Init(loop))
	require.NoError(t, prepare.Start(func(h *uv.Prepare) {
		assert.Same(t, &prepare, h)
		c["prepare"]++
		assert.NoError(t, client.Connect(nil, path, func(_ *uv.ConnectReq, err error) {
			c["connect"]++
			assert.Equal(t, uv.ENOENT, err)
			prepare.Close(closed)
			client.Close(closed)
		}))
	}))
	run(t, loop)
	assert.Equal(t, counts{"prepare": 1, "connect": 1, "close": 2}, c)
}

// A name that is taken cannot be bound to, and who is not bound cannot listen.
func TestLibuv_pipe_bind_error_addrinuse(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	c := counts{}
	one, two := newPipe(t, loop), newPipe(t, loop)
	require.NoError(t, one.Bind(path))
	assert.Equal(t, uv.EADDRINUSE, two.Bind(path))
	require.NoError(t, one.Listen(1, func(uv.Stream, error) {}))
	assert.Equal(t, uv.EINVAL, two.Listen(1, func(uv.Stream, error) {}))
	two.Close(func(uv.Handle) {
		c["close"]++
		assert.FileExists(t, path, "it is not two's to remove")
		one.Close(func(uv.Handle) { c["close"]++ })
	})
	run(t, loop)
	assert.Equal(t, counts{"close": 2}, c)
}

// Nor can a name in a folder that does not exist.
func TestLibuv_pipe_bind_error_addrnotavail(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	p := newPipe(t, loop)
	assert.Equal(t, uv.EACCES, p.Bind(filepath.Join(socketPath(t), "missing", "folder")))
	tcpCloseCounted(t, loop, p)
}

// A pipe has one name.
func TestLibuv_pipe_bind_error_inval(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	p := newPipe(t, loop)
	require.NoError(t, p.Bind(path))
	assert.Equal(t, uv.EINVAL, p.Bind(path+"2"))
	assert.NoFileExists(t, path+"2")
	tcpCloseCounted(t, loop, p)
	assert.NoFileExists(t, path)
}

// A pipe without a name cannot listen.
func TestLibuv_pipe_listen_without_bind(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	p := newPipe(t, loop)
	assert.Equal(t, uv.EINVAL, p.Listen(1, func(uv.Stream, error) { assert.Fail(t, "called") }))
	tcpCloseCounted(t, loop, p)
}

// A pipe that is closed is neither bound nor listens.
func TestLibuv_pipe_bind_or_listen_error_after_close(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	p := newPipe(t, loop)
	p.Close(nil)
	assert.Equal(t, uv.EINVAL, p.Bind(path))
	assert.Equal(t, uv.EINVAL, p.Listen(1, func(uv.Stream, error) {}))
	run(t, loop)
	assert.NoFileExists(t, path)
}

// A server has a name, which its clients are connected to; they have none.
func TestLibuv_pipe_getsockname(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	c := counts{}
	closed := func(uv.Handle) { c["close"]++ }
	server, client := newPipe(t, loop), newPipe(t, loop)
	assertNames := func(p *uv.Pipe, sock, peer string, sockErr, peerErr error) {
		t.Helper()
		name, err := p.Getsockname()
		assert.Equal(t, sockErr, err)
		assert.Equal(t, sock, name)
		name, err = p.Getpeername()
		assert.Equal(t, peerErr, err)
		assert.Equal(t, peer, name)
	}
	bind := func(name string) error { return server.Bind2(name, 0) }
	connect := func(req *uv.ConnectReq, cb uv.ConnectCB) error { return client.Connect2(req, path, 0, cb) }
	assert.Equal(t, uv.EINVAL, bind("bad\x00path"))
	if !hasPipe2() {
		assert.Equal(t, uv.ENOSYS, bind(path))
		bind = server.Bind
		connect = func(req *uv.ConnectReq, cb uv.ConnectCB) error { return client.Connect(req, path, cb) }
	}
	assertNames(server, "", "", uv.EBADF, uv.EBADF)
	require.NoError(t, bind((path + "-oob")[:len(path)]), "the name ends where its length says")
	assert.NoFileExists(t, path+"-oob")
	assertNames(server, path, "", nil, uv.ENOTCONN)
	require.NoError(t, server.Listen(1, func(s uv.Stream, err error) {
		c["connection"]++
		assert.NoError(t, err)
		accepted := accept(t, s)
		assertNames(accepted, path, "", nil, nil)
		accepted.Close(nil)
		s.Close(closed)
	}))

	assertNames(client, "", "", uv.EBADF, uv.EBADF)
	var req uv.ConnectReq
	require.NoError(t, connect(&req, func(r *uv.ConnectReq, err error) {
		c["connect"]++
		assert.Same(t, &req, r)
		assert.NoError(t, err)
		assertNames(client, "", path, nil, nil)
		client.Close(closed)
	}))
	assertNames(client, "", path, nil, nil)
	run(t, loop)
	assert.Equal(t, counts{"connection": 1, "connect": 1, "close": 2}, c)
	assert.NoFileExists(t, path)
}

// Chmod says who may connect: everybody may do what it says, and nobody
// anything else. After the close, where it is EBADF in C, it panics.
func TestLibuv_pipe_set_chmod(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	p := newPipe(t, loop)
	assert.Equal(t, uv.EBADF, p.Chmod(uv.Readable))
	require.NoError(t, p.Bind(path))
	mode := func() fs.FileMode {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.Mode().Perm()
	}
	for _, test := range []struct {
		mode uv.PollEvent
		want fs.FileMode
	}{{uv.Readable, 0o444}, {uv.Writable, 0o222}, {uv.Readable | uv.Writable, 0o666}} {
		require.NoError(t, os.Chmod(path, 0))
		assert.NoError(t, p.Chmod(test.mode))
		assert.Equal(t, test.want, mode())
		assert.NoError(t, p.Chmod(test.mode), "once more")
	}
	for _, bad := range []uv.PollEvent{12345678, 0, 4, -1, uv.Readable | 12345678} {
		assert.Equal(t, uv.EINVAL, p.Chmod(bad))
	}
	p.Close(nil)
	assert.Equal(t, uv.EBADF, p.Chmod(uv.Writable|uv.Readable))
	run(t, loop)
}

// How many pipes wait for clients can be said before the pipe has a name and
// after; it means something on Windows only.
func TestLibuv_pipe_pending_instances(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	p := newPipe(t, loop)
	p.PendingInstances(8)
	require.NoError(t, p.Bind(socketPath(t)))
	p.PendingInstances(16)
	require.NoError(t, p.Listen(128, func(uv.Stream, error) { assert.Fail(t, "called") }))
	assert.Zero(t, p.PendingCount())
	assert.Equal(t, uv.HandleTypeUnknown, p.PendingType())
	p.Close(nil)
	run(t, loop)
}

// nulsInNames is the first release known to take an abstract name with more NUL
// bytes in it than the first, and an empty one; 1.48 does not.
const nulsInNames = 0x013300

// connectAbstract binds a server to a name, connects a client to the name that
// it then has, and returns that. Where there are no such names, nothing but
// errors happen, and it returns "".
func connectAbstract(t *testing.T, name string) (bound string) {
	t.Helper()
	loop := newLoop(t)
	server, client := newPipe(t, loop), newPipe(t, loop)
	c := counts{}
	closed := func(uv.Handle) { c["close"]++ }
	var want error
	switch {
	case !hasPipe2():
		want = uv.ENOSYS
	case runtime.GOOS != "linux" || uv.Version() < nulsInNames:
		want = uv.EINVAL
	}
	assert.Equal(t, want, server.Bind2(name, 0))
	if want != nil {
		never := func(*uv.ConnectReq, error) { assert.Fail(t, "called") }
		assert.Equal(t, want, client.Connect2(nil, name, 0, never))
		server.Close(closed)
		client.Close(closed)
		run(t, loop)
		assert.Equal(t, counts{"close": 2}, c)
		return ""
	}
	bound, err := server.Getsockname()
	assert.NoError(t, err)
	require.NoError(t, server.Listen(1, func(_ uv.Stream, err error) { assert.NoError(t, err) })) // it may come before the client's
	var req uv.ConnectReq
	require.NoError(t, client.Connect2(&req, bound, 0, func(r *uv.ConnectReq, err error) {
		c["connect"]++
		assert.Same(t, &req, r)
		assert.NoError(t, err)
		peer, err := client.Getpeername()
		assert.NoError(t, err)
		assert.Equal(t, bound, peer)
		own, err := client.Getsockname()
		assert.NoError(t, err)
		assert.Empty(t, own)
		client.Close(closed)
		server.Close(closed)
	}))
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "close": 2}, c)
	return bound
}

// Names that begin with a NUL byte are Linux's own, and none of their bytes is
// lost, be it NUL.
func TestLibuv_pipe_getsockname_abstract(t *testing.T) {
	t.Parallel()
	name := fmt.Sprintf("\x00uv-test-%d\x00end\x00", os.Getpid())
	if bound := connectAbstract(t, name); bound != "" {
		assert.Equal(t, name, bound)
	}
}

// Who binds to no name gets one of those.
func TestLibuv_pipe_getsockname_autobind(t *testing.T) {
	t.Parallel()
	if bound := connectAbstract(t, ""); bound != "" {
		assert.Regexp(t, "^\x00[0-9a-f]{5}$", bound)
	}
}

// What was written before the other end was closed is read, and then, whenever
// it is asked for, the end.
func TestLibuv_close_fd(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	fds, err := uv.MakePipe(0, 0)
	require.NoError(t, err)
	p := newPipe(t, loop)
	require.NoError(t, p.Open(fds[0]))
	n, err := syscall.Write(fds[1], []byte("x"))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, syscall.Close(fds[1]))
	slab := make([]byte, 1)
	calls := 0
	start := func() error {
		return p.ReadStart(func(uv.Handle, int) []byte { return slab }, func(s uv.Stream, buf []byte, err error) {
			switch calls++; calls {
			case 1:
				assert.NoError(t, err)
				assert.Equal(t, "x", string(buf))
				assert.NoError(t, s.ReadStop())
			case 2:
				assert.Equal(t, uv.EOF, err)
				s.Close(nil)
			}
		})
	}
	require.NoError(t, start())
	run(t, loop)
	assert.Equal(t, 1, calls)
	assert.False(t, p.IsActive())
	require.NoError(t, start())
	run(t, loop)
	assert.Equal(t, 2, calls)
	assert.True(t, p.IsClosing())
}

// On a stream that blocks each write waits until it is done; PIPE_BUF bytes
// cannot be cut short by a signal.
func TestLibuv_pipe_set_non_blocking(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	fds, err := uv.MakePipe(0, 0)
	require.NoError(t, err)
	writer := newPipe(t, loop)
	assert.Equal(t, uv.EBADF, writer.SetBlocking(true))
	require.NoError(t, writer.Open(fds[1]))
	require.NoError(t, writer.SetBlocking(true))

	read := make(chan []byte)
	go func() {
		f := os.NewFile(uintptr(fds[0]), "pipe")
		defer f.Close()
		data, _ := io.ReadAll(f)
		read <- data
	}()
	const chunk, n = 4096, 2560
	data := pattern(chunk * n)
	for i := range n - 1 {
		written, err := writer.TryWrite([][]byte{data[i*chunk : (i+1)*chunk]})
		require.NoError(t, err)
		require.Equal(t, chunk, written)
	}
	c := counts{}
	require.NoError(t, writer.Write(nil, [][]byte{data[(n-1)*chunk:]}, func(_ *uv.WriteReq, err error) { // unlike C, where it is for Windows
		c["write"]++
		assert.NoError(t, err)
		writer.Close(nil)
	}))
	assert.Zero(t, writer.WriteQueueSize())
	run(t, loop)
	assert.Equal(t, counts{"write": 1}, c)
	assert.True(t, bytes.Equal(data, <-read))
}

// A message brings as many handles as were sent with it.
func TestLibuv_pipe_sendmsg(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	channel, peer := ipcChannel(t, loop)
	var send []int
	for range 2 {
		pair, err := socketPair()
		require.NoError(t, err)
		send = append(send, pair[:]...)
	}
	c := counts{}
	closed := func(uv.Handle) { c["close"]++ }
	require.NoError(t, channel.ReadStart(func(uv.Handle, int) []byte { return make([]byte, 1) }, func(s uv.Stream, buf []byte, err error) {
		c["read"]++
		assert.Same(t, channel, s)
		assert.NoError(t, err)
		assert.Equal(t, "X", string(buf))
		var incoming []uv.Stream
		for left := len(send); left > 0; left-- {
			assert.Equal(t, left, channel.PendingCount())
			assert.Equal(t, uv.HandleTypeNamedPipe, channel.PendingType())
			s, err := acceptPending(channel)
			assert.NoError(t, err)
			incoming = append(incoming, s)
		}
		assert.Zero(t, channel.PendingCount())
		assert.NoError(t, channel.ReadStop())
		for _, s := range append(incoming, channel) {
			s.Close(closed)
		}
	}))
	n, err := syscall.SendmsgN(peer, []byte("X"), syscall.UnixRights(send...), nil, 0)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	run(t, loop)
	assert.Equal(t, counts{"read": 1, "close": len(send) + 1}, c)
	for _, fd := range append(send, peer) {
		assert.NoError(t, syscall.Close(fd))
	}
}
