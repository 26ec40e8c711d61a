package uv_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

func buffers(texts ...string) [][]byte {
	bufs := make([][]byte, len(texts))
	for i, text := range texts {
		bufs[i] = []byte(text)
	}
	return bufs
}

// socketPair returns two connected sockets.
func socketPair() ([2]int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	return fds, err
}

// ipcChannel returns an ipc pipe of a loop, and the descriptor that it is
// connected to.
func ipcChannel(t testing.TB, loop *uv.Loop) (channel *uv.Pipe, peer int) {
	t.Helper()
	fds, err := socketPair()
	require.NoError(t, err)
	channel = new(uv.Pipe)
	require.NoError(t, channel.Init(loop, true))
	require.NoError(t, channel.Open(fds[1]))
	return channel, fds[0]
}

// pipePair returns two pipes of a loop that are connected.
func pipePair(t testing.TB, loop *uv.Loop, ipc bool) (a, b *uv.Pipe) {
	t.Helper()
	fds, err := socketPair()
	require.NoError(t, err)
	a, b = new(uv.Pipe), new(uv.Pipe)
	for i, p := range []*uv.Pipe{a, b} {
		require.NoError(t, p.Init(loop, ipc))
		require.NoError(t, p.Open(fds[i]))
	}
	return a, b
}

// boundTCP returns a TCP handle with an address of its own.
func boundTCP(t testing.TB, loop *uv.Loop) *uv.TCP {
	t.Helper()
	tcp := new(uv.TCP)
	require.NoError(t, tcp.Init(loop))
	require.NoError(t, tcp.Bind(netip.MustParseAddrPort("127.0.0.1:0"), 0))
	return tcp
}

// readToEnd reads a stream to its end while the loop runs, and then closes it.
func readToEnd(t testing.TB, s uv.Stream) *bytes.Buffer {
	t.Helper()
	got := new(bytes.Buffer)
	require.NoError(t, s.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		got.Write(buf)
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			s.Close(nil)
		}
	}))
	return got
}

// pattern returns n bytes in which none that is lost, doubled or moved goes
// unnoticed.
func pattern(n int) []byte {
	p := make([]byte, n)
	state := uint32(1)
	for i := range p {
		state = state*1664525 + 1013904223
		p[i] = byte(state >> 24)
	}
	return p
}

// full writes to a stream until no more fits, and returns what it wrote.
func full(t testing.TB, s uv.Stream) []byte {
	t.Helper()
	var written []byte
	for chunk := pattern(4096); ; {
		n, err := s.TryWrite([][]byte{chunk})
		written = append(written, chunk[:n]...)
		if err != nil {
			require.Equal(t, uv.EAGAIN, err)
			return written
		}
	}
}

func TestStream_Write(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, false)
	c := counts{}
	var req uv.WriteReq
	req.SetData("mine")
	require.NoError(t, a.Write(&req, buffers("hello"), func(r *uv.WriteReq, err error) {
		c["write"]++
		assert.NoError(t, err)
		assert.Same(t, &req, r)
		assert.Same(t, a, r.Handle())
		assert.Nil(t, r.SendHandle())
		assert.Equal(t, "mine", r.Data())
		assert.Equal(t, uv.ReqTypeWrite, r.Type())
		assert.Equal(t, uv.EINVAL, r.Cancel())
		a.Close(nil)
	}))
	assert.Empty(t, c, "the callback never comes before Write returns")
	got := readToEnd(t, b)
	run(t, loop)
	assert.Equal(t, "hello", got.String())
	assert.Equal(t, counts{"write": 1}, c)
}

func TestStream_WriteSeveralBuffers(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, 4, 5, 100, 2000} {
		loop := newLoop(t)
		a, b := pipePair(t, loop, false)
		var texts []string
		for i := range n {
			texts = append(texts, fmt.Sprint(i, ","))
		}
		texts = append(texts, "", "end") // an empty one does no harm
		require.NoError(t, a.Write(nil, buffers(texts...), func(_ *uv.WriteReq, err error) {
			assert.NoError(t, err)
			a.Close(nil)
		}))
		got := readToEnd(t, b)
		run(t, loop)
		assert.Equal(t, strings.Join(texts, ""), got.String())
	}
}

func TestStream_WriteEmptyBuffer(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, false)
	c := counts{}
	for _, bufs := range [][][]byte{{nil}, {{}}, {nil, {}}} {
		require.NoError(t, a.Write(nil, bufs, func(_ *uv.WriteReq, err error) {
			c["write"]++
			assert.NoError(t, err)
		}))
	}
	require.NoError(t, a.Shutdown(nil, nil))
	got := readToEnd(t, b)
	runMode(t, loop, uv.RunDefault)
	a.Close(nil)
	run(t, loop)
	assert.Empty(t, got.String())
	assert.Equal(t, counts{"write": 3}, c)
}

