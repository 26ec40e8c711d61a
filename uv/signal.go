package uv

// #include "../uv.h"
import "C"

import (
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"unsafe"
)

// Signal watches a signal of the process. Any number of watchers, in any number
// of loops, may watch the same one; each gets each.
//
// Watching does not take a signal from os/signal: both get it. What was in
// place before the first watcher of a signal started is put back when the last
// one stops. See "libuv in a Go process" in docs/design.md.
//
// Mirrors uv_signal_t.
type Signal struct {
	handle
	cb      SignalCB
	signum  C.int // what it holds in signals, 0 for nothing
	oneshot bool  // StartOneshot was called since Init
}

// SignalCB is called for each signal caught.
//
// Mirrors uv_signal_cb.
type SignalCB func(s *Signal, signum syscall.Signal)

func (s *Signal) raw() *C.uv_signal_t { return (*C.uv_signal_t)(unsafe.Pointer(s.c)) }

// Init makes the watcher ready.
//
// Binds uv_signal_init.
func (s *Signal) Init(loop *Loop) error {
	s.create(loop, HandleTypeSignal, "Signal.Init")
	s.signum, s.oneshot = 0, false
	return s.created(C.uv_signal_init(loop.c, s.raw()))
}

// Start makes cb be called for each signum that the process gets. An active
// watcher of signum only changes its callback; one of another signal is stopped
// first. A loop remembers up to 4096 signals that it has not dispatched yet, the
// SIGCHLD of its children among them, whose ExitCB otherwise waits for the next.
//
// It returns EINVAL for a signal that cannot be watched, for a nil cb, and,
// unlike C, for those that Go's runtime needs for itself: SIGSEGV, SIGBUS,
// SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF and SIGURG.
//
// Binds uv_signal_start.
func (s *Signal) Start(cb SignalCB, signum syscall.Signal) error {
	s.enterOpen("Signal.Start")
	return s.start(cb, signum, false)
}

// StartOneshot is Start for the first signal only: the watcher stops after its
// callback, and, as in C, so it does after any later Start of the same handle.
//
// Binds uv_signal_start_oneshot. In C a second signal that arrives before the
// loop has dispatched the first one takes the default action, which is to kill
// the process for most; here it is ignored.
func (s *Signal) StartOneshot(cb SignalCB, signum syscall.Signal) error {
	s.enterOpen("Signal.StartOneshot")
	return s.start(cb, signum, true)
}

func (s *Signal) start(cb SignalCB, signum syscall.Signal, oneshot bool) error {
	if cb == nil || !fits(int(signum)) {
		return EINVAL
	}
	n := C.int(signum)
	if s.raw().signum == n && n != 0 {
		s.cb = cb
		return nil
	}
	if err := signals.own(n); err != nil {
		if n != 0 { // libuv stops the watcher before it looks at the signal
			C.uv_signal_stop(s.raw())
			s.disown()
		}
		return err
	}
	var r C.int
	if oneshot {
		r = C.uv_signal_start_oneshot(s.raw(), C.uv_signal_cb(C.gouv_signal_cb), n)
	} else {
		r = C.uv_signal_start(s.raw(), C.uv_signal_cb(C.gouv_signal_cb), n)
	}
	s.disown() // libuv has stopped what the watcher watched before
	if r != 0 {
		signals.disown(n)
		return result(r)
	}
	s.cb, s.signum = cb, n
	s.oneshot = s.oneshot || oneshot
	if s.oneshot && s.pending() {
		s.loop.doomed = append(s.loop.doomed, s)
	}
	return nil
}

// pending reports whether a signal was caught and not dispatched yet. That of
// another signal than a oneshot watcher now watches makes libuv stop the watcher
// without a callback: it is doomed.
func (s *Signal) pending() bool { return s.raw().caught_signals != s.raw().dispatched_signals }

// bury gives back the signals of watchers that were doomed, and are stopped.
func (l *Loop) bury() {
	l.doomed = slices.DeleteFunc(l.doomed, func(s *Signal) bool {
		if s.raw().signum == 0 {
			s.disown()
		}
		return !s.pending()
	})
}

// Stop stops the watcher. The callback is not called any more, for signals that
// were caught before either.
//
// Binds uv_signal_stop.
func (s *Signal) Stop() error {
	s.enterOpen("Signal.Stop")
	r := C.uv_signal_stop(s.raw())
	s.disown()
	return result(r)
}

// Close implements [Handle]. The close callback waits for signals caught
// before, which are then dropped.
func (s *Signal) Close(cb CloseCB) {
	s.handle.Close(cb)
	s.disown()
	s.loop.doomed = slices.DeleteFunc(s.loop.doomed, func(d *Signal) bool { return d == s })
}

