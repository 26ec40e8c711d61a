package uv_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// A stream whose writer is gone already is at its end: one iteration that does
// not wait sees that, and nothing is left to do.
func TestLibuv_pipe_close_stdout_read_stdin(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	fds, err := uv.MakePipe(0, 0)
	require.NoError(t, err)
	c := counts{}
	options := helperOptions(helperReadHangup)
	options.Stdio = []uv.StdioContainer{{Flags: uv.InheritFD, FD: fds[0]}, {}, inherit(os.Stderr)}
	options.ExitCB = func(p *uv.Process, status int64, signal syscall.Signal) {
		c["exit"]++
		assert.Equal(t, exitOf{}, exitOf{status, signal})
		p.Close(nil)
	}
	require.NoError(t, loop.Spawn(new(uv.Process), options))
	require.NoError(t, syscall.Close(fds[1]))
	require.NoError(t, syscall.Close(fds[0]))
	run(t, loop)
	assert.Equal(t, counts{"exit": 1}, c)
}

var helperReadHangup = helper("reads a pipe without a writer", func() {
	n, err := syscall.Read(0, make([]byte, 1)) // waits for the writer to be gone
	must(err)
	loop := new(uv.Loop)
	must(loop.Init())
	var stdin uv.Pipe
	must(stdin.Init(loop, false))
	must(stdin.Open(0))
	ends := 0
	must(stdin.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		if err == uv.EOF {
			ends++
		}
		stdin.Close(nil)
	}))
	if alive := loop.Run(uv.RunNowait); n != 0 || alive || ends != 1 {
		panic(fmt.Sprint(n, alive, ends))
	}
	must(loop.Close())
})

const helloWorld = "hello world\n"

// stdioOverPipes talks to a child that opens its standard descriptors as pipes:
// what it writes arrives whole and in order, and is sent back.
func stdioOverPipes(t *testing.T, flags uv.StdioFlags) {
	loop := newLoop(t)
	toChild, in := childPipe(t, loop, uv.ReadablePipe|flags)
	fromChild, out := childPipe(t, loop, uv.WritablePipe|flags)
	c := counts{}
	closed := func(uv.Handle) { c["close"]++ }
	options := helperOptions(helperStdioOverPipes)
	options.Stdio = []uv.StdioContainer{toChild, fromChild, inherit(os.Stderr)}
	options.ExitCB = func(p *uv.Process, status int64, signal syscall.Signal) {
		c["exit"]++
		assert.Equal(t, exitOf{}, exitOf{status, signal})
		p.Close(closed)
		in.Close(closed)
		out.Close(closed)
	}
	require.NoError(t, loop.Spawn(new(uv.Process), options))
	var output bytes.Buffer
	reads := 0
	require.NoError(t, out.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		reads++
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			return
		}
		if output.Write(buf); output.Len()%len(helloWorld) == 0 {
			assert.NoError(t, in.Write(nil, buffers(output.String()[:len(helloWorld)]), func(_ *uv.WriteReq, err error) {
				c["write"]++
				assert.NoError(t, err)
			}))
		}
	}))
	run(t, loop)
	assert.Greater(t, reads, 1)
	assert.Equal(t, counts{"write": 2, "exit": 1, "close": 3}, c)
	assert.Equal(t, helloWorld+helloWorld, output.String())
}

