//go:build cgo

package uvtest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"libuv/uv"
)

// Faults are put into the real libuv, to see whether the suite finds them.

// hooks are what a fault changes. What is nil is as it was.
type hooks struct {
	run         func(l Loop, mode RunMode) bool
	stop        func(l Loop)
	walk        func(l Loop, cb func(h Handle))
	refuseNil   string // the method that refuses to go without a callback
	close       func(h Handle, cb func())
	isActive    func(h Handle) bool
	unref       func(h Handle)
	newPrepare  func(l Loop) (Watcher, error)
	newAsync    func(l Loop, cb func()) (Async, error)
	timerStart  func(l Loop, h Timer, cb func(), timeout, repeat uint64) error
	timerAgain  func(h Timer) error
	signalStart func(h Signal, cb func(syscall.Signal), signum syscall.Signal, oneshot bool) error
	readStart   func(s Stream, alloc func(int) []byte, read func([]byte, error)) error
	read        func(s Stream, read func([]byte, error)) func([]byte, error)
	readStop    func(s Stream) error
	write       func(s Stream, bufs [][]byte, cb func(error)) error
	queueSize   func(s Stream) int
	isReadable  func(s Stream) bool
	tryWrite    func(s Stream, bufs [][]byte) (int, error)
	shutdown    func(s Stream, cb func(error)) error
	connect     func(cb func(error)) func(error)
	listen      func(s Stream, cb func(error)) func(error)
	write2      func(p Pipe, bufs [][]byte, send Stream, cb func(error)) error
	pending     func(p Pipe) int
	bindTCP     func(c TCP, addr netip.AddrPort) error
	spawn       func(l Loop, options *ProcessOptions) (Process, error)
	pid         func(p Process) int
	kill        func(p Process, err error) error
}

// refuses says whether a method refuses to go without a callback.
func (h *hooks) refuses(method string, isNil bool) bool { return isNil && h.refuseNil == method }

// with returns the implementation with a fault in it.
func (h *hooks) with(impl Implementation) Implementation {
	newLoop := impl.NewLoop
	impl.NewLoop = func() (Loop, error) {
		l, err := newLoop()
		return &faultyLoop{l, h, map[Handle]Handle{}}, err
	}
	return impl
}

type faultyLoop struct {
	Loop
	*hooks
	outer map[Handle]Handle // for Walk, by the handle inside
}

// put wraps a handle.
func put[H Handle](l *faultyLoop, inner, outer H, err error) (H, error) {
	l.outer[inner] = outer
	return outer, err
}

func (l *faultyLoop) Run(mode RunMode) bool {
	if l.run != nil {
		return l.run(l.Loop, mode)
	}
	return l.Loop.Run(mode)
}

func (l *faultyLoop) Stop() {
	if l.stop != nil {
		l.stop(l.Loop)
		return
	}
	l.Loop.Stop()
}

func (l *faultyLoop) Walk(cb func(h Handle)) {
	walk := l.Loop.Walk
	if l.walk != nil {
		walk = func(cb func(h Handle)) { l.walk(l.Loop, cb) }
	}
	walk(func(h Handle) { cb(l.outer[h]) })
}

func (l *faultyLoop) NewTimer() (Timer, error) {
	h, err := l.Loop.NewTimer()
	return put[Timer](l, h, faultyTimer{faultyHandle{h, l.hooks}, h, l}, err)
}

func (l *faultyLoop) watcher(h Watcher, err error) (Watcher, error) {
	return put[Watcher](l, h, faultyWatcher{faultyHandle{h, l.hooks}, h}, err)
}

func (l *faultyLoop) NewIdle() (Watcher, error)  { return l.watcher(l.Loop.NewIdle()) }
func (l *faultyLoop) NewCheck() (Watcher, error) { return l.watcher(l.Loop.NewCheck()) }
func (l *faultyLoop) NewPrepare() (Watcher, error) {
	if l.newPrepare != nil {
		return l.watcher(l.newPrepare(l.Loop))
	}
	return l.watcher(l.Loop.NewPrepare())
}

func (l *faultyLoop) NewAsync(cb func()) (Async, error) {
	newAsync := l.Loop.NewAsync
	if l.newAsync != nil {
		newAsync = func(cb func()) (Async, error) { return l.newAsync(l.Loop, cb) }
	}
	h, err := newAsync(cb)
	return put[Async](l, h, faultyAsync{faultyHandle{h, l.hooks}, h}, err)
}

func (l *faultyLoop) NewSignal() (Signal, error) {
	h, err := l.Loop.NewSignal()
	return put[Signal](l, h, faultySignal{faultyHandle{h, l.hooks}, h}, err)
}

func (l *faultyLoop) NewPipe(ipc bool) (Pipe, error) {
	h, err := l.Loop.NewPipe(ipc)
	return put[Pipe](l, h, faultyPipe{faultyStream{faultyHandle{h, l.hooks}, h}, h}, err)
}

func (l *faultyLoop) NewTCP() (TCP, error) {
	h, err := l.Loop.NewTCP()
	return put[TCP](l, h, faultyTCP{faultyStream{faultyHandle{h, l.hooks}, h}, h}, err)
}

