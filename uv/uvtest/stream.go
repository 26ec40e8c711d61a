package uvtest

import "fmt"

var streamScenarios = []scenario{
	{name: "read_to_end", run: readToEnd, from: "stream: uv_read_start",
		shows: "what is written arrives, and EOF after Shutdown"},
	{name: "read_one_byte", run: readOneByte, from: "stream: uv_alloc_cb",
		shows: "with a buffer of one byte every byte is read by itself, then EOF"},
	{name: "read_enobufs", run: readENOBUFS, from: "test-tcp-alloc-cb-fail.c: tcp_alloc_cb_fail",
		shows: "an empty buffer from the allocation callback makes the read callback get ENOBUFS"},
	{name: "read_stop_and_start", run: readStopAndStart, from: "test-tcp-read-stop-start.c: tcp_read_stop_start",
		shows: "after ReadStop nothing is read, until ReadStart finds what has come"},
	{name: "read_stop_inactive", run: readStopInactive, from: "test-tcp-read-stop.c: tcp_read_stop",
		shows: "ReadStop on a stream that does not read is no error"},
	{name: "read_start_errors", run: readStartErrors, from: "stream: uv_read_start",
		shows: "ReadStart: ENOTCONN if not open, EALREADY if it reads, EINVAL without a callback"},
	{name: "read_after_eof", run: readAfterEOF, from: "test-readable-on-eof.c: readable_on_eof",
		shows: "after EOF reading is over: the stream is inactive, and keeps the loop no more"},
	{name: "read_states", run: readStates, from: "handle: uv_is_active",
		shows: "a stream is active while it reads"},
	{name: "close_while_reading", run: closeWhileReading, from: "test-tcp-unexpected-read.c",
		shows: "a stream closed in its read callback is not read any more, and gets no EOF"},
	{name: "write_order", run: writeOrder, from: "test-tcp-write-queue-order.c: tcp_write_queue_order",
		shows: "writes are called back in their order, and arrive in it"},
	{name: "write_several_buffers", run: writeSeveralBuffers, from: "test-pipe-sendmsg.c",
		shows: "the buffers of a write arrive one after the other, empty ones as nothing"},
	{name: "write_empty", run: writeEmpty, from: "test-tcp-write-in-a-row.c",
		shows: "a write of an empty buffer is called back without an error"},
	{name: "write_from_callback", run: writeFromCallback, from: "stream: uv_write_cb",
		shows: "a write from a write callback, and a close after the last"},
	{name: "write_queue_size", run: writeQueueSize, from: "stream: uv_stream_get_write_queue_size",
		shows: "a short write is done at once, of a long one the rest is queued, until it is read"},
	{name: "write_long", run: writeLong, from: "test-tcp-writealot.c: tcp_writealot",
		shows: "long writes, more than the system takes at once, arrive whole"},
	{name: "write_errors", run: writeErrors, from: "stream: uv_write",
		shows: "on a stream that is not open Write and TryWrite are EBADF, Shutdown ENOTCONN"},
	{name: "write_after_shutdown", run: writeAfterShutdown, from: "test-not-writable-after-shutdown.c: not_writable_after_shutdown",
		shows: "after Shutdown the stream is not writable, and Write is EPIPE"},
	{name: "write_gone_reader", run: writeGoneReader, from: "test-tcp-write-to-half-open-connection.c",
		shows: "writing to a reader that is gone: EPIPE in the write callback"},
	{name: "write_cancelled", run: writeCancelled, from: "test-tcp-write-fail.c",
		shows: "writes that Close finds unfinished get ECANCELED, in order, before the close callback"},
	{name: "write_keeps_loop", run: writeKeepsLoop, from: "loop: uv_loop_alive",
		shows: "an unfinished write keeps the loop, even of a stream that is unreferenced"},
	{name: "try_write", run: tryWrite, from: "test-tcp-try-write.c: tcp_try_write",
		shows: "TryWrite says how much it wrote, and EAGAIN when there is no room"},
	{name: "try_write_while_queued", run: tryWriteWhileQueued, from: "stream: uv_try_write",
		shows: "TryWrite is EAGAIN while a write is queued"},
	{name: "try_write_gone_reader", run: tryWriteGoneReader, from: "test-tcp-try-write-error.c: tcp_try_write_error",
		shows: "TryWrite to a reader that is gone is EPIPE"},
	{name: "shutdown_waits", run: shutdownWaits, from: "test-tcp-shutdown-after-write.c: tcp_shutdown_after_write",
		shows: "Shutdown waits for the writes before it"},
	{name: "shutdown_twice", run: shutdownTwice, from: "test-shutdown-twice.c: shutdown_twice",
		shows: "a second Shutdown is ENOTCONN"},
	{name: "shutdown_cancelled", run: shutdownCancelled, from: "test-shutdown-close.c: shutdown_close_pipe",
		shows: "a Shutdown that Close finds unfinished gets ECANCELED, after the writes"},
	{name: "shutdown_half", run: shutdownHalf, from: "test-shutdown-eof.c: shutdown_eof",
		shows: "after Shutdown of one side the other gets EOF, and can still answer"},
	{name: "shutdown_from_write", run: shutdownFromWrite, from: "test-shutdown-simultaneous.c",
		shows: "Shutdown of both sides at once: each gets EOF"},
}

