package uv_test

import (
	"bytes"
	"fmt"
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

// socketPath returns a path for a socket, short enough for one.
func socketPath(t testing.TB) string {
	dir, err := os.MkdirTemp("", "uv")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "socket")
}

// collect runs the garbage collector as thoroughly as it can.
func collect() {
	runtime.GC()
	runtime.GC()
}

// listen returns a pipe that listens.
func listen(t testing.TB, loop *uv.Loop, path string, cb uv.ConnectionCB) *uv.Pipe {
	t.Helper()
	server := new(uv.Pipe)
	require.NoError(t, server.Init(loop, false))
	require.NoError(t, server.Bind(path))
	require.NoError(t, server.Listen(16, cb))
	return server
}

// accept accepts a connection from a ConnectionCB.
func accept(t testing.TB, server uv.Stream) *uv.Pipe {
	t.Helper()
	client := new(uv.Pipe)
	assert.NoError(t, client.Init(server.Loop(), false))
	assert.NoError(t, server.Accept(client))
	return client
}

// echo writes what it reads back, and closes the stream at its end.
func echo(t testing.TB, s uv.Stream) {
	t.Helper()
	assert.NoError(t, s.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			s.Close(nil)
			return
		}
		assert.NoError(t, s.Write(nil, [][]byte{bytes.Clone(buf)}, func(_ *uv.WriteReq, err error) { assert.NoError(t, err) }))
	}))
}

func newPipe(t testing.TB, loop *uv.Loop) *uv.Pipe {
	t.Helper()
	p := new(uv.Pipe)
	require.NoError(t, p.Init(loop, false))
	return p
}

func TestPipe_Echo(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	const n = 5
	c := counts{}
	var server *uv.Pipe
	server = listen(t, loop, path, func(s uv.Stream, err error) {
		c["connection"]++
		assert.NoError(t, err)
		assert.Same(t, server, s)
		echo(t, accept(t, s))
		if c["connection"] == n {
			s.Close(nil)
		}
	})
	for i := range n {
		client := newPipe(t, loop)
		data := pattern(100_000 + i)
		req := new(uv.ConnectReq)
		require.NoError(t, client.Connect(req, path, func(r *uv.ConnectReq, err error) {
			c["connect"]++
			assert.NoError(t, err)
			assert.Same(t, req, r)
			assert.Same(t, client, r.Handle())
			assert.Equal(t, uv.ReqTypeConnect, r.Type())
			var got []byte
			assert.NoError(t, client.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
				assert.NoError(t, err)
				if got = append(got, buf...); len(got) == len(data) {
					c["done"]++
					assert.True(t, bytes.Equal(data, got))
					client.Close(nil)
				}
			}))
			assert.NoError(t, client.Write(nil, [][]byte{data}, func(_ *uv.WriteReq, err error) {
				c["write"]++
				assert.NoError(t, err)
			}))
		}))
	}
	assert.Empty(t, c, "no callback comes before the loop runs")
	run(t, loop)
	assert.Equal(t, counts{"connection": n, "connect": n, "write": n, "done": n}, c)
	assert.NoFileExists(t, path, "Close removes the socket")
}

func TestPipe_CloseWhileConnecting(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	server := listen(t, loop, path, func(s uv.Stream, _ error) { accept(t, s).Close(nil) })
	var events []string
	client := newPipe(t, loop)
	require.NoError(t, client.Connect(nil, path, func(_ *uv.ConnectReq, err error) {
		assert.Equal(t, uv.ECANCELED, err)
		events = append(events, "connect")
	}))
	client.Close(func(uv.Handle) {
		events = append(events, "close")
		server.Close(nil)
	})
	run(t, loop)
	assert.Equal(t, []string{"connect", "close"}, events)
}

// connectError connects where it cannot work, and returns why.
func connectError(t *testing.T, path string) (got error) {
	t.Helper()
	loop := newLoop(t)
	c := counts{}
	client := newPipe(t, loop)
	require.NoError(t, client.Connect(nil, path, func(_ *uv.ConnectReq, err error) {
		c["connect"]++
		got = err
		client.Close(func(uv.Handle) { c["close"]++ })
	}))
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "close": 1}, c)
	return got
}

