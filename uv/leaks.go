package uv

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// OpenHandle is a handle that [Loop.OpenHandles] found.
type OpenHandle struct {
	Handle Handle
	// Where is the place of the call that initialised it, as file:line, "" unless
	// [TraceHandles] was on then.
	Where string
}

// String describes the handle in a line: its type, whether it is active or
// closing, and where it was initialised.
func (o OpenHandle) String() string {
	state := "inactive"
	switch {
	case o.Handle.IsClosing():
		state = "closing"
	case o.Handle.IsActive():
		state = "active"
	}
	if o.Where == "" {
		return fmt.Sprintf("%v, %s", o.Handle.Type(), state)
	}
	return fmt.Sprintf("%v, %s, initialised at %s", o.Handle.Type(), state, o.Where)
}

// OpenHandles lists the handles of the loop that are not closed yet: those that
// make [Loop.Close] return EBUSY. Where there are none, and it does so, a request
// is still active.
func (l *Loop) OpenHandles() []OpenHandle {
	l.enter("Loop.OpenHandles")
	var open []OpenHandle
	l.Walk(func(h Handle) {
		where, _ := initPlaces.Load(h.asHandle().id)
		place, _ := where.(string)
		open = append(open, OpenHandle{h, place})
	})
	return open
}

// TraceHandles makes every handle that is initialised from now on remember
// where that was, for [Loop.OpenHandles]. It costs about a microsecond a handle.
// Any goroutine may call it.
func TraceHandles(on bool) {
	tracing.Store(on)
	if on {
		traced.Store(true)
	}
}

var (
	tracing    atomic.Bool
	traced     atomic.Bool // it was on at some time
	initPlaces sync.Map    // a handle's id to file:line
)

// ourPackage is what the names of this package's functions begin with.
const ourPackage = "libuv/uv."

// traceInit notes who called the method that called create.
func (h *handle) traceInit() {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	for {
		frame, more := frames.Next()
		if !more || !strings.HasPrefix(frame.Function, ourPackage) {
			initPlaces.Store(h.id, fmt.Sprintf("%s:%d", frame.File, frame.Line))
			return
		}
	}
}
