package uv_test

import (
	"bytes"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// serveEcho runs an echo server that knows the commands of the one of libuv's
// tests: Q closes the listener, QS the connection, QSH with a reset, and QSS
// shuts it down once it is echoed. Libuv's is a process; this is a loop on a
// goroutine of its own, until the test ends.
func serveEcho(t testing.TB, loop *uv.Loop, server uv.Stream) {
	t.Helper()
	read := func(s uv.Stream, buf []byte, err error) {
		if err != nil {
			if err != uv.EOF { // a client that left without reading its echo
				s.Close(nil)
			} else if s.IsWritable() {
				assert.NoError(t, s.Shutdown(nil, func(*uv.ShutdownReq, error) {
					if !s.IsClosing() {
						s.Close(nil)
					}
				}))
			}
			return
		}
		shutdown := false
		for i := 0; i < len(buf) && !shutdown; i++ {
			switch command := buf[i:]; {
			case bytes.HasPrefix(command, []byte("QSH")):
				assert.NoError(t, s.(*uv.TCP).CloseReset(nil))
				return
			case bytes.HasPrefix(command, []byte("QSS")):
				shutdown = true
			case bytes.HasPrefix(command, []byte("QS")):
				s.Close(nil)
				return
			case command[0] == 'Q' && !server.IsClosing():
				server.Close(nil)
			}
		}
		assert.NoError(t, s.Write(nil, [][]byte{bytes.Clone(buf)}, nil))
		if shutdown {
			assert.NoError(t, s.Shutdown(nil, nil))
		}
	}
	require.NoError(t, server.Listen(128, func(_ uv.Stream, err error) {
		assert.NoError(t, err)
		var client uv.Stream
		if server.Type() == uv.HandleTypeTCP {
			tcp := new(uv.TCP)
			assert.NoError(t, tcp.Init(loop))
			client = tcp
		} else {
			pipe := new(uv.Pipe)
			assert.NoError(t, pipe.Init(loop, false))
			client = pipe
		}
		assert.NoError(t, server.Accept(client))
		assert.NoError(t, client.ReadStart(nil, read))
	}))
	stop := new(uv.Async)
	require.NoError(t, stop.Init(loop, func(*uv.Async) { closeOthers(loop, nil) }))
	done := make(chan bool)
	go func() {
		defer close(done)
		assert.False(t, loop.Run(uv.RunDefault))
	}()
	t.Cleanup(func() {
		assert.NoError(t, stop.Send())
		<-done
	})
}

// connectToEcho starts an echo server and a stream, a TCP or a pipe, that
// connects to it.
func connectToEcho(t testing.TB, loop *uv.Loop, kind uv.HandleType, req *uv.ConnectReq, cb uv.ConnectCB) uv.Stream {
	t.Helper()
	returned := false
	connected := func(req *uv.ConnectReq, err error) {
		assert.True(t, returned, "never before Connect returns")
		cb(req, err)
	}
	var client uv.Stream
	serverLoop := newLoop(t)
	if kind == uv.HandleTypeTCP {
		server, tcp := boundTCP(t, serverLoop), newTCP(t, loop)
		addr := sockname(t, server)
		serveEcho(t, serverLoop, server)
		require.NoError(t, tcp.Connect(req, addr, connected))
		client = tcp
	} else {
		server, path := boundPipe(t, serverLoop)
		serveEcho(t, serverLoop, server)
		pipe := newPipe(t, loop)
		require.NoError(t, pipe.Connect(req, path, connected))
		client = pipe
	}
	returned = true
	return client
}

// closedPort returns an address that nobody listens on, nor can while the
// handle is open that holds it.
func closedPort(t testing.TB, loop *uv.Loop) (*uv.TCP, netip.AddrPort) {
	t.Helper()
	holder := boundTCP(t, loop)
	return holder, sockname(t, holder)
}

// connectFails connects a bound handle to a port that refuses it, and runs the
// loop to its end.
func connectFails(t *testing.T, loop *uv.Loop, c counts, refused func(tcp *uv.TCP)) {
	t.Helper()
	holder, addr := closedPort(t, loop)
	tcp := newTCP(t, loop)
	require.NoError(t, tcp.Bind(netip.MustParseAddrPort("0.0.0.0:0"), 0))
	var req uv.ConnectReq
	require.NoError(t, tcp.Connect(&req, addr, func(r *uv.ConnectReq, err error) {
		c["connect"]++
		assert.Same(t, &req, r)
		assert.Same(t, tcp, r.Handle())
		assert.Equal(t, uv.ECONNREFUSED, err)
		assert.Zero(t, c["close"])
		refused(tcp)
	}))
	run(t, loop)
	holder.Close(nil)
	run(t, loop)
}

// That nobody listens is told to the connect callback.
func TestLibuv_connection_fail(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	connectFails(t, loop, c, func(tcp *uv.TCP) { tcp.Close(func(uv.Handle) { c["close"]++ }) })
	assert.Equal(t, counts{"connect": 1, "close": 1}, c)
}

// A handle that could not connect stays open until it is closed.
func TestLibuv_connection_fail_doesnt_auto_close(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	c := counts{}
	connectFails(t, loop, c, func(tcp *uv.TCP) {
		assert.NoError(t, timer.Start(func(*uv.Timer) {
			c["timer"]++
			assert.Zero(t, c["close"])
			assert.Equal(t, 1, c["connect"])
			assert.False(t, tcp.IsClosing())
			tcp.Close(func(uv.Handle) { c["close"]++ })
			timer.Close(func(uv.Handle) { c["timer close"]++ })
		}, 10, 0))
	})
	assert.Equal(t, counts{"connect": 1, "timer": 1, "close": 1, "timer close": 1}, c)
}

func shutdownAndClose(t *testing.T, kind uv.HandleType) {
	loop := newLoop(t)
	c := counts{}
	var connect uv.ConnectReq
	var shutdown uv.ShutdownReq
	connectToEcho(t, loop, kind, &connect, func(req *uv.ConnectReq, err error) {
		c["connect"]++
		assert.Same(t, &connect, req)
		assert.NoError(t, err)
		h := req.Handle()
		assert.NoError(t, h.Shutdown(&shutdown, func(req *uv.ShutdownReq, err error) {
			c["shutdown"]++
			assert.Same(t, &shutdown, req)
			assert.Contains(t, []error{nil, uv.ECANCELED}, err)
		}))
		assert.False(t, h.IsClosing())
		h.Close(func(uv.Handle) { c["close"]++ })
		assert.True(t, h.IsClosing())
	})
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "shutdown": 1, "close": 1}, c)
}