func TestPipe_ConnectWhereNobodyListens(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	bound := newPipe(t, loop)
	require.NoError(t, bound.Bind(path))
	assert.Equal(t, uv.ECONNREFUSED, connectError(t, path))
	closeAll(t, loop)
}

func TestPipe_ConnectErrors(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	c := counts{}
	never := func(*uv.ConnectReq, error) { assert.Fail(t, "unexpected connect callback") }
	server := listen(t, loop, path, func(s uv.Stream, _ error) { accept(t, s).Close(nil) })
	client := newPipe(t, loop)
	var req uv.ConnectReq
	assert.Equal(t, uv.EINVAL, client.Connect(&req, path+"\x00", never))
	assert.Equal(t, uv.EINVAL, server.Connect(&req, path, never), "a pipe that listens")
	require.NoError(t, client.Connect(&req, path, func(_ *uv.ConnectReq, err error) {
		c["connect"]++
		assert.NoError(t, err)
		assert.NoError(t, client.Connect(&req, path, func(_ *uv.ConnectReq, err error) {
			c["connect again"]++
			assert.Equal(t, uv.EISCONN, err)
			client.Close(nil)
			server.Close(nil)
		}))
	}))
	var second uv.ConnectReq
	assert.Equal(t, uv.EALREADY, client.Connect(&second, path, never))
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "connect again": 1}, c)
}

// What is written while a pipe connects waits for the connection.
func TestPipe_WriteWhileConnecting(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	var got *bytes.Buffer
	server := listen(t, loop, path, func(s uv.Stream, _ error) {
		got = readToEnd(t, accept(t, s))
		s.Close(nil)
	})
	assert.True(t, server.IsActive())
	var events []string
	client := newPipe(t, loop)
	require.NoError(t, client.Connect(nil, path, func(_ *uv.ConnectReq, err error) {
		assert.NoError(t, err)
		events = append(events, "connect")
	}))
	_, err := client.TryWrite(buffers("x"))
	assert.Equal(t, uv.EAGAIN, err)
	require.NoError(t, client.Write(nil, buffers("early"), func(_ *uv.WriteReq, err error) {
		assert.NoError(t, err)
		events = append(events, "write")
		client.Close(nil)
	}))
	run(t, loop)
	assert.Equal(t, []string{"connect", "write"}, events)
	assert.Equal(t, "early", got.String())
}

func TestPipe_NilConnectCB(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	client := newPipe(t, loop)
	listen(t, loop, path, func(s uv.Stream, _ error) {
		accept(t, s).Close(func(uv.Handle) {
			client.Close(nil)
			s.Close(nil)
		})
	})
	require.NoError(t, client.Connect(nil, path, nil))
	run(t, loop)
}

func TestPipe_ListenErrors(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	ipc := new(uv.Pipe)
	require.NoError(t, ipc.Init(loop, true))
	require.NoError(t, ipc.Bind(path))
	assert.Equal(t, uv.EINVAL, ipc.Listen(1, func(uv.Stream, error) {}), "an ipc pipe")
	plain := newPipe(t, loop)
	require.NoError(t, plain.Bind(path+"2"))
	assert.Equal(t, uv.EINVAL, plain.Listen(1, nil), "no callback")
	assert.False(t, plain.IsActive())
	a, _ := pipePair(t, loop, false)
	assert.Equal(t, uv.EINVAL, a.Listen(1, func(uv.Stream, error) {}), "connected")
	full(t, a)
	require.NoError(t, a.Write(nil, buffers("x"), nil))
	assert.Equal(t, uv.EINVAL, a.Listen(1, func(uv.Stream, error) {}), "a request in flight")
	closeAll(t, loop)
}

