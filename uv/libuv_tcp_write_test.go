package uv_test

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// What is written while the handle connects fails with the connection.
func TestLibuv_tcp_write_after_connect(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	client := newTCP(t, loop)
	called := counts{}
	require.NoError(t, client.Connect(nil, tcpRefusing(t, loop, localhost), func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.Equal(t, uv.ECONNREFUSED, err)
	}))
	require.NoError(t, client.Write(nil, buffers("HELL"), func(req *uv.WriteReq, err error) {
		called["write"]++
		assert.Equal(t, uv.ECANCELED, err)
		req.Handle().Close(nil)
	}))
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "write": 1}, called)
	closeAll(t, loop)
}

// As above, the handle being closed as soon as the connection has failed.
func TestLibuv_tcp_connect_error_after_write(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	conn := newTCP(t, loop)
	called := counts{}
	var write uv.WriteReq
	written := func(_ *uv.WriteReq, err error) {
		called["write"]++
		assert.Equal(t, uv.ECANCELED, err)
	}
	assert.Equal(t, uv.EBADF, conn.Write(&write, buffers("TEST"), written), "there is no socket yet")
	require.NoError(t, conn.Connect(nil, tcpRefusing(t, loop, localhost), func(req *uv.ConnectReq, err error) {
		called["connect"]++
		assert.Equal(t, uv.ECONNREFUSED, err)
		req.Handle().Close(func(uv.Handle) { called["close"]++ })
	}))
	require.NoError(t, conn.Write(&write, buffers("TEST"), written))
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "write": 1, "close": 1}, called)
	closeAll(t, loop)
}

// Far more than the system buffers goes out and comes back, in thousands of
// buffers a write, and the shutdown waits for all of it.
func TestLibuv_tcp_writealot(t *testing.T) {
	t.Parallel()
	const (
		writes         = 3
		chunksPerWrite = 4096
		chunkSize      = 10024
		total          = writes * chunksPerWrite * chunkSize
	)
	loop := newLoop(t)
	chunk := pattern(chunkSize)
	bufs := make([][]byte, chunksPerWrite)
	for i := range bufs {
		bufs[i] = chunk
	}
	client := newTCP(t, loop)
	called := counts{}
	sent, received, intact := 0, 0, true
	var connect uv.ConnectReq
	var shutdown uv.ShutdownReq
	var reqs [writes]uv.WriteReq
	require.NoError(t, client.Connect(&connect, tcpEchoServer(t, loop, localhost), func(req *uv.ConnectReq, err error) {
		called["connect"]++
		assert.Same(t, &connect, req)
		assert.NoError(t, err)
		for i := range reqs {
			assert.NoError(t, client.Write(&reqs[i], bufs, func(_ *uv.WriteReq, err error) {
				called["write"]++
				assert.NoError(t, err)
				sent += chunksPerWrite * chunkSize
			}))
		}
		assert.NoError(t, client.Shutdown(&shutdown, func(req *uv.ShutdownReq, err error) {
			called["shutdown"]++
			assert.Same(t, &shutdown, req)
			assert.NoError(t, err)
			assert.Zero(t, client.WriteQueueSize())
			assert.Equal(t, writes, called["write"])
		}))
		assert.NoError(t, client.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
			for rest := buf; len(rest) > 0; {
				want := chunk[received%chunkSize:]
				n := min(len(rest), len(want))
				intact = intact && bytes.Equal(want[:n], rest[:n])
				received, rest = received+n, rest[n:]
			}
			if err != nil {
				assert.Equal(t, uv.EOF, err)
				client.Close(func(uv.Handle) { called["close"]++ })
			}
		}))
	}))
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "write": writes, "shutdown": 1, "close": 1}, called)
	assert.Equal(t, total, sent)
	assert.Equal(t, total, received)
	assert.True(t, intact)
	closeAll(t, loop)
}

// A process of its own, since another test could be given the descriptor that
// is closed behind libuv's back. It prints what was called.
var tcpWriteFailHelper = helper("tcp-write-fail", func() {
	var serverLoop, loop uv.Loop
	must(serverLoop.Init())
	must(loop.Init())
	var server, client uv.TCP
	must(server.Init(&serverLoop))
	must(server.Bind(localhost, 0))
	must(server.Listen(1, func(uv.Stream, error) {}))
	addr, err := server.Getsockname()
	must(err)

	called := counts{}
	must(client.Init(&loop))
	must(client.Connect(nil, addr, func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		must(err)
		fd, err := client.Fileno()
		must(err)
		must(syscall.Close(fd))
		must(client.Write(nil, buffers("hello\n"), func(req *uv.WriteReq, err error) {
			called[fmt.Sprint("write: ", err.(uv.Errno).Name())]++
			req.Handle().Close(func(uv.Handle) { called["close"]++ })
		}))
	}))
	loop.Run(uv.RunDefault)
	must(loop.Close())
	server.Close(nil)
	serverLoop.Run(uv.RunDefault)
	must(serverLoop.Close())
	fmt.Print(called)
})

