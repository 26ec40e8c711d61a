package uv_test

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// tcpNowhere6 is an address that nothing can be done with.
var tcpNowhere6 = netip.MustParseAddrPort("[fe80::1%no-such-interface]:1")

// tcpEchoServer returns the address of a server in the loop that sends back
// what it gets. It keeps the loop alive only while a client is connected.
func tcpEchoServer(t testing.TB, loop *uv.Loop, addr netip.AddrPort) netip.AddrPort {
	t.Helper()
	server := serveTCP(t, loop, addr, func(s uv.Stream, err error) {
		assert.NoError(t, err)
		peer := newTCP(t, loop)
		assert.NoError(t, s.Accept(peer))
		assert.NoError(t, peer.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
			switch err {
			case nil: // clients may be gone before they got everything
				assert.NoError(t, peer.Write(nil, [][]byte{bytes.Clone(buf)}, nil))
			case uv.EOF:
				assert.NoError(t, peer.Shutdown(nil, func(*uv.ShutdownReq, error) { peer.Close(nil) }))
			default:
				assert.Equal(t, uv.ECONNRESET, err)
				peer.Close(nil)
			}
		}))
	})
	server.Unref()
	return sockname(t, server)
}

// tcpRefusing returns an address that is taken and where nobody listens.
func tcpRefusing(t testing.TB, loop *uv.Loop, addr netip.AddrPort) netip.AddrPort {
	t.Helper()
	tcp := newTCP(t, loop)
	require.NoError(t, tcp.Bind(addr, 0))
	return sockname(t, tcp)
}

// tcpUnanswering returns an address where a connect gets no answer: there is a
// server whose queue is full. Nothing leaves the machine for that.
func tcpUnanswering(t *testing.T) netip.AddrPort {
	t.Helper()
	loop := newLoop(t) // which does not run, so nothing is taken from the queue
	server := newTCP(t, loop)
	t.Cleanup(func() { closeAll(t, loop) })
	require.NoError(t, server.Bind(localhost, 0))
	require.NoError(t, server.Listen(0, func(uv.Stream, error) { assert.Fail(t, "called") }))
	addr := sockname(t, server)

	client := newSocket(t)
	t.Cleanup(func() { assert.NoError(t, syscall.Close(client)) })
	require.NoError(t, syscall.Connect(client, &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}))
	// The server's end may be there a little later than the client's.
	fd, err := server.Fileno()
	require.NoError(t, err)
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	require.NoError(t, err)
	defer syscall.Close(epoll)
	require.NoError(t, syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN}))
	for n := 0; n == 0; {
		n, err = syscall.EpollWait(epoll, make([]syscall.EpollEvent, 1), -1)
		if err != syscall.EINTR {
			require.NoError(t, err)
			require.Equal(t, 1, n)
		}
	}
	return addr
}

// An AllocCB that has no buffer is told to the reader.
func TestLibuv_tcp_alloc_cb_fail(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	client, incoming := newTCP(t, loop), newTCP(t, loop)
	server := serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		called["connection"]++
		assert.NoError(t, err)
		assert.NoError(t, s.Accept(incoming))
		assert.NoError(t, incoming.ReadStart(func(uv.Handle, int) []byte { return nil }, func(_ uv.Stream, buf []byte, err error) {
			called["read"]++
			assert.Equal(t, uv.ENOBUFS, err)
			assert.Nil(t, buf)
			incoming.Close(closed)
			client.Close(closed)
			s.Close(closed)
		}))
	})
	require.NoError(t, client.Connect(nil, sockname(t, server), func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		assert.NoError(t, client.Write(nil, buffers("HELLO!"), func(_ *uv.WriteReq, err error) {
			called["write"]++
			assert.NoError(t, err)
		}))
	}))
	run(t, loop)
	assert.Equal(t, counts{"connection": 1, "connect": 1, "write": 1, "read": 1, "close": 3}, called)
}

const tcpPings = 1000

