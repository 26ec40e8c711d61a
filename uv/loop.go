package uv

// #include <stdlib.h>
// #include "../uv.h"
// #cgo noescape gouv_thread
// #cgo nocallback gouv_thread
import "C"

import (
	"bytes"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"libuv/uv/internal/goroutine"
)

// Loop is an event loop. Declare one and Init it, or use [DefaultLoop].
//
// A loop and everything in it belongs to one goroutine at a time. While Run is
// inside, that is the goroutine that called it, which is also the one that
// callbacks run on. Only [Async.Send] may be called by others: a call that
// reaches libuv panics there, the rest is a data race.
//
// Mirrors uv_loop_t.
type Loop struct {
	_      noCopy
	c      *C.uv_loop_t
	shared *C.gouv_loop_t
	self   *Loop
	data   any

	yielded uint64 // when yield has done so, in the loop's time
	calls   uint   // so that the race detector sees calls from two goroutines
	walk    WalkCB
	fds     fdSet       // the descriptors that its streams have
	doomed  []*Signal   // oneshot watchers that libuv may stop without a callback
	sends   []*WriteReq // writes that carry a handle and may not have sent it yet
	writes  []*WriteReq // the pool for writes without a request of the caller's

	spareHandles [HandleTypeMax][]spare
	spareReqs    [ReqTypeMax][]spare

	allocating *stream // whose AllocCB is called, in which libuv can neither close nor stop it
	readBuf    []byte  // what the last AllocCB returned, until its ReadCB
	readPin    runtime.Pinner

	panics  []callbackPanic // what callbacks panicked with since Run or Walk was called
	stack   []byte          // the first one's, of the last Run or Walk that panicked
	raising bool            // Run or Walk has panicked last
	exited  bool            // a callback called runtime.Goexit
}

// fdSet is a set of descriptors, a bit for each.
type fdSet []uint64

func (s fdSet) has(fd int) bool { return fd >= 0 && fd/64 < len(s) && s[fd/64]&(1<<(fd%64)) != 0 }

func (s *fdSet) add(fd int) {
	for fd/64 >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[fd/64] |= 1 << (fd % 64)
}

func (s fdSet) remove(fd int) {
	if s.has(fd) {
		s[fd/64] &^= 1 << (fd % 64)
	}
}

// noCopy makes vet complain of copies.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// RunMode says how long [Loop.Run] runs.
//
// Mirrors uv_run_mode.
type RunMode int

const (
	RunDefault RunMode = C.UV_RUN_DEFAULT // until nothing active and referenced is left
	RunOnce    RunMode = C.UV_RUN_ONCE    // one iteration, waiting for an event if there is none
	RunNowait  RunMode = C.UV_RUN_NOWAIT  // one iteration, without waiting
)

// LoopOption is an option for [Loop.Configure].
//
// Mirrors uv_loop_option.
type LoopOption int

const (
	LoopBlockSignal      LoopOption = C.UV_LOOP_BLOCK_SIGNAL        // block a signal while waiting for events; takes SIGPROF
	MetricsIdleTime      LoopOption = C.UV_METRICS_IDLE_TIME        // measure how long the loop waits for events
	LoopUseIOUringSqpoll LoopOption = C.UV_LOOP_USE_IO_URING_SQPOLL // let file operations use io_uring; requires libuv 1.49
)

// WalkCB is called for each handle of a walk.
//
// Mirrors uv_walk_cb.
type WalkCB func(h Handle)

// Init makes the loop ready. It fails where the system has no memory or
// descriptors left; the loop can then be initialised again. It returns EBADF when
// the program has closed one of its descriptors 0 to 2: in C the loop would get
// it, and abort when it is closed.
//
// Binds uv_loop_init.
func (l *Loop) Init() error {
	if l.c != nil {
		panic("uv: Loop.Init: the loop is initialised already")
	}
	loops.Lock()
	defer loops.Unlock()
	if loops.shutDown {
		panic("uv: Loop.Init: called after LibraryShutdown")
	}
	if r := C.gouv_standard_descriptors(); r != 0 {
		return result(r)
	}
	c := (*C.uv_loop_t)(C.calloc(1, C.uv_loop_size()))
	if c == nil {
		return ENOMEM
	}
	if r := C.uv_loop_init(c); r != 0 {
		if c.backend_fd > 2 { // up to 1.48 libuv forgets it
			syscall.Close(int(c.backend_fd))
		}
		C.free(unsafe.Pointer(c))
		return result(r)
	}
	l.attach(c)
	return nil
}

