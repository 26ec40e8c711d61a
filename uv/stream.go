package uv

// #include "../uv.h"
import "C"

import (
	"math"
	"runtime"
	"unsafe"
)

// Stream is what *Pipe and *TCP have in common: a duplex channel of bytes.
//
// Mirrors uv_stream_t.
type Stream interface {
	Handle

	// Listen waits for connections to a bound handle. Backlog is how many the
	// system queues. Cb is called for each; it should Accept it. EADDRINUSE of
	// Bind comes here. It returns EINVAL for a nil cb, for a Pipe that is not
	// bound or was made for ipc, and while a request is in flight; EBUSY when the
	// stream listens already and a connection waits for Accept. Binds uv_listen.
	Listen(backlog int, cb ConnectionCB) error
	// Accept opens client, which is initialised and not open, with a connection
	// that a ConnectionCB announced, or with a handle that an ipc pipe received
	// (see [Pipe.PendingCount]). It returns EAGAIN when there is none, EINVAL
	// when client cannot be used or belongs to another loop, EBUSY when it is
	// open. Binds uv_accept. Unlike in C, what could not be accepted for such a
	// client is still there, not closed.
	Accept(client Stream) error
	// ReadStart calls read with what arrives, until ReadStop or the end. Alloc
	// is asked for a buffer before each read. With a nil alloc the buffer is the
	// loop's own and what read gets is good until it returns. It returns EINVAL
	// for a nil read, EALREADY when the stream reads already, ENOTCONN when it is
	// not open for reading, and EPERM for a file that an ipc pipe received, as
	// Write and Shutdown do, where C aborts later. Binds uv_read_start.
	ReadStart(alloc AllocCB, read ReadCB) error
	// ReadStop stops reading; read is not called any more. It does nothing when
	// the stream does not read, or is closed. In an AllocCB of the stream it
	// panics. Binds uv_read_stop.
	ReadStop() error
	// Write queues bufs for writing, in order; a write that cannot be done at
	// once is done by the loop. The buffers must not change until cb is called,
	// which happens once for every Write that returned nil, and never before it
	// returns. A nil req takes one from a pool; cb may be nil. It returns EINVAL
	// without a buffer, EBADF when the stream is not open and EPIPE when it is
	// not open for writing. Binds uv_write.
	Write(req *WriteReq, bufs [][]byte, cb WriteCB) error
	// Write2 is Write over an ipc pipe, with the handle of send for the reader to
	// Accept. The bufs must hold a byte at least. It returns EINVAL when the
	// stream is no ipc pipe or send is closed or belongs to another loop, EBADF
	// when send is not open. A nil send is Write. Binds uv_write2. In C send must
	// stay open until cb is called; here it may be closed, and is sent all the
	// same: from a copy of its descriptor, and where the process has none left for
	// that, Close panics and changes nothing.
	Write2(req *WriteReq, bufs [][]byte, send Stream, cb WriteCB) error
	// TryWrite writes what can be written at once and returns how many bytes it
	// was. It returns EAGAIN when that is none, and while a Write is queued;
	// EINVAL, EBADF and EPIPE as Write does. Binds uv_try_write.
	TryWrite(bufs [][]byte) (int, error)
	// TryWrite2 is TryWrite with a handle, as in Write2. Binds uv_try_write2.
	TryWrite2(bufs [][]byte, send Stream) (int, error)
	// Shutdown ends the writing side when all that is queued has been written,
	// and then calls cb. It returns ENOTCONN when the stream is not open for
	// writing. A nil req stands for a new one; cb may be nil. Binds uv_shutdown.
	Shutdown(req *ShutdownReq, cb ShutdownCB) error
	// IsReadable reports whether the stream is open for reading. Binds
	// uv_is_readable.
	IsReadable() bool
	// IsWritable reports whether the stream is open for writing. Binds
	// uv_is_writable.
	IsWritable() bool
	// SetBlocking makes writes wait until they are done. It may be used right
	// after the stream was opened and before anything is written; the descriptor
	// changes for everybody who shares it. Binds uv_stream_set_blocking.
	SetBlocking(blocking bool) error
	// WriteQueueSize returns how many bytes are queued for writing. After Close it
	// is 0 from the first WriteCB on. Binds uv_stream_get_write_queue_size.
	WriteQueueSize() int

	asStream() *stream
}

// ConnectionCB is called when a connection came in, or with an error where
// libuv has one to report (before 1.45 only).
//
// Mirrors uv_connection_cb.
type ConnectionCB func(server Stream, err error)