func (l *faultyLoop) Spawn(options *ProcessOptions) (Process, error) {
	inside := *options
	inside.Stdio = slices.Clone(options.Stdio)
	for i := range inside.Stdio {
		inside.Stdio[i].Stream = inner(inside.Stdio[i].Stream)
	}
	if l.refuses("Spawn", inside.ExitCB == nil) {
		inside.File = "" // which fails
	}
	spawn := l.Loop.Spawn
	if l.spawn != nil {
		spawn = func(options *ProcessOptions) (Process, error) { return l.spawn(l.Loop, options) }
	}
	h, err := spawn(&inside)
	return put[Process](l, h, faultyProcess{faultyHandle{h, l.hooks}, h}, err)
}

// inner takes a stream out of its wrapping.
func inner(s Stream) Stream {
	switch s := s.(type) {
	case faultyPipe:
		return s.pipe
	case faultyTCP:
		return s.tcp
	}
	return s
}

type faultyHandle struct {
	Handle
	hooks *hooks
}

func (h faultyHandle) IsActive() bool {
	if h.hooks.isActive != nil {
		return h.hooks.isActive(h.Handle)
	}
	return h.Handle.IsActive()
}

func (h faultyHandle) Close(cb func()) {
	if h.hooks.refuses("Close", cb == nil) {
		panic("Close without a callback")
	}
	if h.hooks.close != nil {
		h.hooks.close(h.Handle, cb)
		return
	}
	h.Handle.Close(cb)
}

func (h faultyHandle) Unref() {
	if h.hooks.unref != nil {
		h.hooks.unref(h.Handle)
		return
	}
	h.Handle.Unref()
}

type faultyTimer struct {
	faultyHandle
	timer Timer
	loop  *faultyLoop
}

func (h faultyTimer) Start(cb func(), timeout, repeat uint64) error {
	if h.hooks.timerStart != nil && cb != nil {
		return h.hooks.timerStart(h.loop.Loop, h.timer, cb, timeout, repeat)
	}
	return h.timer.Start(cb, timeout, repeat)
}

func (h faultyTimer) Again() error {
	if h.hooks.timerAgain != nil {
		return h.hooks.timerAgain(h.timer)
	}
	return h.timer.Again()
}

func (h faultyTimer) Stop() error             { return h.timer.Stop() }
func (h faultyTimer) SetRepeat(repeat uint64) { h.timer.SetRepeat(repeat) }
func (h faultyTimer) Repeat() uint64          { return h.timer.Repeat() }
func (h faultyTimer) DueIn() uint64           { return h.timer.DueIn() }

type faultyWatcher struct {
	faultyHandle
	watcher Watcher
}

func (h faultyWatcher) Start(cb func()) error { return h.watcher.Start(cb) }
func (h faultyWatcher) Stop() error           { return h.watcher.Stop() }

type faultyAsync struct {
	faultyHandle
	async Async
}

func (h faultyAsync) Send() error { return h.async.Send() }

type faultySignal struct {
	faultyHandle
	signal Signal
}

func (h faultySignal) Start(cb func(syscall.Signal), signum syscall.Signal) error {
	if h.hooks.signalStart != nil && cb != nil {
		return h.hooks.signalStart(h.signal, cb, signum, false)
	}
	return h.signal.Start(cb, signum)
}

func (h faultySignal) StartOneshot(cb func(syscall.Signal), signum syscall.Signal) error {
	if h.hooks.signalStart != nil && cb != nil {
		return h.hooks.signalStart(h.signal, cb, signum, true)
	}
	return h.signal.StartOneshot(cb, signum)
}

func (h faultySignal) Stop() error { return h.signal.Stop() }

type faultyProcess struct {
	faultyHandle
	process Process
}

func (p faultyProcess) PID() int {
	if p.hooks.pid != nil {
		return p.hooks.pid(p.process)
	}
	return p.process.PID()
}
func (p faultyProcess) Kill(signum syscall.Signal) error {
	err := p.process.Kill(signum)
	if p.hooks.kill != nil {
		return p.hooks.kill(p.process, err)
	}
	return err
}

type faultyStream struct {
	faultyHandle
	stream Stream
}

func (s faultyStream) Listen(backlog int, cb func(error)) error {
	if s.hooks.listen != nil && cb != nil {
		cb = s.hooks.listen(s.stream, cb)
	}
	return s.stream.Listen(backlog, cb)
}

func (s faultyStream) Accept(client Stream) error { return s.stream.Accept(inner(client)) }

func (s faultyStream) ReadStart(alloc func(int) []byte, read func([]byte, error)) error {
	if s.hooks.read != nil && read != nil {
		read = s.hooks.read(s.stream, read)
	}
	if s.hooks.readStart != nil && read != nil {
		return s.hooks.readStart(s.stream, alloc, read)
	}
	return s.stream.ReadStart(alloc, read)
}

func (s faultyStream) ReadStop() error {
	if s.hooks.readStop != nil {
		return s.hooks.readStop(s.stream)
	}
	return s.stream.ReadStop()
}

