package uv_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// acceptPending accepts the next handle that an ipc pipe has received.
func acceptPending(p *uv.Pipe) (uv.Stream, error) {
	var s uv.Stream
	switch p.PendingType() {
	case uv.HandleTypeTCP:
		tcp := new(uv.TCP)
		if err := tcp.Init(p.Loop()); err != nil {
			return nil, err
		}
		s = tcp
	default:
		pipe := new(uv.Pipe)
		if err := pipe.Init(p.Loop(), false); err != nil {
			return nil, err
		}
		s = pipe
	}
	return s, p.Accept(s)
}

// A helper sends every handle that it receives over descriptor 0 back. What is
// connected gets a greeting first.
var helperIPCEcho = helper("ipc echo", func() {
	loop := new(uv.Loop)
	must(loop.Init())
	var channel uv.Pipe
	must(channel.Init(loop, true))
	must(channel.Open(0))
	ipcCheck(channel.IsReadable(), "the channel is readable")
	ipcCheck(channel.IsWritable(), "the channel is writable")
	ipcCheck(!channel.IsClosing(), "the channel is open")
	must(channel.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		if err != nil {
			channel.Close(nil)
			return
		}
		for channel.PendingCount() > 0 {
			s, err := acceptPending(&channel)
			must(err)
			if s.IsWritable() {
				// What was accepted from an ipc pipe is writable, connected or not.
				s.TryWrite(buffers("hello from the child"))
			}
			must(channel.Write2(nil, buffers("h"), s, func(_ *uv.WriteReq, err error) {
				must(err)
				s.Close(nil)
			}))
		}
	}))
	loop.Run(uv.RunDefault)
	must(loop.Close())
})

// ipcChild spawns a helper with an ipc pipe for its descriptor 0.
func ipcChild(t testing.TB, loop *uv.Loop, name string, c counts) *uv.Pipe {
	channel := new(uv.Pipe)
	require.NoError(t, channel.Init(loop, true))
	options := helperOptions(name)
	options.Stdio = []uv.StdioContainer{
		{Flags: uv.CreatePipe | uv.ReadablePipe | uv.WritablePipe, Stream: channel}, {}, {Flags: uv.InheritFD, FD: 2},
	}
	options.ExitCB = func(p *uv.Process, status int64, signal syscall.Signal) {
		c["exit"]++
		assert.Equal(t, exitOf{}, exitOf{status, signal})
		p.Close(nil)
	}
	require.NoError(t, loop.Spawn(new(uv.Process), options))
	return channel
}

// sendAndReceive sends handles to a child, closes them when they are sent, and
// calls received with those that come back.
func sendAndReceive(t *testing.T, loop *uv.Loop, send []uv.Stream, received func(s []uv.Stream)) {
	t.Helper()
	c := counts{}
	channel := ipcChild(t, loop, helperIPCEcho, c)
	for _, s := range send {
		req := new(uv.WriteReq)
		require.NoError(t, channel.Write2(req, buffers("h"), s, func(r *uv.WriteReq, err error) {
			c["write"]++
			assert.NoError(t, err)
			assert.Same(t, req, r)
			assert.Same(t, channel, r.Handle())
			assert.Same(t, s, r.SendHandle())
			s.Close(func(uv.Handle) { c["close"]++ })
		}))
	}
	var got []uv.Stream
	bytesRead := 0
	require.NoError(t, channel.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		if !assert.NoError(t, err) {
			channel.Close(nil)
			return
		}
		bytesRead += len(buf)
		for channel.PendingCount() > 0 {
			assert.Equal(t, send[len(got)].Type(), channel.PendingType())
			s, err := acceptPending(channel)
			assert.NoError(t, err)
			got = append(got, s)
		}
		assert.Equal(t, uv.HandleTypeUnknown, channel.PendingType())
		if len(got) == len(send) {
			channel.Close(nil)
			received(got)
		}
	}))
	run(t, loop)
	assert.Equal(t, len(send), bytesRead)
	assert.Equal(t, counts{"exit": 1, "write": len(send), "close": len(send)}, c)
}

