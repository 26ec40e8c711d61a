package uv_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// stdioChild is a child whose exit, and the closing of whose handles, are
// counted.
type stdioChild struct {
	*testing.T
	loop   *uv.Loop
	called counts
	out    bytes.Buffer // what is read of it
}

func newStdioChild(t *testing.T) *stdioChild {
	return &stdioChild{T: t, loop: newLoop(t), called: counts{}}
}

func (c *stdioChild) closed(uv.Handle) { c.called["close"]++ }

// spawn spawns the child. It exits with status 0.
func (c *stdioChild) spawn(options *uv.ProcessOptions, stdio ...uv.StdioContainer) {
	c.Helper()
	options.Stdio = stdio
	options.ExitCB = func(p *uv.Process, status int64, signal syscall.Signal) {
		c.called["exit"]++
		assert.Equal(c, exitOf{}, exitOf{status, signal})
		p.Close(c.closed)
	}
	require.NoError(c, c.loop.Spawn(new(uv.Process), options))
}

// read reads a pipe to its end and closes it.
func (c *stdioChild) read(p *uv.Pipe) {
	c.Helper()
	require.NoError(c, p.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		c.out.Write(buf)
		if err != nil {
			assert.Equal(c, uv.EOF, err)
			p.Close(c.closed)
		}
	}))
}

// write writes to a pipe and closes it.
func (c *stdioChild) write(p *uv.Pipe, data []byte) {
	c.Helper()
	require.NoError(c, p.Write(nil, [][]byte{data}, func(_ *uv.WriteReq, err error) {
		c.called["write"]++
		assert.NoError(c, err)
		p.Close(c.closed)
	}))
}

// A child's output is read to its end through a pipe.
func TestLibuv_spawn_stdout(t *testing.T) {
	t.Parallel()
	c := newStdioChild(t)
	container, out := childPipe(t, c.loop, uv.WritablePipe)
	c.spawn(sh("echo hello world"), uv.StdioContainer{Flags: uv.Ignore}, container)
	c.read(out)
	run(t, c.loop)
	assert.Equal(t, counts{"exit": 1, "close": 2}, c.called)
	assert.Equal(t, "hello world\n", c.out.String())
}

// What is written to a child's input comes back on its output, whether its ends
// of the pipes block or not.
func TestLibuv_spawn_stdin(t *testing.T) {
	t.Parallel()
	for _, nonblock := range []uv.StdioFlags{0, uv.NonblockPipe, uv.OverlappedPipe} {
		c := newStdioChild(t)
		toChild, in := childPipe(t, c.loop, uv.ReadablePipe|nonblock)
		fromChild, out := childPipe(t, c.loop, uv.WritablePipe|nonblock)
		data := pattern(200_000)
		c.spawn(&uv.ProcessOptions{File: "cat"}, toChild, fromChild)
		assert.True(t, in.IsWritable())
		assert.True(t, out.IsReadable())
		c.write(in, data)
		c.read(out)
		run(t, c.loop)
		assert.Equal(t, counts{"exit": 1, "write": 1, "close": 3}, c.called)
		assert.True(t, bytes.Equal(data, c.out.Bytes()))
	}
}

// A child can have more than three descriptors.
func TestLibuv_spawn_stdio_greater_than_3(t *testing.T) {
	t.Parallel()
	c := newStdioChild(t)
	ignored := uv.StdioContainer{Flags: uv.Ignore}
	container, fourth := childPipe(t, c.loop, uv.WritablePipe)
	c.spawn(sh("echo 'fourth stdio!' >&3"), ignored, ignored, ignored, container)
	c.read(fourth)
	run(t, c.loop)
	assert.Equal(t, counts{"exit": 1, "close": 2}, c.called)
	assert.Equal(t, "fourth stdio!\n", c.out.String())
}

// A child's output goes to a file of the parent's.
func TestLibuv_spawn_stdout_to_file(t *testing.T) {
	t.Parallel()
	file := tempFile(t)
	options := sh("echo hello world")
	options.Stdio = []uv.StdioContainer{{}, inherit(file)}
	assert.Equal(t, exitOf{}, spawnAndWait(t, options))
	assertContent(t, "hello world\n", file)
}

