package uv

// #include "../uv.h"
import "C"

import (
	"syscall"
	"unsafe"
)

// What the trampolines of uv_cgo.c call: each looks up the Go value, calls its
// callback and returns. See Loop.caught for what happens to a panic.

func handleOf(id C.uintptr_t) *handle {
	h := handles.get(uintptr(id))
	if h.id != uintptr(id) {
		panic("uv: a handle was overwritten while it was open")
	}
	return h
}

func requestOf(id C.uintptr_t) *request {
	r := requests.get(uintptr(id))
	if r.id != uintptr(id) {
		panic("uv: a request was overwritten while it was in use")
	}
	return r
}

//export gouvOnClose
func gouvOnClose(id C.uintptr_t) {
	h := handleOf(id)
	if h.kind == C.UV_ASYNC {
		(*Async)(unsafe.Pointer(h)).closed()
	} else {
		h.destroy()
	}
	cb := h.closeCB
	h.closeCB = nil
	if cb == nil {
		return
	}
	returned := false
	defer h.loop.caught(&returned)
	cb(h.outer())
	returned = true
}

//export gouvOnWalk
func gouvOnWalk(id C.uintptr_t) {
	h := handleOf(id)
	returned := false
	defer h.loop.caughtInWalk(&returned)
	h.loop.walk(h.outer())
	returned = true
}

//export gouvOnTimer
func gouvOnTimer(id C.uintptr_t) {
	t := (*Timer)(unsafe.Pointer(handleOf(id)))
	returned := false
	defer t.loop.caught(&returned)
	t.cb(t)
	returned = true
}

//export gouvOnPrepare
func gouvOnPrepare(id C.uintptr_t) {
	h := (*Prepare)(unsafe.Pointer(handleOf(id)))
	returned := false
	defer h.loop.caught(&returned)
	h.cb(h)
	returned = true
}

//export gouvOnCheck
func gouvOnCheck(id C.uintptr_t) {
	h := (*Check)(unsafe.Pointer(handleOf(id)))
	returned := false
	defer h.loop.caught(&returned)
	h.cb(h)
	returned = true
}

//export gouvOnIdle
func gouvOnIdle(id C.uintptr_t) {
	h := (*Idle)(unsafe.Pointer(handleOf(id)))
	returned := false
	defer h.loop.caught(&returned)
	h.cb(h)
	returned = true
}

//export gouvOnAsync
func gouvOnAsync(id C.uintptr_t) {
	a := (*Async)(unsafe.Pointer(handleOf(id)))
	a.sent.Load()
	returned := false
	defer a.loop.caught(&returned)
	a.cb(a)
	returned = true
}

//export gouvOnSignal
func gouvOnSignal(id C.uintptr_t, signum C.int) {
	s := (*Signal)(unsafe.Pointer(handleOf(id)))
	defer s.dispatched()
	returned := false
	defer s.loop.caught(&returned)
	s.cb(s, syscall.Signal(signum))
	returned = true
}

//export gouvOnExit
func gouvOnExit(id C.uintptr_t, exitStatus C.int64_t, termSignal C.int) {
	p := (*Process)(unsafe.Pointer(handleOf(id)))
	returned := false
	defer p.loop.caught(&returned)
	p.cb(p, int64(exitStatus), syscall.Signal(termSignal))
	returned = true
}

//export gouvOnConnection
func gouvOnConnection(id C.uintptr_t, status C.int) {
	s := (*stream)(unsafe.Pointer(handleOf(id)))
	returned := false
	defer s.loop.caught(&returned)
	s.connection(s.outerStream(), result(status))
	returned = true
}

//export gouvOnAlloc
func gouvOnAlloc(id C.uintptr_t, suggested C.size_t, buf *C.uv_buf_t) {
	s := (*stream)(unsafe.Pointer(handleOf(id)))
	l := s.loop
	returned := false
	defer l.caught(&returned)
	l.allocating = s
	defer func() { l.allocating = nil }()
	l.readBuf = s.alloc(s.outer(), int(suggested))
	if len(l.readBuf) > 0 {
		base := unsafe.SliceData(l.readBuf)
		l.readPin.Pin(base)
		buf.base, buf.len = (*C.char)(unsafe.Pointer(base)), C.size_t(len(l.readBuf))
	}
	returned = true
}

//export gouvOnRead
func gouvOnRead(id C.uintptr_t, nread C.ssize_t, base unsafe.Pointer) {
	s := (*stream)(unsafe.Pointer(handleOf(id)))
	l := s.loop
	buf := l.readBuf
	if buf != nil {
		l.readBuf = nil
		l.readPin.Unpin()
	} else if nread > 0 {
		buf = unsafe.Slice((*byte)(base), nread)
	}
	returned := false
	defer l.caught(&returned)
	if nread < 0 {
		s.read(s.outerStream(), buf[:0], result(C.int(nread)))
	} else {
		s.read(s.outerStream(), buf[:nread], nil)
	}
	returned = true
}

//export gouvOnWrite
func gouvOnWrite(id C.uintptr_t, status C.int) {
	w := (*WriteReq)(unsafe.Pointer(requestOf(id)))
	l, pooled := w.loop, w.pooled
	w.release()
	w.handle.requests--
	if w.cb != nil {
		returned := false
		defer l.caught(&returned)
		w.cb(w, result(status))
		returned = true
	}
	if pooled && w.id == 0 {
		l.putWrite(w)
	}
}

//export gouvOnConnect
func gouvOnConnect(id C.uintptr_t, status C.int) {
	r := (*ConnectReq)(unsafe.Pointer(requestOf(id)))
	r.end()
	r.handle.requests--
	r.handle.connecting = false
	if r.cb == nil {
		return
	}
	returned := false
	defer r.loop.caught(&returned)
	r.cb(r, result(status))
	returned = true
}

//export gouvOnShutdown
func gouvOnShutdown(id C.uintptr_t, status C.int) {
	r := (*ShutdownReq)(unsafe.Pointer(requestOf(id)))
	r.end()
	r.handle.requests--
	if r.cb == nil {
		return
	}
	returned := false
	defer r.loop.caught(&returned)
	r.cb(r, result(status))
	returned = true
}

//export gouvOnFs
func gouvOnFs(id C.uintptr_t) {
	r := (*FsReq)(unsafe.Pointer(requestOf(id)))
	r.finish()
	returned := false
	defer r.loop.caught(&returned)
	r.cb(r)
	returned = true
}

//export gouvOnThread
func gouvOnThread(id C.uintptr_t) {
	t := threads.get(uintptr(id))
	entry := t.entry
	threads.remove(uintptr(id))
	entry()
}
