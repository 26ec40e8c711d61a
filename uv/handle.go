package uv

// #include "../uv.h"
// #cgo noescape uv_fileno
// #cgo nocallback uv_fileno
import "C"

import (
	"strings"
	"unsafe"
)

// Handle is what all handles have in common: *Async, *Check, *Idle, *Pipe,
// *Prepare, *Process, *Signal, *TCP and *Timer. A type switch leads back from
// a Handle to one of them.
//
// A handle's Init starts its life and Close ends it: from Init to the close
// callback libuv knows it and the binding keeps it from the garbage collector,
// whether or not the program does. After that it can be initialised again.
// Methods panic before Init and after the close callback, but for those that ask
// the handle alone: IsActive, IsClosing, HasRef, Type, Loop, Data and SetData.
// Between Close and the close callback they return what libuv returns: EBADF for
// a Write, EINVAL for a Timer's Start. Those that libuv aborts on then, or does
// harm with, panic: Close, Open, Connect, the Start and Stop of a Signal, the
// Start of a Check, an Idle or a Prepare. After the close callback methods that
// only look still answer: there is no descriptor, and nothing is active, readable
// or pending.
//
// Mirrors uv_handle_t.
type Handle interface {
	// Close asks for the handle to be closed. It stops at once; cb, unless it
	// is nil, is called from the loop when libuv has let go of it. Requests in
	// flight get their callbacks before, with ECANCELED.
	//
	// Binds uv_close. Unlike C, a second Close panics.
	Close(cb CloseCB)
	// IsActive reports whether the handle does something: a timer or a signal
	// is started, a stream reads, writes, connects or listens, a process has
	// not exited. Binds uv_is_active.
	IsActive() bool
	// IsClosing reports whether Close was called. Binds uv_is_closing.
	IsClosing() bool
	// Ref makes the handle keep the loop alive while it is active, which is
	// where it starts. Calling it again changes nothing. Binds uv_ref.
	Ref()
	// Unref lets Run return although the handle is active. Binds uv_unref.
	Unref()
	// HasRef reports whether the handle keeps the loop alive while it is
	// active. Binds uv_has_ref.
	HasRef() bool
	// Type returns the handle's type. Binds uv_handle_get_type.
	Type() HandleType
	// Loop returns the loop the handle was initialised with. Binds
	// uv_handle_get_loop.
	Loop() *Loop
	// Data returns what SetData was given. Binds uv_handle_get_data.
	Data() any
	// SetData attaches any value to the handle. Binds uv_handle_set_data.
	SetData(data any)
	// Fileno returns the descriptor of a stream. It returns EINVAL for other
	// handles and EBADF for a stream that has none yet, or is closed. The
	// descriptor stays the handle's. Binds uv_fileno.
	Fileno() (int, error)
	// SendBufferSize sets the size of a stream's socket's send buffer, in
	// bytes, and returns it; 0 only asks. Linux sets twice what it is given and
	// returns that when asked. It returns ENOTSUP for other handles. Binds
	// uv_send_buffer_size.
	SendBufferSize(size int) (int, error)
	// RecvBufferSize is SendBufferSize for the receive buffer. Binds
	// uv_recv_buffer_size.
	RecvBufferSize(size int) (int, error)

	asHandle() *handle
}

// CloseCB is called when a handle is closed. The handle may be initialised
// again from here on.
//
// Mirrors uv_close_cb.
type CloseCB func(h Handle)

// HandleType is the type of a handle. Its constants have a prefix, since the
// handles' Go types have the names.
//
// Mirrors uv_handle_type.
type HandleType int

const (
	HandleTypeUnknown   HandleType = C.UV_UNKNOWN_HANDLE
	HandleTypeAsync     HandleType = C.UV_ASYNC
	HandleTypeCheck     HandleType = C.UV_CHECK
	HandleTypeFsEvent   HandleType = C.UV_FS_EVENT
	HandleTypeFsPoll    HandleType = C.UV_FS_POLL
	HandleTypeHandle    HandleType = C.UV_HANDLE
	HandleTypeIdle      HandleType = C.UV_IDLE
	HandleTypeNamedPipe HandleType = C.UV_NAMED_PIPE
	HandleTypePoll      HandleType = C.UV_POLL
	HandleTypePrepare   HandleType = C.UV_PREPARE
	HandleTypeProcess   HandleType = C.UV_PROCESS
	HandleTypeStream    HandleType = C.UV_STREAM
	HandleTypeTCP       HandleType = C.UV_TCP
	HandleTypeTimer     HandleType = C.UV_TIMER
	HandleTypeTTY       HandleType = C.UV_TTY
	HandleTypeUDP       HandleType = C.UV_UDP
	HandleTypeSignal    HandleType = C.UV_SIGNAL
	HandleTypeFile      HandleType = C.UV_FILE
	HandleTypeMax       HandleType = C.UV_HANDLE_TYPE_MAX
)