// tcpPing sends PING over a connected stream, again for every pong that comes
// back, and closes it when it has had enough. Vectored is a buffer a byte.
func tcpPing(t testing.TB, s uv.Stream, vectored bool, pong string, called counts) {
	t.Helper()
	const ping = "PING\n"
	bufs := buffers(ping)
	if vectored {
		bufs = buffers(strings.Split(ping, "")...)
	}
	write := func() {
		assert.NoError(t, s.Write(nil, bufs, func(_ *uv.WriteReq, err error) {
			called["write"]++
			assert.NoError(t, err)
		}))
	}
	position := 0
	write()
	assert.NoError(t, s.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		if !assert.NoError(t, err) {
			s.Close(nil)
			return
		}
		for _, c := range buf {
			assert.Equal(t, pong[position], c)
			if position = (position + 1) % len(pong); position != 0 {
				continue
			}
			if called["pong"]++; called["pong"] == tcpPings {
				s.Close(func(uv.Handle) { called["close"]++ })
				return
			}
			write()
		}
	}))
}

// tcpPingPong plays with a server.
func tcpPingPong(t *testing.T, addr netip.AddrPort, vectored bool) {
	t.Helper()
	loop := newLoop(t)
	if addr.Addr().Is6() {
		requireIPv6(t, loop)
	}
	pinger := newTCP(t, loop)
	called := counts{}
	require.NoError(t, pinger.Connect(nil, tcpEchoServer(t, loop, addr), func(req *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		assert.Same(t, pinger, req.Handle())
		assert.True(t, pinger.IsReadable())
		assert.True(t, pinger.IsWritable())
		assert.False(t, pinger.IsClosing())
		tcpPing(t, pinger, vectored, "PING\n", called)
	}))
	assert.Empty(t, called, "never before Connect returns")
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "write": tcpPings, "pong": tcpPings, "close": 1}, called)
	closeAll(t, loop)
}

// tcpPairPingPong plays between two ends of a socket pair.
func tcpPairPingPong(t *testing.T, vectored bool) {
	t.Helper()
	loop := newLoop(t)
	fds, err := uv.Socketpair(syscall.SOCK_STREAM, 0, uv.NonblockPipe, uv.NonblockPipe)
	require.NoError(t, err)
	assert.Equal(t, uv.HandleTypeNamedPipe, uv.GuessHandle(fds[0]))
	assert.Equal(t, uv.HandleTypeNamedPipe, uv.GuessHandle(fds[1]))
	pinger, ponger := newTCP(t, loop), newTCP(t, loop)
	require.NoError(t, pinger.Open(fds[1]))
	require.NoError(t, ponger.Open(fds[0]))
	called := counts{}
	tcpPing(t, pinger, vectored, "PONG\n", called)
	require.NoError(t, ponger.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			ponger.Close(func(uv.Handle) { called["ponger close"]++ })
			return
		}
		assert.NoError(t, ponger.Write(nil, [][]byte{bytes.ReplaceAll(buf, []byte("I"), []byte("O"))}, func(_ *uv.WriteReq, err error) {
			assert.NoError(t, err)
		}))
	}))
	run(t, loop)
	assert.Equal(t, counts{"write": tcpPings, "pong": tcpPings, "close": 1, "ponger close": 1}, called)
}

// A thousand times there and back, over TCP and over a socket pair.
func TestLibuv_tcp_ping_pong(t *testing.T) {
	t.Parallel()
	tcpPingPong(t, localhost, false)
	tcpPairPingPong(t, false)
}

// The same with several buffers a write.
func TestLibuv_tcp_ping_pong_vec(t *testing.T) {
	t.Parallel()
	tcpPingPong(t, localhost, true)
	tcpPairPingPong(t, true)
}

// The same over IPv6.
func TestLibuv_tcp6_ping_pong(t *testing.T) {
	t.Parallel()
	tcpPingPong(t, localhost6, false)
}

// The same over IPv6 with several buffers a write.
func TestLibuv_tcp6_ping_pong_vec(t *testing.T) {
	t.Parallel()
	tcpPingPong(t, localhost6, true)
}

// A handle takes one socket; a second one stays its owner's.
func TestLibuv_tcp_open_twice(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	first, second := newSocket(t), newSocket(t)
	client := newTCP(t, loop)
	require.NoError(t, client.Open(first))
	assert.Equal(t, uv.EBUSY, client.Open(second))
	assert.NoError(t, syscall.Close(second))
	client.Close(nil)
	run(t, loop)
}