func (s faultyStream) Write(bufs [][]byte, cb func(error)) error {
	if s.hooks.refuses("Write", cb == nil) {
		return syscall.EINVAL
	}
	if s.hooks.write != nil && cb != nil {
		return s.hooks.write(s.stream, bufs, cb)
	}
	return s.stream.Write(bufs, cb)
}

func (s faultyStream) TryWrite(bufs [][]byte) (int, error) {
	if s.hooks.tryWrite != nil {
		return s.hooks.tryWrite(s.stream, bufs)
	}
	return s.stream.TryWrite(bufs)
}

func (s faultyStream) Shutdown(cb func(error)) error {
	if s.hooks.refuses("Shutdown", cb == nil) {
		return syscall.EINVAL
	}
	if s.hooks.shutdown != nil && cb != nil {
		return s.hooks.shutdown(s.stream, cb)
	}
	return s.stream.Shutdown(cb)
}

func (s faultyStream) WriteQueueSize() int {
	if s.hooks.queueSize != nil {
		return s.hooks.queueSize(s.stream)
	}
	return s.stream.WriteQueueSize()
}

func (s faultyStream) IsReadable() bool {
	if s.hooks.isReadable != nil {
		return s.hooks.isReadable(s.stream)
	}
	return s.stream.IsReadable()
}

func (s faultyStream) IsWritable() bool { return s.stream.IsWritable() }

func (h *hooks) connected(cb func(error)) func(error) {
	if h.connect != nil && cb != nil {
		return h.connect(cb)
	}
	return cb
}

type faultyPipe struct {
	faultyStream
	pipe Pipe
}

func (p faultyPipe) Open(fd int) error            { return p.pipe.Open(fd) }
func (p faultyPipe) Bind(name string) error       { return p.pipe.Bind(name) }
func (p faultyPipe) Bind2(name string) error      { return p.pipe.Bind2(name) }
func (p faultyPipe) Getsockname() (string, error) { return p.pipe.Getsockname() }
func (p faultyPipe) Getpeername() (string, error) { return p.pipe.Getpeername() }
func (p faultyPipe) PendingType() HandleType      { return p.pipe.PendingType() }
func (p faultyPipe) PendingCount() int {
	if p.hooks.pending != nil {
		return p.hooks.pending(p.pipe)
	}
	return p.pipe.PendingCount()
}
func (p faultyPipe) Connect(name string, cb func(error)) {
	if p.hooks.refuses("Connect", cb == nil) {
		return
	}
	p.pipe.Connect(name, p.hooks.connected(cb))
}
func (p faultyPipe) Connect2(name string, cb func(error)) error {
	return p.pipe.Connect2(name, p.hooks.connected(cb))
}
func (p faultyPipe) Write2(bufs [][]byte, send Stream, cb func(error)) error {
	if p.hooks.refuses("Write2", cb == nil) {
		return syscall.EINVAL
	}
	if p.hooks.write2 != nil && cb != nil {
		return p.hooks.write2(p.pipe, bufs, inner(send), cb)
	}
	return p.pipe.Write2(bufs, inner(send), cb)
}

type faultyTCP struct {
	faultyStream
	tcp TCP
}

func (c faultyTCP) Bind(addr netip.AddrPort) error {
	if c.hooks.bindTCP != nil {
		return c.hooks.bindTCP(c.tcp, addr)
	}
	return c.tcp.Bind(addr)
}
func (c faultyTCP) Connect(addr netip.AddrPort, cb func(error)) error {
	if c.hooks.refuses("Connect", cb == nil) {
		return syscall.EINVAL
	}
	return c.tcp.Connect(addr, c.hooks.connected(cb))
}
func (c faultyTCP) Getsockname() (netip.AddrPort, error) { return c.tcp.Getsockname() }
func (c faultyTCP) Getpeername() (netip.AddrPort, error) { return c.tcp.Getpeername() }
func (c faultyTCP) CloseReset(cb func()) error           { return c.tcp.CloseReset(cb) }

// errorNamed is an error by libuv's name.
type errorNamed string

func (e errorNamed) Error() string { return string(e) }
func (e errorNamed) Name() string  { return string(e) }