// Name returns libuv's name of the type, such as "pipe" or "tcp", "" for one
// that is none.
//
// Binds uv_handle_type_name.
func (t HandleType) Name() string {
	if !fits(int(t)) {
		return ""
	}
	return C.GoString(C.uv_handle_type_name(C.uv_handle_type(t)))
}

// String returns Name.
func (t HandleType) String() string { return t.Name() }

// HandleSize returns the size of C's struct for a type of handle, in bytes, -1
// for a type that is none.
//
// Binds uv_handle_size.
func HandleSize(t HandleType) int {
	if !fits(int(t)) {
		return -1
	}
	return int(int64(C.uv_handle_size(C.uv_handle_type(t))))
}

// handle is the part of every handle that the types embed, at offset 0: a
// *handle is also a pointer to its handle's own type.
type handle struct {
	_       noCopy
	c       *C.uv_handle_t // nil unless open
	id      uintptr        // its slot in handles, which C's data holds too
	loop    *Loop
	data    any
	closeCB CloseCB
	kind    uint8 // the HandleType
	closing bool  // Close was called

	// What streams alone use: here it takes no room.
	received   bool // over an ipc pipe, and may be of a kind that the loop cannot wait for
	connecting bool
	requests   int32 // in flight
}

// handles roots the handles that libuv knows.
var handles slots[handle]

var handleSizes = func() (sizes [C.UV_HANDLE_TYPE_MAX]C.size_t) {
	for t := range sizes {
		sizes[t] = C.uv_handle_size(C.uv_handle_type(t))
	}
	return
}()

// create gives the handle its C struct, for one of libuv's init functions to
// fill.
func (h *handle) create(l *Loop, kind HandleType, method string) *C.uv_handle_t {
	l.enter(method)
	if h.id != 0 {
		if !handles.holds(h.id, h) {
			panic("uv: " + method + ": the handle is a copy of an open one")
		}
		panic("uv: " + method + ": the handle is open already")
	}
	c, id := acquire(&handles, &l.spareHandles[kind], handleSizes[kind], h)
	if c == nil {
		panic("uv: " + method + ": out of memory")
	}
	h.c, h.id = (*C.uv_handle_t)(c), id
	h.loop, h.kind, h.closing, h.closeCB = l, uint8(kind), false, nil
	*(*uintptr)(unsafe.Pointer(&h.c.data)) = h.id
	if tracing.Load() {
		h.traceInit()
	}
	return h.c
}

// created takes what libuv's init function returned.
func (h *handle) created(r C.int) error {
	if r != 0 {
		h.destroy()
	}
	return result(r)
}

// destroy frees the C struct once libuv has let go of it.
func (h *handle) destroy() {
	if traced.Load() {
		initPlaces.Delete(h.id)
	}
	release(&handles, &h.loop.spareHandles[h.kind], unsafe.Pointer(h.c), h.id)
	h.c, h.id = nil, 0
}

// enter checks that libuv knows the handle, which it does until the close
// callback, and that this goroutine may use it.
func (h *handle) enter(method string) {
	if h.id == 0 || !handles.holds(h.id, h) {
		panic("uv: " + h.method(method) + ": the handle is " + h.state())
	}
	h.loop.enterFor(h, method)
}

// enterOpen is enter for methods that libuv aborts on, or does harm with, once
// Close was called.
func (h *handle) enterOpen(method string) {
	if h.closing {
		panic("uv: " + h.method(method) + ": the handle is closed")
	}
	h.enter(method)
}

// look is enter for methods that only look, which may be called after the close
// callback, too. It reports whether C can be asked.
func (h *handle) look(method string) bool {
	if h.id == 0 && h.closing {
		return false
	}
	h.enter(method)
	return true
}

func (h *handle) state() string {
	switch {
	case h.kind == 0 || h.id == 0 && !h.closing:
		return "not initialised"
	case h.id != 0 && !handles.holds(h.id, h):
		return "a copy; use a pointer to the original"
	}
	return "closed"
}

// usable reports whether the handle may be an argument of a call on l's
// handles.
func (h *handle) usable(l *Loop) bool {
	return h != nil && !h.closing && h.loop == l && handles.holds(h.id, h)
}

