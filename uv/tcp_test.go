package uv_test

import (
	"bytes"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

var (
	localhost  = netip.MustParseAddrPort("127.0.0.1:0")
	localhost6 = netip.MustParseAddrPort("[::1]:0")
)

func newTCP(t testing.TB, loop *uv.Loop) *uv.TCP {
	t.Helper()
	tcp := new(uv.TCP)
	require.NoError(t, tcp.Init(loop))
	return tcp
}

// listenTCP returns the address of a server that leaves everybody waiting.
func listenTCP(t testing.TB, loop *uv.Loop, addr netip.AddrPort) netip.AddrPort {
	t.Helper()
	return sockname(t, serveTCP(t, loop, addr, func(uv.Stream, error) {}))
}

func serveTCP(t testing.TB, loop *uv.Loop, addr netip.AddrPort, cb uv.ConnectionCB) *uv.TCP {
	t.Helper()
	server := newTCP(t, loop)
	require.NoError(t, server.Bind(addr, 0))
	require.NoError(t, server.Listen(128, cb))
	return server
}

func sockname(t testing.TB, tcp *uv.TCP) netip.AddrPort {
	t.Helper()
	addr, err := tcp.Getsockname()
	require.NoError(t, err)
	return addr
}

// connectTCP returns both ends of a connection.
func connectTCP(t testing.TB, loop *uv.Loop) (client, accepted *uv.TCP) {
	t.Helper()
	client, accepted = newTCP(t, loop), newTCP(t, loop)
	called := counts{}
	server := serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		called["connection"]++
		assert.NoError(t, err)
		assert.NoError(t, s.Accept(accepted))
		s.Close(nil)
	})
	require.NoError(t, client.Connect(nil, sockname(t, server), func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
	}))
	run(t, loop)
	require.Equal(t, counts{"connection": 1, "connect": 1}, called)
	return client, accepted
}

func requireIPv6(t *testing.T, loop *uv.Loop) {
	t.Helper()
	tcp := newTCP(t, loop)
	err := tcp.Bind(localhost6, 0)
	if err == nil {
		err = tcp.Listen(1, func(uv.Stream, error) {})
	}
	closeAll(t, loop)
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
}

func TestTCP_Echo(t *testing.T) {
	t.Parallel()
	for name, addr := range map[string]netip.AddrPort{"IPv4": localhost, "IPv6": localhost6} {
		t.Run(name, func(t *testing.T) {
			loop := newLoop(t)
			if addr.Addr().Is6() {
				requireIPv6(t, loop)
			}
			called := counts{}
			closed := func(uv.Handle) { called["close"]++ }
			accepted := newTCP(t, loop)
			server := serveTCP(t, loop, addr, func(s uv.Stream, err error) {
				called["connection"]++
				assert.NoError(t, err)
				assert.NoError(t, s.Accept(accepted))
				assert.NoError(t, accepted.ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
					if err != nil {
						called["server eof"]++
						assert.Equal(t, uv.EOF, err)
						s.Close(closed)
						return
					}
					assert.NoError(t, s.Write(nil, [][]byte{bytes.Clone(buf)}, func(_ *uv.WriteReq, err error) {
						assert.NoError(t, err)
					}))
				}))
				s.Close(closed)
			})
			addr := sockname(t, server)
			assert.NotZero(t, addr.Port())

			message := bytes.Repeat([]byte("0123456789abcdef"), 8192) // 128 KiB
			var got []byte
			client := newTCP(t, loop)
			var connect uv.ConnectReq
			require.NoError(t, client.Connect(&connect, addr, func(req *uv.ConnectReq, err error) {
				called["connect"]++
				assert.NoError(t, err)
				assert.Same(t, &connect, req)
				assert.Same(t, client, req.Handle())
				peer, err := client.Getpeername()
				assert.NoError(t, err)
				assert.Equal(t, addr, peer)
				assert.NoError(t, client.ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
					if err != nil {
						called["client eof"]++
						assert.Equal(t, uv.EOF, err)
						s.Close(closed)
						return
					}
					if got = append(got, buf...); len(buf) > 0 && len(got) == len(message) {
						assert.NoError(t, s.Shutdown(nil, func(_ *uv.ShutdownReq, err error) {
							called["shutdown"]++
							assert.NoError(t, err)
						}))
					}
				}))
				assert.NoError(t, client.Write(nil, [][]byte{message[:1000], message[1000:]}, func(_ *uv.WriteReq, err error) {
					called["write"]++
					assert.NoError(t, err)
				}))
			}))
			run(t, loop)
			assert.True(t, bytes.Equal(message, got))
			assert.Equal(t, counts{
				"connection": 1, "connect": 1, "write": 1, "shutdown": 1, "server eof": 1, "client eof": 1, "close": 3,
			}, called)
		})
	}
}