func TestStream_WriteErrors(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	never := func(*uv.WriteReq, error) { assert.Fail(t, "unexpected write callback") }
	var req uv.WriteReq
	var unopened uv.Pipe
	require.NoError(t, unopened.Init(loop, false))
	a, _ := pipePair(t, loop, false)

	assert.Equal(t, uv.EINVAL, a.Write(&req, nil, never))
	assert.Equal(t, uv.EINVAL, a.Write(&req, [][]byte{}, never))
	assert.Equal(t, uv.EBADF, unopened.Write(&req, buffers("x"), never))
	_, err := a.TryWrite(nil)
	assert.Equal(t, uv.EINVAL, err)
	_, err = unopened.TryWrite(buffers("x"))
	assert.Equal(t, uv.EBADF, err)
	assert.Zero(t, a.WriteQueueSize())

	fds, err := uv.MakePipe(0, 0)
	require.NoError(t, err)
	var reader, writer uv.Pipe
	require.NoError(t, reader.Init(loop, false))
	require.NoError(t, writer.Init(loop, false))
	require.NoError(t, reader.Open(fds[0]))
	require.NoError(t, writer.Open(fds[1]))
	assert.Equal(t, uv.EPIPE, reader.Write(&req, buffers("x"), never))
	_, err = reader.TryWrite(buffers("x"))
	assert.Equal(t, uv.EPIPE, err)
	assert.Equal(t, uv.ENOTCONN, reader.Shutdown(nil, nil))
	assert.Equal(t, uv.ENOTCONN, writer.ReadStart(nil, func(uv.Stream, []byte, error) {}))
	closeAll(t, loop)
}

// A request can be used again as soon as its callback runs.
func TestWriteReq_Reuse(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, false)
	const n = 1000
	var req uv.WriteReq
	var want strings.Builder
	written := 0
	var next uv.WriteCB
	next = func(r *uv.WriteReq, err error) {
		assert.NoError(t, err)
		assert.Same(t, &req, r)
		if written == n {
			a.Close(nil)
			return
		}
		text := fmt.Sprint(written, " ")
		want.WriteString(text)
		written++
		assert.NoError(t, a.Write(&req, buffers(text), next))
	}
	next(&req, nil)
	got := readToEnd(t, b)
	run(t, loop)
	assert.Equal(t, n, written)
	assert.Equal(t, want.String(), got.String())
}

// Nil requests come from a pool, many at a time.
func TestWriteReq_Pool(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, false)
	got := readToEnd(t, b)
	var want strings.Builder
	c := counts{}
	for round := range 3 {
		for i := range 100 {
			text := fmt.Sprint(round, i, " ")
			want.WriteString(text)
			require.NoError(t, a.Write(nil, buffers(text), func(r *uv.WriteReq, err error) {
				c["write"]++
				assert.NoError(t, err)
				assert.Same(t, a, r.Handle())
				assert.Nil(t, r.Data())
				r.SetData("gone when it is used again")
			}))
			require.NoError(t, a.Write(nil, [][]byte{{}}, nil))
		}
		for c["write"] < 100*(round+1) {
			runMode(t, loop, uv.RunOnce)
		}
	}
	a.Close(nil)
	run(t, loop)
	assert.Equal(t, counts{"write": 300}, c)
	assert.Equal(t, want.String(), got.String())
}

func TestRequest_InUse(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, false)
	var write uv.WriteReq
	var shutdown uv.ShutdownReq
	c := counts{}
	require.NoError(t, a.Write(&write, buffers("x"), func(*uv.WriteReq, error) { c["write"]++ }))
	assert.Equal(t, "uv: Pipe.Write: the request is still in use", panicText(func() { a.Write(&write, buffers("y"), nil) }))
	assert.Equal(t, "uv: Pipe.Write: the request is still in use", panicText(func() { b.Write(&write, buffers("y"), nil) }))
	require.NoError(t, a.Shutdown(&shutdown, func(*uv.ShutdownReq, error) { c["shutdown"]++ }))
	assert.Equal(t, "uv: Pipe.Shutdown: the request is still in use", panicText(func() { b.Shutdown(&shutdown, nil) }))

	var client uv.Pipe
	var connect uv.ConnectReq
	require.NoError(t, client.Init(loop, false))
	require.NoError(t, client.Connect(&connect, socketPath(t), func(*uv.ConnectReq, error) { c["connect"]++ }))
	var tcp uv.TCP
	require.NoError(t, tcp.Init(loop))
	assert.Equal(t, "uv: TCP.Connect: the request is still in use",
		panicText(func() { tcp.Connect(&connect, netip.MustParseAddrPort("127.0.0.1:1"), nil) }))
	assert.Equal(t, uv.EINVAL, connect.Cancel())

	run(t, loop)
	closeAll(t, loop)
	assert.Equal(t, counts{"write": 1, "shutdown": 1, "connect": 1}, c)
}

// Writes to a reader that has stopped are queued, and arrive in order.
func TestStream_WriteQueue(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, false)
	data := pattern(8 << 20)
	const n = 8
	var order []int
	last := 0
	for i := range n {
		chunk := data[i<<20 : (i+1)<<20]
		require.NoError(t, a.Write(nil, [][]byte{chunk[:10], chunk[10:]}, func(_ *uv.WriteReq, err error) {
			assert.NoError(t, err)
			order = append(order, i)
			if i == n-1 {
				assert.Zero(t, a.WriteQueueSize())
				a.Close(nil)
			}
		}))
		assert.Greater(t, a.WriteQueueSize(), last)
		last = a.WriteQueueSize()
	}
	assert.Greater(t, last, (n-1)<<20)
	_, err := a.TryWrite(buffers("x"))
	assert.Equal(t, uv.EAGAIN, err, "nothing overtakes what is queued")
	runMode(t, loop, uv.RunNowait)
	assert.Empty(t, order)

	got := readToEnd(t, b)
	run(t, loop)
	assert.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7}, order)
	assert.True(t, bytes.Equal(data, got.Bytes()))
}

