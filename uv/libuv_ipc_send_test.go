package uv_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// ipcCheck is an assertion of a helper.
func ipcCheck(ok bool, what string) {
	if !ok {
		panic("not so: " + what)
	}
}

// openIPCChannel opens a helper's end of the channel to its parent.
func openIPCChannel(loop *uv.Loop) *uv.Pipe {
	channel := new(uv.Pipe)
	must(channel.Init(loop, true))
	must(channel.Open(0))
	ipcCheck(channel.IsReadable(), "the channel is readable")
	ipcCheck(channel.IsWritable(), "the channel is writable")
	ipcCheck(!channel.IsClosing(), "the channel is open")
	return channel
}

// ipcListen is a helper that sends a server to its parent and accepts one
// connection to it, which it tells.
func ipcListen(listenAfterWrite bool) {
	loop := new(uv.Loop)
	must(loop.Init())
	channel := openIPCChannel(loop)
	c := counts{}
	closed := func(uv.Handle) { c["close"]++ }
	var server, conn uv.TCP
	listen := func() {
		must(server.Listen(128, func(s uv.Stream, err error) {
			if c["connection"]++; c["connection"] > 1 {
				return
			}
			must(err)
			ipcCheck(s == &server, "the server has the connection")
			must(conn.Init(loop))
			must(s.Accept(&conn))
			conn.Close(closed)
			must(channel.Write2(nil, buffers("accepted_connection\n"), nil, func(*uv.WriteReq, error) {
				server.Close(closed)
				channel.Close(closed)
			}))
		}))
	}
	must(server.Init(loop))
	must(server.Bind(netip.MustParseAddrPort("0.0.0.0:0"), 0))
	if !listenAfterWrite {
		listen()
	}
	must(channel.Write2(nil, buffers("hello\n"), &server, nil))
	if listenAfterWrite {
		listen()
	}
	ipcCheck(!loop.Run(uv.RunDefault), "nothing is left to do")
	ipcCheck(c["connection"] >= 1, "there was a connection")
	ipcCheck(c["close"] == 3, "three handles were closed")
	must(loop.Close())
}

var (
	helperIPCListenBeforeWrite = helper("ipc listen before write", func() { ipcListen(false) })
	helperIPCListenAfterWrite  = helper("ipc listen after write", func() { ipcListen(true) })
)

// ipcShareServer listens on a server that a helper sends, and makes connections
// until both of them have accepted one.
func ipcShareServer(t *testing.T, name string) {
	const connections = 100
	loop := newLoop(t)
	c := counts{}
	channel := ipcChild(t, loop, name, c)
	var server uv.TCP
	serve := func(s uv.Stream, err error) {
		c["local connection"]++
		assert.NoError(t, err)
		assert.Same(t, &server, s)
		conn := new(uv.TCP)
		assert.NoError(t, conn.Init(loop))
		assert.NoError(t, s.Accept(conn))
		conn.Close(nil)
		server.Close(nil)
	}
	connectMany := func() {
		addr, err := server.Getsockname()
		assert.NoError(t, err)
		for range connections {
			conn := new(uv.TCP)
			assert.NoError(t, conn.Init(loop))
			assert.NoError(t, conn.Connect(nil, netip.AddrPortFrom(localhost.Addr(), addr.Port()), func(*uv.ConnectReq, error) {
				conn.Close(func(uv.Handle) { c["connect"]++ })
			}))
		}
	}
	require.NoError(t, channel.ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			return
		}
		switch string(buf) {
		case "hello\n":
			c["hello"]++
			assert.Equal(t, 1, channel.PendingCount())
			assert.Equal(t, uv.HandleTypeTCP, channel.PendingType())
			assert.NoError(t, server.Init(loop))
			assert.NoError(t, s.Accept(&server))
			assert.NoError(t, server.Listen(128, serve))
			assert.NoError(t, s.Write(nil, buffers("foobar\n"), nil))
			connectMany()
		case "accepted_connection\n":
			c["remote connection"]++
			assert.Zero(t, channel.PendingCount())
			assert.Equal(t, uv.HandleTypeUnknown, channel.PendingType())
			channel.Close(nil)
		default:
			assert.Fail(t, "unexpected message", "%q", buf)
		}
	}))
	run(t, loop)
	assert.Equal(t, counts{
		"hello": 1, "local connection": 1, "remote connection": 1, "connect": connections, "exit": 1,
	}, c)
}

// A server that a process sends to another serves in both, if it listened
// before.
func TestLibuv_ipc_listen_before_write(t *testing.T) {
	t.Parallel()
	ipcShareServer(t, helperIPCListenBeforeWrite)
}

// So does one that is only bound when it is sent.
func TestLibuv_ipc_listen_after_write(t *testing.T) {
	t.Parallel()
	ipcShareServer(t, helperIPCListenAfterWrite)
}