func boundPipe(t testing.TB, loop *uv.Loop) (*uv.Pipe, string) {
	path := socketPath(t)
	p := newPipe(t, loop)
	require.NoError(t, p.Bind(path))
	return p, path
}

// A listener comes back and serves, whether it listened before it was sent or
// not.
func TestIPC_Listener(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{true, false} {
		loop := newLoop(t)
		server := boundTCP(t, loop)
		addr, err := server.Getsockname()
		require.NoError(t, err)
		if before {
			require.NoError(t, server.Listen(8, func(uv.Stream, error) { assert.Fail(t, "unexpected connection") }))
		}
		c := counts{}
		var got *bytes.Buffer
		sendAndReceive(t, loop, []uv.Stream{server}, func(s []uv.Stream) {
			again := s[0].(*uv.TCP)
			assert.NoError(t, again.Listen(8, func(_ uv.Stream, err error) {
				c["connection"]++
				assert.NoError(t, err)
				var client uv.TCP
				assert.NoError(t, client.Init(loop))
				assert.NoError(t, again.Accept(&client))
				assert.NoError(t, client.Write(nil, buffers("served"), func(*uv.WriteReq, error) { client.Close(nil) }))
				again.Close(nil)
			}))
			var client uv.TCP
			assert.NoError(t, client.Init(loop))
			assert.NoError(t, client.Connect(nil, addr, func(_ *uv.ConnectReq, err error) {
				c["connect"]++
				assert.NoError(t, err)
				got = readToEnd(t, &client)
			}))
		})
		assert.Equal(t, counts{"connection": 1, "connect": 1}, c)
		assert.Equal(t, "served", got.String())
	}
}

// A connection is talked on by the child, and by the parent when it is back.
func TestIPC_Connection(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	server := boundTCP(t, loop)
	addr, err := server.Getsockname()
	require.NoError(t, err)
	client, accepted := new(uv.TCP), new(uv.TCP)
	require.NoError(t, client.Init(loop))
	require.NoError(t, accepted.Init(loop))
	connected := 0
	require.NoError(t, server.Listen(1, func(uv.Stream, error) {
		connected++
		assert.NoError(t, server.Accept(accepted))
	}))
	require.NoError(t, client.Connect(nil, addr, func(_ *uv.ConnectReq, err error) {
		connected++
		assert.NoError(t, err)
	}))
	for connected < 2 {
		runMode(t, loop, uv.RunOnce)
	}
	server.Close(nil)
	got := readToEnd(t, client)
	sendAndReceive(t, loop, []uv.Stream{accepted}, func(s []uv.Stream) {
		assert.NoError(t, s[0].Write(nil, buffers(", goodbye from the parent"), func(_ *uv.WriteReq, err error) {
			assert.NoError(t, err)
			s[0].Close(nil)
		}))
	})
	assert.Equal(t, "hello from the child, goodbye from the parent", got.String())
}

// A helper makes a connection, sends its end and closes it at once.
var helperIPCConnection = helper("ipc connection", func() {
	loop := new(uv.Loop)
	must(loop.Init())
	var channel, conn uv.Pipe
	must(channel.Init(loop, true))
	must(channel.Open(0))
	fds, err := socketPair()
	must(err)
	must(conn.Init(loop, false))
	must(conn.Open(fds[0]))
	_, err = syscall.Write(fds[1], []byte("written before it was sent"))
	must(err)
	must(channel.Write2(nil, buffers("h"), &conn, nil))
	conn.Close(nil) // it is sent: nothing was queued
	loop.Run(uv.RunDefault)
	channel.Close(nil)
	loop.Run(uv.RunDefault)
	must(loop.Close())
})

