package uvtest

var tcpScenarios = []scenario{
	{name: "tcp_echo", run: tcpEcho, from: "test-ping-pong.c: tcp_ping_pong",
		shows: "bind, listen, connect, accept, and a text that goes there and back"},
	{name: "tcp_refused", run: tcpRefused, from: "test-connection-fail.c: connection_fail",
		shows: "connecting where nobody listens: ECONNREFUSED in the callback"},
	{name: "tcp_bind_in_use", run: tcpBindInUse, from: "test-tcp-bind-error.c: tcp_bind_error_addrinuse_listen",
		shows: "an address in use is told by Listen, not by Bind"},
	{name: "tcp_bind_twice", run: tcpBindTwice, from: "test-tcp-bind-error.c: tcp_bind_error_inval",
		shows: "a handle that is bound already is EINVAL"},
	{name: "tcp_listen_unbound", run: tcpListenUnbound, from: "test-tcp-bind-error.c: tcp_listen_without_bind",
		shows: "listening without an address works"},
	{name: "tcp_names", run: tcpNames, from: "test-getsockname.c: getsockname_tcp",
		shows: "each side's own address is the other one's peer"},
	{name: "tcp_names_unbound", run: tcpNamesUnbound, from: "test-getsockname.c: getsockname_tcp",
		shows: "a handle without a socket has no addresses: EBADF; a bound one has no peer: ENOTCONN"},
	{name: "tcp_not_connected", run: tcpNotConnected, from: "stream: uv_read_start",
		shows: "a handle that is not connected: ReadStart ENOTCONN, Write EBADF, Shutdown ENOTCONN"},
	{name: "tcp_connect_twice", run: tcpConnectTwice, from: "test-tcp-connect-error.c: tcp_connect_error_fault",
		shows: "a second Connect while the first is under way is EALREADY"},
	{name: "tcp_connect_nil_callback", run: tcpConnectNilCallback, from: "tcp: uv_tcp_connect",
		shows: "Connect without a callback connects all the same"},
	{name: "tcp_close_while_connecting", run: tcpCloseWhileConnecting, from: "test-tcp-close-while-connecting.c: tcp_close_while_connecting",
		shows: "closed while it connects: ECANCELED for the connect callback, then the close callback"},
	{name: "tcp_write_before_connected", run: tcpWriteBeforeConnected, from: "test-tcp-write-after-connect.c: tcp_write_after_connect",
		shows: "a write that is made before the connection is there is done after it"},
	{name: "tcp_write_before_refused", run: tcpWriteBeforeRefused, from: "test-tcp-connect-error-after-write.c: tcp_connect_error_after_write",
		shows: "a write made before the connection was refused gets ECANCELED, after the connect callback"},
	{name: "tcp_half_close", run: tcpHalfClose, from: "test-shutdown-eof.c: shutdown_eof",
		shows: "after Shutdown the peer gets EOF and can still answer"},
	{name: "tcp_reset", run: tcpReset, from: "test-tcp-close-reset.c: tcp_close_reset_client",
		shows: "CloseReset makes the peer's read ECONNRESET"},
	{name: "tcp_reset_after_shutdown", run: tcpResetAfterShutdown, from: "test-tcp-close-reset.c: tcp_close_reset_client_after_shutdown",
		shows: "CloseReset after Shutdown is EINVAL, and the handle stays open"},
	{name: "tcp_several_clients", run: tcpSeveralClients, from: "test-multiple-listen.c: multiple_listen",
		shows: "the connection callback comes once for each client, and each gets its own answer"},
	{name: "tcp_several_in_one_callback", run: tcpSeveralInOneCallback, from: "stream: uv_accept",
		shows: "a second Accept in one connection callback is EAGAIN, even with another client waiting"},
	{name: "tcp_long", run: tcpLong, from: "test-tcp-writealot.c: tcp_writealot",
		shows: "a long text arrives whole"},
	{name: "tcp_unref_server", run: tcpUnrefServer, from: "test-ref.c: tcp_ref2",
		shows: "an unreferenced server does not keep Run"},
	{name: "tcp_loop_ends", run: tcpLoopEnds, from: "loop: uv_run",
		shows: "a connection that nobody reads does not keep the loop"},
}