// A helper connects to a server of its own and sends the accepted end to its
// parent, closing its copy at once. On the other end it answers.
var helperIPCTCPConnection = helper("ipc tcp connection", func() {
	loop := new(uv.Loop)
	must(loop.Init())
	channel := openIPCChannel(loop)
	c := counts{}
	closed := func(uv.Handle) { c["close"]++ }
	var server, conn uv.TCP
	read := func(s uv.Stream, buf []byte, err error) {
		if err == uv.EOF {
			return
		}
		must(err)
		ipcCheck(string(buf) == "world\n", "the parent says so")
		ipcCheck(s == &conn, "what is closed does not read")
		c["read"]++
		must(s.Write(nil, buffers("hello again\n"), func(req *uv.WriteReq, err error) {
			must(err)
			ipcCheck(req.Handle() == &conn, "the request has the handle")
			c["write"]++
			conn.Close(closed)
			channel.Close(closed)
			server.Close(closed)
		}))
	}
	must(server.Init(loop))
	must(server.Bind(netip.MustParseAddrPort("0.0.0.0:0"), 0))
	must(server.Listen(128, func(s uv.Stream, err error) {
		must(err)
		ipcCheck(s == &server, "the server has the connection")
		accepted := new(uv.TCP)
		must(accepted.Init(loop))
		must(s.Accept(accepted))
		must(channel.Write2(nil, buffers("hello\n"), accepted, nil))
		must(accepted.ReadStart(nil, read))
		accepted.Close(closed)
	}))
	addr, err := server.Getsockname()
	must(err)
	must(conn.Init(loop))
	must(conn.Connect(nil, netip.AddrPortFrom(localhost.Addr(), addr.Port()), func(req *uv.ConnectReq, err error) {
		must(err)
		must(req.Handle().ReadStart(nil, read))
	}))
	ipcCheck(!loop.Run(uv.RunDefault), "nothing is left to do")
	ipcCheck(c["read"] == 1, "it read once")
	ipcCheck(c["write"] == 1, "it wrote once")
	ipcCheck(c["close"] == 4, "four handles were closed")
	must(loop.Close())
})

// A connection that a process sent and closed lives on in the other.
func TestLibuv_ipc_tcp_connection(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	channel := ipcChild(t, loop, helperIPCTCPConnection, c)
	var conn uv.TCP
	require.NoError(t, channel.ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			return
		}
		c["read"]++
		assert.Equal(t, "hello\n", string(buf))
		assert.Equal(t, 1, channel.PendingCount())
		assert.Equal(t, uv.HandleTypeTCP, channel.PendingType())
		assert.NoError(t, conn.Init(loop))
		assert.NoError(t, s.Accept(&conn))
		assert.NoError(t, conn.Write(nil, buffers("world\n"), func(req *uv.WriteReq, err error) {
			c["tcp write"]++
			assert.NoError(t, err)
			assert.Same(t, &conn, req.Handle())
		}))
		assert.NoError(t, conn.ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
			c["tcp read"]++
			assert.NoError(t, err)
			assert.Equal(t, "hello again\n", string(buf))
			assert.Same(t, &conn, s)
			conn.Close(nil)
			channel.Close(nil)
		}))
	}))
	run(t, loop)
	assert.Equal(t, counts{"read": 1, "tcp write": 1, "tcp read": 1, "exit": 1}, c)
}

// ipcSendBack is a thread's: it serves at a path, and sends the two handles that
// it receives back. Listening is closed when it may be connected to.
func ipcSendBack(t *testing.T, path string, kind uv.HandleType, listening chan<- bool) {
	var loop uv.Loop
	assert.NoError(t, loop.Init())
	c := counts{}
	var server, channel uv.Pipe
	var received []uv.Stream
	written := func(_ *uv.WriteReq, err error) {
		assert.NoError(t, err)
		if c["write"]++; c["write"] == 2 {
			closeOthers(&loop, nil)
		}
	}
	read := func(s uv.Stream, _ []byte, err error) {
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			return
		}
		assert.Same(t, &channel, s)
		for channel.PendingCount() > 0 {
			assert.Equal(t, kind, channel.PendingType())
			s, err := acceptPending(&channel)
			assert.NoError(t, err)
			received = append(received, s)
			assert.NoError(t, channel.Write2(nil, buffers("."), s, written))
		}
	}
	assert.NoError(t, server.Init(&loop, false))
	assert.NoError(t, channel.Init(&loop, true))
	assert.NoError(t, server.Bind(path))
	assert.NoError(t, server.Listen(128, func(s uv.Stream, err error) {
		c["connection"]++
		assert.Same(t, &server, s)
		assert.NoError(t, err)
		assert.NoError(t, s.Accept(&channel))
		assert.True(t, channel.IsReadable())
		assert.True(t, channel.IsWritable())
		assert.False(t, channel.IsClosing())
		assert.NoError(t, channel.ReadStart(smallAlloc, read))
	}))
	close(listening)
	assert.False(t, loop.Run(uv.RunDefault))
	assert.NoError(t, loop.Close())
	assert.Len(t, received, 2)
	assert.Equal(t, counts{"connection": 1, "write": 2}, c)
}

// smallAlloc is enough for what comes with a handle.
func smallAlloc(uv.Handle, int) []byte { return make([]byte, 8) }

