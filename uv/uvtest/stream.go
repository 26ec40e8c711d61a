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
	{name: "read_stop_leaves_rest", run: readStopLeavesRest, from: "stream: uv_read_stop",
		shows: "ReadStop in the read callback, with more waiting: no further read, and ReadStart goes on where it was"},
	{name: "read_stop_before_first", run: readStopBeforeFirst, from: "stream: uv_read_stop",
		shows: "ReadStop in a timer that comes before the first read: what waits is not read"},
	{name: "read_stop_by_timer", run: readStopByTimer, from: "stream: uv_read_stop",
		shows: "ReadStop in a timer, in the midst of reading: no further read, and the rest is still there"},
	{name: "close_by_timer", run: closeByTimer, from: "handle: uv_close",
		shows: "Close in a timer, in the midst of reading: no further read, and no EOF"},
	{name: "read_stop_by_other", run: readStopByOther, from: "stream: uv_read_stop",
		shows: "of two streams with something to read the first stops the other, which is not read any more"},
	{name: "close_by_other", run: closeByOther, from: "handle: uv_close",
		shows: "of two streams with something to read the first closes the other, which is not read any more"},
	{name: "read_stop_inactive", run: readStopInactive, from: "test-tcp-read-stop.c: tcp_read_stop",
		shows: "ReadStop on a stream that does not read is no error"},
	{name: "read_start_errors", run: readStartErrors, from: "stream: uv_read_start",
		shows: "ReadStart: ENOTCONN if not open, EALREADY if it reads, EINVAL without a callback"},
	{name: "read_after_eof", run: readAfterEOF, from: "test-readable-on-eof.c: readable_on_eof",
		shows: "after EOF the stream is inactive, still readable, and another ReadStart gives EOF again"},
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
	{name: "write_queue_exact", run: writeQueueExact, from: "stream: uv_stream_get_write_queue_size",
		shows: "with no room at all every byte that is written is queued: 5, 12, and 0 when all is read"},
	{name: "write_states", run: writeStates, from: "handle: uv_is_active",
		shows: "on Unix a queued write does not make a stream active, though it keeps the loop"},
	{name: "write_nil_callback", run: writeNilCallback, from: "stream: uv_write",
		shows: "Write, Shutdown and Close without callbacks are done all the same"},
	{name: "write_nil_callback_cancelled", run: writeNilCallbackCancelled, from: "stream: uv_write",
		shows: "Write and Shutdown without callbacks that Close finds unfinished are let go of"},
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

func readStopLeavesRest(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	a.TryWrite("abc")
	a.Shutdown(nil)
	l.Run(RunDefault)
	for range 2 {
		b.Read(1, func(string) { b.ReadStop() })
		l.Run(RunDefault)
		l.Run(RunNowait)
	}
	b.ReadToEnd(nil)
	l.Run(RunDefault)
}

func readStopBeforeFirst(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	a.TryWrite("there")
	b.Read(1, nil)
	l.Timer("timer").Start(0, 0, func() { b.ReadStop() })
	l.Run(RunDefault)
	b.ReadEach(len("there"), func(string) { b.ReadStop() })
	l.Run(RunDefault)
}

// piecemeal reads what waits in small pieces, and calls first once, in the first
// read callback. It counts what it reads and leaves no lines, but for a read
// after over is set.
type piecemeal struct {
	*stream
	first func()
	over  bool
	got   int
}

// filled returns a stream with more waiting than one read takes, or than one
// iteration does, and how much it is.
func (l *loop) filled(name string) (*piecemeal, int) {
	a, b := l.Pair(name+"'s peer", name, false)
	n := a.TryWrite(text(100 << 10))
	a.Drop()
	return &piecemeal{stream: b.stream}, n
}

func (p *piecemeal) start() {
	buf := make([]byte, 64)
	alloc := func(int) []byte { return buf }
	p.check("Stream.ReadStart", p.inner.ReadStart(alloc, func(buf []byte, err error) {
		if p.over {
			p.t.callback("", "a read after the end", nil)
			return
		}
		p.t.callback(p.name, silent, func() {
			p.got += len(buf)
			if first := p.first; first != nil {
				p.first = nil
				first()
			}
		})
	}))
}

