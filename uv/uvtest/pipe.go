package uvtest

import (
	"os"
	"syscall"
)

var pipeScenarios = []scenario{
	{name: "pipe_echo", run: pipeEcho, from: "guide: pipe-echo-server",
		shows: "bind, listen, connect, accept, and a text that goes there and back"},
	{name: "pipe_connect_enoent", run: pipeConnectENOENT, from: "test-pipe-connect-error.c: pipe_connect_bad_name",
		shows: "connecting to a name that is not there: ENOENT in the callback, not before Run"},
	{name: "pipe_connect_refused", run: pipeConnectRefused, from: "pipe: uv_pipe_connect",
		shows: "connecting to a pipe that is bound and does not listen is ECONNREFUSED"},
	{name: "pipe_connect_to_file", run: pipeConnectToFile, from: "test-pipe-connect-error.c: pipe_connect_to_file",
		shows: "connecting to a file that is no socket is ECONNREFUSED"},
	{name: "pipe_connect_nil_callback", run: pipeConnectNilCallback, from: "pipe: uv_pipe_connect",
		shows: "Connect without a callback connects all the same; one that fails is over without a word"},
	{name: "pipe_connect_closed", run: pipeConnectClosed, from: "handle: uv_close",
		shows: "a pipe closed right after Connect: the connect callback gets ECANCELED, before the close callback"},
	{name: "pipe_connect_several", run: pipeConnectSeveral, from: "test-pipe-connect-multiple.c: pipe_connect_multiple",
		shows: "two clients: the connection callback comes for each"},
	{name: "pipe_connect_from_prepare", run: pipeConnectFromPrepare, from: "test-pipe-connect-prepare.c: pipe_connect_on_prepare",
		shows: "an error of a Connect made in prepare is called back too"},
	{name: "pipe_bind_in_use", run: pipeBindInUse, from: "test-pipe-bind-error.c: pipe_bind_error_addrinuse",
		shows: "a name that is taken is EADDRINUSE from Bind, and so is a file"},
	{name: "pipe_bind_no_folder", run: pipeBindNoFolder, from: "test-pipe-bind-error.c: pipe_bind_error_addrnotavail",
		shows: "a folder that is not there is EACCES"},
	{name: "pipe_bind_twice", run: pipeBindTwice, from: "test-pipe-bind-error.c: pipe_bind_error_inval",
		shows: "a pipe that is bound already is EINVAL"},
	{name: "pipe_listen_unbound", run: pipeListenUnbound, from: "test-pipe-bind-error.c: pipe_listen_without_bind",
		shows: "listening without a name is EINVAL"},
	{name: "pipe_listen_ipc", run: pipeListenIPC, from: "pipe: uv_pipe_init",
		shows: "an ipc pipe cannot listen: EINVAL"},
	{name: "pipe_name_is_removed", run: pipeNameIsRemoved, from: "pipe: uv_pipe_bind",
		shows: "Close removes the name, which can then be bound again"},
	{name: "pipe_name_of_others", run: pipeNameOfOthers, from: "pipe: uv_pipe_bind",
		shows: "closing a client, or an accepted connection, leaves the server's name"},
	{name: "pipe_names", run: pipeNames, from: "test-pipe-getsockname.c: pipe_getsockname",
		shows: "the names of a server, a client and a connection"},
	{name: "pipe_names_unbound", run: pipeNamesUnbound, from: "test-pipe-getsockname.c: pipe_getsockname",
		shows: "a pipe that is not open has no names: EBADF"},
	{name: "pipe_server_closed", run: pipeServerClosed, from: "test-pipe-server-close.c: pipe_server_close",
		shows: "closing the server leaves the connections that it accepted"},
	{name: "pipe_accept_none", run: pipeAcceptNone, from: "stream: uv_accept",
		shows: "Accept without a connection is EAGAIN"},
	{name: "pipe_accept_later", run: pipeAcceptLater, from: "test-delayed-accept.c: delayed_accept",
		shows: "a connection can be accepted after its callback has returned"},
	{name: "pipe_accept_batch", run: pipeAcceptBatch, from: "stream: uv_connection_cb", changed: []string{"1.45"},
		shows: "two clients wait: before 1.45 both come in one iteration, since then one in each"},
	{name: "pipe_listen_states", run: pipeListenStates, from: "handle: uv_is_active",
		shows: "a pipe is active from Listen on, and keeps the loop"},
	{name: "pipe_unref_server", run: pipeUnrefServer, from: "test-ref.c: pipe_ref2",
		shows: "an unreferenced server does not keep Run"},
	{name: "pipe_open", run: pipeOpen, from: "test-pipe-set-non-blocking.c: pipe_set_non_blocking",
		shows: "the two ends of a socket pair, opened, are connected both ways"},
	{name: "pipe_open_one_way", run: pipeOpenOneWay, from: "pipe: uv_pipe_open",
		shows: "the two ends of pipe(2), opened: one is readable, the other writable"},
	{name: "pipe_open_errors", run: pipeOpenErrors, from: "pipe: uv_pipe_open",
		shows: "a descriptor that is not open is EBADF, a pipe that is open already EBUSY"},
	{name: "pipe_abstract", run: pipeAbstract, from: "test-pipe-getsockname.c: pipe_getsockname_abstract",
		shows: "an abstract name: no file, the name as it was given, gone with the server (since 1.46)"},
	{name: "pipe_bind2", run: pipeBind2, from: "pipe: uv_pipe_bind2",
		shows: "Bind2 and Connect2 with a path are like Bind and Connect (since 1.46)"},
	{name: "pipe_connect2_empty", run: pipeConnect2Empty, from: "pipe: uv_pipe_connect2",
		shows: "Connect2 with an empty name is EINVAL, and no callback (since 1.46)"},
}