// The collector may not take or move what libuv has still to write.
func TestStream_QueuedBuffersSurviveCollection(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, false)
	filler := full(t, a)
	var want []byte
	for i := range 200 {
		buf := bytes.Repeat([]byte{byte(i)}, 1000+i)
		want = append(want, buf...)
		require.NoError(t, a.Write(nil, [][]byte{buf[:100], buf[100:]}, nil))
		if i%20 == 0 {
			collect()
		}
	}
	require.NoError(t, a.Shutdown(nil, func(*uv.ShutdownReq, error) { a.Close(nil) }))
	collect()
	got := readToEnd(t, b)
	run(t, loop)
	assert.True(t, bytes.Equal(append(filler, want...), got.Bytes()))
}

func TestStream_TryWrite(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, false)
	n, err := a.TryWrite(buffers("ab", "", "cd"))
	assert.NoError(t, err)
	assert.Equal(t, 4, n)
	n, err = a.TryWrite(buffers("e"))
	assert.NoError(t, err)
	assert.Equal(t, 1, n)
	want := append([]byte("abcde"), full(t, a)...)
	n, err = a.TryWrite(buffers("x", "y"))
	assert.Equal(t, uv.EAGAIN, err)
	assert.Zero(t, n)
	assert.Zero(t, a.WriteQueueSize())
	a.Close(nil)
	got := readToEnd(t, b)
	run(t, loop)
	assert.True(t, bytes.Equal(want, got.Bytes()))
}

func TestStream_Shutdown(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, false)
	data := pattern(1 << 20)
	var events []string
	write := func(_ *uv.WriteReq, err error) {
		assert.NoError(t, err)
		events = append(events, "write")
	}
	var req uv.ShutdownReq
	require.NoError(t, a.Write(nil, [][]byte{data}, write))
	require.NoError(t, a.Write(nil, buffers("end"), write))
	require.NoError(t, a.Shutdown(&req, func(r *uv.ShutdownReq, err error) {
		assert.NoError(t, err)
		assert.Same(t, &req, r)
		assert.Same(t, a, r.Handle())
		assert.Equal(t, uv.ReqTypeShutdown, r.Type())
		events = append(events, "shutdown")
	}))
	assert.False(t, a.IsWritable())
	assert.Equal(t, uv.ENOTCONN, a.Shutdown(nil, nil))
	assert.Equal(t, uv.EPIPE, a.Write(nil, buffers("more"), write))

	got := new(bytes.Buffer)
	require.NoError(t, b.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		got.Write(buf)
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			assert.NoError(t, b.Write(nil, buffers("answer"), func(*uv.WriteReq, error) { b.Close(nil) }))
		}
	}))
	answer := readToEnd(t, a) // the other direction is open
	run(t, loop)
	assert.Equal(t, []string{"write", "write", "shutdown"}, events)
	assert.True(t, bytes.Equal(append(data, "end"...), got.Bytes()))
	assert.Equal(t, "answer", answer.String())
}

func TestStream_ShutdownErrors(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var p uv.Pipe
	var tcp uv.TCP
	var req uv.ShutdownReq
	require.NoError(t, p.Init(loop, false))
	require.NoError(t, tcp.Init(loop))
	for _, s := range []uv.Stream{&p, &tcp} {
		for range 2 {
			assert.Equal(t, uv.ENOTCONN, s.Shutdown(&req, func(*uv.ShutdownReq, error) { assert.Fail(t, "unexpected callback") }))
		}
	}
	closeAll(t, loop)
}

// What is queued when a stream is closed is cancelled, before the close
// callback, in order.
func TestStream_CloseCancels(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, false)
	full(t, a)
	var events []string
	for i := range 3 {
		require.NoError(t, a.Write(nil, buffers("queued"), func(_ *uv.WriteReq, err error) {
			assert.Equal(t, uv.ECANCELED, err)
			assert.True(t, a.IsClosing())
			events = append(events, fmt.Sprint("write ", i))
		}))
	}
	require.NoError(t, a.Shutdown(nil, func(_ *uv.ShutdownReq, err error) {
		assert.Equal(t, uv.ECANCELED, err)
		events = append(events, "shutdown")
	}))
	a.Close(func(uv.Handle) { events = append(events, "close") })
	assert.Empty(t, events)
	b.Close(nil)
	run(t, loop)
	assert.Equal(t, []string{"write 0", "write 1", "write 2", "shutdown", "close"}, events)
}

func TestStream_ReadStopAndStart(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, false)
	require.NoError(t, b.ReadStop(), "stopping what does not read is no error")
	c := counts{}
	second := func(_ uv.Stream, buf []byte, err error) {
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			c["EOF"]++
			b.Close(nil)
			return
		}
		c["second"]++
		assert.Equal(t, "two", string(buf))
		a.Close(nil)
	}
	first := func(_ uv.Stream, buf []byte, err error) {
		c["first"]++
		assert.NoError(t, err)
		assert.Equal(t, "one", string(buf))
		assert.NoError(t, b.ReadStop())
		assert.False(t, b.IsActive())
		assert.NoError(t, a.Write(nil, buffers("two"), func(*uv.WriteReq, error) {
			c["write"]++
			assert.NoError(t, b.ReadStart(nil, second))
		}))
	}
	require.NoError(t, b.ReadStart(nil, first))
	assert.Equal(t, uv.EALREADY, b.ReadStart(nil, first))
	assert.Equal(t, uv.EINVAL, b.ReadStart(nil, nil))
	assert.True(t, b.IsActive())
	require.NoError(t, a.Write(nil, buffers("one"), nil))
	run(t, loop)
	assert.Equal(t, counts{"first": 1, "second": 1, "write": 1, "EOF": 1}, c)
}