// A shutdown that Close overtakes gets its callback all the same.
func TestLibuv_shutdown_close_tcp(t *testing.T) {
	t.Parallel()
	shutdownAndClose(t, uv.HandleTypeTCP)
}

// The same over a pipe.
func TestLibuv_shutdown_close_pipe(t *testing.T) {
	t.Parallel()
	shutdownAndClose(t, uv.HandleTypeNamedPipe)
}

// assertReadStartErrors checks what ReadStart of a stream that reads says. A nil
// alloc is EINVAL in C; here it stands for the loop's own buffer. A nil stream
// is what any nil pointer is in Go.
func assertReadStartErrors(t *testing.T, tcp *uv.TCP, read uv.ReadCB) {
	t.Helper()
	alloc := func(_ uv.Handle, size int) []byte { return make([]byte, size) }
	assert.Equal(t, uv.EALREADY, tcp.ReadStart(alloc, read))
	assert.Equal(t, uv.EALREADY, tcp.ReadStart(nil, read))
	assert.Equal(t, uv.EINVAL, tcp.ReadStart(alloc, nil))
	var none *uv.TCP
	assert.NotNil(t, panicValue(func() { _ = none.ReadStart(alloc, read) }))
}

// After a shutdown and the end of what the peer sends, the handle is still open,
// until it is closed.
func TestLibuv_shutdown_eof(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	c := counts{}
	var connect uv.ConnectReq
	var write uv.WriteReq
	var shutdown uv.ShutdownReq
	var tcp *uv.TCP
	atEnd := func(*uv.Timer) {
		c["timer"]++
		timer.Close(func(uv.Handle) { c["timer close"]++ })
		assert.Zero(t, c["close"])
		tcp.Close(func(h uv.Handle) {
			c["close"]++
			assert.Same(t, tcp, h)
			assert.Equal(t, 1, c["connect"])
			assert.Equal(t, 1, c["Q"])
			assert.Equal(t, 1, c["EOF"])
			assert.Equal(t, 1, c["timer"])
		})
	}
	read := func(s uv.Stream, buf []byte, err error) {
		assert.Same(t, tcp, s)
		switch {
		case len(buf) == 0 && err == nil:
		case c["Q"] == 0:
			c["Q"]++
			assert.NoError(t, err)
			assert.Equal(t, "Q", string(buf))
		default:
			c["EOF"]++
			assert.Equal(t, uv.EOF, err)
			// Libuv's test starts it at first, with a time that should do.
			assert.NoError(t, timer.Start(atEnd, 10, 0))
		}
	}
	tcp = connectToEcho(t, loop, uv.HandleTypeTCP, &connect, func(req *uv.ConnectReq, err error) {
		assert.NoError(t, err)
		assert.Same(t, &connect, req)
		assert.NoError(t, tcp.ReadStart(func(_ uv.Handle, size int) []byte { return make([]byte, size) }, read))
		assertReadStartErrors(t, tcp, read)
		assert.NoError(t, tcp.Write(&write, buffers("Q"), nil))
		assert.NoError(t, tcp.Shutdown(&shutdown, func(req *uv.ShutdownReq, err error) {
			c["shutdown"]++
			assert.NoError(t, err)
			assert.Same(t, &shutdown, req)
			assert.Equal(t, 1, c["connect"])
			for _, later := range []string{"EOF", "close", "timer", "timer close"} {
				assert.Zero(t, c[later], later)
			}
		}))
		c["connect"]++
		assert.Zero(t, c["shutdown"])
	}).(*uv.TCP)
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "shutdown": 1, "Q": 1, "EOF": 1, "close": 1, "timer": 1, "timer close": 1}, c)
}