// faults are the faults, each with what makes it. They are made anew for every
// scenario, since some remember things.
var faults = []struct {
	what string
	make func() *hooks
}{
	{"Run returns the opposite", func() *hooks {
		return &hooks{run: func(l Loop, mode RunMode) bool { return !l.Run(mode) }}
	}},
	{"Run runs three iterations more", func() *hooks {
		return &hooks{run: func(l Loop, mode RunMode) bool {
			for range 3 {
				l.Run(mode)
			}
			return l.Run(mode)
		}}
	}},
	{"RunOnce never waits", func() *hooks {
		return &hooks{run: func(l Loop, mode RunMode) bool {
			if mode == RunOnce {
				mode = RunNowait
			}
			return l.Run(mode)
		}}
	}},
	{"Stop in RunOnce or RunNowait stops the next Run", func() *hooks {
		stopped := false
		return &hooks{
			run: func(l Loop, mode RunMode) bool {
				if stopped {
					l.Stop()
				}
				stopped = false
				alive := l.Run(mode)
				stopped = stopped && mode != RunDefault
				return alive
			},
			stop: func(l Loop) {
				stopped = true
				l.Stop()
			},
		}
	}},
	{"Stop before Run is forgotten", func() *hooks {
		running := false
		return &hooks{
			run: func(l Loop, mode RunMode) bool {
				running = true
				defer func() { running = false }()
				return l.Run(mode)
			},
			stop: func(l Loop) {
				if running {
					l.Stop()
				}
			},
		}
	}},
	{"Walk skips signal watchers", func() *hooks {
		return &hooks{walk: func(l Loop, cb func(h Handle)) {
			l.Walk(func(h Handle) {
				if h.Type() != HandleTypeSignal {
					cb(h)
				}
			})
		}}
	}},
	{"Unref is ignored", func() *hooks { return &hooks{unref: func(Handle) {}} }},
	{"there is no close callback", func() *hooks { return &hooks{close: func(h Handle, _ func()) { h.Close(nil) }} }},
	{"the close callback is called by Close", func() *hooks {
		return &hooks{close: func(h Handle, cb func()) {
			h.Close(nil)
			if cb != nil {
				cb()
			}
		}}
	}},
	{"callbacks run on another goroutine", func() *hooks {
		return &hooks{timerStart: func(_ Loop, h Timer, cb func(), timeout, repeat uint64) error {
			if repeat > 0 {
				return h.Start(cb, timeout, repeat) // which might never be stopped
			}
			return h.Start(func() {
				done := make(chan bool)
				go func() {
					defer close(done)
					defer func() { recover() }() // the binding notices it too
					cb()
				}()
				<-done
			}, timeout, repeat)
		}}
	}},
	{"prepare runs after the poll", func() *hooks { return &hooks{newPrepare: Loop.NewCheck} }},
	{"timers of one deadline are reversed", func() *hooks {
		type deadline struct {
			l    Loop
			time uint64
		}
		started, fired := map[deadline][]func(){}, map[deadline]int{}
		return &hooks{timerStart: func(l Loop, h Timer, cb func(), timeout, repeat uint64) error {
			due := deadline{l, l.Now() + timeout}
			started[due] = append(started[due], cb)
			return h.Start(func() {
				fired[due]++
				group := started[due]
				group[max(0, len(group)-fired[due])]()
			}, timeout, repeat)
		}}
	}},
	{"Again starts what was never started", func() *hooks {
		return &hooks{timerAgain: func(h Timer) error {
			h.Again()
			return nil
		}}
	}},
	{"a repeating timer fires once", func() *hooks {
		return &hooks{timerStart: func(_ Loop, h Timer, cb func(), timeout, _ uint64) error { return h.Start(cb, timeout, 0) }}
	}},
	{"each Send of an async handle gets a callback", func() *hooks {
		return &hooks{newAsync: func(l Loop, cb func()) (Async, error) {
			if cb == nil {
				return l.NewAsync(nil)
			}
			var counted *countedAsync
			h, err := l.NewAsync(func() {
				for range counted.take() {
					cb()
				}
			})
			counted = &countedAsync{Async: h, sends: make(chan bool, 100)}
			return counted, err
		}}
	}},
	{"a oneshot signal watcher goes on", func() *hooks {
		return &hooks{signalStart: func(h Signal, cb func(syscall.Signal), signum syscall.Signal, _ bool) error {
			return h.Start(cb, signum)
		}}
	}},
	{"a watcher's first signal is lost", func() *hooks {
		return &hooks{signalStart: func(h Signal, cb func(syscall.Signal), signum syscall.Signal, oneshot bool) error {
			first := true
			lossy := func(signum syscall.Signal) {
				if !first {
					cb(signum)
				}
				first = false
			}
			if oneshot {
				return h.StartOneshot(lossy, signum)
			}
			return h.Start(lossy, signum)
		}}
	}},
	{"signals that cannot be watched are accepted", func() *hooks {
		return &hooks{signalStart: func(h Signal, cb func(syscall.Signal), signum syscall.Signal, oneshot bool) error {
			if oneshot {
				h.StartOneshot(cb, signum)
			} else {
				h.Start(cb, signum)
			}
			return nil
		}}
	}},
	{"the exit of a signal is the shell's 128+n", func() *hooks {
		return onExit(func(cb func(int64, syscall.Signal)) func(int64, syscall.Signal) {
			return func(status int64, signum syscall.Signal) {
				if signum != 0 {
					status, signum = 128+int64(signum), 0
				}
				cb(status, signum)
			}
		})
	}},
	{"an exit status of more than 128 is a signal", func() *hooks {
		return onExit(func(cb func(int64, syscall.Signal)) func(int64, syscall.Signal) {
			return func(status int64, signum syscall.Signal) {
				if status > 128 {
					status, signum = 0, syscall.Signal(status-128)
				}
				cb(status, signum)
			}
		})
	}},
	{"an exit status is a signed byte", func() *hooks {
		return onExit(func(cb func(int64, syscall.Signal)) func(int64, syscall.Signal) {
			return func(status int64, signum syscall.Signal) { cb(int64(int8(status)), signum) }
		})
	}},
	{"after the exit there is no pid", func() *hooks {
		return &hooks{pid: func(p Process) int {
			if !p.IsActive() {
				return 0
			}
			return p.PID()
		}}
	}},
	{"the exit callback comes twice", func() *hooks {
		return onExit(func(cb func(int64, syscall.Signal)) func(int64, syscall.Signal) {
			return func(status int64, signum syscall.Signal) {
				cb(status, signum)
				cb(status, signum)
			}
		})
	}},
	{"the exit waits for EOF, as os/exec's Wait does", exitWaitsForEOF},
	{"EOF waits for the exit", eofWaitsForExit},
	{"a program that is not there is found out by the child, which exits with 127", func() *hooks {
		return &hooks{spawn: func(l Loop, options *ProcessOptions) (Process, error) {
			p, err := l.Spawn(options)
			if errorName(err) != "ENOENT" || options.ExitCB == nil {
				return p, err
			}
			timer, _ := l.NewTimer()
			timer.Start(func() {
				timer.Close(nil)
				options.ExitCB(127, 0)
			}, 0, 0)
			return p, nil
		}}
	}},
	{"a program that is not there is EACCES", func() *hooks {
		return &hooks{spawn: func(l Loop, options *ProcessOptions) (Process, error) {
			p, err := l.Spawn(options)
			if errorName(err) == "ENOENT" {
				err = syscall.EACCES
			}
			return p, err
		}}
	}},
	{"the working directory is ignored", func() *hooks {
		return options(func(o *ProcessOptions) { o.Cwd = "" })
	}},
	{"the environment is added to the parent's", func() *hooks {
		return options(func(o *ProcessOptions) {
			if o.Env != nil {
				o.Env = append(os.Environ(), o.Env...)
			}
		})
	}},
	{"of a variable that the environment has twice the last is kept", func() *hooks {
		return environ(func(env []string, i int) bool {
			name, _, _ := strings.Cut(env[i], "=")
			return !slices.ContainsFunc(env[i+1:], func(item string) bool { return strings.HasPrefix(item, name+"=") })
		})
	}},
	{"items of the environment without = are dropped", func() *hooks {
		return environ(func(env []string, i int) bool { return strings.Contains(env[i], "=") })
	}},
	{"items of the environment without a name are dropped", func() *hooks {
		return environ(func(env []string, i int) bool { return !strings.HasPrefix(env[i], "=") })
	}},
	{"the environment is sorted", func() *hooks { return options(func(o *ProcessOptions) { slices.Sort(o.Env) }) }},
	{"a script without #! is ENOEXEC", func() *hooks {
		return &hooks{spawn: func(l Loop, o *ProcessOptions) (Process, error) {
			text, err := os.ReadFile(o.File)
			if err != nil || len(text) == 0 || bytes.HasPrefix(text, []byte("#!")) || bytes.HasPrefix(text, []byte("\x7fELF")) {
				return l.Spawn(o)
			}
			o.File += " is not there"
			p, _ := l.Spawn(o)
			return p, syscall.ENOEXEC
		}}
	}},
	{"the program is searched in the parent's PATH", func() *hooks {
		return options(func(o *ProcessOptions) {
			if o.Env != nil && !strings.Contains(o.File, "/") {
				o.Env = append([]string{"PATH=" + os.Getenv("PATH")}, o.Env...)
			}
		})
	}},
	{"a detached child stays in its session", func() *hooks {
		return options(func(o *ProcessOptions) { o.Flags = 0 })
	}},
	{"descriptors that are not given are inherited", func() *hooks {
		return options(func(o *ProcessOptions) {
			for fd := range 3 {
				if fd == len(o.Stdio) {
					o.Stdio = append(o.Stdio, StdioContainer{})
				}
				if o.Stdio[fd].Flags == Ignore {
					o.Stdio[fd] = StdioContainer{Flags: InheritFD, FD: fd}
				}
			}
		})
	}},
	{"pipes of a child go both ways", func() *hooks {
		return options(func(o *ProcessOptions) {
			for i := range o.Stdio {
				if o.Stdio[i].Flags&CreatePipe != 0 {
					o.Stdio[i].Flags |= ReadablePipe | WritablePipe
				}
			}
		})
	}},
	{"Kill after the exit is no error", func() *hooks {
		return &hooks{kill: func(_ Process, err error) error {
			if errorName(err) == "ESRCH" {
				return nil
			}
			return err
		}}
	}},
	{"EOF is no error and no bytes", func() *hooks {
		return &hooks{read: func(_ Stream, read func([]byte, error)) func([]byte, error) {
			return func(buf []byte, err error) {
				if errorName(err) == "EOF" {
					err = nil
				}
				read(buf, err)
			}
		}}
	}},
	{"a reset connection ends with EOF", func() *hooks {
		return &hooks{read: func(_ Stream, read func([]byte, error)) func([]byte, error) {
			return func(buf []byte, err error) {
				if errorName(err) == "ECONNRESET" {
					err = errorNamed("EOF")
				}
				read(buf, err)
			}
		}}
	}},
	{"ReadStop does nothing", func() *hooks { return &hooks{readStop: func(Stream) error { return nil }} }},
	{"ReadStop in the stream's own read callback lets one more read through", func() *hooks { return stopsLate(true) }},
	{"ReadStop in another callback lets one more read through", func() *hooks { return stopsLate(false) }},
	{"Close in another callback lets what waits be read", closesLate},
	{"a stream is not readable after EOF", func() *hooks {
		ended := map[Stream]bool{}
		return &hooks{read: onEOF(ended), isReadable: func(s Stream) bool { return s.IsReadable() && !ended[s] }}
	}},
	{"ReadStart after EOF brings nothing", func() *hooks {
		ended := map[Stream]bool{}
		return &hooks{read: onEOF(ended), readStart: func(s Stream, alloc func(int) []byte, read func([]byte, error)) error {
			if ended[s] {
				return nil
			}
			return s.ReadStart(alloc, read)
		}}
	}},
	{"write callbacks come in the opposite order", func() *hooks {
		waiting, open := map[Stream][]func(){}, map[Stream]int{}
		return &hooks{write: func(s Stream, bufs [][]byte, cb func(error)) error {
			err := s.Write(bufs, func(err error) {
				waiting[s] = append(waiting[s], func() { cb(err) })
				if open[s]--; open[s] == 0 {
					calls := waiting[s]
					waiting[s] = nil
					for _, call := range slices.Backward(calls) {
						call()
					}
				}
			})
			if err == nil {
				open[s]++
			}
			return err
		}}
	}},
	{"writes that are cancelled succeed", func() *hooks {
		return &hooks{write: func(s Stream, bufs [][]byte, cb func(error)) error {
			return s.Write(bufs, func(err error) {
				if errorName(err) == "ECANCELED" {
					err = nil
				}
				cb(err)
			})
		}}
	}},
	{"the write to a reader that is gone succeeds", func() *hooks {
		return &hooks{write: func(s Stream, bufs [][]byte, cb func(error)) error {
			return s.Write(bufs, func(err error) {
				if errorName(err) == "EPIPE" {
					err = nil
				}
				cb(err)
			})
		}}
	}},
	{"WriteQueueSize counts writes", func() *hooks {
		open := map[Stream]int{}
		return &hooks{
			write: func(s Stream, bufs [][]byte, cb func(error)) error {
				err := s.Write(bufs, func(err error) {
					open[s]--
					cb(err)
				})
				if err == nil {
					open[s]++
				}
				return err
			},
			queueSize: func(s Stream) int { return min(open[s], s.WriteQueueSize()) },
		}
	}},
	{"a stream is active while something is queued", func() *hooks {
		return &hooks{isActive: func(h Handle) bool {
			s, is := h.(Stream)
			return h.IsActive() || is && s.WriteQueueSize() > 0
		}}
	}},
	{"Write without a callback is EINVAL", func() *hooks { return &hooks{refuseNil: "Write"} }},
	{"Write2 without a callback is EINVAL", func() *hooks { return &hooks{refuseNil: "Write2"} }},
	{"Shutdown without a callback is EINVAL", func() *hooks { return &hooks{refuseNil: "Shutdown"} }},
	{"Connect without a callback does nothing", func() *hooks { return &hooks{refuseNil: "Connect"} }},
	{"Close without a callback panics", func() *hooks { return &hooks{refuseNil: "Close"} }},
	{"Spawn without a callback fails", func() *hooks { return &hooks{refuseNil: "Spawn"} }},
	{"the shutdown callback does not wait for the writes'", func() *hooks {
		return &hooks{shutdown: func(s Stream, cb func(error)) error {
			if s.WriteQueueSize() == 0 {
				return s.Shutdown(cb)
			}
			err := s.Shutdown(nil)
			cb(err)
			return err
		}}
	}},
	{"TryWrite waits in the queue instead of EAGAIN", func() *hooks {
		return &hooks{tryWrite: func(s Stream, bufs [][]byte) (int, error) {
			n, err := s.TryWrite(bufs)
			if errorName(err) == "EAGAIN" && s.WriteQueueSize() > 0 {
				return len(bufs[0]), s.Write(bufs, func(error) {})
			}
			return n, err
		}}
	}},
	{"a connection that is not there is told by EACCES", func() *hooks {
		return &hooks{connect: func(cb func(error)) func(error) {
			return func(err error) {
				if name := errorName(err); name == "ENOENT" || name == "ECONNREFUSED" {
					err = syscall.EACCES
				}
				cb(err)
			}
		}}
	}},
	{"the connection callback comes twice", func() *hooks {
		return &hooks{listen: func(_ Stream, cb func(error)) func(error) {
			return func(err error) {
				cb(err)
				cb(err)
			}
		}}
	}},
	{"an address in use is told by Bind", func() *hooks {
		return &hooks{bindTCP: func(c TCP, addr netip.AddrPort) error {
			if addr.Port() != 0 {
				listener, err := net.Listen("tcp", addr.String())
				if err != nil {
					return err
				}
				listener.Close()
			}
			return c.Bind(addr)
		}}
	}},
	{"a handle is passed twice", func() *hooks {
		return &hooks{write2: func(p Pipe, bufs [][]byte, send Stream, cb func(error)) error {
			return errors.Join(p.Write2(bufs, send, func(error) {}), p.Write2(bufs, send, cb))
		}}
	}},
	{"PendingCount is 1 at most", func() *hooks {
		return &hooks{pending: func(p Pipe) int { return min(p.PendingCount(), 1) }}
	}},
	{"Write2 sends the text and forgets the handle", func() *hooks {
		return &hooks{write2: func(p Pipe, bufs [][]byte, _ Stream, cb func(error)) error { return p.Write(bufs, cb) }}
	}},
}