func TestStream_ReadStartErrors(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var p uv.Pipe
	require.NoError(t, p.Init(loop, false))
	never := func(uv.Stream, []byte, error) { assert.Fail(t, "unexpected read callback") }
	assert.Equal(t, uv.ENOTCONN, p.ReadStart(nil, never))
	assert.Equal(t, uv.EINVAL, p.ReadStart(nil, nil))
	require.NoError(t, p.Bind(socketPath(t)))
	require.NoError(t, p.Listen(1, func(uv.Stream, error) {}))
	assert.Equal(t, uv.ENOTCONN, p.ReadStart(nil, never))
	assert.Equal(t, uv.ENOTCONN, p.Shutdown(nil, nil))
	assert.Equal(t, uv.EPIPE, p.Write(nil, buffers("x"), nil))
	_, err := p.TryWrite(buffers("x"))
	assert.Equal(t, uv.EPIPE, err)
	closeAll(t, loop)
}

// Buffers of the reader's own: what libuv suggests, small ones, and one that is
// never taken because the end came first.
func TestStream_AllocCB(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 7, 4096, 64 << 10, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			loop := newLoop(t)
			a, b := pipePair(t, loop, false)
			data := pattern(3000 + size)
			var got []byte
			var last []byte
			c := counts{}
			alloc := func(h uv.Handle, suggested int) []byte {
				c["alloc"]++
				assert.Same(t, b, h)
				assert.Equal(t, 64<<10, suggested)
				last = make([]byte, size)
				return last
			}
			require.NoError(t, b.ReadStart(alloc, func(s uv.Stream, buf []byte, err error) {
				assert.Same(t, b, s)
				got = append(got, buf...)
				switch {
				case err != nil:
					c["EOF"]++
					assert.Equal(t, uv.EOF, err)
					assert.Empty(t, buf)
					b.Close(nil)
				case len(buf) == 0:
					c["nothing"]++
				default:
					c["read"]++
					assert.Same(t, &last[0], &buf[0])
				}
				if cap(buf) > 0 {
					c["returned"]++
					assert.Equal(t, size, cap(buf))
				}
			}))
			require.NoError(t, a.Write(nil, [][]byte{data}, func(*uv.WriteReq, error) { a.Close(nil) }))
			run(t, loop)
			assert.True(t, bytes.Equal(data, got))
			assert.Equal(t, 1, c["EOF"])
			assert.Equal(t, c["alloc"], c["returned"], "each buffer comes back")
			assert.GreaterOrEqual(t, c["read"], (len(data)+size-1)/size)
			if size == 1 {
				assert.Equal(t, len(data), c["read"])
			}
		})
	}
}

func TestStream_AllocCBReturnsNothing(t *testing.T) {
	t.Parallel()
	for _, none := range [][]byte{nil, {}} {
		loop := newLoop(t)
		a, b := pipePair(t, loop, false)
		c := counts{}
		alloc := func(uv.Handle, int) []byte {
			c["alloc"]++
			return none
		}
		require.NoError(t, b.ReadStart(alloc, func(_ uv.Stream, buf []byte, err error) {
			c["read"]++
			assert.Equal(t, uv.ENOBUFS, err)
			assert.Empty(t, buf)
			assert.NoError(t, b.ReadStop())
		}))
		require.NoError(t, a.Write(nil, buffers("kept"), func(*uv.WriteReq, error) { a.Close(nil) }))
		run(t, loop)
		assert.Equal(t, counts{"alloc": 1, "read": 1}, c)
		got := readToEnd(t, b) // the bytes are still there
		run(t, loop)
		assert.Equal(t, "kept", got.String())
	}
}

// Libuv can neither close nor stop a stream that it is about to read.
func TestStream_CloseOrStopInAllocCB(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(s uv.Stream){
		"Close":    func(s uv.Stream) { s.Close(nil) },
		"ReadStop": func(s uv.Stream) { s.ReadStop() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loop := newLoop(t)
			a, b := pipePair(t, loop, false)
			c := counts{}
			alloc := func(uv.Handle, int) []byte {
				if c["alloc"]++; c["alloc"] == 1 {
					call(b)
				}
				return make([]byte, 100)
			}
			require.NoError(t, b.ReadStart(alloc, func(_ uv.Stream, buf []byte, err error) {
				switch err {
				case nil:
					c["read"]++
					assert.Equal(t, "still works", string(buf))
					a.Close(nil)
				case uv.EOF:
					c["EOF"]++
					b.Close(nil)
				default:
					c["error"]++
					assert.Equal(t, uv.ENOBUFS, err)
				}
			}))
			require.NoError(t, a.Write(nil, buffers("still works"), nil))
			assert.Equal(t, "uv: Pipe."+name+": called from an AllocCB of the stream", panicText(func() { runMode(t, loop, uv.RunDefault) }))
			assert.False(t, b.IsClosing())
			run(t, loop)
			assert.Equal(t, 1, c["read"])
			assert.Equal(t, 1, c["EOF"])
			assert.Equal(t, 1, c["error"], "the read that was interrupted")
		})
	}
}