func TestPipe_AcceptErrors(t *testing.T) {
	t.Parallel()
	loop, other := newLoop(t), newLoop(t)
	path := socketPath(t)
	foreign := newPipe(t, other)
	open, _ := pipePair(t, loop, false)
	closing := newPipe(t, loop)
	closing.Close(nil)
	c := counts{}
	client := newPipe(t, loop)
	server := listen(t, loop, path, func(s uv.Stream, err error) {
		c["connection"]++
		for range 2 { // errors lose nothing
			assert.Equal(t, uv.EINVAL, s.Accept(nil))
			assert.Equal(t, uv.EINVAL, s.Accept(new(uv.Pipe)), "not initialised")
			assert.Equal(t, uv.EINVAL, s.Accept(closing))
			assert.Equal(t, uv.EINVAL, s.Accept(foreign))
			assert.Equal(t, uv.EINVAL, s.Accept(shallowCopy(closing)))
			assert.Equal(t, uv.EBUSY, s.Accept(open))
			assert.Equal(t, uv.EBUSY, s.Accept(s))
		}
		accepted := accept(t, s)
		assert.Equal(t, uv.EAGAIN, s.Accept(newPipe(t, loop)), "that was the only one")
		assert.NoError(t, accepted.Write(nil, buffers("welcome"), func(*uv.WriteReq, error) { accepted.Close(nil) }))
		s.Close(nil)
	})
	assert.Equal(t, uv.EAGAIN, server.Accept(newPipe(t, loop)))
	require.NoError(t, client.Connect(nil, path, func(_ *uv.ConnectReq, err error) { assert.NoError(t, err) }))
	got := (*bytes.Buffer)(nil)
	for c["connection"] == 0 {
		runMode(t, loop, uv.RunOnce)
	}
	got = readToEnd(t, client)
	run(t, loop)
	assert.Equal(t, "welcome", got.String())
	assert.Equal(t, counts{"connection": 1}, c)
	closeAll(t, loop)
	closeAll(t, other)
}

// A connection that is not accepted at once waits.
func TestPipe_AcceptLater(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	c := counts{}
	server := listen(t, loop, path, func(uv.Stream, error) { c["connection"]++ })
	var got []*bytes.Buffer
	for range 2 {
		client := newPipe(t, loop)
		require.NoError(t, client.Connect(nil, path, func(_ *uv.ConnectReq, err error) {
			assert.NoError(t, err)
			got = append(got, readToEnd(t, client))
		}))
	}
	for len(got) < 2 || c["connection"] < 1 {
		runMode(t, loop, uv.RunOnce)
	}
	assert.Equal(t, counts{"connection": 1}, c, "the second waits for the first to be accepted")
	accept(t, server).Close(nil)
	for c["connection"] < 2 {
		runMode(t, loop, uv.RunOnce)
	}
	accept(t, server).Close(nil)
	server.Close(nil)
	run(t, loop)
	assert.Equal(t, counts{"connection": 2}, c)
}

// sunPathSize is the size of sun_path, a terminating NUL byte included.
var sunPathSize = len(syscall.RawSockaddrUnix{}.Path)

func TestPipe_PathTooLong(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	dir := filepath.Dir(socketPath(t))
	room := sunPathSize
	if uv.Version() < 0x012e00 {
		room-- // for the NUL byte
	}
	fit := filepath.Join(dir, strings.Repeat("x", room-len(dir)-1))
	c := counts{}
	var req uv.ConnectReq
	for _, long := range []string{fit + "x", fit + "xx", fit + strings.Repeat("x", 1000)} {
		p := newPipe(t, loop)
		assert.Equal(t, uv.ENAMETOOLONG, p.Bind(long))
		assert.Equal(t, uv.ENAMETOOLONG, p.Connect(&req, long, func(*uv.ConnectReq, error) { assert.Fail(t, "unexpected callback") }))
		p.Close(nil)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries, "nothing is created")

	// The longest one works, to the last byte.
	server := listen(t, loop, fit, func(s uv.Stream, _ error) {
		c["connection"]++
		accept(t, s).Close(nil)
		s.Close(nil)
	})
	assert.FileExists(t, fit)
	name, err := server.Getsockname()
	assert.NoError(t, err)
	assert.Equal(t, fit, name)
	client := newPipe(t, loop)
	require.NoError(t, client.Connect(&req, fit, func(_ *uv.ConnectReq, err error) {
		c["connect"]++
		assert.NoError(t, err)
		client.Close(nil)
	}))
	run(t, loop)
	assert.Equal(t, counts{"connection": 1, "connect": 1}, c)
	assert.NoFileExists(t, fit)
}

