package uv

// #include "../uv.h"
import "C"

import "unsafe"

// Prepare calls back once in every iteration of its loop, right before it waits for events.
//
// Mirrors uv_prepare_t.
type Prepare struct {
	handle
	cb PrepareCB
}

// PrepareCB is called once an iteration.
//
// Mirrors uv_prepare_cb.
type PrepareCB func(h *Prepare)

func (h *Prepare) raw() *C.uv_prepare_t { return (*C.uv_prepare_t)(unsafe.Pointer(h.c)) }

// Init makes the handle ready.
//
// Binds uv_prepare_init.
func (h *Prepare) Init(loop *Loop) error {
	h.create(loop, HandleTypePrepare, "Prepare.Init")
	return h.created(C.uv_prepare_init(loop.c, h.raw()))
}

// Start makes cb be called. An active handle keeps the
// callback it has, and nil is returned. It returns EINVAL for a nil cb.
//
// Binds uv_prepare_start.
func (h *Prepare) Start(cb PrepareCB) error {
	h.enterOpen("Prepare.Start")
	switch {
	case C.uv_is_active(h.c) != 0:
		return nil
	case cb == nil:
		return EINVAL
	}
	h.cb = cb
	return result(C.uv_prepare_start(h.raw(), C.uv_prepare_cb(C.gouv_prepare_cb)))
}

// Stop stops the handle. The callback is not called any more.
//
// Binds uv_prepare_stop.
func (h *Prepare) Stop() error {
	h.enter("Prepare.Stop")
	return result(C.uv_prepare_stop(h.raw()))
}
