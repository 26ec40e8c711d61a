package uv

// #include "../uv.h"
import "C"

import "unsafe"

// Timer calls back after a time, once or again and again.
//
// Mirrors uv_timer_t.
type Timer struct {
	handle
	cb TimerCB
}

// TimerCB is called when a timer expires.
//
// Mirrors uv_timer_cb.
type TimerCB func(t *Timer)

func (t *Timer) raw() *C.uv_timer_t { return (*C.uv_timer_t)(unsafe.Pointer(t.c)) }

// Init makes the timer ready.
//
// Binds uv_timer_init.
func (t *Timer) Init(loop *Loop) error {
	t.create(loop, HandleTypeTimer, "Timer.Init")
	return t.created(C.uv_timer_init(loop.c, t.raw()))
}

// Start starts the timer: cb is called after timeout milliseconds and then,
// unless repeat is 0, every repeat milliseconds. A timeout of 0 expires in the
// next iteration; up to libuv 1.47, started by the timer's own callback, it does
// so in the same one, again and again without end. An active timer is started
// anew. Times are counted from the loop's [Loop.Now]. It returns EINVAL for a nil
// cb.
//
// Binds uv_timer_start.
func (t *Timer) Start(cb TimerCB, timeout, repeat uint64) error {
	t.enter("Timer.Start")
	if cb == nil {
		return EINVAL
	}
	t.cb = cb
	return result(C.uv_timer_start(t.raw(), C.uv_timer_cb(C.gouv_timer_cb), C.uint64_t(timeout), C.uint64_t(repeat)))
}

// Stop stops the timer. The callback is not called any more.
//
// Binds uv_timer_stop.
func (t *Timer) Stop() error {
	t.enter("Timer.Stop")
	return result(C.uv_timer_stop(t.raw()))
}

// Again starts a repeating timer anew, with its repeat for a timeout. It does
// nothing for one that does not repeat and returns EINVAL for one that was
// never started.
//
// Binds uv_timer_again.
func (t *Timer) Again() error {
	t.enter("Timer.Again")
	return result(C.uv_timer_again(t.raw()))
}

// SetRepeat sets the interval in milliseconds, 0 for none. It counts from the
// timer's next expiry on.
//
// Binds uv_timer_set_repeat.
func (t *Timer) SetRepeat(repeat uint64) {
	t.enter("Timer.SetRepeat")
	C.uv_timer_set_repeat(t.raw(), C.uint64_t(repeat))
}

// Repeat returns the interval in milliseconds, 0 for none.
//
// Binds uv_timer_get_repeat.
func (t *Timer) Repeat() uint64 {
	if !t.look("Timer.Repeat") {
		return 0
	}
	return uint64(C.uv_timer_get_repeat(t.raw()))
}

// DueIn returns the milliseconds until the timer expires, 0 when it has.
//
// Binds uv_timer_get_due_in.
func (t *Timer) DueIn() uint64 {
	if !t.look("Timer.DueIn") {
		return 0
	}
	return uint64(C.uv_timer_get_due_in(t.raw()))
}