// AllocCB returns a buffer to read into. 64 KiB is what libuv suggests. Nothing
// else should be done here: the stream cannot be closed or stopped. When it
// returns an empty buffer, the ReadCB gets ENOBUFS.
//
// Mirrors uv_alloc_cb.
type AllocCB func(h Handle, suggestedSize int) []byte

// ReadCB gets what was read. Buf is the start of what AllocCB returned, or of
// the loop's buffer, which is good until the callback returns. An empty buf with
// a nil err means that there was nothing after all. ENOBUFS says that AllocCB gave
// no buffer, and comes again in each iteration until it does, or reading is
// stopped. With EOF, and with any other error, reading is over; buf then is empty,
// with the capacity of a buffer that AllocCB returned and that was not used. Libuv
// may report the end without having asked for a buffer.
//
// Mirrors uv_read_cb.
type ReadCB func(s Stream, buf []byte, err error)

// WriteCB is called when a write is done, or has failed: with ECANCELED when
// the stream was closed before.
//
// Mirrors uv_write_cb.
type WriteCB func(req *WriteReq, err error)

// ShutdownCB is called when a shutdown is done, or has failed.
//
// Mirrors uv_shutdown_cb.
type ShutdownCB func(req *ShutdownReq, err error)

// ConnectCB is called when a stream is connected, or could not be.
//
// Mirrors uv_connect_cb.
type ConnectCB func(req *ConnectReq, err error)

// stream is the part of Pipe and TCP that they share.
type stream struct {
	handle
	read       ReadCB
	alloc      AllocCB
	connection ConnectionCB
}

// listening reports whether Listen was called.
func (s *stream) listening() bool { return s.connection != nil && !s.closing }

func (s *stream) raw() *C.uv_stream_t { return (*C.uv_stream_t)(unsafe.Pointer(s.c)) }

// streamOf returns the stream of a Stream, nil for one that is nil in any way.
func streamOf(s Stream) *stream {
	switch s := s.(type) {
	case *Pipe:
		if s != nil {
			return &s.stream
		}
	case *TCP:
		if s != nil {
			return &s.stream
		}
	case nil:
	default: // a struct that one of them is embedded in
		return s.asStream()
	}
	return nil
}

func (s *stream) asStream() *stream { return s }

func (s *stream) outerStream() Stream {
	if s.kind == C.UV_NAMED_PIPE {
		return (*Pipe)(unsafe.Pointer(s))
	}
	return (*TCP)(unsafe.Pointer(s))
}

// fd returns the stream's descriptor, -1 where it has none.
func (s *stream) fd() int { return int(s.raw().io_watcher.fd) }

// isOpen reports whether the stream has a descriptor.
func (s *stream) isOpen() bool { return s.fd() != -1 }

// open opens the stream with a descriptor of the caller's. It checks what libuv
// does not: that no other handle has it (which libuv sees only while that one is
// active), and that the loop can wait for it (which libuv aborts on, later).
func (s *stream) open(fd int, open func() C.int) error {
	switch {
	case s.isOpen():
		return EBUSY
	case !fits(fd):
		return EBADF
	case s.loop.fds.has(fd):
		return EEXIST
	}
	if err := result(C.gouv_can_wait_for(s.loop.c, C.int(fd))); err != nil {
		return err
	}
	return s.opened(open())
}

// opened takes what a call has returned that may have given the stream a
// descriptor.
func (s *stream) opened(r C.int) error {
	if fd := s.fd(); fd >= 0 {
		s.loop.fds.add(fd)
	}
	return result(r)
}

func (s *stream) usable(l *Loop) bool { return s != nil && s.handle.usable(l) }

// create is handle.create, with a stream that knows nothing of a former life.
func (s *stream) create(l *Loop, kind HandleType, method string) {
	s.handle.create(l, kind, method)
	s.read, s.alloc, s.connection = nil, nil, nil
	s.requests, s.received, s.connecting = 0, false, false
}

// Close implements [Handle].
func (s *stream) Close(cb CloseCB) {
	if s.abandoned() {
		return
	}
	s.enterOpen("Handle.Close")
	fd := s.beforeClose("Handle.Close")
	s.close(cb)
	s.loop.fds.remove(fd)
}