// A socket that is connected already can be used at once.
func TestLibuv_tcp_open_connected(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	addr := tcpEchoServer(t, loop, localhost)
	sock := newSocket(t)
	require.NoError(t, syscall.Connect(sock, &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}))
	client := newTCP(t, loop)
	require.NoError(t, client.Open(sock))
	called := counts{}
	require.NoError(t, client.Write(nil, buffers("PING"), func(_ *uv.WriteReq, err error) {
		called["write"]++
		assert.NoError(t, err)
	}))
	var shutdown uv.ShutdownReq
	require.NoError(t, client.Shutdown(&shutdown, func(req *uv.ShutdownReq, err error) {
		called["shutdown"]++
		assert.Same(t, &shutdown, req)
		assert.NoError(t, err)
	}))
	require.NoError(t, client.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			client.Close(func(uv.Handle) { called["close"]++ })
			return
		}
		called["read"]++
		assert.Equal(t, "PING", string(buf))
	}))
	run(t, loop)
	assert.Equal(t, counts{"write": 1, "shutdown": 1, "read": 1, "close": 1}, called)
	closeAll(t, loop)
}

// tcpConnectFails shows that Connect refuses an address: no callback comes, and
// the handle can be closed.
func tcpConnectFails(t *testing.T, loop *uv.Loop, addr netip.AddrPort) {
	t.Helper()
	tcp := newTCP(t, loop)
	assert.Equal(t, uv.EINVAL, tcp.Connect(nil, addr, func(*uv.ConnectReq, error) { assert.Fail(t, "called") }))
	tcpCloseCounted(t, loop, tcp)
}

// What is no address in C is the zero AddrPort in Go.
func TestLibuv_tcp_connect_error_fault(t *testing.T) {
	t.Parallel()
	tcpConnectFails(t, newLoop(t), netip.AddrPort{})
}

// An IPv6 address that makes no sense is one in a zone that there is not.
func TestLibuv_tcp_connect6_error_fault(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	requireIPv6(t, loop)
	tcpConnectFails(t, loop, netip.AddrPort{})
	tcpConnectFails(t, loop, tcpNowhere6)
}

// A link-local address needs no zone: libuv takes the first interface that has
// such an address. The one connected to is that interface's own, so nothing
// leaves the machine.
func TestLibuv_tcp_connect6_link_local(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	requireIPv6(t, loop)
	addrs, err := net.InterfaceAddrs()
	require.NoError(t, err)
	var ip netip.Addr
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		require.NoError(t, err)
		if prefix.Addr().Is6() && prefix.Addr().IsLinkLocalUnicast() {
			ip = prefix.Addr()
			break
		}
	}
	if !ip.IsValid() {
		t.Skip("no interface has a link-local address")
	}
	client := newTCP(t, loop)
	called := counts{}
	addr := netip.AddrPortFrom(ip, tcpRefusing(t, loop, netip.MustParseAddrPort("[::]:0")).Port())
	err = client.Connect(nil, addr, func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.Equal(t, uv.ECANCELED, err)
	})
	client.Close(nil)
	run(t, loop)
	if uv.Version() < 0x012f00 {
		assert.Equal(t, uv.EINVAL, err, "libuv took none before 1.47")
		assert.Empty(t, called)
	} else {
		assert.NoError(t, err)
		assert.Equal(t, counts{"connect": 1}, called)
	}
	closeAll(t, loop)
}

// A connect that gets no answer does not hold up the loop.
func TestLibuv_tcp_connect_timeout(t *testing.T) {
	t.Parallel()
	addr := tcpUnanswering(t)
	loop := newLoop(t)
	conn, timer := newTCP(t, loop), newTimer(t, loop)
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	require.NoError(t, timer.Start(func(h *uv.Timer) {
		called["timer"]++
		assert.Same(t, timer, h)
		assert.Zero(t, called["connect"])
		conn.Close(closed)
		timer.Close(closed)
	}, 50, 0))
	var req uv.ConnectReq
	require.NoError(t, conn.Connect(&req, addr, func(r *uv.ConnectReq, err error) {
		called["connect"]++
		assert.Same(t, &req, r)
		assert.Equal(t, uv.ECANCELED, err)
	}))
	run(t, loop)
	assert.Equal(t, counts{"timer": 1, "connect": 1, "close": 2}, called)
}