func (l *Loop) attach(c *C.uv_loop_t) {
	*l = Loop{c: c, shared: C.gouv_loop_attach(c), self: l, data: l.data}
	loops.open++
}

// loops knows what the process has of loops.
var loops struct {
	sync.Mutex
	standard *Loop // what DefaultLoop returns
	open     int
	shutDown bool // LibraryShutdown was called
}

// DefaultLoop returns the process's default loop, which is the same one until
// it is closed. It returns nil where the loop cannot be initialised. Any
// goroutine may call it; the loop is then one goroutine's at a time, as every
// loop is.
//
// Binds uv_default_loop.
func DefaultLoop() *Loop {
	loops.Lock()
	defer loops.Unlock()
	if loops.standard == nil {
		if loops.shutDown {
			panic("uv: DefaultLoop: called after LibraryShutdown")
		}
		if C.gouv_standard_descriptors() != 0 {
			return nil
		}
		c := C.uv_default_loop()
		if c == nil {
			return nil
		}
		loops.standard = new(Loop)
		loops.standard.attach(c)
	}
	return loops.standard
}

// Close releases the loop's resources. It returns EBUSY, and does nothing,
// while a handle is open or a request active. Afterwards the loop can be
// initialised again; any other method panics. EBUSY is also what a loop
// returns that a callback left with runtime.Goexit: it cannot be closed.
//
// Binds uv_loop_close. Unlike C, a second Close panics.
func (l *Loop) Close() error {
	if l != nil && l.exited {
		return EBUSY
	}
	l.enter("Loop.Close")
	if l.running() || l.walk != nil {
		return EBUSY
	}
	loops.Lock()
	defer loops.Unlock()
	if r := C.uv_loop_close(l.c); r != 0 {
		return result(r)
	}
	loops.open--
	if loops.standard == l {
		loops.standard = nil
	} else {
		C.free(unsafe.Pointer(l.c))
	}
	C.gouv_loop_detach(l.shared)
	discard(&handles, l.spareHandles[:])
	discard(&requests, l.spareReqs[:])
	l.c, l.shared, l.writes, l.fds = nil, nil, nil, nil
	return nil
}

// LibraryShutdown releases what libuv holds for the process: its threads, the
// descriptors that its signal handlers use, the process's title. Only programs
// that look for leaks of C's memory need it. It panics while a loop is open, and
// afterwards no loop can be made.
//
// Binds uv_library_shutdown.
func LibraryShutdown() {
	loops.Lock()
	defer loops.Unlock()
	if loops.open > 0 {
		panic("uv: LibraryShutdown: a loop is not closed")
	}
	loops.shutDown = true
	C.uv_library_shutdown()
}

// enter checks that the loop can be used, by this goroutine.
func (l *Loop) enter(method string) { l.enterFor(nil, method) }

// enterFor is enter for a method of a handle, or of the loop where h is nil.
func (l *Loop) enterFor(h *handle, method string) {
	if l == nil || l.c == nil || l.self != l || l.exited || l.running() && caller() != l.runner() {
		panic("uv: " + h.methodOf(method) + ": the loop " + l.state())
	}
	l.calls++
}

// state says why a loop cannot be used.
func (l *Loop) state() string {
	switch {
	case l == nil:
		return "is nil"
	case l.c == nil:
		return "is not initialised, or closed"
	case l.self != l:
		return "is a copy; use a pointer to the original"
	case l.exited:
		return "cannot be used any more: a callback called runtime.Goexit"
	}
	return "is running on another goroutine; use Async.Send"
}

// caller names the calling goroutine, or its thread, which is as good: while a
// loop runs, its goroutine stays on one.
func caller() uintptr {
	if goroutine.Known {
		return goroutine.ID()
	}
	return uintptr(C.gouv_thread())
}

// runner returns who is inside Run, as caller names it, or 0. It reads what lies
// in C's memory, where the race detector does not look: it shall not take this
// for a synchronisation of the caller's.
func (l *Loop) runner() uintptr {
	return atomic.LoadUintptr((*uintptr)(unsafe.Pointer(&l.shared.runner)))
}