// endByTimer ends a stream's reading in a timer that the first read starts, and
// returns how much was left.
func (l *loop) endByTimer(end func(p *piecemeal)) (p *piecemeal, left int) {
	p, n := l.filled("b")
	timer := l.Timer("timer")
	p.first = func() {
		timer.Start(0, 0, func() {
			p.over = true
			end(p)
		})
	}
	p.start()
	l.Run(RunDefault)
	l.Run(RunNowait)
	return p, n - p.got
}

func readStopByTimer(t *tester) {
	l := t.Loop()
	p, left := l.endByTimer(func(p *piecemeal) { p.ReadStop() })
	t.Log("something is left %v", left > 0)
	p.over, p.got = false, 0
	p.start()
	l.Run(RunDefault)
	t.Log("it has been read %v", p.got == left)
}

func closeByTimer(t *tester) {
	t.Loop().endByTimer(func(p *piecemeal) { p.Close() })
}

// endByOther lets the first of two streams that is read end the other's reading.
func (l *loop) endByOther(end func(other *piecemeal)) {
	p, _ := l.filled("one")
	q, _ := l.filled("two")
	endsOther := func(other *piecemeal) func() {
		return func() {
			l.t.Log("one is read and ends the other")
			other.over = true
			end(other)
		}
	}
	p.first, q.first = endsOther(q), endsOther(p)
	p.start()
	q.start()
	l.Run(RunDefault)
	l.t.Log("one has been read %v, two %v", p.got > 0 || q.got > 0, p.got > 0 && q.got > 0)
}

func readStopByOther(t *tester) {
	t.Loop().endByOther(func(other *piecemeal) { other.ReadStop() })
}

func closeByOther(t *tester) {
	t.Loop().endByOther(func(other *piecemeal) { other.Drop() })
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
	a.Drop()
	n := 0
	var read func()
	read = func() {
		b.ReadToEnd(func() {
			b.State()
			b.Directions()
			if n++; n < 3 {
				read()
			}
		})
	}
	read()
	l.Run(RunDefault)
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

// full fills what the system takes without a reader.
func (s *stream) full() (n int) {
	for chunk := text(10000); ; {
		more := s.TryWrite(chunk)
		if more == 0 {
			return n
		}
		n += more
	}
}

func writeQueueExact(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	queued := func() { a.Log("queued: %d", a.inner.WriteQueueSize()) }
	a.full()
	queued()
	a.Write("12345", nil)
	queued()
	a.WriteBufs(queued, "123", "", "4567")
	queued()
	a.Shutdown(nil)
	b.ReadQuietly(func(string) {})
	l.Run(RunDefault)
	queued()
}

func writeStates(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	a.full()
	a.Write("queued", a.State)
	a.State()
	a.Directions()
	t.Log("alive %v", l.inner.Alive())
	a.Shutdown(nil)
	b.ReadQuietly(func(string) {})
	l.Run(RunDefault)
	a.State()
}

// writeBare writes a text without a callback, and shuts down without one.
func (s *stream) writeBare(text string) {
	s.check("Stream.Write", s.inner.Write(buffers([]string{text}), nil))
	s.check("Stream.Shutdown", s.inner.Shutdown(nil))
}

func writeNilCallback(t *tester) {
	l := t.Loop()
	a, b := l.Pair("a", "b", false)
	a.writeBare("hello")
	b.ReadToEnd(b.Drop)
	l.Run(RunDefault)
	a.Directions()
	c, d := l.Pair("c", "d", false)
	c.writeBare(text(long))
	d.ReadToEnd(d.Drop)
	l.Run(RunDefault)
	c.Directions()
}

func writeNilCallbackCancelled(t *tester) {
	l := t.Loop()
	a, _ := l.Pair("a", "b", false)
	a.writeBare(text(long))
	a.Close()
	l.Run(RunDefault)
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