// options is a fault that spawns something else than was asked for.
func options(change func(o *ProcessOptions)) *hooks {
	return &hooks{spawn: func(l Loop, o *ProcessOptions) (Process, error) {
		change(o)
		return l.Spawn(o)
	}}
}

// environ is a fault that keeps some of the items of an environment.
func environ(keep func(env []string, i int) bool) *hooks {
	return options(func(o *ProcessOptions) {
		var kept []string
		for i, item := range o.Env {
			if keep(o.Env, i) {
				kept = append(kept, item)
			}
		}
		if o.Env != nil {
			o.Env = append([]string{}, kept...)
		}
	})
}

// onEOF is a hook that notes which streams have come to their end.
func onEOF(ended map[Stream]bool) func(s Stream, read func([]byte, error)) func([]byte, error) {
	return func(s Stream, read func([]byte, error)) func([]byte, error) {
		return func(buf []byte, err error) {
			ended[s] = ended[s] || errorName(err) == "EOF"
			read(buf, err)
		}
	}
}

// stopsLate is a fault in ReadStop, where it is called by the read callback of
// the stream, or where it is called by another one.
func stopsLate(own bool) *hooks {
	inside, late := map[Stream]bool{}, map[Stream]bool{}
	return &hooks{
		read: func(s Stream, read func([]byte, error)) func([]byte, error) {
			return func(buf []byte, err error) {
				if late[s] {
					delete(late, s)
					s.ReadStop()
				}
				inside[s] = true
				defer delete(inside, s)
				read(buf, err)
			}
		},
		readStop: func(s Stream) error {
			if inside[s] != own || !s.IsActive() {
				return s.ReadStop()
			}
			late[s] = true
			return nil
		},
	}
}

