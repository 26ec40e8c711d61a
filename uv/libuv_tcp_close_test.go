package uv_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// A connect that gets no answer is canceled by closing the handle.
func TestLibuv_tcp_close_while_connecting(t *testing.T) {
	t.Parallel()
	addr := tcpUnanswering(t)
	loop := newLoop(t)
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	tcp, soon, never := newTCP(t, loop), newTimer(t, loop), newTimer(t, loop)
	require.NoError(t, tcp.Connect(nil, addr, func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.Equal(t, uv.ECANCELED, err)
		assert.NoError(t, never.Stop())
	}))
	require.NoError(t, soon.Start(func(*uv.Timer) {
		called["timer"]++
		soon.Close(closed)
		tcp.Close(closed)
	}, 1, 0))
	require.NoError(t, never.Start(func(*uv.Timer) { assert.Fail(t, "called") }, 86400*1000, 0))
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "timer": 1, "close": 2}, called)
	closeAll(t, loop)
}

// A reader that gave up waiting and closed the connection is not called; its
// peer reads the end.
func TestLibuv_tcp_close_after_read_timeout(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	client, connection, timer := newTCP(t, loop), newTCP(t, loop), newTimer(t, loop)
	server := serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		called["connection"]++
		assert.NoError(t, err)
		assert.NoError(t, s.Accept(connection))
		assert.NoError(t, connection.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
			called["read"]++
			assert.Empty(t, buf)
			assert.Equal(t, uv.EOF, err)
			connection.Close(closed)
		}))
	})
	server.Unref()
	require.NoError(t, client.Connect(nil, sockname(t, server), func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		assert.NoError(t, client.ReadStart(nil, func(uv.Stream, []byte, error) { called["client read"]++ }))
		assert.NoError(t, timer.Start(func(h *uv.Timer) {
			assert.Same(t, timer, h)
			assert.Zero(t, called["read"])
			assert.NoError(t, client.ReadStop())
			client.Close(closed)
			timer.Close(closed)
		}, 50, 0))
	}))
	assert.Empty(t, called)
	run(t, loop)
	assert.Equal(t, counts{"connection": 1, "connect": 1, "read": 1, "close": 3}, called)
	closeAll(t, loop)
}

// The callbacks of writes come before that of the close.
func TestLibuv_tcp_close(t *testing.T) {
	t.Parallel()
	const writes = 32
	loop := newLoop(t)
	called := counts{}
	client := newTCP(t, loop)
	server := serveTCP(t, loop, localhost, func(_ uv.Stream, err error) { assert.NoError(t, err) })
	server.Unref()
	require.NoError(t, client.Connect(nil, sockname(t, server), func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		for range writes {
			assert.NoError(t, client.Write(nil, buffers("PING"), func(req *uv.WriteReq, err error) {
				called["write"]++
				assert.Zero(t, called["close"])
				assert.Same(t, client, req.Handle())
			}))
		}
		client.Close(func(h uv.Handle) {
			called["close"]++
			assert.Same(t, client, h)
		})
	}))
	assert.Empty(t, called)
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "write": writes, "close": 1}, called)
	closeAll(t, loop)
}

// How tcpCloseReset shuts a connection down before it resets it.
type tcpShutdownBefore int

const (
	tcpNoShutdown tcpShutdownBefore = iota
	tcpHandleShutdown
	tcpSocketShutdown
)