func TestTCP_Names(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	tcp := newTCP(t, loop)
	_, err := tcp.Getsockname()
	assert.Equal(t, uv.EBADF, err, "no socket yet")
	_, err = tcp.Getpeername()
	assert.Equal(t, uv.EBADF, err)
	require.NoError(t, tcp.Bind(localhost, 0))
	_, err = tcp.Getpeername()
	assert.Equal(t, uv.ENOTCONN, err)
	assert.Equal(t, localhost.Addr(), sockname(t, tcp).Addr())
	assert.NotZero(t, sockname(t, tcp).Port())

	client, accepted := connectTCP(t, loop)
	peer, err := client.Getpeername()
	assert.NoError(t, err)
	assert.Equal(t, sockname(t, accepted), peer)
	peer, err = accepted.Getpeername()
	assert.NoError(t, err)
	assert.Equal(t, sockname(t, client), peer)
	closeAll(t, loop)
}

func TestTCP_ConnectWithoutCallback(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	accepted, calls := newTCP(t, loop), 0
	server := serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		calls++
		assert.NoError(t, s.Accept(accepted))
		s.Close(nil)
	})
	require.NoError(t, newTCP(t, loop).Connect(nil, sockname(t, server), nil))
	run(t, loop)
	assert.Equal(t, 1, calls)
	closeAll(t, loop)
}

func TestTCP_ConnectErrors(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	never := func(*uv.ConnectReq, error) { assert.Fail(t, "called") }
	calls := 0
	server := serveTCP(t, loop, localhost, func(uv.Stream, error) {})
	addr := sockname(t, server)
	assert.Equal(t, uv.EINVAL, server.Connect(nil, addr, never), "it listens")

	client := newTCP(t, loop)
	var req uv.ConnectReq
	assert.Equal(t, uv.EINVAL, client.Connect(&req, netip.AddrPort{}, never))
	require.NoError(t, client.Connect(&req, addr, func(_ *uv.ConnectReq, err error) {
		calls++
		assert.NoError(t, err)
		server.Close(nil)
	}), "the request was not taken by the failure")
	assert.Equal(t, uv.EALREADY, client.Connect(nil, addr, never))
	run(t, loop)
	assert.Equal(t, 1, calls)

	_, accepted := connectTCP(t, loop)
	assert.Equal(t, uv.EISCONN, accepted.Connect(nil, addr, never))
	closeAll(t, loop)
}

func TestTCP_ConnectCanceledByClose(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	addr := listenTCP(t, loop, localhost)
	client := newTCP(t, loop)
	var order []string
	require.NoError(t, client.Connect(nil, addr, func(_ *uv.ConnectReq, err error) {
		order = append(order, "connect")
		assert.Equal(t, uv.ECANCELED, err)
		assert.True(t, client.IsClosing())
	}))
	client.Close(func(uv.Handle) { order = append(order, "close") })
	assert.Empty(t, order)
	for len(order) < 2 {
		runMode(t, loop, uv.RunOnce)
	}
	assert.Equal(t, []string{"connect", "close"}, order)
	closeAll(t, loop)
}

func TestTCP_BindUnknownZone(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	tcp := newTCP(t, loop)
	assert.Equal(t, uv.EINVAL, tcp.Bind(netip.MustParseAddrPort("[fe80::1%no-such-interface]:0"), 0))
	_, err := tcp.Fileno()
	assert.Equal(t, uv.EBADF, err, "nothing was made")
	closeAll(t, loop)
}

func TestTCP_BindIPv6Only(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	requireIPv6(t, loop)
	both, only := newTCP(t, loop), newTCP(t, loop)
	for tcp, flags := range map[*uv.TCP]uv.TCPFlags{both: 0, only: uv.TCPIPv6Only} {
		require.NoError(t, tcp.Bind(netip.MustParseAddrPort("[::]:0"), flags))
		fd, err := tcp.Fileno()
		require.NoError(t, err)
		v6only, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY)
		require.NoError(t, err)
		assert.Equal(t, int(flags), v6only)
		assert.Equal(t, "::", sockname(t, tcp).Addr().String())
	}
	closeAll(t, loop)
}

func TestTCP_ListenErrors(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	server := newTCP(t, loop)
	require.NoError(t, server.Bind(localhost, 0))
	assert.Equal(t, uv.EINVAL, server.Listen(128, nil))

	addr, calls := listenTCP(t, loop, localhost), 0
	client := newTCP(t, loop)
	require.NoError(t, client.Connect(nil, addr, func(*uv.ConnectReq, error) {
		calls++
		loop.Stop()
	}))
	assert.Equal(t, uv.EINVAL, client.Listen(128, func(uv.Stream, error) {}), "it connects")
	runMode(t, loop, uv.RunDefault)
	assert.Equal(t, 1, calls)
	closeAll(t, loop)
}