// One file can be two descriptors of a child.
func TestLibuv_spawn_stdout_and_stderr_to_file(t *testing.T) {
	t.Parallel()
	file := tempFile(t)
	options := sh("echo hello world; echo hello errworld >&2")
	options.Stdio = []uv.StdioContainer{{}, inherit(file), inherit(file)}
	assert.Equal(t, exitOf{}, spawnAndWait(t, options))
	assertContent(t, "hello world\nhello errworld\n", file)
}

// So can the parent's descriptor 2, which is one of them.
func TestLibuv_spawn_stdout_and_stderr_to_file2(t *testing.T) {
	t.Parallel()
	file := tempFile(t)
	options := helperOptions(helperPassOn, "2", "2")
	options.Stdio = []uv.StdioContainer{{}, {}, inherit(file)}
	assert.Equal(t, exitOf{}, spawnAndWait(t, options))
	assertContent(t, "hello world\nhello errworld\n", file)
}

// The parent's descriptors 1 and 2 can be the child's 2 and 1. The parent is a
// helper here, which passes on what it has.
func TestLibuv_spawn_stdout_and_stderr_to_file_swap(t *testing.T) {
	t.Parallel()
	stdout, stderr := tempFile(t), tempFile(t)
	options := helperOptions(helperPassOn, "2", "1")
	options.Stdio = []uv.StdioContainer{{}, inherit(stdout), inherit(stderr)}
	assert.Equal(t, exitOf{}, spawnAndWait(t, options))
	assertContent(t, "hello errworld\n", stdout)
	assertContent(t, "hello world\n", stderr)
}

// A helper passes its own 1 and 2 on to a child, as the child's 1 and 2, in the
// order of its arguments.
var helperPassOn = helper("pass on", func() {
	loop := new(uv.Loop)
	must(loop.Init())
	options := sh("echo hello world; echo hello errworld >&2")
	options.Stdio = make([]uv.StdioContainer, 3)
	for i := range options.Stdio[1:] {
		options.Stdio[1+i] = uv.StdioContainer{Flags: uv.InheritFD, FD: int(os.Args[1+i][0] - '0')}
	}
	options.ExitCB = func(p *uv.Process, status int64, _ syscall.Signal) {
		p.Close(nil)
		if status != 0 {
			os.Exit(1)
		}
	}
	must(loop.Spawn(new(uv.Process), options))
	loop.Run(uv.RunDefault)
	must(loop.Close())
})

// What is ignored or missing is /dev/null, for 0 to 2; others are not open.
func TestLibuv_spawn_ignored_stdio(t *testing.T) {
	t.Parallel()
	script := `
		for fd in 0 1 2; do [ /dev/fd/$fd -ef /dev/null ] || exit 1$fd; done
		[ -e /dev/fd/3 ] && exit 13
		exit 0`
	for _, stdio := range [][]uv.StdioContainer{
		nil,
		{},
		{{Flags: uv.Ignore}, {Flags: uv.Ignore}, {Flags: uv.Ignore}},
		{{}, {}, {}, {Flags: uv.Ignore}},
	} {
		options := sh(script)
		options.Stdio = stdio
		assert.Equal(t, exitOf{}, spawnAndWait(t, options))
	}
}

// A child inherits the descriptors of streams, which the parent need not keep.
func TestLibuv_spawn_inherit_streams(t *testing.T) {
	t.Parallel()
	c := newStdioChild(t)
	open := func(fd int, readable bool) *uv.Pipe {
		p := newPipe(t, c.loop)
		require.NoError(t, p.Open(fd))
		assert.Equal(t, readable, p.IsReadable())
		assert.Equal(t, !readable, p.IsWritable())
		return p
	}
	toChild, err := uv.MakePipe(0, 0)
	require.NoError(t, err)
	fromChild, err := uv.MakePipe(0, 0)
	require.NoError(t, err)
	stdin, in := open(toChild[0], true), open(toChild[1], false)
	out, stdout := open(fromChild[0], true), open(fromChild[1], false)
	c.spawn(&uv.ProcessOptions{File: "cat"},
		uv.StdioContainer{Flags: uv.InheritStream, Stream: stdin}, uv.StdioContainer{Flags: uv.InheritStream, Stream: stdout})
	stdin.Close(nil)
	stdout.Close(nil)
	data := pattern(1023)
	c.write(in, data)
	c.read(out)
	run(t, c.loop)
	assert.Equal(t, counts{"exit": 1, "write": 1, "close": 3}, c.called)
	assert.True(t, bytes.Equal(data, c.out.Bytes()))
}