// method returns the full name of a method, with the handle's own type instead
// of Handle or Stream, once that is known.
func (h *handle) method(name string) string {
	of, method, _ := strings.Cut(name, ".")
	if of == "Handle" || of == "Stream" {
		switch h.kind {
		case C.UV_ASYNC:
			of = "Async"
		case C.UV_CHECK:
			of = "Check"
		case C.UV_IDLE:
			of = "Idle"
		case C.UV_NAMED_PIPE:
			of = "Pipe"
		case C.UV_PREPARE:
			of = "Prepare"
		case C.UV_PROCESS:
			of = "Process"
		case C.UV_SIGNAL:
			of = "Signal"
		case C.UV_TCP:
			of = "TCP"
		case C.UV_TIMER:
			of = "Timer"
		}
	}
	return of + "." + method
}

// methodOf is method for a handle or, where it is nil, its loop.
func (h *handle) methodOf(name string) string {
	if h == nil {
		return name
	}
	return h.method(name)
}

// outer returns the handle as what its user knows.
func (h *handle) outer() Handle {
	switch p := unsafe.Pointer(h); h.kind {
	case C.UV_ASYNC:
		return (*Async)(p)
	case C.UV_CHECK:
		return (*Check)(p)
	case C.UV_IDLE:
		return (*Idle)(p)
	case C.UV_NAMED_PIPE:
		return (*Pipe)(p)
	case C.UV_PREPARE:
		return (*Prepare)(p)
	case C.UV_PROCESS:
		return (*Process)(p)
	case C.UV_SIGNAL:
		return (*Signal)(p)
	case C.UV_TCP:
		return (*TCP)(p)
	case C.UV_TIMER:
		return (*Timer)(p)
	}
	panic("uv: a handle of no known type")
}

func (h *handle) asHandle() *handle { return h }

// abandoned reports whether a callback left the handle's loop by Goexit. Close
// then does nothing, for the test that called FailNow there and cleans up.
func (h *handle) abandoned() bool { return h.loop != nil && h.loop.exited }

// Close implements [Handle].
func (h *handle) Close(cb CloseCB) {
	if h.abandoned() {
		return
	}
	h.enterOpen("Handle.Close")
	h.close(cb)
}

// close is Close of a handle that was checked.
func (h *handle) close(cb CloseCB) {
	h.closing, h.closeCB = true, cb
	C.uv_close(h.c, C.uv_close_cb(C.gouv_close_cb))
}

// IsActive implements [Handle].
func (h *handle) IsActive() bool {
	if h.c == nil {
		return false
	}
	h.enter("Handle.IsActive")
	return C.uv_is_active(h.c) != 0
}

// IsClosing implements [Handle].
func (h *handle) IsClosing() bool { return h.closing }

// Ref implements [Handle].
func (h *handle) Ref() {
	h.enter("Handle.Ref")
	C.uv_ref(h.c)
}

// Unref implements [Handle].
func (h *handle) Unref() {
	h.enter("Handle.Unref")
	C.uv_unref(h.c)
}

// HasRef implements [Handle].
func (h *handle) HasRef() bool {
	if h.c == nil {
		return false
	}
	h.enter("Handle.HasRef")
	return C.uv_has_ref(h.c) != 0
}

// Type implements [Handle].
func (h *handle) Type() HandleType { return HandleType(h.kind) }

// Loop implements [Handle].
func (h *handle) Loop() *Loop { return h.loop }

// Data implements [Handle].
func (h *handle) Data() any { return h.data }

// SetData implements [Handle].
func (h *handle) SetData(data any) { h.data = data }

// Fileno implements [Handle].
func (h *handle) Fileno() (int, error) {
	if !h.look("Handle.Fileno") {
		return -1, EBADF
	}
	var fd C.uv_os_fd_t
	r := C.uv_fileno(h.c, &fd)
	if r != 0 {
		return -1, result(r)
	}
	return int(fd), nil
}

// SendBufferSize implements [Handle].
func (h *handle) SendBufferSize(size int) (int, error) {
	h.enter("Handle.SendBufferSize")
	if !fits(size) {
		return 0, EINVAL
	}
	value := C.int(size)
	r := C.uv_send_buffer_size(h.c, &value)
	return int(value), result(r)
}

// RecvBufferSize implements [Handle].
func (h *handle) RecvBufferSize(size int) (int, error) {
	h.enter("Handle.RecvBufferSize")
	if !fits(size) {
		return 0, EINVAL
	}
	value := C.int(size)
	r := C.uv_recv_buffer_size(h.c, &value)
	return int(value), result(r)
}
