package uvtest

import "fmt"

var ipcScenarios = []scenario{
	{name: "ipc_pipe", run: ipcPipe, from: "test-ipc-send-recv.c: ipc_send_recv_pipe_inprocess",
		shows: "a connected pipe sent over an ipc pipe works at the other end"},
	{name: "ipc_tcp", run: ipcTCP, from: "test-ipc-send-recv.c: ipc_send_recv_tcp_inprocess",
		shows: "a TCP connection sent over an ipc pipe: its type is known, and it works"},
	{name: "ipc_listening_server", run: ipcListeningServer, from: "test-ipc.c: ipc_listen_before_write",
		shows: "a server sent over an ipc pipe accepts for whoever has it"},
	{name: "ipc_to_child", run: ipcToChild, from: "guide: multi-echo-server",
		shows: "a child gets a connection over its descriptor 0 and answers on it"},
	{name: "ipc_several", run: ipcSeveral, from: "pipe: uv_pipe_pending_count",
		shows: "several handles come in the order in which they were sent, each once"},
	{name: "ipc_pending_count", run: ipcPendingCount, from: "pipe: uv_pipe_pending_count",
		shows: "three handles that wait: each Accept takes the first, and the count and the type are the next ones"},
	{name: "ipc_none_pending", run: ipcNonePending, from: "pipe: uv_pipe_pending_count",
		shows: "without a handle: no type, a count of 0, and Accept is EAGAIN"},
	{name: "ipc_text_only", run: ipcTextOnly, from: "stream: uv_write",
		shows: "an ipc pipe carries texts without handles too"},
	{name: "ipc_handle_with_text", run: ipcHandleWithText, from: "stream: uv_write2",
		shows: "the text that comes with a handle arrives, between the texts around it"},
	{name: "ipc_not_accepted", run: ipcNotAccepted, from: "pipe: uv_pipe_pending_count",
		shows: "a handle that nobody accepts is closed with the pipe: its peer gets EOF"},
	{name: "ipc_closed_by_sender", run: ipcClosedBySender, from: "stream: uv_write2",
		shows: "the sender may close its handle after the write callback; what was sent stays open"},
	{name: "ipc_both_ways", run: ipcBothWays, from: "test-ipc-send-recv.c: ipc_send_recv_pipe_inprocess",
		shows: "a handle that is sent there and back is still the same connection"},
	{name: "ipc_nil_callback", run: ipcNilCallback, from: "stream: uv_write2",
		shows: "Write2 without a callback sends its text and its handle"},
	{name: "ipc_errors", run: ipcErrors, from: "stream: uv_write2",
		shows: "Write2: EINVAL on a pipe that is not for ipc, EBADF for a handle that is not open"},
	{name: "ipc_cancelled", run: ipcCancelled, from: "stream: uv_write2",
		shows: "a Write2 that Close finds unfinished gets ECANCELED"},
}

// Over pairs of pipes, a and b: a sends, b receives.

func ipcPipe(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", true)
	x, y := l.Pair("x", "y", false)
	b.ReadEach(1, func(string) {
		b.Log("pending %d, a %s", b.inner.PendingCount(), b.inner.PendingType())
		got := b.AcceptPipe("got")
		b.Log("pending %d", b.inner.PendingCount())
		got.Directions()
		got.Write("through what was sent", func() { got.Close() })
		b.Close()
	})
	y.ReadToEnd(func() { y.Close() })
	a.Write2("h", x.stream, func() { x.Close() })
	l.RunSet(RunDefault)
}

func ipcTCP(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", true)
	server := l.serve(1, func(conn *tcp) {
		a.Write2("h", conn.stream, func() { conn.Close() })
	})
	client := l.TCP("client")
	client.Connect(server.Addr(), func() {
		client.ReadToEnd(func() { client.Close() })
	})
	b.ReadEach(1, func(string) {
		b.Log("pending %d, a %s", b.inner.PendingCount(), b.inner.PendingType())
		got := b.AcceptTCP("got")
		got.Write("through what was sent", func() { got.Close() })
		b.Close()
	})
	l.RunSet(RunDefault)
}

func ipcListeningServer(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", true)
	server := l.TCP("server")
	server.Bind(localhost)
	server.Listen(nil)
	addr := server.Addr()
	client := l.TCP("client")
	connect := after(2, func() {
		client.Connect(addr, func() {
			client.ReadToEnd(func() { client.Close() })
		})
	})
	b.ReadEach(1, func(string) {
		got := b.AcceptTCP("got")
		got.Listen(func() {
			got.AcceptTCP("connection").Drop()
			got.Close()
		})
		b.Drop()
		connect()
	})
	a.Write2("h", server.stream, func() {
		server.Drop()
		connect()
	})
	l.RunSet(RunDefault)
}

func ipcToChild(t *tester) {
	l := t.Loop()
	channel := l.Pipe("channel", true)
	options := program("serve")
	options.Stdio = []StdioContainer{duplex(channel)}
	var p *process
	p = l.Spawn("child", options, func() { p.Close() })
	x, y := l.Pair("x", "y", false)
	done := after(2, channel.Close)
	channel.Write2("h", x.stream, func() {
		x.Close()
		done()
	})
	y.ReadToEnd(func() {
		y.Close()
		done()
	})
	l.RunSet(RunDefault)
}