// A write that the system refuses is told to its callback.
func TestLibuv_tcp_write_fail(t *testing.T) {
	t.Parallel()
	assert.Equal(t, fmt.Sprint(counts{"connect": 1, "write: EBADF": 1, "close": 1}), helperOutput(t, tcpWriteFailHelper))
}

// TryWrite writes at once, a buffer with nothing in it too.
func TestLibuv_tcp_try_write(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	read, written := 0, 0
	server := serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		called["connection"]++
		assert.NoError(t, err)
		incoming := newTCP(t, loop)
		assert.NoError(t, s.Accept(incoming))
		assert.NoError(t, incoming.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
			read += len(buf)
			if err != nil {
				assert.Equal(t, uv.EOF, err)
				incoming.Close(closed)
				s.Close(closed)
			}
		}))
	})
	client := newTCP(t, loop)
	try := func(text string) int {
		for {
			n, err := client.TryWrite(buffers(text))
			if err != uv.EAGAIN {
				assert.NoError(t, err)
				return n
			}
		}
	}
	require.NoError(t, client.Connect(nil, sockname(t, server), func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		written = try("PING")
		assert.Zero(t, try(""))
		client.Close(closed)
	}))
	run(t, loop)
	assert.Equal(t, counts{"connection": 1, "connect": 1, "close": 3}, called)
	assert.Positive(t, written)
	assert.Equal(t, written, read)
}

// TryWrite says when the peer is gone, and leaves nothing queued.
func TestLibuv_tcp_try_write_error(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	client := newTCP(t, loop)
	server := serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		called["connection"]++
		assert.NoError(t, err)
		incoming := newTCP(t, loop)
		assert.NoError(t, s.Accept(incoming))
		incoming.Close(func(uv.Handle) {
			called["close"]++
			if !assert.Equal(t, 1, called["connect"]) {
				return
			}
			err = nil
			for err == nil || err == uv.EAGAIN { // the reset may take its time
				_, err = client.TryWrite(buffers("meow"))
			}
			assert.Contains(t, []error{uv.EPIPE, uv.ECONNABORTED, uv.ECONNRESET}, err)
			assert.Zero(t, client.WriteQueueSize())
		})
		s.Close(closed)
	})
	require.NoError(t, client.Connect(nil, sockname(t, server), func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
	}))
	run(t, loop)
	client.Close(closed)
	run(t, loop)
	assert.Equal(t, counts{"connection": 1, "connect": 1, "close": 3}, called)
}

// A small write behind a large one is done with it: when the first callback
// comes, both have been written. Before 1.45 libuv wrote for one request at a
// time.
func TestLibuv_tcp_write_in_a_row(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	incoming := newTCP(t, loop)
	server := serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		called["connection"]++
		assert.NoError(t, err)
		assert.NoError(t, s.Accept(incoming))
		slab := make([]byte, 1024)
		assert.NoError(t, incoming.ReadStart(func(uv.Handle, int) []byte { return slab }, func(_ uv.Stream, _ []byte, err error) {
			assert.NoError(t, err)
		}))
	})
	client := newTCP(t, loop)
	written := func(_ *uv.WriteReq, err error) {
		called["write"]++
		assert.NoError(t, err)
		left := 0
		if uv.Version() < 0x012d00 && called["write"] == 1 {
			left = 1
		}
		assert.Equal(t, left, client.WriteQueueSize())
		if called["write"] == 2 {
			client.Close(closed)
			incoming.Close(closed)
			server.Close(closed)
		}
	}
	require.NoError(t, client.Connect(nil, sockname(t, server), func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		assert.NoError(t, client.Write(nil, [][]byte{make([]byte, 10<<20)}, written))
		queued := client.WriteQueueSize()
		assert.Positive(t, queued, "more than the system takes")
		assert.NoError(t, client.Write(nil, buffers("A"), written))
		assert.Equal(t, queued+1, client.WriteQueueSize())
	}))
	run(t, loop)
	assert.Equal(t, counts{"connection": 1, "connect": 1, "write": 2, "close": 3}, called)
}