// closesLate is a fault in Close, which in another callback than the stream's
// own only sets a timer to close it.
func closesLate() *hooks {
	var running Loop
	inside := map[Handle]bool{}
	return &hooks{
		run: func(l Loop, mode RunMode) bool {
			running = l
			defer func() { running = nil }()
			return l.Run(mode)
		},
		read: func(s Stream, read func([]byte, error)) func([]byte, error) {
			return func(buf []byte, err error) {
				inside[s] = true
				defer delete(inside, s)
				read(buf, err)
			}
		},
		close: func(h Handle, cb func()) {
			if _, is := h.(Stream); !is || running == nil || inside[h] || !h.IsActive() {
				h.Close(cb)
				return
			}
			timer, err := running.NewTimer()
			if err != nil {
				panic(err)
			}
			timer.Start(func() {
				timer.Close(nil)
				h.Close(cb)
			}, 1, 0)
		},
	}
}

// onExit is a fault in the exit callback.
func onExit(change func(cb func(int64, syscall.Signal)) func(int64, syscall.Signal)) *hooks {
	return options(func(o *ProcessOptions) {
		if o.ExitCB != nil {
			o.ExitCB = change(o.ExitCB)
		}
	})
}

// output is what faults know of a child and its output.
type output struct {
	open   int // pipes that have not come to their end
	exited bool
	held   []func()
}