// listen makes a pipe that listens at a path, and closes it when it has had one
// connection, which accepted gets.
func (l *loop) listen(path string, accepted func(conn *pipe)) *pipe {
	server := l.Pipe("server", false)
	server.Bind(path)
	server.Listen(func() {
		conn := server.AcceptPipe("connection")
		server.Drop()
		if accepted != nil {
			accepted(conn)
		}
	})
	return server
}

// echo writes so many bytes back, and closes at the end.
func (s *stream) echo(n int) {
	done := after(2, s.Close)
	s.ReadEach(n, func(data string) {
		if data == "" {
			done()
			return
		}
		s.Write(data, done)
	})
}

func pipeEcho(t *tester) {
	l := t.Loop()
	l.listen(t.Path("pipe"), func(conn *pipe) {
		conn.echo(4)
	})
	client := l.Pipe("client", false)
	client.Connect(t.Path("pipe"), func() {
		done := after(2, client.Close)
		client.Write("ping", done)
		client.ReadEach(4, func(string) { done() })
	})
	l.RunSet(RunDefault)
}

func pipeConnectENOENT(t *tester) {
	l := t.Loop()
	client := l.Pipe("client", false)
	client.Connect(t.Path("missing"), func() { client.Close() })
	t.Log("Connect has returned")
	l.Run(RunDefault)
}

func pipeConnectRefused(t *tester) {
	l := t.Loop()
	server, client := l.Pipe("server", false), l.Pipe("client", false)
	server.Bind(t.Path("pipe"))
	client.Connect(t.Path("pipe"), func() { client.Close() })
	l.Run(RunDefault)
}

func pipeConnectToFile(t *tester) {
	l := t.Loop()
	client := l.Pipe("client", false)
	client.Connect(t.file("data", 0o666), func() { client.Close() })
	l.Run(RunDefault)
}

func pipeConnectNilCallback(t *tester) {
	l := t.Loop()
	const text = "without a callback"
	l.listen(t.Path("pipe"), func(conn *pipe) {
		conn.ReadEach(len(text), func(string) { conn.Close() })
	})
	client, lost := l.Pipe("client", false), l.Pipe("lost", false)
	client.inner.Connect(t.Path("pipe"), nil)
	client.check("Stream.Write", client.inner.Write(buffers([]string{text}), nil))
	lost.inner.Connect(t.Path("missing"), nil)
	l.RunSet(RunDefault)
	client.Directions()
	lost.Directions()
}

func pipeConnectClosed(t *tester) {
	l := t.Loop()
	server, client := l.Pipe("server", false), l.Pipe("client", false)
	server.Bind(t.Path("pipe"))
	server.Listen(nil)
	client.Connect(t.Path("pipe"), nil)
	client.Close()
	server.Drop()
	l.Run(RunDefault)
}