func ipcSeveral(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", true)
	const count = 5
	accepted := 0
	b.ReadEach(1, func(string) {
		for b.inner.PendingCount() > 0 {
			got := b.AcceptPipe("got")
			got.TryWrite(fmt.Sprint("number ", accepted))
			got.Drop()
			accepted++
		}
	})
	for i := range count {
		x, y := l.Pair("x", fmt.Sprint("peer ", i), false)
		y.ReadToEnd(func() { y.Close() })
		a.Write2("h", x.stream, func() { x.Drop() })
	}
	a.Shutdown(nil)
	l.RunSet(RunDefault)
	t.Log("accepted %d", accepted)
}

func ipcPendingCount(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", true)
	server := l.TCP("server")
	server.Bind(localhost)
	x, _ := l.Pair("x", "peer of x", false)
	y, _ := l.Pair("y", "peer of y", false)
	for _, send := range []*stream{x.stream, server.stream, y.stream} {
		a.Write2("h", send, nil)
	}
	pending := func() { b.Log("pending %d, type %q", b.inner.PendingCount(), b.inner.PendingType()) }
	n := 0
	b.ReadEach(1, func(string) {
		if n++; n < 3 {
			return
		}
		pending()
		b.AcceptPipe("first").Drop()
		pending()
		b.AcceptTCP("second").Drop()
		pending()
		b.AcceptPipe("third").Drop()
		pending()
		b.AcceptPipe("none")
		b.Close()
	})
	l.RunSet(RunDefault)
}

func ipcNonePending(t *tester) {
	l := t.Loop()
	a, _ := l.Pair("a", "b", true)
	a.Log("pending %d, type %q", a.inner.PendingCount(), a.inner.PendingType())
	a.AcceptPipe("got")
}

func ipcTextOnly(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", true)
	b.ReadToEnd(func() { b.Log("pending %d", b.inner.PendingCount()) })
	a.Write("only a text", nil)
	a.Shutdown(nil)
	l.RunSet(RunDefault)
}

func ipcHandleWithText(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", true)
	x, y := l.Pair("x", "y", false)
	b.ReadToEnd(func() {
		b.Log("pending %d", b.inner.PendingCount())
		b.AcceptPipe("got").Drop()
	})
	y.ReadToEnd(nil)
	a.Write("before ", nil)
	a.Write2("with ", x.stream, func() { x.Drop() })
	a.Write("after", nil)
	a.Shutdown(nil)
	l.RunSet(RunDefault)
}

func ipcNotAccepted(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", true)
	x, y := l.Pair("x", "y", false)
	b.ReadEach(1, func(string) {
		b.Log("pending %d", b.inner.PendingCount())
		b.Close()
	})
	y.ReadToEnd(func() { y.Close() })
	a.Write2("h", x.stream, func() { x.Close() })
	l.RunSet(RunDefault)
}

func ipcClosedBySender(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", true)
	x, y := l.Pair("x", "y", false)
	a.Write2("h", x.stream, func() {
		x.CloseThen(func() {
			b.ReadEach(1, func(string) {
				got := b.AcceptPipe("got")
				got.ReadEach(4, func(string) { got.Close() })
				y.Write("late", nil)
				b.Drop()
			})
		})
	})
	l.RunSet(RunDefault)
}

func ipcBothWays(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", true)
	x, y := l.Pair("x", "y", false)
	b.ReadEach(1, func(string) {
		got := b.AcceptPipe("got by b")
		b.Write2("h", got.stream, func() {
			got.Drop()
			b.Drop()
		})
	})
	done := after(2, a.Drop)
	a.ReadEach(1, func(data string) {
		if data == "" {
			done()
			return
		}
		got := a.AcceptPipe("got by a")
		got.Write("the same connection", func() { got.Close() })
	})
	y.ReadToEnd(func() { y.Close() })
	a.Write2("h", x.stream, func() {
		x.Drop()
		done()
	})
	l.RunSet(RunDefault)
}

func ipcNilCallback(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", true)
	x, y := l.Pair("x", "y", false)
	a.check("Pipe.Write2", a.inner.Write2(buffers([]string{"h"}), x.inner, nil))
	b.ReadEach(1, func(string) {
		x.Drop()
		b.AcceptPipe("got").Drop()
		b.Close()
	})
	y.ReadToEnd(func() { y.Close() })
	l.RunSet(RunDefault)
}

func ipcErrors(t *tester) {
	l := t.Loop()
	a, _ := l.Pair("not for ipc", "b", false)
	x, _ := l.Pair("x", "y", false)
	a.Write2("h", x.stream, nil)
	c, _ := l.Pair("ipc", "d", true)
	c.Write2("h", l.Pipe("not open", false).stream, nil)
	c.Write2("h", l.TCP("no socket").stream, nil)
	l.Run(RunDefault)
}

func ipcCancelled(t *tester) {
	l := t.Loop()
	a, _ := l.Pair("a", "b", true)
	x, _ := l.Pair("x", "y", false)
	a.Write(text(long), nil)
	a.Write2("h", x.stream, nil)
	a.Close()
	l.Run(RunDefault)
	x.State()
}