// What Write of a stream that listens says, TryWrite says too.
func TestTCP_TryWriteOfAListener(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	server := serveTCP(t, loop, localhost, func(uv.Stream, error) {})
	_, err := server.TryWrite(buffers("x"))
	assert.Equal(t, uv.EPIPE, err)
	closeAll(t, loop)
}

func TestTCP_AcceptErrors(t *testing.T) {
	t.Parallel()
	loop, otherLoop := newLoop(t), newLoop(t)
	foreign := newTCP(t, otherLoop)
	open, _ := connectTCP(t, loop)
	closing := newTCP(t, loop)
	closing.Close(nil)
	accepted, idle := newTCP(t, loop), newTCP(t, loop)
	calls := 0
	server := serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		calls++
		assert.NoError(t, err)
		assert.Equal(t, uv.EINVAL, s.Accept(nil))
		assert.Equal(t, uv.EINVAL, s.Accept(new(uv.TCP)), "not initialised")
		assert.Equal(t, uv.EINVAL, s.Accept(foreign), "of another loop")
		assert.Equal(t, uv.EINVAL, s.Accept(closing))
		assert.Equal(t, uv.EBUSY, s.Accept(open))
		assert.NoError(t, s.Accept(accepted), "still there")
		assert.Equal(t, uv.EAGAIN, s.Accept(idle), "there was one only")
		s.Close(nil)
	})
	assert.Equal(t, uv.EAGAIN, server.Accept(accepted), "nobody is there yet")
	client := newTCP(t, loop)
	require.NoError(t, client.Connect(nil, sockname(t, server), nil))
	run(t, loop)
	assert.Equal(t, 1, calls)
	closeAll(t, loop)
	closeAll(t, otherLoop)
}

func TestTCP_AcceptTypedNil(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	server := serveTCP(t, loop, localhost, func(uv.Stream, error) {})
	var err error
	assert.Empty(t, panicText(func() { err = server.Accept((*uv.TCP)(nil)) }))
	assert.Equal(t, uv.EINVAL, err)
	closeAll(t, loop)
}

// sockopt returns a TCP level option of a handle's socket.
func sockopt(t *testing.T, tcp *uv.TCP, level, option int) int {
	t.Helper()
	fd, err := tcp.Fileno()
	require.NoError(t, err)
	value, err := syscall.GetsockoptInt(fd, level, option)
	require.NoError(t, err)
	return value
}

func TestTCP_Nodelay(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	assert.NoError(t, newTCP(t, loop).Nodelay(true), "remembered for the connection")
	client, _ := connectTCP(t, loop)
	assert.Zero(t, sockopt(t, client, syscall.IPPROTO_TCP, syscall.TCP_NODELAY))
	require.NoError(t, client.Nodelay(true))
	assert.NotZero(t, sockopt(t, client, syscall.IPPROTO_TCP, syscall.TCP_NODELAY))
	require.NoError(t, client.Nodelay(false))
	assert.Zero(t, sockopt(t, client, syscall.IPPROTO_TCP, syscall.TCP_NODELAY))
	closeAll(t, loop)
}

func TestTCP_Keepalive(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	assert.NoError(t, newTCP(t, loop).Keepalive(true, 60), "remembered for the connection")
	client, _ := connectTCP(t, loop)
	assert.Zero(t, sockopt(t, client, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE))
	require.NoError(t, client.Keepalive(true, 60))
	assert.NotZero(t, sockopt(t, client, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE))
	require.NoError(t, client.Keepalive(false, 0))
	assert.Zero(t, sockopt(t, client, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE))
	assert.Error(t, client.Keepalive(true, 0)) // EINVAL, but for 1.48, which says EPERM
	closeAll(t, loop)
}

func TestTCP_InitEx(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var tcp uv.TCP
	for _, flags := range []uint{250, 0x100, syscall.AF_INET | 0x100, 0xff} {
		assert.Equal(t, uv.EINVAL, tcp.InitEx(loop, flags), "flags %#x", flags)
		assert.Contains(t, panicText(func() { _, _ = tcp.Fileno() }), "not initialised")
	}

	require.NoError(t, tcp.InitEx(loop, syscall.AF_INET), "a failure leaves nothing behind")
	fd, err := tcp.Fileno()
	assert.NoError(t, err, "there is a socket already")
	assert.Equal(t, uv.HandleTypeTCP, uv.GuessHandle(fd))
	assert.NoError(t, tcp.Bind(localhost, 0))
	assert.NotZero(t, sockname(t, &tcp).Port())

	var unspecified uv.TCP
	require.NoError(t, unspecified.InitEx(loop, syscall.AF_UNSPEC))
	_, err = unspecified.Fileno()
	assert.Equal(t, uv.EBADF, err)
	assert.NoError(t, unspecified.Bind(localhost, 0))
	closeAll(t, loop)
}