func pipeConnectSeveral(t *tester) {
	l := t.Loop()
	server := l.Pipe("server", false)
	server.Bind(t.Path("pipe"))
	n := 0
	server.Listen(func() {
		server.AcceptPipe("connection").Drop()
		if n++; n == 2 {
			server.Close()
		}
	})
	for _, name := range []string{"client 1", "client 2"} {
		client := l.Pipe(name, false)
		client.Connect(t.Path("pipe"), func() {
			client.ReadToEnd(func() { client.Close() })
		})
	}
	l.RunSet(RunDefault)
}

func pipeConnectFromPrepare(t *tester) {
	l := t.Loop()
	client, prepare := l.Pipe("client", false), l.Prepare("prepare")
	prepare.Start(func() {
		client.Connect(t.Path("missing"), func() { client.Close() })
		prepare.Close()
	})
	l.RunSet(RunDefault)
}

func pipeBindInUse(t *tester) {
	l := t.Loop()
	a, b, c := l.Pipe("a", false), l.Pipe("b", false), l.Pipe("c", false)
	a.Bind(t.Path("pipe"))
	b.Bind(t.Path("pipe"))
	c.Bind(t.file("data", 0o644))
	b.Close()
	l.Run(RunDefault)
	_, err := os.Stat(t.Path("pipe"))
	t.Log("a's name is there %v", err == nil)
}

func pipeBindNoFolder(t *tester) {
	l := t.Loop()
	l.Pipe("pipe", false).Bind(t.Path("missing/pipe"))
}

func pipeBindTwice(t *tester) {
	l := t.Loop()
	p := l.Pipe("pipe", false)
	p.Bind(t.Path("one"))
	p.Bind(t.Path("two"))
}

func pipeListenUnbound(t *tester) {
	l := t.Loop()
	l.Pipe("unbound", false).Listen(nil)
}

func pipeListenIPC(t *tester) {
	l := t.Loop()
	ipc := l.Pipe("ipc", true)
	ipc.Bind(t.Path("ipc"))
	ipc.Listen(nil)
}

func pipeNameIsRemoved(t *tester) {
	l := t.Loop()
	there := func() bool {
		_, err := os.Lstat(t.Path("pipe"))
		return err == nil
	}
	for range 2 {
		p := l.Pipe("pipe", false)
		p.Bind(t.Path("pipe"))
		p.Log("bound: there %v", there())
		p.CloseThen(func() { p.Log("there %v", there()) })
		l.Run(RunDefault)
	}
}

func pipeNameOfOthers(t *tester) {
	l := t.Loop()
	server, client := l.Pipe("server", false), l.Pipe("client", false)
	server.Bind(t.Path("pipe"))
	server.Listen(func() {
		conn := server.AcceptPipe("connection")
		conn.ReadToEnd(func() {
			conn.CloseThen(func() {
				_, err := os.Lstat(t.Path("pipe"))
				t.Log("the server's name is there %v", err == nil)
				server.Drop()
			})
		})
	})
	client.Connect(t.Path("pipe"), func() { client.Close() })
	l.RunSet(RunDefault)
}

func pipeNames(t *tester) {
	l := t.Loop()
	server := l.listen(t.Path("pipe"), func(conn *pipe) {
		conn.Names()
		conn.Close()
	})
	name, err := server.inner.Getsockname()
	server.check("Pipe.Getsockname", err)
	server.Log("is %q", name)
	client := l.Pipe("client", false)
	client.Connect(t.Path("pipe"), func() {
		client.Names()
		client.ReadToEnd(func() { client.Close() })
	})
	l.RunSet(RunDefault)
}

func pipeNamesUnbound(t *tester) {
	l := t.Loop()
	l.Pipe("pipe", false).Names()
}

func pipeServerClosed(t *tester) {
	l := t.Loop()
	client := l.Pipe("client", false)
	server := l.Pipe("server", false)
	server.Bind(t.Path("pipe"))
	server.Listen(func() {
		conn := server.AcceptPipe("connection")
		server.CloseThen(func() {
			conn.Write("still here", func() { conn.Close() })
		})
	})
	client.Connect(t.Path("pipe"), func() {
		client.ReadToEnd(func() { client.Close() })
	})
	l.RunSet(RunDefault)
}

func pipeAcceptNone(t *tester) {
	l := t.Loop()
	server := l.Pipe("server", false)
	server.Bind(t.Path("pipe"))
	server.Listen(nil)
	server.AcceptPipe("connection")
	l.Run(RunNowait)
}