// serve makes a TCP that listens, and closes it after so many connections.
func (l *loop) serve(times int, accepted func(conn *tcp)) *tcp {
	server := l.TCP("server")
	server.Bind(localhost)
	n := 0
	server.Listen(func() {
		conn := server.AcceptTCP("connection")
		if n++; n == times {
			server.Drop()
		}
		accepted(conn)
	})
	return server
}

func tcpEcho(t *tester) {
	l := t.Loop()
	server := l.serve(1, func(conn *tcp) {
		conn.echo(4)
	})
	client := l.TCP("client")
	client.Connect(server.Addr(), func() {
		done := after(2, client.Close)
		client.Write("ping", done)
		client.ReadEach(4, func(string) { done() })
	})
	l.RunSet(RunDefault)
}

func tcpConnectNilCallback(t *tester) {
	l := t.Loop()
	const text = "without a callback"
	server := l.serve(1, func(conn *tcp) {
		conn.ReadEach(len(text), func(string) { conn.Close() })
	})
	client := l.TCP("client")
	client.check("TCP.Connect", client.inner.Connect(server.Addr(), nil))
	client.check("Stream.Write", client.inner.Write(buffers([]string{text}), nil))
	l.RunSet(RunDefault)
	client.Directions()
}

func tcpRefused(t *tester) {
	l := t.Loop()
	server, client := l.TCP("server"), l.TCP("client")
	server.Bind(localhost) // and does not listen
	client.Connect(server.Addr(), func() { client.Close() })
	l.Run(RunDefault)
}

func tcpBindInUse(t *tester) {
	l := t.Loop()
	a, b := l.TCP("a"), l.TCP("b")
	a.Bind(localhost)
	a.Listen(nil)
	b.Bind(a.Addr())
	t.Log("Bind has returned")
	b.Listen(nil)
}

func tcpBindTwice(t *tester) {
	l := t.Loop()
	a := l.TCP("a")
	a.Bind(localhost)
	a.Bind(localhost)
}

func tcpListenUnbound(t *tester) {
	l := t.Loop()
	a := l.TCP("a")
	a.Listen(nil)
	a.State()
	a.Log("has a port %v", a.Addr().Port() != 0)
}

func tcpNames(t *tester) {
	l := t.Loop()
	client := l.TCP("client")
	var connection *tcp
	done := after(2, func() {
		peer := func(x *tcp) string {
			addr, err := x.inner.Getpeername()
			x.check("TCP.Getpeername", err)
			return addr.String()
		}
		t.Log("the client's peer is the connection %v", peer(client) == connection.Addr().String())
		t.Log("the connection's peer is the client %v", peer(connection) == client.Addr().String())
		client.Drop()
		connection.Drop()
	})
	server := l.serve(1, func(conn *tcp) {
		connection = conn
		done()
	})
	client.Connect(server.Addr(), done)
	l.RunSet(RunDefault)
}

func tcpNamesUnbound(t *tester) {
	l := t.Loop()
	fresh, bound := l.TCP("fresh"), l.TCP("bound")
	fresh.Addr()
	_, err := fresh.inner.Getpeername()
	fresh.check("TCP.Getpeername", err)
	bound.Bind(localhost)
	_, err = bound.inner.Getpeername()
	bound.check("TCP.Getpeername", err)
}

func tcpNotConnected(t *tester) {
	l := t.Loop()
	c := l.TCP("tcp")
	c.ReadToEnd(nil)
	c.Write("x", nil)
	c.TryWrite("x")
	c.Shutdown(nil)
	c.Directions()
	c.State()
}

func tcpConnectTwice(t *tester) {
	l := t.Loop()
	server := l.serve(1, func(conn *tcp) { conn.Drop() })
	client := l.TCP("client")
	client.Connect(server.Addr(), func() { client.Close() })
	client.Connect(server.Addr(), func() { client.Close() })
	l.RunSet(RunDefault)
}

func tcpCloseWhileConnecting(t *tester) {
	l := t.Loop()
	server, client := l.TCP("server"), l.TCP("client")
	server.Bind(localhost)
	server.Listen(nil)
	client.Connect(server.Addr(), nil)
	client.Close()
	server.Drop()
	l.Run(RunDefault)
}