func (o *output) release() {
	held := o.held
	o.held = nil
	for _, f := range held {
		f()
	}
}

// watchOutput calls before with what a child's exit, or the end of one of its
// pipes, would call.
func watchOutput(exit, end func(o *output, f func())) *hooks {
	outputs := map[Stream]*output{}
	h := options(func(options *ProcessOptions) {
		o := new(output)
		for _, s := range options.Stdio {
			if s.Flags&WritablePipe != 0 {
				outputs[s.Stream] = o
				o.open++
			}
		}
		if cb := options.ExitCB; cb != nil {
			options.ExitCB = func(status int64, signum syscall.Signal) { exit(o, func() { cb(status, signum) }) }
		}
	})
	h.read = func(s Stream, read func([]byte, error)) func([]byte, error) {
		return func(buf []byte, err error) {
			if o := outputs[s]; o != nil && err != nil {
				end(o, func() { read(buf, err) })
				return
			}
			read(buf, err)
		}
	}
	return h
}

func exitWaitsForEOF() *hooks {
	return watchOutput(
		func(o *output, f func()) {
			if o.open > 0 {
				o.held = append(o.held, f)
				return
			}
			f()
		},
		func(o *output, f func()) {
			f()
			if o.open--; o.open == 0 {
				o.release()
			}
		})
}

func eofWaitsForExit() *hooks {
	return watchOutput(
		func(o *output, f func()) {
			o.exited = true
			f()
			o.release()
		},
		func(o *output, f func()) {
			if !o.exited {
				o.held = append(o.held, f)
				return
			}
			f()
		})
}