func TestIPC_CloseRightAfterWrite2(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	channel := ipcChild(t, loop, helperIPCConnection, c)
	var got *bytes.Buffer
	require.NoError(t, channel.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			c["EOF"]++
			channel.Close(nil)
			return
		}
		c["read"]++
		assert.Equal(t, 1, channel.PendingCount())
		assert.Equal(t, uv.HandleTypeNamedPipe, channel.PendingType())
		s, err := acceptPending(channel)
		assert.NoError(t, err)
		got = readToEnd(t, s)
	}))
	run(t, loop)
	assert.Equal(t, "written before it was sent", got.String())
	assert.Equal(t, counts{"read": 1, "EOF": 1, "exit": 1}, c)
}

// What nobody accepts is closed with the pipe.
func TestIPC_PendingIsClosedWithThePipe(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, true)
	kept, sent := pipePair(t, loop, false)
	c := counts{}
	require.NoError(t, a.Write2(nil, buffers("h"), sent, func(*uv.WriteReq, error) {
		c["write"]++
		sent.Close(nil)
	}))
	require.NoError(t, b.ReadStart(nil, func(_ uv.Stream, _ []byte, err error) {
		c["read"]++
		assert.NoError(t, err)
		assert.Equal(t, 1, b.PendingCount())
		b.Close(nil)
		a.Close(nil)
	}))
	got := readToEnd(t, kept) // ends when all copies of its peer are closed
	run(t, loop)
	assert.Empty(t, got.String())
	assert.Equal(t, counts{"write": 1, "read": 1}, c)
}

func TestIPC_InOneLoop(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(a *uv.Pipe, bufs [][]byte, s uv.Stream) error{
		"Write2": func(a *uv.Pipe, bufs [][]byte, s uv.Stream) error { return a.Write2(nil, bufs, s, nil) },
		"TryWrite2": func(a *uv.Pipe, bufs [][]byte, s uv.Stream) error {
			n, err := a.TryWrite2(bufs, s)
			assert.Equal(t, 5, n)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, bufs := range [][][]byte{buffers("bytes"), buffers("by", "", "tes"), buffers("", "bytes")} {
				loop := newLoop(t)
				a, b := pipePair(t, loop, true)
				kept, sent := pipePair(t, loop, false)
				c := counts{}
				var got *bytes.Buffer
				require.NoError(t, send(a, bufs, sent))
				text := ""
				require.NoError(t, b.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
					if err != nil {
						c["EOF"]++
						assert.Equal(t, uv.EOF, err)
						b.Close(nil)
						return
					}
					text += string(buf)
					for b.PendingCount() > 0 {
						c["pending"]++
						s, err := acceptPending(b)
						assert.NoError(t, err)
						got = readToEnd(t, s)
					}
				}))
				require.NoError(t, kept.Write(nil, buffers("over the handle"), func(*uv.WriteReq, error) {
					kept.Close(nil)
					sent.Close(nil)
					a.Close(nil)
				}))
				run(t, loop)
				assert.Equal(t, "bytes", text)
				assert.Equal(t, "over the handle", got.String())
				assert.Equal(t, counts{"pending": 1, "EOF": 1}, c)
			}
		})
	}
}

// A nil handle makes a Write of it.
func TestIPC_NilHandle(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, false)
	require.NoError(t, a.Write2(nil, buffers("plain "), nil, func(r *uv.WriteReq, _ error) { assert.Nil(t, r.SendHandle()) }))
	n, err := a.TryWrite2(buffers("and try"), nil)
	if err != nil { // a Write was queued before
		assert.Equal(t, uv.EAGAIN, err)
		require.NoError(t, a.Write(nil, buffers("and try"), nil))
	} else {
		assert.Equal(t, 7, n)
	}
	require.NoError(t, a.Shutdown(nil, func(*uv.ShutdownReq, error) { a.Close(nil) }))
	got := readToEnd(t, b)
	run(t, loop)
	assert.Equal(t, "plain and try", got.String())
}