func readToEnd(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	b.ReadToEnd(func() { b.Close() })
	a.Write("hello ", nil)
	a.Write("world", nil)
	a.Shutdown(func() { a.Close() })
	l.RunSet(RunDefault)
}

func readOneByte(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	a.TryWrite("abc")
	a.Shutdown(nil)
	b.Read(1, nil)
	l.RunSet(RunDefault)
}

func readENOBUFS(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	a.TryWrite("there")
	b.check("Stream.ReadStart", b.inner.ReadStart(
		func(int) []byte { return nil },
		func(buf []byte, err error) {
			t.callback("b", outcome(fmt.Sprintf("read %q", buf), err), func() { b.Close() })
		}))
	l.Run(RunDefault)
}

func readStopAndStart(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	b.Read(100, func(string) { b.ReadStop() })
	a.TryWrite("one")
	l.Run(RunDefault)
	a.TryWrite("two")
	l.Run(RunDefault)
	l.Run(RunNowait)
	b.Read(100, func(string) { b.ReadStop() })
	l.Run(RunDefault)
}

func readStopInactive(t *tester) {
	l := t.Loop()
	a, _ := l.Pair("a", "b", false)
	a.ReadStop()
	a.ReadStop()
	a.State()
}

func readStartErrors(t *tester) {
	l := t.Loop()
	fresh := l.Pipe("fresh", false)
	fresh.ReadToEnd(nil)
	a, _ := l.Pair("a", "b", false)
	a.check("Stream.ReadStart", a.inner.ReadStart(nil, nil))
	a.State()
	a.ReadToEnd(nil)
	a.ReadToEnd(nil)
	a.State()
}

func readAfterEOF(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	b.ReadToEnd(func() { b.State() })
	a.Close()
	l.RunSet(RunDefault)
	b.State()
}

func readStates(t *tester) {
	l := t.Loop()
	a, _ := l.Pair("a", "b", false)
	a.State()
	a.Directions()
	a.ReadToEnd(nil)
	a.State()
	l.Run(RunNowait)
	a.ReadStop()
	a.State()
	l.Run(RunDefault)
}

func closeWhileReading(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	a.TryWrite("several bytes")
	a.Shutdown(nil)
	b.Read(3, func(string) { b.Close() })
	l.RunSet(RunDefault)
}

func writeOrder(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	for i := range 6 {
		a.Write(fmt.Sprint("write ", i, " "), nil)
	}
	a.Shutdown(nil)
	b.ReadToEnd(nil)
	l.RunSet(RunDefault)
}

func writeSeveralBuffers(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	a.WriteBufs(nil, "one", "", " two", " ", "three")
	a.Shutdown(nil)
	b.ReadToEnd(nil)
	l.RunSet(RunDefault)
}

func writeEmpty(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	a.Write("", nil)
	a.Write("x", nil)
	a.Shutdown(nil)
	b.ReadToEnd(nil)
	l.RunSet(RunDefault)
}

func writeFromCallback(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	b.ReadToEnd(nil)
	a.Write("one", func() {
		a.Write("two", func() { a.Close() })
	})
	l.RunSet(RunDefault)
}