// newSocket returns a socket that no child inherits.
func newSocket(t *testing.T) int {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	syscall.CloseOnExec(fd)
	return fd
}

func TestTCP_OpenErrors(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	first := newTCP(t, loop)
	require.NoError(t, first.Open(newSocket(t)))
	other := newSocket(t)
	assert.Equal(t, uv.EBUSY, first.Open(other), "it is open")
	require.NoError(t, syscall.Close(other), "and the other socket is still the caller's")

	server := serveTCP(t, loop, localhost, func(uv.Stream, error) {})
	fd, err := server.Fileno()
	require.NoError(t, err)
	second := newTCP(t, loop)
	assert.Equal(t, uv.EEXIST, second.Open(fd), "another handle has it")

	file, err := os.Open(newFile(t))
	require.NoError(t, err)
	defer file.Close()
	assert.Equal(t, uv.EPERM, second.Open(int(file.Fd())), "a regular file")
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	assert.Equal(t, uv.EPERM, second.Open(int(null.Fd())))
	assert.Equal(t, uv.EBADF, second.Open(-1))
	assert.Equal(t, uv.EBADF, second.Open(1<<30))
	_, err = second.Fileno()
	assert.Equal(t, uv.EBADF, err)

	assert.NoError(t, second.Open(newSocket(t)), "no failure leaves anything behind")
	closeAll(t, loop)
}

// A reset is not an end.
func TestTCP_CloseReset(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	client, accepted := connectTCP(t, loop)
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	require.NoError(t, accepted.ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
		called["read"]++
		assert.Empty(t, buf)
		assert.Equal(t, uv.ECONNRESET, err)
		s.Close(closed)
	}))
	require.NoError(t, client.CloseReset(closed))
	assert.True(t, client.IsClosing())
	assert.Equal(t, uv.EBADF, client.CloseReset(nil))
	assert.Empty(t, called)
	run(t, loop)
	assert.Equal(t, counts{"read": 1, "close": 2}, called)
}

func TestTCP_CloseResetAfterShutdown(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	client, accepted := connectTCP(t, loop)
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	require.NoError(t, accepted.ReadStart(nil, func(s uv.Stream, _ []byte, err error) {
		called["read"]++
		assert.Equal(t, uv.EOF, err)
		s.Close(closed)
	}))
	require.NoError(t, client.Shutdown(nil, func(_ *uv.ShutdownReq, err error) {
		called["shutdown"]++
		assert.NoError(t, err)
		client.Close(closed)
	}))
	assert.Equal(t, uv.EINVAL, client.CloseReset(closed))
	assert.False(t, client.IsClosing(), "nothing was done")
	run(t, loop)
	assert.Equal(t, counts{"read": 1, "shutdown": 1, "close": 2}, called)
}

func TestTCP_CloseResetWithoutSocket(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	tcp := newTCP(t, loop)
	assert.Equal(t, uv.EBADF, tcp.CloseReset(nil))
	assert.False(t, tcp.IsClosing())
	closeAll(t, loop)
}

func TestTCP_CloseWithoutCallback(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	client, accepted := connectTCP(t, loop)
	require.NoError(t, client.CloseReset(nil))
	accepted.Close(nil)
	run(t, loop)
}

// Many connections at once, each with its own handles.
func TestTCP_ManyConnections(t *testing.T) {
	t.Parallel()
	const n = 100
	loop := newLoop(t)
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	server := serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		called["connection"]++
		accepted := newTCP(t, loop)
		assert.NoError(t, s.Accept(accepted))
		assert.NoError(t, accepted.ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
			if err != nil {
				assert.Equal(t, uv.EOF, err)
				s.Close(closed)
				return
			}
			assert.NoError(t, s.Write(nil, [][]byte{bytes.Clone(buf)}, nil))
		}))
		if called["connection"] == n {
			s.Close(closed)
		}
	})
	for i := range n {
		client, message := newTCP(t, loop), []byte{byte(i), byte(i >> 8)}
		require.NoError(t, client.Connect(nil, sockname(t, server), func(_ *uv.ConnectReq, err error) {
			called["connect"]++
			assert.NoError(t, err)
			assert.NoError(t, client.Write(nil, [][]byte{message}, nil))
			var got []byte
			assert.NoError(t, client.ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
				assert.NoError(t, err)
				if got = append(got, buf...); len(got) == len(message) {
					called["echo"]++
					assert.Equal(t, message, got)
					s.Close(closed)
				}
			}))
		}))
	}
	run(t, loop)
	assert.Equal(t, counts{"connection": n, "connect": n, "echo": n, "close": 2*n + 1}, called)
}