// beforeClose checks that the stream can be closed, and lets writes that are
// still to send it have a copy. It returns the stream's descriptor, -1 for none.
func (s *stream) beforeClose(method string) int {
	s.notAllocating(method)
	for _, w := range s.loop.sends {
		if w.send != s || w.handle.closing || w.raw().send_handle != s.raw() {
			continue
		}
		w.copied = C.gouv_copy_to_send(w.raw())
		if w.copied == nil {
			panic("uv: " + s.method(method) + ": Write2 is still to send the handle, and there is no descriptor left to keep it by")
		}
	}
	return s.fd()
}

// notAllocating panics inside an AllocCB of the stream.
func (s *stream) notAllocating(method string) {
	if s.loop.allocating == s {
		panic("uv: " + s.method(method) + ": called from an AllocCB of the stream")
	}
}

// Listen implements [Stream].
func (s *stream) Listen(backlog int, cb ConnectionCB) error {
	s.enter("Stream.Listen")
	if cb == nil || s.requests > 0 {
		return EINVAL
	}
	if s.raw().accepted_fd != -1 { // libuv would listen on, and abort at the next connection
		return EBUSY
	}
	r := C.gouv_listen(s.raw(), C.int(max(math.MinInt32, min(backlog, math.MaxInt32))))
	if r == 0 {
		s.connection = cb
	}
	return s.opened(r)
}

// Accept implements [Stream].
func (s *stream) Accept(client Stream) error {
	s.enter("Stream.Accept")
	c := streamOf(client)
	switch {
	case !c.usable(s.loop):
		return EINVAL
	case c.isOpen() || c.connecting:
		return EBUSY
	}
	err := c.opened(C.uv_accept(s.raw(), c.raw()))
	c.received = err == nil && s.isIPC()
	return err
}

// canWait returns an error when the stream's descriptor came from another
// process and is one that the loop cannot wait for.
func (s *stream) canWait() error {
	if !s.received {
		return nil
	}
	err := result(C.gouv_can_wait_for(s.loop.c, s.raw().io_watcher.fd))
	if err == EEXIST { // it does already
		err = nil
	}
	s.received = err != nil
	return err
}

// ReadStart implements [Stream].
func (s *stream) ReadStart(alloc AllocCB, read ReadCB) error {
	s.enter("Stream.ReadStart")
	switch {
	case read == nil || s.closing:
		return EINVAL
	case s.listening() || !s.isOpen(): // after an Open or Accept that failed libuv takes it for open
		return ENOTCONN
	}
	if err := s.canWait(); err != nil {
		return err
	}
	allocCB := C.uv_alloc_cb(C.gouv_alloc_cb)
	if alloc == nil {
		allocCB = C.uv_alloc_cb(C.gouv_loop_alloc_cb)
	}
	r := C.uv_read_start(s.raw(), allocCB, C.uv_read_cb(C.gouv_read_cb))
	if r == 0 {
		s.alloc, s.read = alloc, read
	}
	return result(r)
}

// ReadStop implements [Stream].
func (s *stream) ReadStop() error {
	if !s.look("Stream.ReadStop") {
		return nil
	}
	s.notAllocating("Stream.ReadStop")
	return result(C.uv_read_stop(s.raw()))
}

// WriteReq is the request of [Stream.Write] and [Stream.Write2].
//
// Mirrors uv_write_t.
type WriteReq struct {
	request
	self   *WriteReq // a copy may be used, but shares nothing with the original
	cb     WriteCB
	handle *stream
	send   *stream
	sends  int            // 1 more than its place in the loop's sends, 0 for none
	copied *C.uv_stream_t // stands in for send, which was closed before it was sent
	pooled bool
	bufs   []buf
	pin    runtime.Pinner
}

func (w *WriteReq) raw() *C.uv_write_t { return (*C.uv_write_t)(unsafe.Pointer(w.c)) }

// Handle returns the stream that is written to. Valid until the callback
// returns.
//
// Mirrors the member handle of uv_write_t.
func (w *WriteReq) Handle() Stream { return outerOrNil(w.handle) }

// SendHandle returns the handle that is sent, nil where there is none. Valid
// until the callback returns.
//
// Mirrors the member send_handle of uv_write_t.
func (w *WriteReq) SendHandle() Stream { return outerOrNil(w.send) }

func outerOrNil(s *stream) Stream {
	if s == nil {
		return nil
	}
	return s.outerStream()
}

// buf is a uv_buf_t with a number for its pointer. Cgo must be given neither a
// pointer in it nor an unsafe.Pointer to bytes: it would look at all of the struct
// that they may be a part of, and refuse it for the pointers in it.
type buf struct {
	base uintptr
	len  C.size_t
}

// charsOf returns bytes as C has them.
func charsOf(b []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(b))) }