// tcpLocalConnect connects to where nobody listens, which fails long before a
// timer goes off.
func tcpLocalConnect(t *testing.T, loop *uv.Loop, addr netip.AddrPort) {
	t.Helper()
	conn, timer := newTCP(t, loop), newTimer(t, loop)
	called := counts{}
	require.NoError(t, timer.Start(func(*uv.Timer) {
		called["timer"]++
		conn.Close(nil)
	}, 30_000, 0))
	var req uv.ConnectReq
	require.NoError(t, conn.Connect(&req, tcpRefusing(t, loop, addr), func(r *uv.ConnectReq, err error) {
		called["connect"]++
		assert.Same(t, &req, r)
		assert.Equal(t, uv.ECONNREFUSED, err)
		assert.NoError(t, timer.Stop())
	}))
	run(t, loop)
	assert.Equal(t, counts{"connect": 1}, called)
	closeAll(t, loop)
}

// On this machine a connect fails at once.
func TestLibuv_tcp_local_connect_timeout(t *testing.T) {
	t.Parallel()
	tcpLocalConnect(t, newLoop(t), localhost)
}

// The same over IPv6.
func TestLibuv_tcp6_local_connect_timeout(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	requireIPv6(t, loop)
	tcpLocalConnect(t, loop, localhost6)
}

// InitEx makes the socket, which has a name without an address until Bind.
func TestLibuv_tcp_create_early(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var client uv.TCP
	require.NoError(t, client.InitEx(loop, syscall.AF_INET))
	fd, err := client.Fileno()
	assert.NoError(t, err)
	assert.NotEqual(t, -1, fd)
	assert.Equal(t, netip.MustParseAddrPort("0.0.0.0:0"), sockname(t, &client))
	require.NoError(t, client.Bind(localhost, 0))
	assert.Equal(t, localhost.Addr(), sockname(t, &client).Addr())
	client.Close(nil)
	run(t, loop)
}

// InitEx knows two families, and no flags beside them.
func TestLibuv_tcp_create_early_bad_domain(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var client uv.TCP
	assert.Equal(t, uv.EINVAL, client.InitEx(loop, 47))
	assert.Equal(t, uv.EINVAL, client.InitEx(loop, 1024))
	run(t, loop)
}

// A handle that has a socket cannot take a connection.
func TestLibuv_tcp_create_early_accept(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	called := counts{}
	server := serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		called["connection"]++
		assert.NoError(t, err)
		var early uv.TCP
		assert.NoError(t, early.InitEx(loop, syscall.AF_INET))
		assert.Equal(t, uv.EBUSY, s.Accept(&early))
		s.Close(nil)
		early.Close(func(uv.Handle) { called["close"]++ })
	})
	client := newTCP(t, loop)
	require.NoError(t, client.Connect(nil, sockname(t, server), func(req *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		req.Handle().Close(nil)
	}))
	run(t, loop)
	assert.Equal(t, counts{"connection": 1, "connect": 1, "close": 1}, called)
}

// Urgent data, which libuv does not read, is no end and no error, and the loop
// goes on.
func TestLibuv_tcp_oob(t *testing.T) {
	t.Parallel()
	const maxTicks = 10
	loop := newLoop(t)
	called := counts{}
	client, peer := newTCP(t, loop), newTCP(t, loop)
	var idle uv.Idle
	require.NoError(t, idle.Init(loop))
	server := newTCP(t, loop)
	require.NoError(t, server.Bind(localhost, 0))
	require.NoError(t, server.Listen(1, func(s uv.Stream, err error) {
		called["connection"]++
		assert.NoError(t, err)
		assert.NoError(t, s.Accept(peer))
		assert.NoError(t, peer.ReadStart(nil, func(_ uv.Stream, _ []byte, err error) {
			assert.NoError(t, err)
			assert.NoError(t, idle.Start(func(*uv.Idle) {
				if called["tick"]++; called["tick"] == maxTicks {
					server.Close(nil)
					client.Close(nil)
					peer.Close(nil)
					idle.Close(nil)
				}
			}))
		}))
		fd, err := client.Fileno()
		assert.NoError(t, err)
		assert.NoError(t, client.SetBlocking(true))
		for range 2 {
			n, err := syscall.SendmsgN(fd, []byte("hello"), nil, nil, syscall.MSG_OOB)
			assert.NoError(t, err)
			assert.Equal(t, 5, n)
		}
		assert.NoError(t, client.SetBlocking(false))
	}))
	require.NoError(t, client.Nodelay(true), "two packets, not one")
	require.NoError(t, client.Connect(nil, sockname(t, server), func(req *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		assert.Same(t, client, req.Handle())
	}))
	run(t, loop)
	assert.Equal(t, counts{"connection": 1, "connect": 1, "tick": maxTicks}, called)
}