var helperStdioOverPipes = helper("talks over pipes on its standard descriptors", func() {
	check := func(ok bool) {
		if !ok {
			panic("not so")
		}
	}
	check(uv.GuessHandle(0) == uv.HandleTypeNamedPipe)
	check(uv.GuessHandle(1) == uv.HandleTypeNamedPipe)
	loop := new(uv.Loop)
	must(loop.Init())
	var stdin, stdout [2]uv.Pipe
	open := func(p *uv.Pipe, fd int) {
		must(p.Init(loop, false))
		must(p.Open(fd))
	}
	open(&stdin[0], 0)
	open(&stdout[0], 1)
	// C lets two handles have one descriptor as long as they are not both
	// active. With us the second one gets a copy.
	must(stdin[1].Init(loop, false))
	must(stdout[1].Init(loop, false))
	for fd, p := range []*uv.Pipe{&stdin[1], &stdout[1]} {
		check(p.Open(fd) == uv.EEXIST)
		dup, err := syscall.Dup(fd)
		must(err)
		must(p.Open(dup))
	}

	handles := []uv.Handle{&stdin[0], &stdout[0], &stdin[1], &stdout[1]}
	writes, reads, closes := 0, 0, 0
	parts := buffers("he", "ll", "o ", "wo", "rl", "d", "\n")
	for i := range 2 {
		// The writes keep the loop alive, although the handles do not.
		for _, h := range handles {
			h.Unref()
		}
		for _, part := range parts {
			must(stdout[i].Write(nil, [][]byte{part}, func(_ *uv.WriteReq, err error) {
				must(err)
				writes++
			}))
		}
		loop.Run(uv.RunDefault)
		check(writes == (i+1)*len(parts) && reads == i && closes == 0)

		for _, h := range handles {
			h.Ref()
		}
		must(stdin[i].ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
			must(err)
			check(string(buf) == helloWorld)
			reads++
			must(stdin[i].ReadStop())
		}))
		loop.Run(uv.RunDefault)
		check(writes == (i+1)*len(parts) && reads == i+1 && closes == 0)
	}
	for _, h := range handles {
		h.Close(func(uv.Handle) { closes++ })
	}
	loop.Run(uv.RunDefault)
	check(writes == 2*len(parts) && reads == 2 && closes == len(handles))
	must(loop.Close())
})

// Writes arrive whole and in order, and end although nothing but themselves
// keeps the loop alive.
func TestLibuv_stdio_over_pipes(t *testing.T) {
	t.Parallel()
	stdioOverPipes(t, 0)
}

// The same with a flag that only Windows heeds.
func TestLibuv_stdio_emulate_iocp(t *testing.T) {
	t.Parallel()
	stdioOverPipes(t, uv.OverlappedPipe)
}

// heavyTraffic is what goes over an ipc pipe in each direction: many large
// writes, all queued at once.
type heavyTraffic struct {
	written, read int
	shutdown      int
	errs          []error
}

const (
	heavyWrites  = 256
	heavyBuffers = 3
	heavySize    = 8 << 10
	heavyTotal   = heavyWrites * heavyBuffers * heavySize
	heavyByte    = 42
)

func (h *heavyTraffic) start(channel *uv.Pipe) {
	buffer := bytes.Repeat([]byte{heavyByte}, heavySize)
	for range heavyWrites {
		h.note(channel.Write(nil, [][]byte{buffer, buffer, buffer}, func(_ *uv.WriteReq, err error) {
			h.note(err)
			h.written += heavyBuffers * heavySize
		}))
	}
	h.note(channel.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		if err != nil {
			h.note(err)
			channel.Close(nil)
			return
		}
		if bytes.Count(buf, buffer[:1]) != len(buf) {
			h.note(errors.New("a byte is wrong"))
		}
		if h.read += len(buf); h.read >= heavyTotal {
			h.note(channel.ReadStop())
			h.note(channel.Shutdown(nil, func(r *uv.ShutdownReq, err error) {
				h.shutdown++
				if err != uv.ENOTCONN { // the other end may be gone
					h.note(err)
				}
				r.Handle().Close(nil)
			}))
		}
	}))
}

func (h *heavyTraffic) note(err error) {
	if err != nil {
		h.errs = append(h.errs, err)
	}
}

// result is what went wrong, nil when nothing did.
func (h *heavyTraffic) result() error {
	if h.written != heavyTotal || h.read != heavyTotal || h.shutdown != 1 {
		h.note(fmt.Errorf("wrote %d, read %d, of %d; %d shutdowns", h.written, h.read, heavyTotal, h.shutdown))
	}
	return errors.Join(h.errs...)
}

// Both ends of an ipc pipe write more than it holds, and read: neither waits for
// the other for ever.
func TestLibuv_ipc_heavy_traffic_deadlock_bug(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	channel := ipcChild(t, loop, helperHeavyTraffic, c)
	var h heavyTraffic
	h.start(channel)
	run(t, loop)
	assert.NoError(t, h.result())
	assert.Equal(t, counts{"exit": 1}, c)
}

var helperHeavyTraffic = helper("heavy ipc traffic", func() {
	loop := new(uv.Loop)
	must(loop.Init())
	var channel uv.Pipe
	must(channel.Init(loop, true))
	must(channel.Open(0))
	var h heavyTraffic
	h.start(&channel)
	loop.Run(uv.RunDefault)
	must(h.result())
	must(loop.Close())
})
