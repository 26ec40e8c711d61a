package uv

// #include "../uv.h"
import "C"

import "unsafe"

// Check calls back once in every iteration of its loop, right after it has waited for events.
//
// Mirrors uv_check_t.
type Check struct {
	handle
	cb CheckCB
}

// CheckCB is called once an iteration.
//
// Mirrors uv_check_cb.
type CheckCB func(h *Check)

func (h *Check) raw() *C.uv_check_t { return (*C.uv_check_t)(unsafe.Pointer(h.c)) }

// Init makes the handle ready.
//
// Binds uv_check_init.
func (h *Check) Init(loop *Loop) error {
	h.create(loop, HandleTypeCheck, "Check.Init")
	return h.created(C.uv_check_init(loop.c, h.raw()))
}

// Start makes cb be called. An active handle keeps the
// callback it has, and nil is returned. It returns EINVAL for a nil cb.
//
// Binds uv_check_start.
func (h *Check) Start(cb CheckCB) error {
	h.enterOpen("Check.Start")
	switch {
	case C.uv_is_active(h.c) != 0:
		return nil
	case cb == nil:
		return EINVAL
	}
	h.cb = cb
	return result(C.uv_check_start(h.raw(), C.uv_check_cb(C.gouv_check_cb)))
}

// Stop stops the handle. The callback is not called any more.
//
// Binds uv_check_stop.
func (h *Check) Stop() error {
	h.enter("Check.Stop")
	return result(C.uv_check_stop(h.raw()))
}