func TestStream_PanicInAllocCB(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, false)
	c := counts{}
	alloc := func(uv.Handle, int) []byte { panic("no buffer today") }
	require.NoError(t, b.ReadStart(alloc, func(_ uv.Stream, _ []byte, err error) {
		c["read"]++
		assert.Equal(t, uv.ENOBUFS, err)
		assert.NoError(t, b.ReadStop())
	}))
	require.NoError(t, a.Write(nil, buffers("x"), func(*uv.WriteReq, error) { a.Close(nil) }))
	assert.Equal(t, "no buffer today", panicText(func() { runMode(t, loop, uv.RunDefault) }))
	run(t, loop)
	got := readToEnd(t, b)
	run(t, loop)
	assert.Equal(t, "x", got.String())
	assert.Equal(t, counts{"read": 1}, c)
}

// Where C would die of SIGPIPE, there is EPIPE.
func TestStream_WriteToGoneReader(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, false)
	b.Close(nil)
	c := counts{}
	require.NoError(t, a.ReadStart(nil, func(_ uv.Stream, _ []byte, err error) {
		c["read"]++
		assert.Equal(t, uv.EOF, err) // b is gone, from children on their way to exec too
		_, err = a.TryWrite(buffers("x"))
		assert.Equal(t, uv.EPIPE, err)
		assert.NoError(t, a.Write(nil, buffers("x"), func(_ *uv.WriteReq, err error) {
			c["write"]++
			assert.Equal(t, uv.EPIPE, err)
			a.Close(nil)
		}))
	}))
	run(t, loop)
	assert.Equal(t, counts{"read": 1, "write": 1}, c)
}

func TestStream_Properties(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var p uv.Pipe
	require.NoError(t, p.Init(loop, false))
	assert.False(t, p.IsReadable())
	assert.False(t, p.IsWritable())
	assert.False(t, p.IsActive())
	assert.True(t, p.HasRef())
	assert.Zero(t, p.WriteQueueSize())
	assert.Equal(t, uv.HandleTypeNamedPipe, p.Type())
	_, err := p.Fileno()
	assert.Equal(t, uv.EBADF, err)
	_, err = p.SendBufferSize(0)
	assert.Equal(t, uv.EBADF, err)

	a, _ := pipePair(t, loop, false)
	fd, err := a.Fileno()
	assert.NoError(t, err)
	assert.Greater(t, fd, 2)
	size, err := a.SendBufferSize(0)
	assert.NoError(t, err)
	assert.Positive(t, size)
	_, err = a.RecvBufferSize(8192)
	assert.NoError(t, err)
	closeAll(t, loop)
}

// A nil *Pipe or *TCP is as bad an argument as a nil Stream.
func TestStream_NilPointerAsArgument(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, true)
	for _, none := range []uv.Stream{(*uv.Pipe)(nil), (*uv.TCP)(nil)} {
		assert.Empty(t, panicText(func() { assert.Equal(t, uv.EINVAL, a.Accept(none)) }))
		assert.Empty(t, panicText(func() { assert.NoError(t, a.Write2(nil, buffers("x"), none, nil)) }))
		assert.Empty(t, panicText(func() {
			var p uv.Process
			assert.Equal(t, uv.EINVAL, loop.Spawn(&p, &uv.ProcessOptions{
				File: "true", Stdio: []uv.StdioContainer{{Flags: uv.CreatePipe, Stream: none}},
			}))
		}))
	}
	a.Close(nil)
	b.Close(nil)
	run(t, loop)
}