// hasPipe2 reports whether there are bind2 and connect2, which libuv 1.46
// brought: in the library, and in the headers that the binding was built with.
func hasPipe2() bool { return min(uv.Version(), uv.VersionHex) >= 0x012e00 }

func TestPipe_Bind2(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	path := socketPath(t)
	server, client := newPipe(t, loop), newPipe(t, loop)
	c := counts{}
	if !hasPipe2() {
		assert.Equal(t, uv.ENOSYS, server.Bind2(path, 0))
		assert.Equal(t, uv.ENOSYS, client.Connect2(nil, path, 0, func(*uv.ConnectReq, error) { c["connect"]++ }))
		closeAll(t, loop)
		assert.NoFileExists(t, path)
		assert.Empty(t, c)
		return
	}
	long := filepath.Join(filepath.Dir(path), strings.Repeat("x", 512))
	assert.Equal(t, uv.EINVAL, server.Bind2(path, 1<<10))
	assert.Equal(t, uv.EINVAL, server.Bind2(path+"\x00x", 0))
	assert.Equal(t, uv.EINVAL, server.Bind2(long, uv.PipeNoTruncate))
	assert.Equal(t, uv.ENAMETOOLONG, server.Bind2(long, 0))
	assert.Equal(t, uv.EINVAL, client.Connect2(nil, long, uv.PipeNoTruncate, nil))
	assert.Equal(t, uv.ENAMETOOLONG, client.Connect2(nil, long, 0, nil))
	assert.Equal(t, uv.EINVAL, client.Connect2(nil, "", 0, nil))
	require.NoError(t, server.Bind2(path, uv.PipeNoTruncate))
	require.NoError(t, server.Listen(1, func(s uv.Stream, err error) {
		c["connection"]++
		accept(t, s).Close(nil)
		s.Close(nil)
	}))
	require.NoError(t, client.Connect2(nil, path, uv.PipeNoTruncate, func(_ *uv.ConnectReq, err error) {
		c["connect"]++
		assert.NoError(t, err)
		client.Close(nil)
	}))
	run(t, loop)
	assert.Equal(t, counts{"connection": 1, "connect": 1}, c)
	assert.NoFileExists(t, path)
}

func TestMakePipe(t *testing.T) {
	t.Parallel()
	nonblock := func(fd int) bool {
		flags, _, _ := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
		return flags&syscall.O_NONBLOCK != 0
	}
	for _, flags := range [][2]uv.StdioFlags{{0, 0}, {uv.NonblockPipe, 0}, {0, uv.NonblockPipe}, {uv.NonblockPipe, uv.NonblockPipe}} {
		fds, err := uv.MakePipe(flags[0], flags[1])
		require.NoError(t, err)
		for i, fd := range fds {
			assert.Equal(t, flags[i] != 0, nonblock(fd))
			flags, _, _ := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
			assert.NotZero(t, flags&syscall.FD_CLOEXEC)
		}
		buf := make([]byte, 10)
		n, err := syscall.Write(fds[1], []byte("x"))
		assert.NoError(t, err)
		assert.Equal(t, 1, n)
		n, err = syscall.Read(fds[0], buf)
		assert.NoError(t, err)
		assert.Equal(t, 1, n)
		assert.NoError(t, syscall.Close(fds[0]))
		assert.NoError(t, syscall.Close(fds[1]))
	}
}