func (l *Loop) running() bool { return l.runner() != 0 }

// Run runs the loop and calls back. With RunDefault it returns when nothing
// active and referenced is left, or after Stop. It returns true where C returns
// non-zero: handles or requests are still active, so the loop should be run
// again.
//
// Callbacks run on the calling goroutine, before Run returns. When one panics,
// the loop is stopped, the iteration goes on to its end, and Run panics with
// the same value; a program that does not recover also gets to see the
// callback's own stack, as [Loop.PanicStack] returns it to one that does.
// Events that were still due arrive with the next Run. When a callback calls
// runtime.Goexit (testing.T.FailNow does), the goroutine ends, and with it the
// loop: it cannot be used any more.
//
// Binds uv_run. It panics where C is undefined: called from a callback of the
// same loop.
func (l *Loop) Run(mode RunMode) bool {
	l.enter("Loop.Run")
	if l.running() {
		panic("uv: Loop.Run: called from a callback of the same loop")
	}
	if mode != RunDefault && mode != RunOnce && mode != RunNowait {
		panic(fmt.Sprintf("uv: Loop.Run: unknown mode %d", mode))
	}
	if l.walk != nil { // called from a WalkCB, whose Walk's panics are not this Run's
		walk, pending := l.walk, l.panics
		l.walk, l.panics = nil, nil
		defer func() { l.walk, l.panics = walk, pending }()
	}
	l.raising = false
	alive := C.gouv_run(l.c, C.uv_run_mode(mode), C.uintptr_t(goroutine.ID()))
	l.bury()
	l.raise()
	return alive != 0
}

// Stop makes Run return as soon as it can, at the latest after its present
// iteration. Called while the loop does not run, it makes the next Run return
// at once.
//
// Binds uv_stop.
func (l *Loop) Stop() {
	l.enter("Loop.Stop")
	C.uv_stop(l.c)
}

// Alive reports whether the loop has active and referenced handles, active
// requests or closing handles.
//
// Binds uv_loop_alive.
func (l *Loop) Alive() bool {
	l.enter("Loop.Alive")
	return C.uv_loop_alive(l.c) != 0
}

// Configure sets an option, before the first Run. LoopBlockSignal takes the
// signal to block, which must be SIGPROF; the others take none. It returns
// ENOSYS for an option that the system or the installed libuv lacks, EINVAL for
// another signal.
//
// Binds uv_loop_configure.
func (l *Loop) Configure(option LoopOption, signals ...syscall.Signal) error {
	l.enter("Loop.Configure")
	if !fits(int(option)) {
		return ENOSYS
	}
	var signum syscall.Signal
	switch {
	case option == LoopBlockSignal && len(signals) == 1 && fits(int(signals[0])):
		signum = signals[0]
	case option == LoopBlockSignal || len(signals) != 0:
		return EINVAL
	}
	return result(C.gouv_loop_configure(l.c, C.uv_loop_option(option), C.int(signum)))
}

// Now returns the loop's time in milliseconds, which is taken at the start of
// an iteration and counts from some arbitrary point in the past.
//
// Binds uv_now.
func (l *Loop) Now() uint64 {
	l.enter("Loop.Now")
	return uint64(C.uv_now(l.c))
}

// UpdateTime takes the loop's time anew, for callbacks that take long.
//
// Binds uv_update_time.
func (l *Loop) UpdateTime() {
	l.enter("Loop.UpdateTime")
	C.uv_update_time(l.c)
}

// BackendFD returns the descriptor that the loop waits on (epoll's, on Linux),
// to embed the loop in another: poll it, for BackendTimeout, then Run with
// RunNowait. It returns -1 where there is none.
//
// Binds uv_backend_fd.
func (l *Loop) BackendFD() int {
	l.enter("Loop.BackendFD")
	return int(C.uv_backend_fd(l.c))
}

// BackendTimeout returns how long to wait for events, in milliseconds, -1 for
// without end.
//
// Binds uv_backend_timeout.
func (l *Loop) BackendTimeout() int {
	l.enter("Loop.BackendTimeout")
	return int(C.uv_backend_timeout(l.c))
}

