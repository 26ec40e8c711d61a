// Package purego is a small event loop with libuv's manners in Go alone: os/exec,
// os/signal and net, goroutines that wait, and one that calls back.
//
// It is an example of how an implementation is put under the yardstick, package
// uvtest, and not meant to be used: differences.txt has the scenarios in which
// it is not like libuv, each with the reason. The test keeps that list true.
package purego

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"sync"
	"syscall"
	"time"

	"libuv/uv/uvtest"
)

// Implementation is what the yardstick is put to.
var Implementation = uvtest.Implementation{
	NewLoop: func() (uvtest.Loop, error) { return newLoop(), nil },
	Kill:    syscall.Kill,
}

// loop is a uvtest.Loop. All of it belongs to the goroutine that calls Run, but
// for what mu guards.
type loop struct {
	mu     sync.Mutex
	posted []func()
	wake   chan struct{}

	epoch    time.Time
	now      uint64
	stopped  bool
	handles  []*handle
	closing  []*handle
	timers   []*timer
	starts   uint64
	watchers map[uvtest.HandleType][]*watcher
}

func newLoop() *loop {
	return &loop{wake: make(chan struct{}, 1), epoch: time.Now(), watchers: map[uvtest.HandleType][]*watcher{}}
}

// post has f called by Run. Any goroutine may call it.
func (l *loop) post(f func()) {
	l.mu.Lock()
	l.posted = append(l.posted, f)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *loop) take() []func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	posted := l.posted
	l.posted = nil
	return posted
}

func (l *loop) Run(mode uvtest.RunMode) bool {
	alive := l.Alive()
	if mode == uvtest.RunDefault && alive && !l.stopped {
		l.runTimers()
	}
	for alive && !l.stopped {
		l.runWatchers(uvtest.HandleTypeIdle)
		l.runWatchers(uvtest.HandleTypePrepare)
		l.poll(mode)
		l.runWatchers(uvtest.HandleTypeCheck)
		l.runClosing()
		l.runTimers()
		alive = l.Alive()
		if mode != uvtest.RunDefault {
			break
		}
	}
	l.stopped = false
	return alive
}

// poll waits for what is posted, or for the next timer, and calls it.
func (l *loop) poll(mode uvtest.RunMode) {
	posted := l.take()
	wait := l.timeout(mode)
	var timeout <-chan time.Time
	if wait > 0 {
		timeout = time.After(wait)
	}
	for late := wait == 0; len(posted) == 0 && !late; posted = l.take() {
		select {
		case <-l.wake:
		case <-timeout:
			late = true
		}
	}
	for _, f := range posted {
		f()
	}
}

// timeout is how long poll may wait, less than 0 for without end.
func (l *loop) timeout(mode uvtest.RunMode) time.Duration {
	busy := slices.ContainsFunc(l.closing, func(h *handle) bool { return h.requests == 0 })
	switch {
	case mode == uvtest.RunNowait, l.stopped, busy, len(l.watchers[uvtest.HandleTypeIdle]) > 0, !l.Alive():
		return 0
	case len(l.timers) == 0:
		return -1
	}
	l.UpdateTime()
	if due := l.timers[0].due; due > l.now {
		return time.Duration(min(due-l.now, math.MaxInt32)) * time.Millisecond
	}
	return 0
}

func (l *loop) runTimers() {
	l.UpdateTime()
	var due []*timer
	for _, t := range l.timers {
		if t.due <= l.now {
			due = append(due, t)
		}
	}
	for _, t := range due {
		if !slices.Contains(l.timers, t) || t.due > l.now {
			continue // stopped, or started anew, by one before
		}
		t.Stop()
		t.Again()
		t.cb()
	}
}

func (l *loop) runWatchers(kind uvtest.HandleType) {
	for _, w := range slices.Clone(l.watchers[kind]) {
		if slices.Contains(l.watchers[kind], w) {
			w.cb()
		}
	}
}

func (l *loop) runClosing() {
	closing := l.closing
	l.closing = nil
	for _, h := range closing {
		if h.requests > 0 {
			l.closing = append(l.closing, h)
			continue
		}
		l.handles = slices.DeleteFunc(l.handles, func(other *handle) bool { return other == h })
		if h.closeCB != nil {
			h.closeCB()
		}
	}
}

func (l *loop) Stop() { l.stopped = true }

func (l *loop) Alive() bool {
	return len(l.closing) > 0 || slices.ContainsFunc(l.handles, func(h *handle) bool {
		return h.requests > 0 || !h.unreferenced && h.self.IsActive()
	})
}

func (l *loop) Close() error {
	if len(l.handles) > 0 {
		return syscall.EBUSY
	}
	return nil
}

func (l *loop) Now() uint64 { return l.now }
func (l *loop) UpdateTime() { l.now = uint64(time.Since(l.epoch).Milliseconds()) }