func TestIPC_Errors(t *testing.T) {
	t.Parallel()
	loop, other := newLoop(t), newLoop(t)
	ipc, peer := pipePair(t, loop, true)
	plain, _ := pipePair(t, loop, false)
	foreign, _ := pipePair(t, other, false)
	good := boundTCP(t, loop)
	closing := boundTCP(t, loop)
	closing.Close(nil)
	closed := boundTCP(t, loop)
	closed.Close(nil)
	runMode(t, loop, uv.RunNowait)
	unopened, unopenedTCP := newPipe(t, loop), new(uv.TCP)
	require.NoError(t, unopenedTCP.Init(loop))
	unopenedIPC := new(uv.Pipe)
	require.NoError(t, unopenedIPC.Init(loop, true))

	never := func(*uv.WriteReq, error) { assert.Fail(t, "unexpected write callback") }
	for name, test := range map[string]struct {
		on   uv.Stream
		bufs [][]byte
		send uv.Stream
		want error
	}{
		"closing handle":         {ipc, buffers("x"), closing, uv.EINVAL},
		"closed handle":          {ipc, buffers("x"), closed, uv.EINVAL},
		"handle not initialised": {ipc, buffers("x"), new(uv.TCP), uv.EINVAL},
		"copy of a handle":       {ipc, buffers("x"), shallowCopy(good), uv.EINVAL},
		"handle of another loop": {ipc, buffers("x"), foreign, uv.EINVAL},
		"handle not open":        {ipc, buffers("x"), unopened, uv.EBADF},
		"TCP not open":           {ipc, buffers("x"), unopenedTCP, uv.EBADF},
		"no ipc pipe":            {plain, buffers("x"), good, uv.EINVAL},
		"over TCP":               {good, buffers("x"), plain, uv.EINVAL},
		"ipc pipe not open":      {unopenedIPC, buffers("x"), good, uv.EBADF},
		"no buffer":              {ipc, nil, good, uv.EINVAL},
		"no byte":                {ipc, [][]byte{{}, nil}, good, uv.EINVAL},
		"no buffer, no handle":   {ipc, nil, nil, uv.EINVAL},
	} {
		var req uv.WriteReq
		assert.Equal(t, test.want, test.on.Write2(&req, test.bufs, test.send, never), name)
		n, err := test.on.TryWrite2(test.bufs, test.send)
		assert.Equal(t, test.want, err, name)
		assert.Zero(t, n, name)
	}

	// Nothing of it was sent.
	ipc.Close(nil)
	got := readToEnd(t, peer)
	closeOthers(loop, peer)
	run(t, loop)
	assert.Empty(t, got.String())
	closeAll(t, other)
}

// A handle may be closed while it is still to be sent: it is sent all the same.
func TestIPC_CloseWhileQueued(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, true)
	kept, sent := pipePair(t, loop, false)
	filler := full(t, a)
	c := counts{}
	require.NoError(t, a.Write(nil, buffers("queued"), nil))
	for range 2 { // a copy each
		require.NoError(t, a.Write2(nil, buffers("h"), sent, func(w *uv.WriteReq, err error) {
			assert.NoError(t, err)
			assert.Same(t, sent, w.SendHandle())
			c["write"]++
		}))
	}
	sent.Close(func(uv.Handle) { c["close"]++ })
	for c["close"] == 0 {
		runMode(t, loop, uv.RunOnce)
	}
	assert.Zero(t, c["write"])

	text, got := new(bytes.Buffer), []*bytes.Buffer{}
	require.NoError(t, b.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		text.Write(buf)
		for b.PendingCount() > 0 {
			c["pending"]++
			s, err := acceptPending(b)
			assert.NoError(t, err)
			got = append(got, readToEnd(t, s))
			if len(got) == 2 { // earlier, and libuv would take a read that ends with a handle for the last
				a.Close(nil)
			}
		}
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			b.Close(nil)
		}
	}))
	require.NoError(t, kept.Write(nil, buffers("works"), func(*uv.WriteReq, error) { kept.Close(nil) }))
	run(t, loop)
	assert.Equal(t, counts{"write": 2, "pending": 2, "close": 1}, c)
	assert.True(t, bytes.Equal(append(filler, "queuedhh"...), text.Bytes()))
	require.Len(t, got, 2)
	assert.Equal(t, "works", got[0].String()+got[1].String(), "both are the same socket")
}