// The options of a socket that is there, and that keep-alive needs a delay.
func TestLibuv_tcp_flags(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var tcp uv.TCP
	require.NoError(t, tcp.InitEx(loop, syscall.AF_INET))
	assert.NoError(t, tcp.Nodelay(true))
	assert.NoError(t, tcp.Keepalive(true, 60))
	assert.NoError(t, tcp.Keepalive(false, 0))
	err := tcp.Keepalive(true, 0)
	if v := uv.Version(); v >= 0x013000 && v < 0x013100 { // 1.48 returns -1
		assert.Equal(t, uv.EPERM, err)
	} else {
		assert.Equal(t, uv.EINVAL, err)
	}
	tcp.Close(nil)
	run(t, loop)
}

// What comes for a handle that does not read is left alone: it does not keep
// the loop busy.
func TestLibuv_tcp_unexpected_read(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	called := counts{}
	ticks := 0
	var check uv.Check
	require.NoError(t, check.Init(loop))
	require.NoError(t, check.Start(func(*uv.Check) { ticks++ }))
	timer := newTimer(t, loop)
	client, peer, server := newTCP(t, loop), newTCP(t, loop), newTCP(t, loop)
	require.NoError(t, server.Bind(localhost, 0))
	require.NoError(t, server.Listen(1, func(s uv.Stream, err error) {
		called["connection"]++
		assert.NoError(t, err)
		assert.NoError(t, s.Accept(peer))
		assert.NoError(t, peer.ReadStart(
			func(uv.Handle, int) []byte { assert.Fail(t, "alloc called"); return nil },
			func(uv.Stream, []byte, error) { assert.Fail(t, "read called") },
		))
		assert.NoError(t, peer.Write(nil, buffers("PING"), func(req *uv.WriteReq, err error) {
			called["write"]++
			assert.Same(t, peer, req.Handle())
			assert.NoError(t, err)
			// Time enough for a busy loop to show.
			assert.NoError(t, timer.Start(func(*uv.Timer) {
				for _, h := range []uv.Handle{&check, timer, server, client, peer} {
					h.Close(nil)
				}
			}, 200, 0))
		}))
	}))
	require.NoError(t, client.Connect(nil, sockname(t, server), func(req *uv.ConnectReq, err error) {
		called["connect"]++
		assert.Same(t, client, req.Handle())
		assert.NoError(t, err)
	}))
	run(t, loop)
	assert.Equal(t, counts{"connection": 1, "connect": 1, "write": 1}, called)
	assert.LessOrEqual(t, ticks, 20)
}

// After ReadStop no read comes, though an answer to what was written just
// before is on its way.
func TestLibuv_tcp_read_stop(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	called := counts{}
	tcp, timer := newTCP(t, loop), newTimer(t, loop)
	require.NoError(t, tcp.Connect(nil, tcpEchoServer(t, loop, localhost), func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		assert.NoError(t, timer.Start(func(*uv.Timer) {
			assert.NoError(t, tcp.Write(nil, buffers("PING"), func(*uv.WriteReq, error) {
				called["write"]++
				timer.Close(nil)
				tcp.Close(nil)
			}))
			assert.NoError(t, tcp.ReadStop())
		}, 10, 0))
		assert.NoError(t, tcp.ReadStart(
			func(uv.Handle, int) []byte { assert.Fail(t, "alloc called"); return nil },
			func(uv.Stream, []byte, error) { assert.Fail(t, "read called") },
		))
	}))
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "write": 1}, called)
	closeAll(t, loop)
}