// Both ends shut down at the same time: what was sent before arrives, then the
// end.
func TestLibuv_shutdown_simultaneous(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	var connect uv.ConnectReq
	var shutdown uv.ShutdownReq
	var tcp *uv.TCP
	read := func(s uv.Stream, buf []byte, err error) {
		assert.Same(t, tcp, s)
		switch {
		case len(buf) == 0 && err == nil:
		case c["QQSS"] == 0:
			c["QQSS"]++
			assert.NoError(t, err)
			assert.Equal(t, "QQSS", string(buf))
			assert.Zero(t, c["EOF"])
			assert.NoError(t, tcp.Shutdown(&shutdown, func(req *uv.ShutdownReq, err error) {
				c["shutdown"]++
				assert.NoError(t, err)
				assert.Same(t, &shutdown, req)
				assert.Equal(t, 1, c["connect"])
			}))
		default:
			c["EOF"]++
			assert.Equal(t, uv.EOF, err)
		}
	}
	tcp = connectToEcho(t, loop, uv.HandleTypeTCP, &connect, func(req *uv.ConnectReq, err error) {
		assert.NoError(t, err)
		assert.Same(t, &connect, req)
		assert.NoError(t, tcp.ReadStart(func(_ uv.Handle, size int) []byte { return make([]byte, size) }, read))
		assertReadStartErrors(t, tcp, read)
		n, err := tcp.TryWrite(buffers("QQSS"))
		assert.NoError(t, err)
		assert.Equal(t, 4, n)
		c["connect"]++
		assert.Zero(t, c["shutdown"])
	}).(*uv.TCP)
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "shutdown": 1, "QQSS": 1, "EOF": 1}, c)
	assert.False(t, tcp.IsClosing())
	closeAll(t, loop)
}

// A stream is shut down once; asking again is an error and takes no request.
func TestLibuv_shutdown_twice(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	var first, second uv.ShutdownReq
	connectToEcho(t, loop, uv.HandleTypeTCP, nil, func(req *uv.ConnectReq, err error) {
		c["connect"]++
		assert.NoError(t, err)
		cb := func(req *uv.ShutdownReq, err error) {
			c["shutdown"]++
			assert.Same(t, &first, req)
			assert.NoError(t, err)
			req.Handle().Close(nil)
		}
		assert.NoError(t, req.Handle().Shutdown(&first, cb))
		assert.Equal(t, uv.ENOTCONN, req.Handle().Shutdown(&second, cb))
	})
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "shutdown": 1}, c)
}

// A stream is not writable from the call of Shutdown on.
func TestLibuv_not_writable_after_shutdown(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	connectToEcho(t, loop, uv.HandleTypeTCP, nil, func(req *uv.ConnectReq, err error) {
		c["connect"]++
		assert.NoError(t, err)
		assert.True(t, req.Handle().IsWritable())
		assert.NoError(t, req.Handle().Shutdown(nil, func(req *uv.ShutdownReq, err error) {
			c["shutdown"]++
			assert.NoError(t, err)
			req.Handle().Close(nil)
		}))
		assert.False(t, req.Handle().IsWritable())
	})
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "shutdown": 1}, c)
}