// countedAsync counts what is sent.
type countedAsync struct {
	Async
	sends chan bool
}

func (a *countedAsync) Send() error {
	a.sends <- true
	return a.Async.Send()
}

func (a *countedAsync) take() int {
	n := len(a.sends)
	for range n {
		<-a.sends
	}
	return n
}

const (
	page       = "../../docs/yardstick.md"
	tableBegin = "<!-- faults: written by go test ./uv/uvtest -run TestFaults -update -->\n"
	tableEnd   = "<!-- end of faults -->\n"
	tableHead  = "\n| fault | found by |\n| --- | --- |\n"
	writtenOn  = "Written on libuv "
)

// Every fault is found by the scenarios that the page names for it: by each of
// them on the release that the table was written on, by one of them on others,
// where the same fault may do something else.
func TestFaults(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), tableBegin)
	table, after, found2 := strings.Cut(rest, tableEnd)
	if !found || !found2 {
		t.Fatalf("%s has no table of faults", page)
	}
	if *update {
		if table = writeTable(t); !t.Failed() {
			if err := os.WriteFile(page, []byte(before+tableBegin+table+tableEnd+after), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	head, table, _ := strings.Cut(table, tableHead)
	same := strings.Contains(head, writtenOn+uv.VersionString()+".")
	rows := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	if len(rows) != len(faults) {
		t.Fatalf("the table has %d faults, there are %d; -update writes it", len(rows), len(faults))
	}
	scenarios := map[string]Scenario{}
	for _, s := range Scenarios() {
		scenarios[s.Name] = s
	}
	for i, f := range faults {
		what, by, _ := strings.Cut(strings.TrimPrefix(rows[i], "| "), " | ")
		if what != f.what {
			t.Errorf("the table has %q where the fault is %q; -update writes it", what, f.what)
			continue
		}
		finds, found := foundBy.FindAllStringSubmatch(by, -1), 0
		for _, find := range finds {
			s, exists := scenarios[find[1]]
			if !exists {
				t.Errorf("there is no scenario %s", find[1])
				continue
			}
			limit := defaultLimit
			if find[2] != "" {
				limit = time.Second // which it will take
			}
			r := checkWith(s, f.make(), limit)
			switch {
			case r.Outcome == Failed && how(r) == find[2]:
				found++
			case same:
				t.Errorf("%s does not find the fault %q%s: %v", s.Name, f.what, find[2], r)
			}
		}
		if found == 0 {
			t.Errorf("nothing finds the fault %q", f.what)
		}
	}
}

// foundBy matches a scenario in the table, and how it failed.
var foundBy = regexp.MustCompile("`(\\w+)`( \\(\\w+\\))?")

// how says how a scenario failed other than by its trace.
func how(r Result) string {
	switch {
	case strings.HasPrefix(r.Reason, "it hangs"):
		return " (hangs)"
	case strings.HasPrefix(r.Reason, "panic"):
		return " (panics)"
	case r.Reason != "":
		return " (endless)"
	}
	return ""
}

func checkWith(s Scenario, h *hooks, limit time.Duration) Result {
	impl := h.with(binding())
	impl.Limit = limit
	return s.Check(impl)
}

// writeTable runs all scenarios with every fault, and names some of those that
// find it: those that see another trace, or two others if there are none. Of
// these it takes those that find the fewest faults.
func writeTable(t *testing.T) string {
	type find struct{ scenario, how string }
	finds := make([][]find, len(faults))
	times := map[string]int{}
	for i, f := range faults {
		for _, s := range Scenarios() {
			r := checkWith(s, f.make(), time.Second)
			if r.Outcome != Failed {
				continue
			}
			times[s.Name]++
			if r.Reason == "" && !slices.Equal(checkWith(s, f.make(), time.Second).Got, r.Got) {
				continue // found by chance
			}
			finds[i] = append(finds[i], find{s.Name, how(r)})
		}
		t.Logf("%s: %d", f.what, len(finds[i]))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s.\n%s", writtenOn, uv.VersionString(), tableHead)
	for i, f := range faults {
		slices.SortStableFunc(finds[i], func(x, y find) int {
			return cmp.Or(cmp.Compare(min(len(x.how), 1), min(len(y.how), 1)), cmp.Compare(times[x.scenario], times[y.scenario]))
		})
		named := finds[i][:min(4, len(finds[i]))]
		for n, find := range named {
			if find.how != "" {
				named = named[:max(n, min(2, len(named)))]
				break
			}
		}
		if len(named) == 0 {
			t.Errorf("nothing finds the fault %q", f.what)
		}
		var names []string
		for _, find := range named {
			names = append(names, "`"+find.scenario+"`"+find.how)
		}
		fmt.Fprintf(&b, "| %s | %s", f.what, strings.Join(names, ", "))
		if more := len(finds[i]) - len(named); more > 0 {
			fmt.Fprintf(&b, " and %d more", more)
		}
		b.WriteString(" |\n")
	}
	return b.String()
}

// Nothing is found where there is no fault: the wrapping is innocent.
func TestNoFault(t *testing.T) {
	Run(t, new(hooks).with(binding()))
}