func tcpWriteBeforeConnected(t *tester) {
	l := t.Loop()
	server := l.serve(1, func(conn *tcp) {
		conn.ReadToEnd(func() { conn.Close() })
	})
	client := l.TCP("client")
	client.Connect(server.Addr(), nil)
	client.Write("early", nil)
	client.Write(" bird", func() { client.Close() })
	l.RunSet(RunDefault)
}

func tcpWriteBeforeRefused(t *tester) {
	l := t.Loop()
	server, client := l.TCP("server"), l.TCP("client")
	server.Bind(localhost)
	client.Connect(server.Addr(), nil)
	client.Write("lost", func() { client.Close() })
	l.Run(RunDefault)
}

func tcpHalfClose(t *tester) {
	l := t.Loop()
	server := l.serve(1, func(conn *tcp) {
		conn.ReadToEnd(func() {
			conn.Write("answer", func() { conn.Close() })
		})
	})
	client := l.TCP("client")
	client.Connect(server.Addr(), func() {
		done := after(2, client.Close)
		client.Write("question", nil)
		client.Shutdown(done)
		client.ReadToEnd(done)
	})
	l.RunSet(RunDefault)
}

func tcpReset(t *tester) {
	l := t.Loop()
	server := l.serve(1, func(conn *tcp) {
		done := after(2, conn.Close)
		conn.Write("x", done)
		conn.ReadToEnd(done)
	})
	client := l.TCP("client")
	client.Connect(server.Addr(), func() {
		client.ReadEach(1, func(string) { client.CloseReset() })
	})
	l.RunSet(RunDefault)
}

func tcpResetAfterShutdown(t *tester) {
	l := t.Loop()
	server := l.serve(1, func(conn *tcp) {
		conn.ReadToEnd(func() { conn.Close() })
	})
	client := l.TCP("client")
	client.Connect(server.Addr(), func() {
		done := after(2, client.Close)
		client.Shutdown(done)
		client.CloseReset()
		client.ReadToEnd(done)
	})
	l.RunSet(RunDefault)
}

func tcpSeveralClients(t *tester) {
	l := t.Loop()
	names := []string{"client 1", "client 2", "client 3"}
	server := l.serve(len(names), func(conn *tcp) {
		var have string
		conn.ReadQuietly(func(data string) {
			if have += data; len(have) == len(names[0]) {
				t.Log("answered %s", have)
				conn.TryWrite("hello " + have)
				conn.Drop()
			}
		})
	})
	for _, name := range names {
		client := l.TCP(name)
		client.Connect(server.Addr(), func() {
			done := after(2, client.Close)
			client.Write(name, done)
			client.ReadToEnd(done)
		})
	}
	l.RunSet(RunDefault)
}

func tcpSeveralInOneCallback(t *tester) {
	l := t.Loop()
	server := l.TCP("server")
	server.Bind(localhost)
	n := 0
	server.Listen(func() {
		server.AcceptTCP("connection").Drop()
		extra := l.TCP("extra")
		extra.check("Stream.Accept", server.inner.Accept(extra.inner))
		extra.Drop()
		if n++; n == 2 {
			server.Drop()
		}
	})
	for _, name := range []string{"client 1", "client 2"} {
		client := l.TCP(name)
		client.Connect(server.Addr(), func() {
			client.ReadToEnd(func() { client.Close() })
		})
	}
	l.RunSet(RunDefault)
}

func tcpLong(t *tester) {
	l := t.Loop()
	server := l.serve(1, func(conn *tcp) {
		conn.ReadToEnd(func() { conn.Close() })
	})
	client := l.TCP("client")
	client.Connect(server.Addr(), func() {
		client.Write(text(long), nil)
		client.Write(text(long), nil)
		client.Shutdown(func() { client.Close() })
	})
	l.RunSet(RunDefault)
}

func tcpUnrefServer(t *tester) {
	l := t.Loop()
	server := l.serve(1, nil)
	server.inner.Unref()
	l.Run(RunDefault)
}

func tcpLoopEnds(t *tester) {
	l := t.Loop()
	server := l.serve(1, func(*tcp) {})
	client := l.TCP("client")
	client.Connect(server.Addr(), nil)
	l.RunSet(RunDefault)
	client.State()
}