// A child with pipes is killed: they end.
func TestLibuv_spawn_and_kill_with_std(t *testing.T) {
	t.Parallel()
	c := newStdioChild(t)
	stdin, in := childPipe(t, c.loop, uv.ReadablePipe)
	stdout, out := childPipe(t, c.loop, uv.WritablePipe)
	stderr, errs := childPipe(t, c.loop, uv.WritablePipe)
	options := sh("echo ready; exec sleep 600") // it reads nothing
	options.Stdio = []uv.StdioContainer{stdin, stdout, stderr}
	options.ExitCB = func(p *uv.Process, status int64, signal syscall.Signal) {
		c.called["exit"]++
		assert.Equal(t, exitOf{0, syscall.SIGTERM}, exitOf{status, signal})
		p.Close(c.closed)
		assert.Equal(t, uv.ESRCH, uv.Kill(p.PID(), 0), "it is gone")
	}
	var p uv.Process
	require.NoError(t, c.loop.Spawn(&p, options))
	c.write(in, []byte("Nobody reads this message."))
	c.read(errs)
	var ready strings.Builder
	require.NoError(t, out.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			out.Close(c.closed)
			return
		}
		// In C a timer says when.
		if ready.Write(buf); ready.String() == "ready\n" {
			assert.NoError(t, p.Kill(syscall.SIGTERM))
		}
	}))
	run(t, c.loop)
	assert.Equal(t, counts{"exit": 1, "write": 1, "close": 4}, c.called)
	assert.Empty(t, c.out.String())
}

// A parent without a descriptor 0 of its own gives a child one. The parent is a
// helper here.
func TestLibuv_spawn_closed_process_io(t *testing.T) {
	t.Parallel()
	helperPrints(t, "hello-from-spawn_stdin\nexit 1, close 3\n", helperClosedStdin)
}

var helperClosedStdin = helper("closed stdin", func() {
	loop := new(uv.Loop)
	must(loop.Init())
	var in, out uv.Pipe
	must(in.Init(loop, false))
	must(out.Init(loop, false))
	must(syscall.Close(0)) // what libuv opens itself must not be 0, or uv_loop_close aborts
	c := counts{}
	closed := func(uv.Handle) { c["close"]++ }
	// One line, since its input does not end: libuv never closes descriptor 0.
	options := sh(`read -r line; echo "$line"`)
	options.Stdio = []uv.StdioContainer{
		{Flags: uv.CreatePipe | uv.ReadablePipe, Stream: &in},
		{Flags: uv.CreatePipe | uv.WritablePipe, Stream: &out},
	}
	options.ExitCB = func(p *uv.Process, status int64, signal syscall.Signal) {
		if status == 0 && signal == 0 {
			c["exit"]++
		}
		p.Close(closed)
	}
	must(loop.Spawn(new(uv.Process), options))
	must(in.Write(nil, buffers("hello-from-spawn_stdin\n"), func(_ *uv.WriteReq, err error) {
		must(err)
		in.Close(closed)
	}))
	must(out.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		fmt.Printf("%s", buf)
		if err != nil {
			out.Close(closed)
		}
	}))
	loop.Run(uv.RunDefault)
	fmt.Printf("exit %d, close %d\n", c["exit"], c["close"])
	must(loop.Close())
})

// A child listens on a socket that its parent has bound.
func TestLibuv_spawn_tcp_server(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var server uv.TCP
	require.NoError(t, server.InitEx(loop, syscall.AF_INET))
	require.NoError(t, server.Bind(localhost, 0))
	fd, err := server.Fileno()
	require.NoError(t, err)
	assert.Positive(t, fd)
	options := helperOptions(helperListen)
	options.Stdio = []uv.StdioContainer{{}, {}, {Flags: uv.InheritFD, FD: 2}, {Flags: uv.InheritFD, FD: fd}}
	out, exit := outputOf(t, options)
	assert.Equal(t, sockname(t, &server).String(), out)
	assert.Equal(t, exitOf{}, exit)
	server.Close(nil)
	run(t, loop)
}

var helperListen = helper("listen", func() {
	loop := new(uv.Loop)
	must(loop.Init())
	var server uv.TCP
	must(server.Init(loop))
	must(server.Open(3))
	must(server.Listen(128, func(uv.Stream, error) {}))
	addr, err := server.Getsockname()
	must(err)
	fmt.Print(addr)
	server.Close(nil)
	loop.Run(uv.RunDefault)
	must(loop.Close())
})