// Signum returns the signal that is watched, 0 when there is none.
//
// Mirrors the member signum of uv_signal_t.
func (s *Signal) Signum() syscall.Signal {
	if !s.look("Signal.Signum") {
		return 0
	}
	return syscall.Signal(s.raw().signum)
}

func (s *Signal) disown() {
	if s.signum != 0 {
		signals.disown(s.signum)
		s.signum = 0
	}
}

// dispatched does what libuv does after a oneshot watcher's callback, but with
// the signal given back.
func (s *Signal) dispatched() {
	if s.oneshot && s.c != nil && !s.closing {
		C.uv_signal_stop(s.raw())
		s.disown()
	}
}

// signals counts who watches which signal, in all loops, and sees to it that
// the binding's handler is in place while somebody does. See uv_cgo.c.
var signals = signalOwners{kept: make(chan os.Signal, 1)}

// The main thread is where most signals arrive, and in a Go program it is one of
// Go's. So is the one that runs this in a library.
func init() { C.gouv_made_by_go() }

// library says that the program is C's. Go leaves most signals alone in it until
// somebody is notified of them.
var library = sync.OnceValue(func() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool {
		return s.Key == "-buildmode" && (s.Value == "c-archive" || s.Value == "c-shared")
	})
})

type signalOwners struct {
	mu     sync.Mutex
	counts [65]int
	quiet  [65]chan os.Signal // a Notify that nobody reads, so that somebody is notified
	kept   chan os.Signal     // one more, which stays

	relaying bool // there is a goroutine that passes on what uv_cgo.c says
}

func (o *signalOwners) own(signum C.int) error {
	if signum <= 0 || int(signum) >= len(o.counts) {
		return EINVAL
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hush(signum)
	if err := result(C.gouv_signal_own(signum)); err != nil {
		if o.counts[signum] == 0 {
			o.unhush(signum)
		}
		return err
	}
	o.counts[signum]++
	return nil
}

func (o *signalOwners) disown(signum C.int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.counts[signum]--; o.counts[signum] > 0 {
		return
	}
	C.gouv_signal_disown(signum)
	o.unhush(signum)
}

// hush prepares for what Go's handler does with a signal that is passed on to it
// and that nobody is notified of. See uv_cgo.c.
func (o *signalOwners) hush(signum C.int) {
	if C.gouv_signal_foreign(signum) != 0 {
		return
	}
	n, ignored := syscall.Signal(signum), C.gouv_signal_ignored(signum) != 0
	if library() && !ignored && o.counts[signum] == 0 {
		// Go installs its handler with the first Notify, and takes it away after
		// the last: neither may happen while the binding's is in place.
		o.notify(signum)
	}
	if ignored && n != syscall.SIGHUP && n != syscall.SIGINT {
		// After signal.Ignore the first Notify would install Go's handler over the
		// binding's, too. This one stays when the watchers are gone: the signal
		// goes on having no effect.
		signal.Notify(o.kept, n)
	}
	switch n {
	case syscall.SIGCHLD, syscall.SIGWINCH:
		// It does nothing.
	case syscall.SIGCONT, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU:
		// Nor with these, but it is not even installed, and the first Notify
		// would install it over the binding's.
		o.notify(signum)
	case syscall.SIGHUP, syscall.SIGINT:
		// The same holds for these where they were ignored from the start, as
		// under nohup, and after the last Notify they are again.
		o.startRelay()
		o.notify(signum)
	default:
		o.startRelay()
	}
}

// startRelay starts the goroutine that passes on what must not be passed on
// unless somebody is notified.
func (o *signalOwners) startRelay() {
	if !o.relaying {
		o.relaying = true
		go o.pass()
	}
}

func (o *signalOwners) notify(signum C.int) {
	if o.quiet[signum] == nil {
		o.quiet[signum] = make(chan os.Signal, 1)
	}
	signal.Notify(o.quiet[signum], syscall.Signal(signum))
}

func (o *signalOwners) unhush(signum C.int) {
	if o.quiet[signum] != nil {
		signal.Stop(o.quiet[signum])
	}
}

func (o *signalOwners) pass() {
	for {
		o.passOn(C.gouv_signal_next())
		runtime.Gosched() // it keeps its processor for a while when it waits
	}
}

func (o *signalOwners) passOn(signum C.int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if C.gouv_signal_wanted(signum) == 0 {
		return
	}
	if !signal.Ignored(syscall.Signal(signum)) {
		o.notify(signum)
	}
	C.gouv_signal_pass(signum)
	if o.counts[signum] == 0 {
		o.unhush(signum)
	}
}