// Each callback may close the stream that it is called for.
func TestStream_CloseInCallback(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T, loop *uv.Loop, done func(s uv.Stream)){
		"read": func(t *testing.T, loop *uv.Loop, done func(s uv.Stream)) {
			a, b := pipePair(t, loop, false)
			require.NoError(t, b.ReadStart(nil, func(s uv.Stream, _ []byte, _ error) { done(s) }))
			require.NoError(t, a.Write(nil, buffers(string(pattern(200_000))), func(*uv.WriteReq, error) { a.Close(nil) }))
		},
		"read with alloc": func(t *testing.T, loop *uv.Loop, done func(s uv.Stream)) {
			a, b := pipePair(t, loop, false)
			require.NoError(t, b.ReadStart(func(uv.Handle, int) []byte { return make([]byte, 1) },
				func(s uv.Stream, _ []byte, _ error) { done(s) }))
			require.NoError(t, a.Write(nil, buffers("xxxx"), func(*uv.WriteReq, error) { a.Close(nil) }))
		},
		"write": func(t *testing.T, loop *uv.Loop, done func(s uv.Stream)) {
			a, b := pipePair(t, loop, false)
			readToEnd(t, b)
			require.NoError(t, a.Write(nil, buffers("x"), func(r *uv.WriteReq, err error) { done(r.Handle()) }))
		},
		"write, with more queued": func(t *testing.T, loop *uv.Loop, done func(s uv.Stream)) {
			a, b := pipePair(t, loop, false)
			readToEnd(t, b)
			require.NoError(t, a.Write(nil, buffers("x"), func(r *uv.WriteReq, err error) { done(r.Handle()) }))
			for range 3 {
				require.NoError(t, a.Write(nil, [][]byte{pattern(1 << 20)}, func(r *uv.WriteReq, err error) {
					assert.Equal(t, uv.ECANCELED, err)
				}))
			}
		},
		"shutdown": func(t *testing.T, loop *uv.Loop, done func(s uv.Stream)) {
			a, b := pipePair(t, loop, false)
			readToEnd(t, b)
			require.NoError(t, a.Shutdown(nil, func(r *uv.ShutdownReq, err error) { done(r.Handle()) }))
		},
		"connection": func(t *testing.T, loop *uv.Loop, done func(s uv.Stream)) {
			path := socketPath(t)
			listen(t, loop, path, func(s uv.Stream, err error) { done(s) })
			client := newPipe(t, loop)
			require.NoError(t, client.Connect(nil, path, func(_ *uv.ConnectReq, err error) {
				assert.NoError(t, err)
				client.Close(nil)
			}))
		},
		"connect": func(t *testing.T, loop *uv.Loop, done func(s uv.Stream)) {
			path := socketPath(t)
			listen(t, loop, path, func(s uv.Stream, err error) { s.Close(nil) })
			client := newPipe(t, loop)
			require.NoError(t, client.Connect(nil, path, func(r *uv.ConnectReq, err error) {
				assert.NoError(t, err)
				done(r.Handle())
			}))
		},
		"connect, failed": func(t *testing.T, loop *uv.Loop, done func(s uv.Stream)) {
			client := newPipe(t, loop)
			require.NoError(t, client.Connect(nil, socketPath(t), func(r *uv.ConnectReq, err error) {
				assert.Equal(t, uv.ENOENT, err)
				done(r.Handle())
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loop := newLoop(t)
			c := counts{}
			start(t, loop, func(s uv.Stream) {
				c["callback"]++
				s.Close(func(h uv.Handle) {
					c["close"]++
					assert.Same(t, s, h)
				})
			})
			run(t, loop)
			assert.Equal(t, counts{"callback": 1, "close": 1}, c)
		})
	}
}

// A handle can begin a new life in its close callback.
func TestStream_InitAgain(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var p uv.Pipe
	c := counts{}
	require.NoError(t, p.Init(loop, false))
	assert.Equal(t, "uv: Pipe.Init: the handle is open already", panicText(func() { p.Init(loop, false) }))
	p.SetData("kept")
	var again uv.CloseCB
	again = func(uv.Handle) {
		if c["close"]++; c["close"] < 100 {
			assert.NoError(t, p.Init(loop, false))
			assert.False(t, p.IsClosing())
			assert.Equal(t, "kept", p.Data())
			p.Close(again)
		}
	}
	p.Close(again)
	run(t, loop)
	assert.Equal(t, counts{"close": 100}, c)
}

func TestStream_MethodsNeedAnOpenHandle(t *testing.T) {
	t.Parallel()
	type methods map[string]func(s uv.Stream)
	addr := netip.MustParseAddrPort("127.0.0.1:0")
	path := socketPath(t)
	shared := methods{
		"Accept":         func(s uv.Stream) { s.Accept(new(uv.Pipe)) },
		"Close":          func(s uv.Stream) { s.Close(nil) },
		"Fileno":         func(s uv.Stream) { s.Fileno() },
		"IsReadable":     func(s uv.Stream) { s.IsReadable() },
		"IsWritable":     func(s uv.Stream) { s.IsWritable() },
		"Listen":         func(s uv.Stream) { s.Listen(1, func(uv.Stream, error) {}) },
		"ReadStart":      func(s uv.Stream) { s.ReadStart(nil, func(uv.Stream, []byte, error) {}) },
		"ReadStop":       func(s uv.Stream) { s.ReadStop() },
		"RecvBufferSize": func(s uv.Stream) { s.RecvBufferSize(0) },
		"Ref":            func(s uv.Stream) { s.Ref() },
		"SendBufferSize": func(s uv.Stream) { s.SendBufferSize(0) },
		"SetBlocking":    func(s uv.Stream) { s.SetBlocking(true) },
		"Shutdown":       func(s uv.Stream) { s.Shutdown(nil, nil) },
		"TryWrite":       func(s uv.Stream) { s.TryWrite(buffers("x")) },
		"TryWrite2":      func(s uv.Stream) { s.TryWrite2(buffers("x"), nil) },
		"Unref":          func(s uv.Stream) { s.Unref() },
		"Write":          func(s uv.Stream) { s.Write(nil, buffers("x"), nil) },
		"Write2":         func(s uv.Stream) { s.Write2(nil, buffers("x"), nil, nil) },
		"WriteQueueSize": func(s uv.Stream) { s.WriteQueueSize() },
	}
	own := map[string]methods{
		"Pipe": {
			"Bind":             func(s uv.Stream) { s.(*uv.Pipe).Bind(path) },
			"Bind2":            func(s uv.Stream) { s.(*uv.Pipe).Bind2(path, 0) },
			"Chmod":            func(s uv.Stream) { s.(*uv.Pipe).Chmod(uv.Readable) },
			"Connect":          func(s uv.Stream) { s.(*uv.Pipe).Connect(nil, path, nil) },
			"Connect2":         func(s uv.Stream) { s.(*uv.Pipe).Connect2(nil, path, 0, nil) },
			"Getpeername":      func(s uv.Stream) { s.(*uv.Pipe).Getpeername() },
			"Getsockname":      func(s uv.Stream) { s.(*uv.Pipe).Getsockname() },
			"Open":             func(s uv.Stream) { s.(*uv.Pipe).Open(0) },
			"PendingCount":     func(s uv.Stream) { s.(*uv.Pipe).PendingCount() },
			"PendingInstances": func(s uv.Stream) { s.(*uv.Pipe).PendingInstances(1) },
			"PendingType":      func(s uv.Stream) { s.(*uv.Pipe).PendingType() },
		},
		"TCP": {
			"Bind":        func(s uv.Stream) { s.(*uv.TCP).Bind(addr, 0) },
			"CloseReset":  func(s uv.Stream) { s.(*uv.TCP).CloseReset(nil) },
			"Connect":     func(s uv.Stream) { s.(*uv.TCP).Connect(nil, addr, nil) },
			"Getpeername": func(s uv.Stream) { s.(*uv.TCP).Getpeername() },
			"Getsockname": func(s uv.Stream) { s.(*uv.TCP).Getsockname() },
			"Keepalive":   func(s uv.Stream) { s.(*uv.TCP).Keepalive(true, 1) },
			"Nodelay":     func(s uv.Stream) { s.(*uv.TCP).Nodelay(true) },
			"Open":        func(s uv.Stream) { s.(*uv.TCP).Open(0) },
		},
	}
	check := func(kind, state string, s uv.Stream) {
		t.Helper()
		for name, call := range shared {
			if s.IsClosing() {
				assertClosedCall(t, kind, name, state == "closing", func() { call(s) })
			} else {
				assert.Regexp(t, `\.`+name+": the handle is "+state, panicText(func() { call(s) }))
			}
		}
		for name, call := range own[kind] {
			if s.IsClosing() {
				assertClosedCall(t, kind, name, state == "closing", func() { call(s) })
			} else {
				assert.Regexp(t, kind+`\.`+name+": the handle is "+state, panicText(func() { call(s) }))
			}
		}
	}
	loop := newLoop(t)
	pipe, tcp := newPipe(t, loop), new(uv.TCP)
	require.NoError(t, tcp.Init(loop))
	for kind, s := range map[string]struct{ zero, open, copied uv.Stream }{
		"Pipe": {new(uv.Pipe), pipe, shallowCopy(pipe)},
		"TCP":  {new(uv.TCP), tcp, shallowCopy(tcp)},
	} {
		check(kind, "not initialised", s.zero)
		check(kind, "a copy", s.copied)
		s.open.Close(nil)
		check(kind, "closing", s.open)
		run(t, loop)
		check(kind, "closed", s.open)
		assert.False(t, s.open.IsActive())
		assert.False(t, s.open.HasRef())
		assert.True(t, s.open.IsClosing())
	}
	assert.NoFileExists(t, path)
}

// An Open that fails half way leaves a handle that libuv takes for readable and
// writable, and has no descriptor.
func TestStream_AfterFailedOpen(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(*uv.TCP) error{
		"ReadStart": func(s *uv.TCP) error { return s.ReadStart(nil, func(uv.Stream, []byte, error) {}) },
		"Shutdown":  func(s *uv.TCP) error { return s.Shutdown(nil, nil) },
		"Write":     func(s *uv.TCP) error { return s.Write(nil, buffers("x"), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			loop := newLoop(t)
			var s uv.TCP
			require.NoError(t, s.Init(loop))
			require.NoError(t, s.Nodelay(true))
			fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
			require.NoError(t, err)
			defer syscall.Close(fds[0])
			defer syscall.Close(fds[1])
			require.Error(t, s.Open(fds[0]), "it is no TCP socket")
			assert.Contains(t, []error{uv.ENOTCONN, uv.EBADF}, call(&s))
			closeAll(t, loop)
		})
	}
}

// To listen again while a connection waits for Accept would make libuv abort at
// the next connection.
func TestStream_ListenWithoutAccept(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var server uv.TCP
	require.NoError(t, server.Init(loop))
	require.NoError(t, server.Bind(localhost, 0))
	connections := 0
	announce := func(uv.Stream, error) { connections++ }
	require.NoError(t, server.Listen(5, announce))
	addr, err := server.Getsockname()
	require.NoError(t, err)
	var clients [2]uv.TCP
	for i := range clients {
		require.NoError(t, clients[i].Init(loop))
		require.NoError(t, clients[i].Connect(nil, addr, nil))
	}
	for connections == 0 {
		runMode(t, loop, uv.RunOnce)
	}
	assert.Equal(t, uv.EBUSY, server.Listen(5, announce))
	runMode(t, loop, uv.RunNowait)
	var accepted [2]uv.TCP
	for i := range accepted {
		require.NoError(t, accepted[i].Init(loop))
		for connections <= i {
			runMode(t, loop, uv.RunOnce)
		}
		require.NoError(t, server.Accept(&accepted[i]))
	}
	assert.NoError(t, server.Listen(5, announce))
	assert.Equal(t, 2, connections)
	closeAll(t, loop)
}

// A request that is over may leave a call of libuv's behind that a listening
// stream aborts on.
func TestStream_ListenWhenARequestIsOver(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var first, server uv.TCP
	require.NoError(t, first.Init(loop))
	require.NoError(t, first.Bind(localhost, 0))
	require.NoError(t, first.Listen(5, func(uv.Stream, error) {}))
	addr, err := first.Getsockname()
	require.NoError(t, err)
	require.NoError(t, server.Init(loop))
	require.NoError(t, server.Bind(addr, 0), "that it is in use is told by Connect")
	var prepare uv.Prepare
	require.NoError(t, prepare.Init(loop))
	calls := 0
	require.NoError(t, prepare.Start(func(*uv.Prepare) {
		assert.NoError(t, prepare.Stop())
		assert.NoError(t, server.Connect(nil, addr, func(_ *uv.ConnectReq, err error) {
			calls++
			assert.Equal(t, uv.EADDRINUSE, err)
			assert.NoError(t, server.Listen(5, func(uv.Stream, error) {}))
		}))
	}))
	for range 5 {
		runMode(t, loop, uv.RunNowait)
	}
	assert.Equal(t, 1, calls)
	closeAll(t, loop)
}

// Two handles of a loop with one descriptor: closing one would leave the other
// with a descriptor that libuv aborts on.
func TestStream_OneDescriptorTwoHandles(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, false)
	fd, err := a.Fileno()
	require.NoError(t, err)
	var other uv.Pipe
	require.NoError(t, other.Init(loop, false))
	assert.Equal(t, uv.EEXIST, other.Open(fd), "although nobody reads from it")
	require.NoError(t, a.ReadStart(nil, func(uv.Stream, []byte, error) {}))
	assert.Equal(t, uv.EEXIST, other.Open(fd))
	b.Close(nil)
	closeAll(t, loop)
}