// A read error other than the end ends both directions.
func TestLibuv_not_readable_nor_writable_on_read_error(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	slab := make([]byte, 64)
	connectToEcho(t, loop, uv.HandleTypeTCP, nil, func(req *uv.ConnectReq, err error) {
		c["connect"]++
		assert.NoError(t, err)
		tcp := req.Handle()
		assert.NoError(t, tcp.ReadStart(func(uv.Handle, int) []byte { return slab }, func(s uv.Stream, _ []byte, err error) {
			c["read"]++
			assert.Equal(t, uv.ECONNRESET, err)
			assert.False(t, s.IsWritable())
			assert.False(t, s.IsReadable())
			s.Close(func(uv.Handle) { c["close"]++ })
		}))
		assert.NoError(t, tcp.Write(nil, buffers("QSH"), func(_ *uv.WriteReq, err error) {
			c["write"]++
			assert.NoError(t, err)
		}))
	})
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "read": 1, "write": 1, "close": 1}, c)
}

// After the end a stream is still readable and writable; who starts to read
// again reads the end again.
func TestLibuv_readable_on_eof(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	slab := make([]byte, 64)
	alloc := func(uv.Handle, int) []byte { return slab }
	var read uv.ReadCB
	read = func(s uv.Stream, _ []byte, err error) {
		assert.Equal(t, uv.EOF, err)
		assert.True(t, s.IsReadable())
		assert.True(t, s.IsWritable())
		if c["read"]++; c["read"] < 3 {
			assert.NoError(t, s.ReadStart(alloc, read))
			return
		}
		s.Close(func(uv.Handle) { c["close"]++ })
		assert.False(t, s.IsReadable())
		assert.False(t, s.IsWritable())
	}
	connectToEcho(t, loop, uv.HandleTypeTCP, nil, func(req *uv.ConnectReq, err error) {
		c["connect"]++
		assert.NoError(t, err)
		read(req.Handle(), nil, uv.EOF)
		assert.NoError(t, req.Handle().Write(nil, buffers("QS"), func(_ *uv.WriteReq, err error) {
			c["write"]++
			assert.NoError(t, err)
		}))
	})
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "read": 3, "write": 1, "close": 1}, c)
}

// No callback is called from inside a call of the binding, also where libuv
// could do at once what is asked for.
func TestLibuv_callback_stack(t *testing.T) {
	t.Parallel()
	const message = "What is done already is told later."
	loop := newLoop(t)
	c := counts{}
	nested, received := 0, 0
	var client uv.Stream
	var timer uv.Timer
	in := func(callback string) {
		c[callback]++
		assert.Zero(t, nested, "%s is called from inside a call", callback)
	}
	within := func(call func() error) {
		nested++
		assert.NoError(t, call())
		nested--
	}
	closed := func(uv.Handle) { in("close") }
	read := func(s uv.Stream, buf []byte, err error) {
		assert.Zero(t, nested, "read is called from inside a call")
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			within(func() error { s.Close(closed); return nil })
			return
		}
		if received += len(buf); received == len(message) && len(buf) > 0 {
			within(func() error {
				return s.Shutdown(nil, func(_ *uv.ShutdownReq, err error) {
					in("shutdown")
					assert.NoError(t, err)
				})
			})
		}
	}
	expired := func(h *uv.Timer) {
		in("timer")
		assert.Same(t, &timer, h)
		awaitReadable(t, client, len(message))
		within(func() error { return client.ReadStart(nil, read) })
		h.Close(closed)
	}
	nested++
	client = connectToEcho(t, loop, uv.HandleTypeTCP, nil, func(req *uv.ConnectReq, err error) {
		in("connect")
		assert.NoError(t, err)
		within(func() error {
			return req.Handle().Write(nil, buffers(message), func(_ *uv.WriteReq, err error) {
				in("write")
				assert.NoError(t, err)
				within(func() error { return timer.Init(loop) })
				within(func() error { return timer.Start(expired, 1, 0) })
			})
		})
	})
	nested--
	run(t, loop)
	assert.Zero(t, nested)
	assert.Equal(t, len(message), received)
	assert.Equal(t, counts{"connect": 1, "write": 1, "timer": 1, "shutdown": 1, "close": 2}, c)
}

// awaitReadable waits until n bytes can be read from a stream. The loop stands
// still meanwhile.
func awaitReadable(t testing.TB, s uv.Stream, n int) {
	t.Helper()
	fd, err := s.Fileno()
	assert.NoError(t, err)
	buf := make([]byte, n)
	for {
		switch got, _, err := syscall.Recvfrom(fd, buf, syscall.MSG_PEEK); {
		case err != nil && err != syscall.EAGAIN && err != syscall.EINTR:
			assert.NoError(t, err)
			return
		case got == n:
			return
		}
		time.Sleep(time.Millisecond)
	}
}