// ipcSendInprocess sends two handles to a thread with a loop of its own, and
// receives them from it. Before libuv 1.52 the end may be read instead of the
// second one: when the thread has closed its end already, a read of less than
// the buffer holds counts as the last, and the read of a handle is one.
func ipcSendInprocess(t *testing.T, loop *uv.Loop, send [2]uv.Stream, name func(s uv.Stream) string) {
	path := socketPath(t)
	kind := send[0].Type()
	listening := make(chan bool)
	var thread uv.Thread
	require.NoError(t, thread.Create(func() { ipcSendBack(t, path, kind, listening) }))
	<-listening

	c := counts{}
	channel := new(uv.Pipe)
	require.NoError(t, channel.Init(loop, true))
	var received []uv.Stream
	read := func(s uv.Stream, _ []byte, err error) {
		assert.Same(t, channel, s)
		if err == uv.EOF && uv.Version() < 0x013400 {
			c["lost"]++
			assert.Len(t, received, 1)
		} else {
			assert.NoError(t, err)
			assert.Positive(t, channel.PendingCount())
		}
		for channel.PendingCount() > 0 {
			assert.Equal(t, kind, channel.PendingType())
			s, err := acceptPending(channel)
			assert.NoError(t, err)
			received = append(received, s)
		}
		if err != nil || len(received) == 2 {
			channel.Close(nil)
		}
	}
	var connect uv.ConnectReq
	require.NoError(t, channel.Connect(&connect, path, func(req *uv.ConnectReq, err error) {
		c["connect"]++
		assert.Same(t, &connect, req)
		assert.NoError(t, err)
		for _, s := range send {
			assert.NoError(t, channel.Write2(nil, buffers("."), s, nil))
		}
		assert.NoError(t, channel.ReadStart(smallAlloc, read))
	}))
	run(t, loop)
	require.NoError(t, thread.Join())
	assert.Equal(t, 1, c["connect"])
	require.Equal(t, 2, len(received)+c["lost"])
	for i, s := range received {
		assert.Equal(t, name(send[i]), name(s))
	}
	closeAll(t, loop)
}

// Pipes that are bound pass between two loops of a process, over a pipe with a
// name.
func TestLibuv_ipc_send_recv_pipe_inprocess(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var send [2]uv.Stream
	for i := range send {
		p := new(uv.Pipe)
		require.NoError(t, p.Init(loop, true))
		require.NoError(t, p.Bind(socketPath(t)))
		send[i] = p
	}
	ipcSendInprocess(t, loop, send, func(s uv.Stream) string {
		name, err := s.(*uv.Pipe).Getsockname()
		require.NoError(t, err)
		return name
	})
}

// So do TCP handles.
func TestLibuv_ipc_send_recv_tcp_inprocess(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	send := [2]uv.Stream{boundTCP(t, loop), boundTCP(t, loop)}
	ipcSendInprocess(t, loop, send, func(s uv.Stream) string { return sockname(t, s.(*uv.TCP)).String() })
}

// Two pipes are sent to a child, which sends them back: they have the names
// that they had.
func TestLibuv_ipc_send_recv_pipe(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	one, path1 := boundPipe(t, loop)
	two, path2 := boundPipe(t, loop)
	sendAndReceive(t, loop, []uv.Stream{one, two}, func(got []uv.Stream) {
		for i, want := range []string{path1, path2} {
			name, err := got[i].(*uv.Pipe).Getsockname()
			assert.NoError(t, err)
			assert.Equal(t, want, name)
			got[i].Close(nil)
		}
	})
}

// So it is with TCP handles.
func TestLibuv_ipc_send_recv_tcp(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	one, two := boundTCP(t, loop), boundTCP(t, loop)
	addr1, err := one.Getsockname()
	require.NoError(t, err)
	addr2, err := two.Getsockname()
	require.NoError(t, err)
	sendAndReceive(t, loop, []uv.Stream{one, two}, func(got []uv.Stream) {
		for i, want := range []any{addr1, addr2} {
			addr, err := got[i].(*uv.TCP).Getsockname()
			assert.NoError(t, err)
			assert.Equal(t, want, addr)
			got[i].Close(nil)
		}
	})
}

// Nothing can be written, and arrives as nothing. The helper does not close its
// end, which need not keep a loop alive.
func TestLibuv_ipc_send_zero(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	channel := ipcChild(t, loop, helperIPCZero, c)
	got := readToEnd(t, channel)
	run(t, loop)
	assert.Empty(t, got.String())
	assert.Equal(t, counts{"exit": 1}, c)
}

var helperIPCZero = helper("ipc zero", func() {
	loop := new(uv.Loop)
	must(loop.Init())
	channel := new(uv.Pipe)
	must(channel.Init(loop, false))
	must(channel.Open(0))
	ipcCheck(channel.IsReadable(), "the channel is readable")
	ipcCheck(channel.IsWritable(), "the channel is writable")
	ipcCheck(!channel.IsClosing(), "the channel is open")
	writes := 0
	must(channel.Write(nil, [][]byte{{}}, func(_ *uv.WriteReq, err error) {
		must(err)
		writes++
	}))
	ipcCheck(!loop.Run(uv.RunDefault), "nothing is left to do")
	ipcCheck(writes == 1, "one write callback")
})