// Buffers may be a part of the struct that the handle and the request are in,
// which has pointers in it.
func TestStream_BuffersInsideAStruct(t *testing.T) {
	t.Parallel()
	type client struct {
		pipe     uv.Pipe
		req      uv.WriteReq
		out, in  [64]byte
		self     *client
		whatever map[string]*client
	}
	loop := newLoop(t)
	pair, err := uv.Socketpair(syscall.SOCK_STREAM, 0, uv.NonblockPipe, uv.NonblockPipe)
	require.NoError(t, err)
	one, other := &client{whatever: map[string]*client{}}, &client{whatever: map[string]*client{}}
	for i, c := range []*client{one, other} {
		c.self = c
		require.NoError(t, c.pipe.Init(loop, false))
		require.NoError(t, c.pipe.Open(pair[i]))
	}
	copy(one.out[:], "hello, world")
	n, err := one.pipe.TryWrite([][]byte{one.out[:5]})
	require.NoError(t, err)
	assert.Equal(t, 5, n)
	n, err = one.pipe.TryWrite([][]byte{one.out[5:6], one.out[6:7]})
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	c := counts{}
	require.NoError(t, one.pipe.Write(&one.req, [][]byte{one.out[7:9]}, func(req *uv.WriteReq, err error) {
		c["write"]++
		assert.NoError(t, err)
		assert.NoError(t, one.pipe.Write(req, [][]byte{one.out[9:11], one.out[11:12]}, func(_ *uv.WriteReq, err error) {
			c["write"]++
			assert.NoError(t, err)
			one.pipe.Close(nil)
		}))
	}))
	got := ""
	require.NoError(t, other.pipe.ReadStart(func(uv.Handle, int) []byte { return other.in[:] }, func(s uv.Stream, buf []byte, err error) {
		got += string(buf)
		if err != nil {
			c["end"]++
			assert.Equal(t, uv.EOF, err)
			s.Close(nil)
		}
	}))
	run(t, loop)
	assert.Equal(t, "hello, world", got)
	assert.Equal(t, counts{"write": 2, "end": 1}, c)
}