// A reader can be exchanged in its own callback, and the new one gets the end.
func TestLibuv_tcp_read_stop_start(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	called := counts{}
	write := func(s uv.Stream, then func()) {
		assert.NoError(t, s.Write(nil, buffers("1234578\x00"), func(_ *uv.WriteReq, err error) {
			called["write"]++
			assert.NoError(t, err)
			then()
		}))
	}
	server := newTCP(t, loop)
	require.NoError(t, server.Bind(localhost, 0))
	require.NoError(t, server.Listen(10, func(s uv.Stream, err error) {
		called["connection"]++
		assert.NoError(t, err)
		connection := newTCP(t, loop)
		assert.NoError(t, s.Accept(connection))
		assert.NoError(t, connection.ReadStart(nil, func(_ uv.Stream, _ []byte, err error) {
			called["first"]++
			assert.NoError(t, err)
			write(connection, func() {}) // to a peer that closes
			assert.NoError(t, connection.ReadStop())
			assert.NoError(t, connection.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
				called["second"]++
				assert.Empty(t, buf)
				assert.Contains(t, []error{uv.EOF, uv.ECONNRESET}, err)
				connection.Close(nil)
				s.Close(nil)
			}))
		}))
	}))
	client := newTCP(t, loop)
	require.NoError(t, client.Connect(nil, sockname(t, server), func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		write(client, func() { client.Close(nil) })
	}))
	run(t, loop)
	assert.Equal(t, counts{"connection": 1, "connect": 1, "write": 2, "first": 1, "second": 1}, called)
}

// A reset reaches the reader, and its socket is still known for what it is.
func TestLibuv_tcp_rst(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	called := counts{}
	server := serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		assert.NoError(t, err)
		peer := newTCP(t, loop)
		assert.NoError(t, s.Accept(peer))
		s.Close(nil)
		assert.NoError(t, peer.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
			assert.NoError(t, err)
			assert.Equal(t, "QSH", string(buf))
			assert.NoError(t, peer.CloseReset(func(uv.Handle) { called["reset"]++ }))
		}))
	})
	tcp := newTCP(t, loop)
	var req uv.ConnectReq
	require.NoError(t, tcp.Connect(&req, sockname(t, server), func(r *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		assert.Same(t, &req, r)
		assert.NoError(t, tcp.ReadStart(func(_ uv.Handle, size int) []byte {
			called["alloc"]++
			return make([]byte, size)
		}, func(s uv.Stream, _ []byte, err error) {
			assert.Same(t, tcp, s)
			assert.Equal(t, uv.ECONNRESET, err)
			fd, err := tcp.Fileno()
			assert.NoError(t, err)
			assert.Equal(t, uv.HandleTypeTCP, uv.GuessHandle(fd))
			tcp.Close(func(h uv.Handle) {
				called["close"]++
				assert.Same(t, tcp, h)
			})
		}))
		n, err := tcp.TryWrite(buffers("QSH"))
		assert.NoError(t, err)
		assert.Equal(t, 3, n)
	}))
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "alloc": 1, "reset": 1, "close": 1}, called)
}

// A handle without a reference does not keep the loop alive.
func TestLibuv_tcp_ref(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	tcp := newTCP(t, loop)
	tcp.Unref()
	run(t, loop)
	tcpCloseCounted(t, loop, tcp)
}

// Nor does a server.
func TestLibuv_tcp_ref2(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	server := newTCP(t, loop)
	require.NoError(t, server.Listen(128, func(uv.Stream, error) { assert.Fail(t, "called") }))
	server.Unref()
	run(t, loop)
	tcpCloseCounted(t, loop, server)
}

// But it does when it is closing: the callback comes.
func TestLibuv_tcp_ref2b(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	server := newTCP(t, loop)
	require.NoError(t, server.Listen(128, func(uv.Stream, error) { assert.Fail(t, "called") }))
	server.Unref()
	tcpCloseCounted(t, loop, server)
}

