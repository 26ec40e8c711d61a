package uv

// #include "../uv.h"
import "C"

import "unsafe"

// Idle calls back once in every iteration of its loop, right before the prepare handles.
//
// Mirrors uv_idle_t.
type Idle struct {
	handle
	cb IdleCB
}

// IdleCB is called once an iteration.
//
// Mirrors uv_idle_cb.
type IdleCB func(h *Idle)

func (h *Idle) raw() *C.uv_idle_t { return (*C.uv_idle_t)(unsafe.Pointer(h.c)) }

// Init makes the handle ready.
//
// Binds uv_idle_init.
func (h *Idle) Init(loop *Loop) error {
	h.create(loop, HandleTypeIdle, "Idle.Init")
	return h.created(C.uv_idle_init(loop.c, h.raw()))
}

// Start makes cb be called. While it is active, the loop does not wait for events. An active handle keeps the
// callback it has, and nil is returned. It returns EINVAL for a nil cb.
//
// Binds uv_idle_start.
func (h *Idle) Start(cb IdleCB) error {
	h.enterOpen("Idle.Start")
	switch {
	case C.uv_is_active(h.c) != 0:
		return nil
	case cb == nil:
		return EINVAL
	}
	h.cb = cb
	return result(C.uv_idle_start(h.raw(), C.uv_idle_cb(C.gouv_idle_cb)))
}

// Stop stops the handle. The callback is not called any more.
//
// Binds uv_idle_stop.
func (h *Idle) Stop() error {
	h.enter("Idle.Stop")
	return result(C.uv_idle_stop(h.raw()))
}