// A buffer without bytes may be nil, or point to memory of any kind, beside
// others and alone.
func TestStream_EmptyBuffers(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	p, peer := pipePair(t, loop, false)
	text := []byte("text")
	inside := &struct {
		self *int
		room [8]byte
	}{self: new(int)}
	empties := [][]byte{nil, {}, text[:0], text[4:], make([]byte, 0, 10), inside.room[:0]}
	c := counts{}
	written := func(_ *uv.WriteReq, err error) {
		c["write"]++
		assert.NoError(t, err)
	}
	want := 0
	for _, empty := range empties {
		for _, bufs := range [][][]byte{{empty}, {empty, text}, {text, empty}, {empty, empty}, {text, empty, text}} {
			size := 0
			for _, b := range bufs {
				size += len(b)
			}
			n, err := p.TryWrite(bufs)
			require.NoError(t, err)
			assert.Equal(t, size, n)
			want += size
		}
	}
	for _, empty := range empties {
		for _, bufs := range [][][]byte{{empty}, {empty, text}, {text, empty}, {empty, empty}, {text, empty, text}} {
			require.NoError(t, p.Write(nil, bufs, written))
		}
	}
	want *= 2
	got := 0
	require.NoError(t, peer.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		assert.NoError(t, err)
		if got += len(buf); got == want {
			p.Close(nil)
			peer.Close(nil)
		}
	}))
	run(t, loop)
	assert.Equal(t, want, got)
	assert.Equal(t, counts{"write": 5 * len(empties)}, c)
}
