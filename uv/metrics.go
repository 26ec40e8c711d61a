package uv

// #include "../uv.h"
import "C"

// Metrics counts what a loop has done.
//
// Mirrors uv_metrics_t.
type Metrics struct {
	LoopCount     uint64 // iterations
	Events        uint64 // events that callbacks were called for
	EventsWaiting uint64 // those that were there before the loop waited for any
}

// MetricsIdleTime returns for how long the loop has waited for events, in
// nanoseconds. It is 0 without [Loop.Configure] with the option of the same
// name.
//
// Binds uv_metrics_idle_time.
func (l *Loop) MetricsIdleTime() uint64 {
	l.enter("Loop.MetricsIdleTime")
	return uint64(C.uv_metrics_idle_time(l.c))
}

// MetricsInfo returns what the loop counts.
//
// Binds uv_metrics_info. Requires libuv 1.45; ENOSYS before.
func (l *Loop) MetricsInfo() (Metrics, error) {
	l.enter("Loop.MetricsInfo")
	var m C.uv_metrics_t
	if r := C.uv_metrics_info(l.c, &m); r != 0 {
		return Metrics{}, result(r)
	}
	return Metrics{uint64(m.loop_count), uint64(m.events), uint64(m.events_waiting)}, nil
}