// Walk calls cb for each handle of the loop that is not closed yet. It returns
// when it has; a panic of cb goes on to Walk's caller. A nil cb does nothing.
//
// Binds uv_walk.
func (l *Loop) Walk(cb WalkCB) {
	l.enter("Loop.Walk")
	if cb == nil {
		return
	}
	outer, pending := l.walk, l.panics
	l.walk, l.panics, l.raising = cb, nil, false
	defer func() { l.walk, l.panics = outer, pending }()
	C.uv_walk(l.c, C.uv_walk_cb(C.gouv_walk_cb), nil)
	l.raise()
}

// Data returns what SetData was given, nil before that.
//
// Binds uv_loop_get_data.
func (l *Loop) Data() any { return l.data }

// SetData attaches any value to the loop.
//
// Binds uv_loop_set_data.
func (l *Loop) SetData(data any) { l.data = data }

// LoopSize returns the size of C's uv_loop_t, in bytes.
//
// Binds uv_loop_size.
func LoopSize() int { return int(C.uv_loop_size()) }

// PanicStack returns the stack of the callback whose panic came out of Run or
// Walk last, as debug.Stack prints it. It returns nil where none has.
func (l *Loop) PanicStack() []byte { return l.stack }

// callbackPanic is a panic on its way from a callback to the caller of Run.
type callbackPanic struct {
	value any
	stack []byte
}

// caught is deferred around every callback: a panic must not unwind C's frames.
// It can only be noticed, not kept, that the goroutine is about to exit.
func (l *Loop) caught(returned *bool) {
	if *returned {
		l.yield()
		return
	}
	if l.keep(recover()) {
		C.uv_stop(l.c)
	}
}

// yield does what is to be done once in a while. It lets Go's scheduler see that
// the goroutine is not stuck: where it has not seen it for 10 ms, it takes the
// goroutine's processor away each time that the loop waits in C, and wakes a
// thread to do so that would otherwise sleep.
func (l *Loop) yield() {
	if now := uint64(l.c.time); now-l.yielded >= yieldAfter {
		l.yielded = now
		l.bury()
		runtime.Gosched()
	}
}

const yieldAfter = 8 // milliseconds

// caughtInWalk is caught for Walk, which returns by itself.
func (l *Loop) caughtInWalk(returned *bool) {
	if !*returned {
		l.keep(recover())
	}
}

// keep keeps what was recovered for Run or Walk to panic with, and reports
// whether there is anything.
func (l *Loop) keep(value any) bool {
	if value == nil {
		l.exited = true
		return false
	}
	if exiting() {
		l.exited = true
		panic(value)
	}
	stack := debug.Stack()
	if l.raising && bytes.Contains(stack, []byte(ourPackage+"(*Loop).raise(")) {
		stack = l.stack // it came from a Walk inside the callback
	}
	l.panics = append(l.panics, callbackPanic{value, stack})
	return true
}

// exiting reports whether a callback panicked while it was about to exit by
// Goexit, to the deferred function that recovers. Recovered or not, the goroutine
// then goes on to exit.
func exiting() bool {
	pcs := make([]uintptr, 64)
	n := runtime.Callers(0, pcs)
	for n == len(pcs) {
		pcs = make([]uintptr, 2*n)
		n = runtime.Callers(0, pcs)
	}
	for frames := runtime.CallersFrames(pcs[:n]); ; {
		frame, more := frames.Next()
		switch {
		case frame.Function == "runtime.Goexit":
			return true
		case !more || strings.HasPrefix(frame.Function, ourPackage+"gouvOn"):
			return false
		}
	}
}

// raise panics with what a callback panicked with. Go prints the panics of a
// goroutine that nobody recovers one after the other, the first first: that is
// how the callback's stack gets printed, while recover gets the value.
func (l *Loop) raise() {
	if len(l.panics) == 0 {
		return
	}
	first := l.panics[0]
	report := callbackPanics(l.panics)
	l.stack, l.raising, l.panics = first.stack, true, nil
	defer panic(first.value)
	panic(report)
}

type callbackPanics []callbackPanic

// Error is what Go prints of a panic.
func (p callbackPanics) Error() string {
	text := "panic in a libuv callback"
	for _, p := range p {
		text += fmt.Sprintf("\n%v\n\n%s", p.value, p.stack)
	}
	return text
}
