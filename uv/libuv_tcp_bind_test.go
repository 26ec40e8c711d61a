package uv_test

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// tcpBindFails shows that Bind fails with want, that the handle can be closed
// after it, and that it is closed once.
func tcpBindFails(t *testing.T, loop *uv.Loop, addr netip.AddrPort, flags uv.TCPFlags, want error) {
	t.Helper()
	server := newTCP(t, loop)
	assert.Equal(t, want, server.Bind(addr, flags))
	tcpCloseCounted(t, loop, server)
}

// tcpCloseCounted closes handles and runs the loop: their callbacks come then, once each.
func tcpCloseCounted(t *testing.T, loop *uv.Loop, handles ...uv.Handle) {
	t.Helper()
	calls := 0
	for _, h := range handles {
		h.Close(func(uv.Handle) { calls++ })
	}
	assert.Zero(t, calls)
	run(t, loop)
	assert.Equal(t, len(handles), calls)
}

// tcpBindTwice shows that a handle has one address.
func tcpBindTwice(t *testing.T, loop *uv.Loop, addr netip.AddrPort) {
	t.Helper()
	server := newTCP(t, loop)
	require.NoError(t, server.Bind(addr, 0))
	assert.Equal(t, uv.EINVAL, server.Bind(addr, 0))
	tcpCloseCounted(t, loop, server)
}

// No host has a broadcast address. Linux lets it be bound to all the same.
func TestLibuv_tcp_bind_error_addrnotavail_1(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	server := newTCP(t, loop)
	err := server.Bind(netip.MustParseAddrPort("127.255.255.255:0"), 0)
	assert.Contains(t, []error{nil, uv.EADDRNOTAVAIL}, err)
	tcpCloseCounted(t, loop, server)
}

// What is no address in C is the zero AddrPort in Go.
func TestLibuv_tcp_bind_error_fault(t *testing.T) {
	t.Parallel()
	tcpBindFails(t, newLoop(t), netip.AddrPort{}, 0, uv.EINVAL)
}

// A handle that is bound cannot be bound again.
func TestLibuv_tcp_bind_error_inval(t *testing.T) {
	t.Parallel()
	tcpBindTwice(t, newLoop(t), netip.MustParseAddrPort("0.0.0.0:0"))
}

// TCPIPv6Only is not for an IPv4 address.
func TestLibuv_tcp_bind_invalid_flags(t *testing.T) {
	t.Parallel()
	tcpBindFails(t, newLoop(t), localhost, uv.TCPIPv6Only, uv.EINVAL)
}

// A server is not for reading or writing.
func TestLibuv_tcp_bind_writable_flags(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	server := serveTCP(t, loop, localhost, func(uv.Stream, error) { assert.Fail(t, "called") })
	assert.False(t, server.IsWritable())
	assert.False(t, server.IsReadable())
	assert.Equal(t, uv.EPIPE, server.Write(nil, buffers("PING"), nil))
	assert.Equal(t, uv.ENOTCONN, server.Shutdown(nil, nil))
	assert.Equal(t, uv.ENOTCONN, server.ReadStart(
		func(uv.Handle, int) []byte { assert.Fail(t, "called"); return nil },
		func(uv.Stream, []byte, error) { assert.Fail(t, "called") },
	))
	tcpCloseCounted(t, loop, server)
}

// A handle that is closed is neither bound nor listens.
func TestLibuv_tcp_bind_or_listen_error_after_close(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	tcp := newTCP(t, loop)
	tcp.Close(nil)
	assert.Equal(t, uv.EINVAL, tcp.Bind(localhost, 0))
	assert.Equal(t, uv.EINVAL, tcp.Listen(5, func(uv.Stream, error) {}))
	run(t, loop)
}

// Two handles may be bound to an address, but one may listen there.
func TestLibuv_tcp_bind6_error_addrinuse(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	requireIPv6(t, loop)
	never := func(uv.Stream, error) { assert.Fail(t, "called") }
	first, second := newTCP(t, loop), newTCP(t, loop)
	require.NoError(t, first.Bind(netip.MustParseAddrPort("[::]:0"), 0))
	require.NoError(t, second.Bind(sockname(t, first), 0))
	assert.NoError(t, first.Listen(128, never))
	assert.Equal(t, uv.EADDRINUSE, second.Listen(128, never))
	tcpCloseCounted(t, loop, first, second)
}

// 2001:db8:: is nobody's address.
func TestLibuv_tcp_bind6_error_addrnotavail(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	requireIPv6(t, loop)
	tcpBindFails(t, loop, netip.MustParseAddrPort("[2001:db8::1]:0"), 0, uv.EADDRNOTAVAIL)
}

// An IPv6 address that makes no sense is one in a zone that there is not.
func TestLibuv_tcp_bind6_error_fault(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	requireIPv6(t, loop)
	tcpBindFails(t, loop, netip.AddrPort{}, 0, uv.EINVAL)
	tcpBindFails(t, loop, tcpNowhere6, 0, uv.EINVAL)
}

// The same as for IPv4.
func TestLibuv_tcp_bind6_error_inval(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	requireIPv6(t, loop)
	tcpBindTwice(t, loop, netip.MustParseAddrPort("[::]:0"))
}