func pipeAcceptLater(t *tester) {
	l := t.Loop()
	server, client := l.Pipe("server", false), l.Pipe("client", false)
	server.Bind(t.Path("pipe"))
	timer := l.Timer("timer")
	server.Listen(func() {
		timer.Start(1, 0, func() {
			server.AcceptPipe("connection").Drop()
			server.Close()
		})
	})
	client.Connect(t.Path("pipe"), func() {
		client.ReadToEnd(func() { client.Close() })
	})
	l.RunSet(RunDefault)
}

func pipeAcceptBatch(t *tester) {
	l := t.Loop()
	server := l.Pipe("server", false)
	server.Bind(t.Path("pipe"))
	server.Listen(func() { server.AcceptPipe("connection").Drop() })
	for range 2 {
		l.Pipe("client", false).Connect(t.Path("pipe"), nil)
	}
	l.RunSet(RunNowait)
	l.RunSet(RunNowait)
}

func pipeListenStates(t *tester) {
	l := t.Loop()
	p := l.Pipe("pipe", false)
	p.State()
	p.Bind(t.Path("pipe"))
	p.State()
	p.Directions()
	l.Run(RunDefault)
	p.Listen(nil)
	p.State()
	p.Directions()
	l.Run(RunNowait)
}

func pipeUnrefServer(t *tester) {
	l := t.Loop()
	p := l.Pipe("pipe", false)
	p.Bind(t.Path("pipe"))
	p.Listen(nil)
	p.inner.Unref()
	l.Run(RunDefault)
}

func pipeOpen(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	a.Directions()
	b.Directions()
	done := after(2, a.Close)
	a.Write("one", done)
	a.ReadEach(3, func(string) { done() })
	b.echo(3)
	l.RunSet(RunDefault)
}

func pipeOpenOneWay(t *tester) {
	l := t.Loop()
	r, w := t.Pipe2()
	reader, writer := l.Pipe("reader", false), l.Pipe("writer", false)
	for p, file := range map[*pipe]*os.File{reader: r, writer: w} {
		fd, err := syscall.Dup(int(file.Fd()))
		t.must(err)
		syscall.CloseOnExec(fd)
		p.Open(fd)
		file.Close()
	}
	reader.Directions()
	writer.Directions()
	reader.ReadToEnd(func() { reader.Close() })
	writer.Write("one way", nil)
	writer.Write(" only", func() { writer.Close() })
	l.RunSet(RunDefault)
}

func pipeOpenErrors(t *tester) {
	l := t.Loop()
	l.Pipe("not open", false).Open(1 << 20)
	a, _ := l.Pair("a", "b", false)
	fds := t.socketpair()
	defer syscall.Close(fds[0])
	defer syscall.Close(fds[1])
	a.Open(fds[0])
}

func pipeAbstract(t *tester) {
	l := t.Loop()
	server, client := l.Pipe("server", false), l.Pipe("client", false)
	name := "\x00" + t.Path("abstract")
	server.Bind2(name)
	got, err := server.inner.Getsockname()
	server.check("Pipe.Getsockname", err)
	server.Log("is %q", got)
	_, err = os.Lstat(name[1:])
	server.Log("there is a file %v", err == nil)
	server.Listen(func() {
		server.AcceptPipe("connection").Drop()
		server.Drop()
	})
	client.Connect2(name, func() {
		client.ReadToEnd(func() { client.Close() })
	})
	l.RunSet(RunDefault)
	late := l.Pipe("late client", false)
	late.Connect2(name, nil)
	l.RunSet(RunDefault)
}

func pipeBind2(t *tester) {
	l := t.Loop()
	server, client, lost := l.Pipe("server", false), l.Pipe("client", false), l.Pipe("lost", false)
	server.Bind2(t.Path("pipe"))
	server.Listen(func() {
		server.AcceptPipe("connection").Drop()
		server.Close()
	})
	client.Connect2(t.Path("pipe"), func() {
		client.ReadToEnd(func() { client.Close() })
	})
	lost.Connect2(t.Path("missing"), nil)
	l.RunSet(RunDefault)
}

func pipeConnect2Empty(t *tester) {
	l := t.Loop()
	p := l.Pipe("pipe", false)
	p.Connect2("", nil)
	l.Run(RunDefault)
}