func TestIPC_CloseResetWhileQueued(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, true)
	sent := boundTCP(t, loop)
	full(t, a)
	c := counts{}
	require.NoError(t, a.Write(nil, buffers("queued"), nil))
	require.NoError(t, a.Write2(nil, buffers("h"), sent, func(_ *uv.WriteReq, err error) {
		c["write"]++
		assert.Equal(t, uv.ECANCELED, err)
	}))
	require.NoError(t, sent.CloseReset(func(uv.Handle) { c["close"]++ }))
	a.Close(nil)
	b.Close(nil)
	run(t, loop)
	assert.Equal(t, counts{"write": 1, "close": 1}, c)
}

// Pipes that are to send themselves, or each other, can be closed.
func TestIPC_CloseWhatSendsItself(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, true)
	full(t, a)
	full(t, b)
	writes := 0
	for _, send := range [][2]*uv.Pipe{{a, b}, {b, a}, {a, a}} {
		require.NoError(t, send[0].Write(nil, buffers("queued"), nil))
		require.NoError(t, send[0].Write2(nil, buffers("h"), send[1], func(_ *uv.WriteReq, err error) {
			assert.Equal(t, uv.ECANCELED, err)
			writes++
		}))
	}
	closeAll(t, loop)
	assert.Equal(t, 3, writes)
}

// Once the pipe is closed nothing is sent any more, so the handle may go too.
func TestIPC_CloseHandleAfterItsPipe(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, true)
	sent := boundTCP(t, loop)
	full(t, a)
	c := counts{}
	closed := func(uv.Handle) { c["close"]++ }
	require.NoError(t, a.Write(nil, buffers("queued"), nil))
	require.NoError(t, a.Write2(nil, buffers("h"), sent, func(_ *uv.WriteReq, err error) {
		c["write"]++
		assert.Equal(t, uv.ECANCELED, err)
		if !sent.IsClosing() {
			sent.Close(closed)
		}
	}))
	a.Close(closed)
	assert.Empty(t, panicText(func() { sent.Close(closed) }))
	b.Close(closed)
	run(t, loop)
	assert.Equal(t, counts{"write": 1, "close": 3}, c)
}

// A descriptor that the loop cannot wait for may come over an ipc pipe, too, from
// whoever is at the other end. libuv would abort when it is to read from it.
func TestIPC_FileReceived(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	channel, peer := ipcChannel(t, loop)
	path := filepath.Join(t.TempDir(), "file")
	file, err := os.Create(path)
	require.NoError(t, err)
	defer file.Close()
	ends, err := uv.MakePipe(0, 0)
	require.NoError(t, err)

	c := counts{}
	require.NoError(t, channel.ReadStart(nil, func(s uv.Stream, _ []byte, err error) {
		if err != nil {
			s.Close(nil)
			return
		}
		for channel.PendingCount() > 0 {
			c["pending"]++
			received := new(uv.Pipe)
			must(received.Init(loop, false))
			assert.NoError(t, s.Accept(received))
			never := func(uv.Stream, []byte, error) { t.Error("read") }
			if c["pending"] == 1 {
				assert.Equal(t, uv.EPERM, received.ReadStart(nil, never))
				assert.Equal(t, uv.EPERM, received.Shutdown(nil, nil))
				assert.Equal(t, uv.EPERM, received.Write(nil, [][]byte{[]byte("text")}, nil))
				n, err := received.TryWrite([][]byte{[]byte("text")})
				assert.NoError(t, err)
				assert.Equal(t, 4, n)
				received.Close(nil)
				continue
			}
			read := func(s uv.Stream, buf []byte, err error) {
				if err == nil {
					c[string(buf)]++
					return
				}
				assert.Equal(t, uv.EOF, err)
				s.Close(nil)
			}
			assert.NoError(t, received.ReadStart(nil, read))
			assert.NoError(t, received.ReadStop())
			assert.NoError(t, received.ReadStart(nil, read))
		}
	}))
	_, err = syscall.SendmsgN(peer, []byte("X"), syscall.UnixRights(int(file.Fd()), ends[0]), nil, 0)
	require.NoError(t, err)
	_, err = syscall.Write(ends[1], []byte("piped"))
	require.NoError(t, err)
	for _, fd := range []int{peer, ends[0], ends[1]} {
		require.NoError(t, syscall.Close(fd))
	}
	run(t, loop)
	assert.Equal(t, counts{"pending": 2, "piped": 1}, c)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "text", string(text))
}