// A socket that was opened elsewhere connects, and gets back what it wrote,
// though it is shut down. No other handle may open it.
func TestLibuv_tcp_open(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	addr := tcpEchoServer(t, loop, localhost)
	sock := newSocket(t)
	client := newTCP(t, loop)
	require.NoError(t, client.Open(sock))
	fd, err := client.Fileno()
	assert.NoError(t, err)
	assert.Equal(t, sock, fd)
	called := counts{}
	var connect uv.ConnectReq
	var shutdown uv.ShutdownReq
	require.NoError(t, client.Connect(&connect, addr, func(req *uv.ConnectReq, err error) {
		called["connect"]++
		assert.Same(t, &connect, req)
		assert.NoError(t, err)
		s := req.Handle()
		assert.NoError(t, s.Write(nil, buffers("PING"), func(_ *uv.WriteReq, err error) {
			called["write"]++
			assert.NoError(t, err)
		}))
		assert.NoError(t, s.Shutdown(&shutdown, func(req *uv.ShutdownReq, err error) {
			called["shutdown"]++
			assert.Same(t, &shutdown, req)
			assert.NoError(t, err)
		}))
		assert.NoError(t, s.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
			if err != nil {
				assert.Equal(t, uv.EOF, err)
				s.Close(func(uv.Handle) { called["close"]++ })
				return
			}
			called["read"]++
			assert.Equal(t, "PING", string(buf))
		}))
	}))
	other := newTCP(t, loop)
	assert.Equal(t, uv.EEXIST, other.Open(sock))
	other.Close(nil)
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "write": 1, "shutdown": 1, "read": 1, "close": 1}, called)
	closeAll(t, loop)
}

// A socket that was bound elsewhere listens.
func TestLibuv_tcp_open_bound(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	sock := newSocket(t)
	require.NoError(t, syscall.Bind(sock, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	server := newTCP(t, loop)
	require.NoError(t, server.Open(sock))
	assert.NotZero(t, sockname(t, server).Port())
	assert.NoError(t, server.Listen(128, func(uv.Stream, error) {}))
	closeAll(t, loop)
}

// A handle that was made with a socket is of that socket's family, and cannot
// be bound to an address of the other.
func TestLibuv_tcp_create_early_bad_bind(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	requireIPv6(t, loop)
	var tcp uv.TCP
	require.NoError(t, tcp.InitEx(loop, syscall.AF_INET6))
	fd, err := tcp.Fileno()
	assert.NoError(t, err)
	assert.Equal(t, uv.HandleTypeTCP, uv.GuessHandle(fd))
	assert.True(t, sockname(t, &tcp).Addr().Is6())
	assert.Equal(t, uv.EINVAL, tcp.Bind(localhost, 0))
	tcp.Close(nil)
	run(t, loop)
}

// What is not accepted in the callback can be accepted later; until then there
// are no further callbacks.
func TestLibuv_delayed_accept(t *testing.T) {
	t.Parallel()
	const clients = 2
	loop := newLoop(t)
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	server := serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		called["connection"]++
		assert.NoError(t, err)
		connections := called["connection"] // C counts them at the end only
		assert.NoError(t, newTimer(t, loop).Start(func(timer *uv.Timer) {
			called["timer"]++
			assert.Equal(t, connections, called["connection"])
			accepted := newTCP(t, loop)
			assert.NoError(t, s.Accept(accepted))
			accepted.Close(closed)
			if called["timer"] == clients {
				s.Close(closed)
			}
			timer.Close(closed)
		}, 10, 0))
	})
	for range clients {
		client := newTCP(t, loop)
		require.NoError(t, client.Connect(nil, sockname(t, server), func(_ *uv.ConnectReq, err error) {
			called["connect"]++
			assert.NoError(t, err)
			assert.NoError(t, client.ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
				assert.Empty(t, buf)
				if err != nil {
					called["eof"]++
					assert.Equal(t, uv.EOF, err)
					s.Close(closed)
				}
			}))
		}))
	}
	run(t, loop)
	assert.Equal(t, counts{
		"connection": clients, "timer": clients, "connect": clients, "eof": clients, "close": 3*clients + 1,
	}, called)
}

// A stream that listens may be told so again: the new callback takes the place
// of the old one.
func TestLibuv_multiple_listen(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	server := serveTCP(t, loop, localhost, func(uv.Stream, error) { assert.Fail(t, "called") })
	require.NoError(t, server.Listen(128, func(s uv.Stream, err error) {
		called["connection"]++
		assert.Same(t, server, s)
		assert.NoError(t, err)
		s.Close(closed)
	}))
	client := newTCP(t, loop)
	require.NoError(t, client.Connect(nil, sockname(t, server), func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		client.Close(closed)
	}))
	run(t, loop)
	assert.Equal(t, counts{"connection": 1, "connect": 1, "close": 2}, called)
}