// hold pins bufs for as long as libuv may read them and describes them to it.
func (w *WriteReq) hold(bufs [][]byte) {
	if w.self != w {
		w.self, w.bufs, w.pin = w, nil, runtime.Pinner{}
	}
	w.bufs = w.bufs[:0]
	for _, b := range bufs {
		base := unsafe.SliceData(b)
		if len(b) > 0 {
			w.pin.Pin(base)
		}
		w.bufs = append(w.bufs, buf{uintptr(unsafe.Pointer(base)), C.size_t(len(b))})
	}
}

func (w *WriteReq) rawBufs() (first *C.uv_buf_t, count C.uint) {
	return (*C.uv_buf_t)(unsafe.Pointer(&w.bufs[0])), C.uint(len(w.bufs))
}

func (w *WriteReq) letGo() {
	w.pin.Unpin()
	w.bufs = w.bufs[:0]
}

func (w *WriteReq) release() {
	w.letGo()
	if w.sends != 0 {
		w.sent()
	}
	if w.copied != nil {
		C.gouv_free_copy(w.copied)
		w.copied = nil
	}
	w.end()
}

// Write implements [Stream].
func (s *stream) Write(req *WriteReq, bufs [][]byte, cb WriteCB) error {
	s.enter("Stream.Write")
	return s.write(req, bufs, nil, cb, "Stream.Write")
}

// Write2 implements [Stream].
func (s *stream) Write2(req *WriteReq, bufs [][]byte, send Stream, cb WriteCB) error {
	s.enter("Stream.Write2")
	sent := streamOf(send)
	if err := s.maySend(bufs, sent); err != nil {
		return err
	}
	return s.write(req, bufs, sent, cb, "Stream.Write2")
}

// maySend checks what libuv does not check, or not in all releases.
func (s *stream) maySend(bufs [][]byte, send *stream) error {
	switch {
	case send == nil:
		return nil
	case !send.usable(s.loop) || !s.isIPC():
		return EINVAL
	case !send.isOpen():
		return EBADF
	}
	for _, b := range bufs {
		if len(b) > 0 {
			return nil
		}
	}
	return EINVAL
}

func (s *stream) isIPC() bool {
	return s.kind == C.UV_NAMED_PIPE && (*C.uv_pipe_t)(unsafe.Pointer(s.c)).ipc != 0
}

func (s *stream) write(req *WriteReq, bufs [][]byte, send *stream, cb WriteCB, method string) error {
	switch {
	case len(bufs) == 0:
		return EINVAL
	case s.listening():
		return EPIPE
	}
	if err := s.canWait(); err != nil {
		return err
	}
	l := s.loop
	pooled := req == nil
	if pooled {
		req = l.takeWrite()
	}
	req.begin(l, &s.handle, ReqTypeWrite, method)
	c := req.raw()
	req.cb, req.handle, req.send, req.pooled = cb, s, send, pooled
	req.hold(bufs)
	var sendC *C.uv_stream_t
	if send != nil {
		sendC = send.raw()
	}
	var r C.int
	if len(bufs) == 1 {
		r = C.gouv_write(c, s.raw(), charsOf(bufs[0]), C.size_t(len(bufs[0])), sendC)
	} else {
		first, count := req.rawBufs()
		r = C.uv_write2(c, s.raw(), first, count, sendC, C.uv_write_cb(C.gouv_write_cb))
	}
	if r != 0 {
		req.release()
		if pooled {
			l.putWrite(req)
		}
		return result(r)
	}
	s.requests++
	if send != nil && c.send_handle != nil {
		l.sends = append(l.sends, req)
		req.sends = len(l.sends)
	}
	return nil
}

// sent takes the request off the loop's sends.
func (w *WriteReq) sent() {
	l := w.loop
	last := l.sends[len(l.sends)-1]
	l.sends[w.sends-1], last.sends = last, w.sends
	l.sends[len(l.sends)-1] = nil
	l.sends = l.sends[:len(l.sends)-1]
	w.sends = 0
}

// takeWrite and putWrite are the pool of write requests.
func (l *Loop) takeWrite() *WriteReq {
	n := len(l.writes)
	if n == 0 {
		return new(WriteReq)
	}
	w := l.writes[n-1]
	l.writes = l.writes[:n-1]
	return w
}

func (l *Loop) putWrite(w *WriteReq) {
	w.cb, w.handle, w.send, w.data = nil, nil, nil, nil
	l.writes = append(l.writes, w)
}