// What embeds a handle is a Stream, too, as a C struct that begins with one is.
func TestIPC_EmbeddedHandle(t *testing.T) {
	t.Parallel()
	type client struct {
		uv.TCP
		name string
	}
	loop := newLoop(t)
	a, b := pipePair(t, loop, true)
	sent := &client{name: "sent"}
	require.NoError(t, sent.InitEx(loop, syscall.AF_INET))
	require.NoError(t, a.Write2(nil, buffers("h"), sent, func(r *uv.WriteReq, err error) {
		assert.NoError(t, err)
		assert.Same(t, &sent.TCP, r.SendHandle())
	}))
	n, err := a.TryWrite2(buffers("h"), sent)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	c := counts{}
	require.NoError(t, b.ReadStart(nil, func(uv.Stream, []byte, error) {
		for b.PendingCount() > 0 {
			c["pending"]++
			received := &client{name: "received"}
			must(received.Init(loop))
			assert.NoError(t, b.Accept(received))
			received.Close(nil)
		}
		if c["pending"] == 2 {
			a.Close(nil)
			b.Close(nil)
			sent.Close(nil)
		}
	}))
	var child uv.Process
	require.NoError(t, loop.Spawn(&child, &uv.ProcessOptions{
		File:  "true",
		Stdio: []uv.StdioContainer{{Flags: uv.InheritStream, Stream: sent}},
		ExitCB: func(p *uv.Process, _ int64, _ syscall.Signal) {
			c["exit"]++
			p.Close(nil)
		},
	}))
	run(t, loop)
	assert.Equal(t, counts{"pending": 2, "exit": 1}, c)
}

// A socket that was received may be one that the loop waits for already, since it
// connects.
func TestIPC_ConnectSocketReceived(t *testing.T) {
	t.Parallel()
	for name, accepts := range map[string]bool{"received": true, "nothing received": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loop := newLoop(t)
			c := counts{}
			server := boundTCP(t, loop)
			require.NoError(t, server.Listen(1, func(s uv.Stream, err error) {
				assert.NoError(t, err)
				c["connection"]++
				s.Close(nil)
			}))
			addr, err := server.Getsockname()
			require.NoError(t, err)
			a, b := pipePair(t, loop, true)
			var client, sent uv.TCP
			require.NoError(t, client.Init(loop))
			require.NoError(t, sent.InitEx(loop, syscall.AF_INET))
			connect := func() {
				assert.NoError(t, client.Connect(nil, addr, func(_ *uv.ConnectReq, err error) {
					c["connect"]++
					assert.NoError(t, err)
					assert.NoError(t, client.ReadStart(nil, func(uv.Stream, []byte, error) {}))
					assert.NoError(t, client.Write(nil, buffers("text"), func(_ *uv.WriteReq, err error) {
						c["write"]++
						assert.NoError(t, err)
						client.Close(nil)
					}))
				}))
			}
			if !accepts {
				assert.Equal(t, uv.EAGAIN, b.Accept(&client))
				connect()
			}
			require.NoError(t, a.Write2(nil, buffers("h"), &sent, nil))
			require.NoError(t, b.ReadStart(nil, func(uv.Stream, []byte, error) {
				if accepts {
					assert.NoError(t, b.Accept(&client))
					connect()
				}
				a.Close(nil)
				b.Close(nil)
				sent.Close(nil)
			}))
			run(t, loop)
			assert.Equal(t, counts{"connection": 1, "connect": 1, "write": 1}, c)
		})
	}
}