func writeQueueSize(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	queued := func(when string) { a.Log("%s: something is queued %v", when, a.inner.WriteQueueSize() > 0) }
	queued("at first")
	a.Write("short", nil)
	queued("after a short write")
	a.Write(text(long), nil)
	queued("after a long write")
	a.Write("short", func() { queued("when the last is written") })
	b.ReadToEnd(nil)
	a.Shutdown(nil)
	l.RunSet(RunDefault)
	queued("at last")
}

func writeLong(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	for i := range 3 {
		a.Write(text(long+i), nil)
	}
	a.Shutdown(nil)
	b.ReadToEnd(nil)
	l.RunSet(RunDefault)
}

func writeErrors(t *tester) {
	l := t.Loop()
	fresh := l.Pipe("fresh", false)
	fresh.Write("x", nil)
	fresh.TryWrite("x")
	fresh.Shutdown(nil)
	fresh.Directions()
	l.Run(RunDefault)
}

func writeAfterShutdown(t *tester) {
	l := t.Loop()
	a, _ := l.Pair("a", "b", false)
	a.Directions()
	a.Shutdown(func() { a.Directions() })
	a.Directions()
	a.Write("x", nil)
	a.TryWrite("x")
	l.Run(RunDefault)
	a.Write("x", nil)
	l.Run(RunDefault)
}

func writeGoneReader(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	b.Close()
	l.Run(RunDefault)
	a.Write("x", nil)
	a.Write("y", nil)
	l.Run(RunDefault)
}

func writeCancelled(t *tester) {
	l := t.Loop()
	a, _ := l.Pair("a", "b", false)
	for i := range 3 {
		a.Write(text(long+i), nil)
	}
	a.Close()
	l.Run(RunDefault)
}

func writeKeepsLoop(t *tester) {
	l := t.Loop()
	a, _ := l.Pair("a", "b", false)
	a.Write(text(long), nil)
	a.inner.Unref()
	l.Run(RunNowait)
	t.Log("alive %v", l.inner.Alive())
	a.Close()
	l.Run(RunDefault)
}

func tryWrite(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	a.Log("wrote %d", a.TryWrite("hello"))
	sum, chunk := 5, text(10000)
	for {
		n := a.TryWrite(chunk)
		if n == 0 {
			break
		}
		sum += n
	}
	var got int
	a.Shutdown(nil)
	b.ReadQuietly(func(data string) {
		if got += len(data); data == "" {
			b.Log("the end")
		}
	})
	l.RunSet(RunDefault)
	t.Log("all arrived %v", got == sum)
}

func tryWriteWhileQueued(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	a.Write(text(long), func() { a.Log("wrote %d", a.TryWrite("more")) })
	a.Log("wrote %d", a.TryWrite("more"))
	b.ReadEach(long+4, func(string) { b.Close() })
	l.RunSet(RunDefault)
}

func tryWriteGoneReader(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	b.Close()
	l.Run(RunDefault)
	a.TryWrite("x")
}

func shutdownWaits(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	a.Write(text(long), nil)
	a.Shutdown(nil)
	l.Run(RunNowait)
	t.Log("nothing has been read yet")
	b.ReadToEnd(nil)
	l.RunSet(RunDefault)
}

func shutdownTwice(t *tester) {
	l := t.Loop()
	a, _ := l.Pair("a", "b", false)
	a.Shutdown(func() { a.Shutdown(nil) })
	a.Shutdown(nil)
	l.Run(RunDefault)
}

func shutdownCancelled(t *tester) {
	l := t.Loop()
	a, _ := l.Pair("a", "b", false)
	a.Write(text(long), nil)
	a.Shutdown(nil)
	a.Close()
	l.Run(RunDefault)
}

func shutdownHalf(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	a.ReadToEnd(nil)
	a.Write("question", nil)
	a.Shutdown(nil)
	b.ReadToEnd(func() {
		b.Write("answer", nil)
		b.Shutdown(nil)
	})
	l.RunSet(RunDefault)
}

func shutdownFromWrite(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	for _, p := range []*pipe{a, b} {
		done := after(2, p.Close)
		p.ReadToEnd(done)
		p.Write("from "+p.name, func() { p.Shutdown(done) })
	}
	l.RunSet(RunDefault)
}