// Of many writes to a peer that does not read, those that fitted are done and
// closing cancels the others. Their callbacks come in the order of the writes.
func TestLibuv_tcp_write_queue_order(t *testing.T) {
	t.Parallel()
	const n = 10000
	loop := newLoop(t)
	called := counts{}
	closed := func(uv.Handle) { called["close"]++ }
	client, incoming := newTCP(t, loop), newTCP(t, loop)
	server := serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		called["connection"]++
		assert.NoError(t, err)
		assert.NoError(t, s.Accept(incoming))
		assert.NoError(t, newTimer(t, loop).Start(func(timer *uv.Timer) {
			client.Close(closed)
			s.Close(closed)
			incoming.Close(closed)
			timer.Close(nil)
		}, 50, 0))
	})
	done, canceled, inOrder := 0, 0, true
	reqs := make([]uv.WriteReq, n)
	require.NoError(t, client.Connect(nil, sockname(t, server), func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		bufs := [][]byte{make([]byte, 1024)}
		for i := range reqs {
			assert.NoError(t, client.Write(&reqs[i], bufs, func(req *uv.WriteReq, err error) {
				inOrder = inOrder && i == done+canceled && req == &reqs[i]
				switch err {
				case nil:
					inOrder = inOrder && canceled == 0
					done++
				default:
					assert.Equal(t, uv.ECANCELED, err)
					canceled++
				}
			}))
		}
	}))
	_, err := client.SendBufferSize(16 * 1024)
	require.NoError(t, err)
	run(t, loop)
	assert.Equal(t, counts{"connection": 1, "connect": 1, "close": 3}, called)
	assert.Positive(t, done)
	assert.Positive(t, canceled)
	assert.Equal(t, n, done+canceled)
	assert.True(t, inOrder)
}

// A write from the callback of the one before, again and again: the stream
// stays writable until it is shut down, and all of it comes back.
func TestLibuv_tcp_write_ready(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	client := newTCP(t, loop)
	require.NoError(t, client.Open(newSocket(t)))
	called := counts{}
	received, shutting := 0, false
	var connect uv.ConnectReq
	var write uv.WriteReq
	var shutdown uv.ShutdownReq
	var next uv.WriteCB
	next = func(req *uv.WriteReq, err error) {
		called["write"]++
		assert.NoError(t, err)
		if !shutting {
			assert.NoError(t, req.Handle().Write(req, buffers("P"), next))
		}
	}
	require.NoError(t, client.Connect(&connect, tcpEchoServer(t, loop, localhost), func(req *uv.ConnectReq, err error) {
		called["connect"]++
		assert.Same(t, &connect, req)
		assert.NoError(t, err)
		assert.NoError(t, client.Write(&write, buffers("P"), next))
		assert.NoError(t, client.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
			if err != nil {
				assert.Equal(t, uv.EOF, err)
				client.Close(func(uv.Handle) { called["close"]++ })
				return
			}
			assert.Empty(t, bytes.Trim(buf, "P"))
			received += len(buf)
			if received < 1000 || shutting {
				return
			}
			shutting = true
			assert.NoError(t, client.Shutdown(&shutdown, func(req *uv.ShutdownReq, err error) {
				called["shutdown"]++
				assert.Same(t, &shutdown, req)
				assert.NoError(t, err)
			}))
		}))
	}))
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "write": received, "shutdown": 1, "close": 1}, called)
	assert.GreaterOrEqual(t, received, 1000)
	closeAll(t, loop)
}

// A shutdown right after a write waits for it.
func TestLibuv_tcp_shutdown_after_write(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	called := counts{}
	conn := newTCP(t, loop)
	require.NoError(t, conn.Connect(nil, tcpEchoServer(t, loop, localhost), func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		assert.NoError(t, conn.ReadStart(nil, func(uv.Stream, []byte, error) {}))
		assert.NoError(t, newTimer(t, loop).Start(func(timer *uv.Timer) {
			timer.Close(func(uv.Handle) { called["timer close"]++ })
			assert.NoError(t, conn.Write(nil, buffers("TEST"), func(_ *uv.WriteReq, err error) {
				called["write"]++
				assert.NoError(t, err)
				assert.Zero(t, called["shutdown"])
			}))
			assert.NoError(t, conn.Shutdown(nil, func(_ *uv.ShutdownReq, err error) {
				called["shutdown"]++
				assert.NoError(t, err)
				conn.Close(func(uv.Handle) { called["close"]++ })
			}))
		}, 10, 0))
	}))
	run(t, loop)
	assert.Equal(t, counts{"connect": 1, "write": 1, "shutdown": 1, "close": 1, "timer close": 1}, called)
	closeAll(t, loop)
}

// A write to a connection that the peer has closed is done; what the peer makes
// of it comes to the reader.
func TestLibuv_tcp_write_to_half_open_connection(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	called := counts{}
	server := serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		called["connection"]++
		assert.NoError(t, err)
		peer := newTCP(t, loop)
		assert.NoError(t, s.Accept(peer))
		assert.NoError(t, peer.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
			assert.Empty(t, buf)
			if err != nil {
				called["end"]++
				assert.Contains(t, []error{uv.ECONNRESET, uv.EOF}, err)
				s.Close(nil)
				peer.Close(nil)
			}
		}))
		assert.NoError(t, peer.Write(nil, buffers("hello\n"), func(_ *uv.WriteReq, err error) {
			called["write"]++
			assert.NoError(t, err)
		}))
	})
	client := newTCP(t, loop)
	require.NoError(t, client.Connect(nil, sockname(t, server), func(_ *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		client.Close(nil)
	}))
	run(t, loop)
	assert.Equal(t, counts{"connection": 1, "connect": 1, "write": 1, "end": 1}, called)
}
