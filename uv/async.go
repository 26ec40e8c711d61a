package uv

// #include "../uv.h"
import "C"

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// Async lets any goroutine call back into a loop's.
//
// Mirrors uv_async_t.
type Async struct {
	handle
	cb AsyncCB

	sending sync.RWMutex  // a Send holds off the end of the handle
	sent    atomic.Uint32 // what is done before a Send is seen by the callback
}

// AsyncCB is called after one or more Sends.
//
// Mirrors uv_async_cb.
type AsyncCB func(a *Async)

func (a *Async) raw() *C.uv_async_t { return (*C.uv_async_t)(unsafe.Pointer(a.c)) }

// Init makes the handle ready and active: it keeps the loop alive until it is
// closed, or Unref is called. A nil cb makes Send wake up the loop, no more.
//
// Binds uv_async_init.
func (a *Async) Init(loop *Loop, cb AsyncCB) error {
	a.sending.Lock()
	defer a.sending.Unlock()
	a.create(loop, HandleTypeAsync, "Async.Init")
	a.cb = cb
	var c C.uv_async_cb
	if cb != nil {
		c = C.uv_async_cb(C.gouv_async_cb)
	}
	return a.created(C.uv_async_init(loop.c, a.raw(), c))
}

// Send wakes up the loop and makes it call the callback. Any goroutine may call
// it, at any time. Sends that come before the callback runs share one call.
//
// Binds uv_async_send. Between Close and the close callback it has no effect, as
// in C. After that, where C is undefined, it panics.
func (a *Async) Send() error {
	a.sending.RLock()
	defer a.sending.RUnlock()
	if !handles.holds(a.id, &a.handle) {
		panic("uv: Async.Send: the handle is " + a.state())
	}
	a.sent.Add(1)
	return result(C.uv_async_send(a.raw()))
}

// Close implements [Handle].
func (a *Async) Close(cb CloseCB) {
	a.sending.Lock()
	defer a.sending.Unlock()
	a.handle.Close(cb)
}

// closed takes the C struct away, which a Send may be about to use.
func (a *Async) closed() {
	a.sending.Lock()
	defer a.sending.Unlock()
	a.destroy()
}