// TryWrite implements [Stream].
func (s *stream) TryWrite(bufs [][]byte) (int, error) {
	s.enter("Stream.TryWrite")
	return s.tryWrite(bufs, nil)
}

// TryWrite2 implements [Stream].
func (s *stream) TryWrite2(bufs [][]byte, send Stream) (int, error) {
	s.enter("Stream.TryWrite2")
	sent := streamOf(send)
	if err := s.maySend(bufs, sent); err != nil {
		return 0, err
	}
	return s.tryWrite(bufs, sent)
}

func (s *stream) tryWrite(bufs [][]byte, send *stream) (int, error) {
	var sendC *C.uv_stream_t
	if send != nil {
		sendC = send.raw()
	}
	if s.listening() {
		return 0, EPIPE
	}
	var r C.int
	switch len(bufs) {
	case 0:
		return 0, EINVAL
	case 1:
		r = C.gouv_try_write(s.raw(), charsOf(bufs[0]), C.size_t(len(bufs[0])), sendC)
	default:
		w := s.loop.takeWrite()
		w.hold(bufs)
		first, count := w.rawBufs()
		r = C.uv_try_write2(s.raw(), first, count, sendC)
		w.letGo()
		s.loop.putWrite(w)
	}
	if r < 0 {
		return 0, result(r)
	}
	return int(r), nil
}

// ShutdownReq is the request of [Stream.Shutdown].
//
// Mirrors uv_shutdown_t.
type ShutdownReq struct {
	request
	cb     ShutdownCB
	handle *stream
}

// Handle returns the stream that is shut down. Valid until the callback
// returns.
//
// Mirrors the member handle of uv_shutdown_t.
func (r *ShutdownReq) Handle() Stream { return outerOrNil(r.handle) }

// Shutdown implements [Stream].
func (s *stream) Shutdown(req *ShutdownReq, cb ShutdownCB) error {
	s.enter("Stream.Shutdown")
	if s.listening() || !s.isOpen() { // after an Open or Accept that failed libuv takes it for open
		return ENOTCONN
	}
	if err := s.canWait(); err != nil {
		return err
	}
	if req == nil {
		req = new(ShutdownReq)
	}
	c := req.begin(s.loop, &s.handle, ReqTypeShutdown, "Stream.Shutdown")
	req.cb, req.handle = cb, s
	r := C.uv_shutdown((*C.uv_shutdown_t)(unsafe.Pointer(c)), s.raw(), C.uv_shutdown_cb(C.gouv_shutdown_cb))
	if r != 0 {
		req.end()
		return result(r)
	}
	s.requests++
	return nil
}

// ConnectReq is the request of [Pipe.Connect] and [TCP.Connect].
//
// Mirrors uv_connect_t.
type ConnectReq struct {
	request
	cb     ConnectCB
	handle *stream
}

// Handle returns the stream that connects. Valid until the callback returns.
//
// Mirrors the member handle of uv_connect_t.
func (r *ConnectReq) Handle() Stream { return outerOrNil(r.handle) }

// connect does what all kinds of connecting share. It returns EINVAL for a
// stream that listens and EALREADY for one that connects, where libuv would
// lose a request or abort.
func (s *stream) connect(req *ConnectReq, cb ConnectCB, method string, call func(c *C.uv_connect_t) C.int) error {
	switch {
	case s.listening():
		return EINVAL
	case s.connecting:
		return EALREADY
	}
	if req == nil {
		req = new(ConnectReq)
	}
	c := req.begin(s.loop, &s.handle, ReqTypeConnect, method)
	req.cb, req.handle = cb, s
	if err := s.opened(call((*C.uv_connect_t)(unsafe.Pointer(c)))); err != nil {
		req.end()
		return err
	}
	s.connecting = true
	s.requests++
	return nil
}

// IsReadable implements [Stream].
func (s *stream) IsReadable() bool {
	return s.look("Stream.IsReadable") && C.uv_is_readable(s.raw()) != 0
}

// IsWritable implements [Stream].
func (s *stream) IsWritable() bool {
	return s.look("Stream.IsWritable") && C.uv_is_writable(s.raw()) != 0
}

// SetBlocking implements [Stream].
func (s *stream) SetBlocking(blocking bool) error {
	s.enter("Stream.SetBlocking")
	return result(C.uv_stream_set_blocking(s.raw(), cBool(blocking)))
}

// WriteQueueSize implements [Stream].
func (s *stream) WriteQueueSize() int {
	if !s.look("Stream.WriteQueueSize") {
		return 0
	}
	return int(C.uv_stream_get_write_queue_size(s.raw()))
}