// tcpCloseReset writes from a client to a server and then closes one end, by its
// handle, with a reset. After the handle's Shutdown that is refused, and the end
// is left to close when the peer does.
func tcpCloseReset(t *testing.T, clientCloses bool, before tcpShutdownBefore) {
	t.Parallel()
	loop := newLoop(t)
	called := counts{}
	client, accepted := newTCP(t, loop), newTCP(t, loop)
	var server *uv.TCP
	var shutdown uv.ShutdownReq
	reset := func(end *uv.TCP) {
		closed := func(h uv.Handle) {
			called["close"]++
			assert.Same(t, end, h)
		}
		shut := func(req *uv.ShutdownReq, _ error) {
			called["shutdown"]++
			assert.Same(t, end, req.Handle())
		}
		switch before {
		case tcpHandleShutdown:
			assert.NoError(t, end.Shutdown(&shutdown, shut))
			assert.Equal(t, uv.EINVAL, end.CloseReset(closed))
		case tcpSocketShutdown:
			fd, err := end.Fileno()
			assert.NoError(t, err)
			assert.NoError(t, syscall.Shutdown(fd, syscall.SHUT_RDWR))
			assert.NoError(t, end.CloseReset(closed))
		default:
			assert.NoError(t, end.CloseReset(closed))
			assert.Equal(t, uv.ENOTCONN, end.Shutdown(&shutdown, shut))
		}
		server.Close(nil)
	}
	size := 0
	server = serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		assert.NoError(t, err)
		assert.NoError(t, s.Accept(accepted))
		assert.NoError(t, accepted.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
			if err != nil {
				accepted.Close(nil)
				return
			}
			if size += len(buf); size == 16 && !clientCloses {
				reset(accepted)
			}
		}))
	})
	require.NoError(t, client.Connect(nil, sockname(t, server), func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		assert.NoError(t, client.ReadStart(nil, func(_ uv.Stream, _ []byte, err error) {
			if err == uv.EOF {
				client.Close(nil)
				return
			}
			if !clientCloses {
				called["client reset"]++
				assert.Equal(t, uv.ECONNRESET, err)
			}
		}))
		for range 4 {
			assert.NoError(t, client.Write(nil, buffers("PING"), func(req *uv.WriteReq, err error) {
				called["write"]++
				assert.NoError(t, err)
				assert.Zero(t, called["close"])
				assert.Same(t, client, req.Handle())
			}))
		}
		if clientCloses {
			reset(client)
		}
	}))
	assert.Empty(t, called)
	run(t, loop)
	want := counts{"connect": 1, "write": 4}
	if before == tcpHandleShutdown {
		want["shutdown"] = 1
	} else {
		want["close"] = 1
	}
	if !clientCloses && before == tcpNoShutdown {
		want["client reset"] = 1
	}
	assert.Equal(t, want, called)
	closeAll(t, loop)
}

// Closing the client with a reset: the writes before it are done.
func TestLibuv_tcp_close_reset_client(t *testing.T) {
	tcpCloseReset(t, true, tcpNoShutdown)
}

// A client that is shut down is not reset.
func TestLibuv_tcp_close_reset_client_after_shutdown(t *testing.T) {
	tcpCloseReset(t, true, tcpHandleShutdown)
}

// Closing the server's end with a reset.
func TestLibuv_tcp_close_reset_accepted(t *testing.T) {
	tcpCloseReset(t, false, tcpNoShutdown)
}

// The server's end is not reset either when it is shut down.
func TestLibuv_tcp_close_reset_accepted_after_shutdown(t *testing.T) {
	tcpCloseReset(t, false, tcpHandleShutdown)
}

// That the socket was shut down, not by libuv, is no obstacle.
func TestLibuv_tcp_close_reset_accepted_after_socket_shutdown(t *testing.T) {
	tcpCloseReset(t, false, tcpSocketShutdown)
}

// A connection is closed that has something to read, and another is opened at
// once, which may get its descriptor: it does not get its event. Not parallel,
// so that no other test gets the descriptor.
func TestLibuv_tcp_close_accept(t *testing.T) {
	const clients = 2
	loop := newLoop(t)
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	var server, pending *uv.TCP
	var incoming []*uv.TCP
	var read uv.ReadCB
	alloc := func(uv.Handle, int) []byte { return make([]byte, 1) }
	server = serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		assert.Same(t, server, s)
		called["connection"]++
		peer := newTCP(t, loop)
		assert.NoError(t, s.Accept(peer))
		incoming = append(incoming, peer)
		if len(incoming) < clients {
			return
		}
		for _, peer := range incoming {
			assert.NoError(t, peer.ReadStart(alloc, read))
		}
	})
	addr := sockname(t, server)
	check := newTCP(t, loop)
	read = func(s uv.Stream, buf []byte, err error) {
		called["read"]++
		assert.NoError(t, err)
		assert.Len(t, buf, 1)
		assert.NoError(t, s.ReadStop())
		pending = s.(*uv.TCP)
		for _, peer := range incoming {
			if peer != pending {
				peer.Close(closed)
			}
		}
		server.Close(closed)
		assert.NoError(t, check.Connect(nil, addr, func(_ *uv.ConnectReq, err error) {
			called["check"]++
			assert.Equal(t, uv.ECONNREFUSED, err)
			pending.Close(closed)
			check.Close(closed)
		}))
		assert.NoError(t, check.ReadStart(alloc, read))
	}
	for range clients {
		client := newTCP(t, loop)
		require.NoError(t, client.Connect(nil, addr, func(_ *uv.ConnectReq, err error) {
			called["connect"]++
			assert.NoError(t, err)
			assert.NoError(t, client.Write(nil, buffers("x"), func(_ *uv.WriteReq, err error) {
				called["write"]++
				assert.NoError(t, err)
			}))
		}))
	}
	run(t, loop)
	assert.Equal(t, counts{
		"connection": clients, "connect": clients, "write": clients, "read": 1, "check": 1, "close": clients + 2,
	}, called)
	closeAll(t, loop)
}