// A pipe's ends are open for one direction each.
func TestPipe_Open(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	fds, err := uv.MakePipe(0, 0)
	require.NoError(t, err)
	reader, writer := newPipe(t, loop), newPipe(t, loop)
	require.NoError(t, reader.Open(fds[0]))
	require.NoError(t, writer.Open(fds[1]))
	assert.True(t, reader.IsReadable())
	assert.False(t, reader.IsWritable())
	assert.False(t, writer.IsReadable())
	assert.True(t, writer.IsWritable())
	fd, err := reader.Fileno()
	assert.NoError(t, err)
	assert.Equal(t, fds[0], fd)
	require.NoError(t, writer.Write(nil, buffers("through"), func(*uv.WriteReq, error) { writer.Close(nil) }))
	got := readToEnd(t, reader)
	run(t, loop)
	assert.Equal(t, "through", got.String())
}

func TestPipe_OpenErrors(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	file := tempFile(t)
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	folder, err := os.Open(t.TempDir())
	require.NoError(t, err)
	defer folder.Close()
	p := newPipe(t, loop)
	for _, f := range []*os.File{file, null, folder} {
		assert.Equal(t, uv.EPERM, p.Open(int(f.Fd())))
		var tcp uv.TCP
		require.NoError(t, tcp.Init(loop))
		assert.Equal(t, uv.EPERM, tcp.Open(int(f.Fd())))
		tcp.Close(nil)
	}
	assert.Equal(t, uv.EBADF, p.Open(-1))
	assert.Equal(t, uv.EBADF, p.Open(1<<30))
	_, err = p.Fileno()
	assert.Equal(t, uv.EBADF, err)
	_, err = file.WriteString("the descriptor is still the caller's")
	assert.NoError(t, err)

	a, b := pipePair(t, loop, false)
	fd, err := a.Fileno()
	require.NoError(t, err)
	assert.Equal(t, uv.EBUSY, b.Open(fd))
	got := readToEnd(t, a)
	assert.Equal(t, uv.EEXIST, p.Open(fd))
	require.NoError(t, b.Write(nil, buffers("the loop works"), func(*uv.WriteReq, error) { b.Close(nil) }))
	p.Close(nil)
	run(t, loop)
	assert.Equal(t, "the loop works", got.String())
}

// A helper opens what its loop waits on, which the loop cannot wait for.
var helperOpenBackend = helper("open backend", func() {
	loop := new(uv.Loop)
	must(loop.Init())
	var p uv.Pipe
	must(p.Init(loop, false))
	fmt.Println(p.Open(loop.BackendFD()) != nil)
	p.ReadStart(nil, func(uv.Stream, []byte, error) {})
	p.Close(nil)
	loop.Run(uv.RunDefault)
	fmt.Println(loop.Close())
})

func TestPipe_OpenOfTheLoopsOwnDescriptor(t *testing.T) {
	t.Parallel()
	helperPrints(t, "true\n<nil>\n", helperOpenBackend)
}

// Data of a reader that takes its time arrives in parts, none of it lost.
func TestPipe_PartialReads(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, false)
	data := pattern(300_000)
	require.NoError(t, a.Write(nil, [][]byte{data}, func(*uv.WriteReq, error) { a.Close(nil) }))
	var got []byte
	var idle uv.Idle
	require.NoError(t, idle.Init(loop))
	var read uv.ReadCB
	read = func(_ uv.Stream, buf []byte, err error) {
		got = append(got, buf...)
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			b.Close(nil)
			idle.Close(nil)
			return
		}
		assert.NoError(t, b.ReadStop())
		assert.NoError(t, idle.Start(func(*uv.Idle) {
			assert.NoError(t, idle.Stop())
			assert.NoError(t, b.ReadStart(func(uv.Handle, int) []byte { return make([]byte, 5000) }, read))
		}))
	}
	require.NoError(t, b.ReadStart(nil, read))
	run(t, loop)
	assert.True(t, bytes.Equal(data, got))
}