// The loopback address of IPv6 can be bound to.
func TestLibuv_tcp_bind6_localhost_ok(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	requireIPv6(t, loop)
	server := newTCP(t, loop)
	require.NoError(t, server.Bind(localhost6, 0))
	assert.Equal(t, localhost6.Addr(), sockname(t, server).Addr())
	closeAll(t, loop)
}

// Two loops, each on its own thread, listen on one port, and both get some of
// the connections. Which one a connection goes to is the system's choice: of so
// many, both get one.
func TestLibuv_tcp_reuseport(t *testing.T) {
	t.Parallel()
	const clients = 64
	loop := newLoop(t)
	err := newTCP(t, loop).Bind(localhost, uv.TCPReuseport)
	closeAll(t, loop)
	if uv.Version() < 0x013100 || err == uv.ENOTSUP { // other systems lack it
		assert.Equal(t, uv.ENOTSUP, err)
		return
	}
	require.NoError(t, err)

	var listeners [2]struct {
		loop     *uv.Loop
		stop     uv.Async
		accepted int
	}
	var accepted atomic.Int32
	addr := localhost
	for i := range listeners {
		l := &listeners[i]
		l.loop = newLoop(t)
		server := newTCP(t, l.loop)
		require.NoError(t, server.Bind(addr, uv.TCPReuseport))
		addr = sockname(t, server)
		require.NoError(t, server.Listen(128, func(s uv.Stream, err error) {
			assert.NoError(t, err)
			client := new(uv.TCP)
			assert.NoError(t, client.Init(l.loop))
			assert.NoError(t, s.Accept(client))
			client.Close(nil)
			l.accepted++
			if accepted.Add(1) == clients {
				for i := range listeners {
					assert.NoError(t, listeners[i].stop.Send())
				}
			}
		}))
		require.NoError(t, l.stop.Init(l.loop, func(stop *uv.Async) {
			stop.Close(nil)
			server.Close(nil)
		}))
	}
	var running sync.WaitGroup
	for i := range listeners {
		running.Go(func() { assert.False(t, runMode(t, listeners[i].loop, uv.RunDefault)) })
	}
	called := counts{}
	for range clients {
		client := newTCP(t, loop)
		require.NoError(t, client.Connect(nil, addr, func(req *uv.ConnectReq, err error) {
			called["connect"]++
			assert.NoError(t, err)
			assert.Same(t, loop, req.Handle().Loop())
			req.Handle().Close(nil)
		}))
	}
	run(t, loop)
	running.Wait()
	assert.Equal(t, counts{"connect": clients}, called)
	assert.Positive(t, listeners[0].accepted)
	assert.Positive(t, listeners[1].accepted)
	assert.Equal(t, clients, listeners[0].accepted+listeners[1].accepted)
}

// Nobody else may connect from an address that somebody listens on. That is
// told by the connect callback, and by Getsockname before it.
func TestLibuv_tcp_bind_error_addrinuse_connect(t *testing.T) {
	t.Parallel()
	loop, serverLoop := newLoop(t), newLoop(t)
	taken := listenTCP(t, serverLoop, localhost)
	target := tcpRefusing(t, serverLoop, localhost)
	tcp := newTCP(t, loop)
	require.NoError(t, tcp.Bind(taken, 0))
	called := counts{}
	var req uv.ConnectReq
	require.NoError(t, tcp.Connect(&req, target, func(r *uv.ConnectReq, err error) {
		called["connect"]++
		assert.Same(t, &req, r)
		assert.Equal(t, uv.EADDRINUSE, err)
		r.Handle().Close(func(uv.Handle) { called["close"]++ })
	}))
	_, err := tcp.Getsockname()
	assert.Equal(t, uv.EADDRINUSE, err)
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "close": 1}, called)
	closeAll(t, serverLoop)
}

// Two handles may be bound to an address, but only one may listen.
func TestLibuv_tcp_bind_error_addrinuse_listen(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	never := func(uv.Stream, error) { assert.Fail(t, "called") }
	first, second := newTCP(t, loop), newTCP(t, loop)
	require.NoError(t, first.Bind(netip.MustParseAddrPort("0.0.0.0:0"), 0))
	require.NoError(t, second.Bind(sockname(t, first), 0))
	require.NoError(t, first.Listen(128, never))
	assert.Equal(t, uv.EADDRINUSE, second.Listen(128, never))
	tcpCloseCounted(t, loop, first, second)
}

// Nor can an address be bound to that another host has. TEST-NET-3 is nobody's.
func TestLibuv_tcp_bind_error_addrnotavail_2(t *testing.T) {
	t.Parallel()
	tcpBindFails(t, newLoop(t), netip.MustParseAddrPort("203.0.113.1:0"), 0, uv.EADDRNOTAVAIL)
}

// The loopback address can be bound to.
func TestLibuv_tcp_bind_localhost_ok(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	assert.NoError(t, newTCP(t, loop).Bind(localhost, 0))
	closeAll(t, loop)
}

// A server that is not bound gets some port.
func TestLibuv_tcp_listen_without_bind(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	server := newTCP(t, loop)
	require.NoError(t, server.Listen(128, func(uv.Stream, error) { assert.Fail(t, "called") }))
	assert.NotZero(t, sockname(t, server).Port())
	closeAll(t, loop)
}