func (l *loop) Walk(cb func(h uvtest.Handle)) {
	for _, h := range slices.Clone(l.handles) {
		cb(h.self)
	}
}

// handle is what all handles embed.
type handle struct {
	loop         *loop
	self         uvtest.Handle
	kind         uvtest.HandleType
	unreferenced bool
	isClosing    bool
	requests     int    // without an end yet
	release      func() // lets go of what the handle has
	closeCB      func()
}

func (h *handle) init(l *loop, self uvtest.Handle, kind uvtest.HandleType, release func()) {
	*h = handle{loop: l, self: self, kind: kind, release: release}
	l.handles = append(l.handles, h)
}

func (h *handle) Type() uvtest.HandleType { return h.kind }
func (h *handle) IsClosing() bool         { return h.isClosing }
func (h *handle) HasRef() bool            { return !h.unreferenced }
func (h *handle) Ref()                    { h.unreferenced = false }
func (h *handle) Unref()                  { h.unreferenced = true }

func (h *handle) Close(cb func()) {
	h.release()
	h.isClosing, h.closeCB = true, cb
	h.loop.closing = append(h.loop.closing, h)
}

type timer struct {
	handle
	cb          func()
	due, repeat uint64
	start       uint64
}

func (l *loop) NewTimer() (uvtest.Timer, error) {
	t := &timer{}
	t.init(l, t, uvtest.HandleTypeTimer, func() { t.Stop() })
	return t, nil
}

func (t *timer) IsActive() bool { return slices.Contains(t.loop.timers, t) }

func (t *timer) Start(cb func(), timeout, repeat uint64) error {
	if cb == nil {
		return syscall.EINVAL
	}
	t.Stop()
	t.cb, t.due, t.repeat = cb, t.loop.now+timeout, repeat
	if t.due < timeout {
		t.due = math.MaxUint64
	}
	t.loop.starts++
	t.start = t.loop.starts
	t.loop.timers = append(t.loop.timers, t)
	slices.SortFunc(t.loop.timers, func(a, b *timer) int {
		return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.start, b.start))
	})
	return nil
}

func (t *timer) Stop() error {
	t.loop.timers = slices.DeleteFunc(t.loop.timers, func(other *timer) bool { return other == t })
	return nil
}

func (t *timer) Again() error {
	switch {
	case t.cb == nil:
		return syscall.EINVAL
	case t.repeat > 0:
		return t.Start(t.cb, t.repeat, t.repeat)
	}
	return nil
}

func (t *timer) SetRepeat(repeat uint64) { t.repeat = repeat }
func (t *timer) Repeat() uint64          { return t.repeat }
func (t *timer) DueIn() uint64           { return t.due - min(t.due, t.loop.now) }

// watcher is an idle, prepare or check handle.
type watcher struct {
	handle
	cb func()
}

func (l *loop) newWatcher(kind uvtest.HandleType) (uvtest.Watcher, error) {
	w := &watcher{}
	w.init(l, w, kind, func() { w.Stop() })
	return w, nil
}

func (l *loop) NewIdle() (uvtest.Watcher, error)    { return l.newWatcher(uvtest.HandleTypeIdle) }
func (l *loop) NewPrepare() (uvtest.Watcher, error) { return l.newWatcher(uvtest.HandleTypePrepare) }
func (l *loop) NewCheck() (uvtest.Watcher, error)   { return l.newWatcher(uvtest.HandleTypeCheck) }

func (w *watcher) IsActive() bool { return slices.Contains(w.loop.watchers[w.kind], w) }

func (w *watcher) Start(cb func()) error {
	switch {
	case cb == nil:
		return syscall.EINVAL
	case w.IsActive():
		return nil
	}
	w.cb = cb
	w.loop.watchers[w.kind] = append(w.loop.watchers[w.kind], w)
	return nil
}

func (w *watcher) Stop() error {
	w.loop.watchers[w.kind] = slices.DeleteFunc(w.loop.watchers[w.kind], func(other *watcher) bool { return other == w })
	return nil
}

type async struct {
	handle
	cb   func()
	mu   sync.Mutex
	sent bool
}

func (l *loop) NewAsync(cb func()) (uvtest.Async, error) {
	a := &async{cb: cb}
	a.init(l, a, uvtest.HandleTypeAsync, func() {})
	return a, nil
}

func (a *async) IsActive() bool { return !a.isClosing }

func (a *async) Send() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sent {
		return nil
	}
	a.sent = true
	a.loop.post(func() {
		a.mu.Lock()
		a.sent = false
		a.mu.Unlock()
		if a.cb != nil && !a.isClosing {
			a.cb()
		}
	})
	return nil
}

// errNotOffered is for what is missing.
var errNotOffered = errors.ErrUnsupported
