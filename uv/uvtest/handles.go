package uvtest

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"
)

// What scenarios work with: the implementation's loops and handles, with a name
// each, which log what is called back and every error. A call that succeeds
// leaves no line.

// loop is a Loop.
type loop struct {
	t       *tester
	name    string // "" for the scenario's first one
	inner   Loop
	handles []*handle
	closed  bool
}

// Loop makes a loop. It is closed when the scenario ends, with all that is open
// in it.
func (t *tester) Loop() *loop {
	l := &loop{t: t}
	if len(t.loops) > 0 {
		l.name = fmt.Sprintf("loop %d", len(t.loops)+1)
	}
	var err error
	l.inner, err = t.impl.NewLoop()
	t.need(l.name, "NewLoop", err)
	t.loops = append(t.loops, l)
	return l
}

var modeNames = map[RunMode]string{RunDefault: "default", RunOnce: "once", RunNowait: "nowait"}

// Run runs the loop, with a line before, one for what it returns, and between
// them the callbacks.
func (l *loop) Run(mode RunMode) bool { return l.run(mode, 1, false) }

// RunSet is Run where libuv promises no order of the callbacks.
func (l *loop) RunSet(mode RunMode) bool { return l.run(mode, 1, true) }

// RunTimes is Run up to so many times, until it returns false.
func (l *loop) RunTimes(mode RunMode, most int) bool { return l.run(mode, most, false) }

func (l *loop) run(mode RunMode, most int, set bool) bool {
	t := l.t
	head := "run " + modeNames[mode]
	if most > 1 {
		head += fmt.Sprintf(", up to %d times", most)
	}
	if set {
		head += ", in any order"
	}
	t.mu.Lock()
	t.log(l.name, head+" {")
	t.running++
	t.depth++
	if set {
		t.set, t.setDepth = len(t.lines), t.depth
	}
	t.mu.Unlock()

	alive := l.inner.Run(mode)
	for n := 1; alive && n < most; n++ {
		alive = l.inner.Run(mode)
	}

	t.mu.Lock()
	defer t.mu.Unlock()
	if set {
		t.sortSet()
	}
	t.running--
	t.depth--
	t.log("", fmt.Sprintf("} %v", alive))
	return alive
}

// closeAll closes all handles, runs the loop until they are, and closes it.
func (l *loop) closeAll() {
	t := l.t
	t.mu.Lock()
	l.closed = true
	t.running++
	t.mu.Unlock()
	for _, h := range l.handles {
		if !h.closing {
			h.closing = true
			h.inner.Close(nil)
		}
	}
	t.Set(func() { l.inner.Run(RunDefault) })
	t.mu.Lock()
	t.running--
	t.mu.Unlock()
	l.Close()
}

// Close closes the loop.
func (l *loop) Close() {
	if l.t.check(l.name, "Loop.Close", l.inner.Close()) {
		l.closed = true
	}
}

// Stop stops the loop.
func (l *loop) Stop() { l.inner.Stop() }

func (l *loop) add(h *handle) { l.handles = append(l.handles, h) }

// handle is a Handle.
type handle struct {
	t       *tester
	loop    *loop
	name    string
	inner   Handle
	closing bool
}

func (l *loop) newHandle(name, method string, inner Handle, err error) *handle {
	l.t.need(name, "Loop."+method, err)
	h := &handle{t: l.t, loop: l, name: name, inner: inner}
	l.add(h)
	return h
}

// Close closes the handle and logs its callback.
func (h *handle) Close() { h.CloseThen(nil) }

// CloseThen is Close with something to do in the callback.
func (h *handle) CloseThen(then func()) {
	h.closing = true
	h.inner.Close(func() { h.t.callback(h.name, "closed", then) })
}

// Drop closes the handle and leaves no line.
func (h *handle) Drop() {
	h.closing = true
	h.inner.Close(nil)
}

// State logs what can be asked of every handle.
func (h *handle) State() {
	var is []string
	add := func(yes bool, word string) {
		if !yes {
			word = "not " + word
		}
		is = append(is, word)
	}
	add(h.inner.IsActive(), "active")
	if !h.closing {
		add(h.inner.HasRef(), "referenced")
	}
	add(h.inner.IsClosing(), "closing")
	h.Log("%s", strings.Join(is, ", "))
}

// Log logs a line about the handle.
func (h *handle) Log(format string, args ...any) {
	h.t.mu.Lock()
	defer h.t.mu.Unlock()
	h.t.log(h.name, fmt.Sprintf(format, args...))
}

func (h *handle) check(method string, err error) bool { return h.t.check(h.name, method, err) }

// outcome is what a callback with an error is logged as.
func outcome(what string, err error) string {
	if err != nil {
		return what + ": " + errorName(err)
	}
	return what
}

// timer is a Timer.
type timer struct {
	*handle
	inner Timer
}

// Timer makes a timer.
func (l *loop) Timer(name string) *timer {
	inner, err := l.inner.NewTimer()
	return &timer{l.newHandle(name, "NewTimer", inner, err), inner}
}

// Start starts the timer.
func (x *timer) Start(timeout, repeat uint64, then func()) {
	x.check("Timer.Start", x.inner.Start(func() { x.t.callback(x.name, "timeout", then) }, timeout, repeat))
}

func (x *timer) Stop()  { x.check("Timer.Stop", x.inner.Stop()) }
func (x *timer) Again() { x.check("Timer.Again", x.inner.Again()) }

// watcher is a Watcher.
type watcher struct {
	*handle
	inner Watcher
}

// Idle, Prepare and Check make watchers.
func (l *loop) Idle(name string) *watcher {
	inner, err := l.inner.NewIdle()
	return &watcher{l.newHandle(name, "NewIdle", inner, err), inner}
}

func (l *loop) Prepare(name string) *watcher {
	inner, err := l.inner.NewPrepare()
	return &watcher{l.newHandle(name, "NewPrepare", inner, err), inner}
}

func (l *loop) Check(name string) *watcher {
	inner, err := l.inner.NewCheck()
	return &watcher{l.newHandle(name, "NewCheck", inner, err), inner}
}

// Start starts the watcher.
func (w *watcher) Start(then func()) {
	w.check("Watcher.Start", w.inner.Start(func() { w.t.callback(w.name, "called", then) }))
}

func (w *watcher) Stop() { w.check("Watcher.Stop", w.inner.Stop()) }

// async is an Async.
type async struct {
	*handle
	inner Async
}

// Async makes an async handle.
func (l *loop) Async(name string, then func()) *async {
	inner, err := l.inner.NewAsync(func() { l.t.callback(name, "called", then) })
	return &async{l.newHandle(name, "NewAsync", inner, err), inner}
}

// Send may be called on any goroutine.
func (a *async) Send() { a.check("Async.Send", a.inner.Send()) }

// watchedSignal is a Signal.
type watchedSignal struct {
	*handle
	inner Signal
}

// Signal makes a signal watcher.
func (l *loop) Signal(name string) *watchedSignal {
	inner, err := l.inner.NewSignal()
	return &watchedSignal{l.newHandle(name, "NewSignal", inner, err), inner}
}

func (s *watchedSignal) callback(then func()) func(syscall.Signal) {
	return func(signum syscall.Signal) { s.t.callback(s.name, signalName(signum), then) }
}

// Start starts the watcher.
func (s *watchedSignal) Start(signum syscall.Signal, then func()) {
	s.check("Signal.Start", s.inner.Start(s.callback(then), signum))
}

// StartOneshot starts the watcher for one signal.
func (s *watchedSignal) StartOneshot(signum syscall.Signal, then func()) {
	s.check("Signal.StartOneshot", s.inner.StartOneshot(s.callback(then), signum))
}

func (s *watchedSignal) Stop() { s.check("Signal.Stop", s.inner.Stop()) }

// stream is a Stream.
type stream struct {
	*handle
	inner Stream
}

// show returns data as it is logged.
func show(data string) string {
	if len(data) > 200 {
		return fmt.Sprintf("%d bytes", len(data))
	}
	return fmt.Sprintf("%q", data)
}

// Listen listens.
func (s *stream) Listen(then func()) {
	s.check("Stream.Listen", s.inner.Listen(16, func(err error) { s.t.callback(s.name, outcome("connection", err), then) }))
}

// AcceptPipe accepts a pipe.
func (s *stream) AcceptPipe(name string) *pipe {
	p := s.loop.Pipe(name, false)
	s.check("Stream.Accept", s.inner.Accept(p.inner))
	return p
}

// AcceptTCP accepts a TCP.
func (s *stream) AcceptTCP(name string) *tcp {
	c := s.loop.TCP(name)
	s.check("Stream.Accept", s.inner.Accept(c.inner))
	return c
}

// Read logs every read, in buffers of so many bytes, and then calls then with
// what it was, "" for the end or an error. Calls for nothing are left out.
func (s *stream) Read(size int, then func(data string)) {
	buf := make([]byte, size)
	alloc := func(int) []byte { return buf }
	s.check("Stream.ReadStart", s.inner.ReadStart(alloc, func(buf []byte, err error) {
		switch data := string(buf); {
		case err != nil:
			s.t.callback(s.name, outcome("read", err), func() { call(then, "") })
		case data != "":
			s.t.callback(s.name, "read "+show(data), func() { call(then, data) })
		}
	}))
}

func call(then func(string), data string) {
	if then != nil {
		then(data)
	}
}

// ReadToEnd reads until the end, or an error, and logs then what it has read:
// how many bytes come at once is open.
func (s *stream) ReadToEnd(then func()) {
	s.ReadEach(0, func(data string) {
		if data == "" && then != nil {
			then()
		}
	})
}

// ReadEach logs every n bytes, however they come, and calls then with them; and
// with "" at the end or after an error.
func (s *stream) ReadEach(n int, then func(data string)) {
	var have strings.Builder
	s.check("Stream.ReadStart", s.inner.ReadStart(nil, func(buf []byte, err error) {
		s.t.callback(s.name, silent, nil)
		have.Write(buf)
		for n > 0 && have.Len() >= n && !s.closing {
			data := have.String()
			have.Reset()
			have.WriteString(data[n:])
			s.t.callback(s.name, "read "+show(data[:n]), func() { call(then, data[:n]) })
		}
		if err != nil {
			if have.Len() > 0 {
				s.Log("read %s", show(have.String()))
			}
			s.t.callback(s.name, outcome("read", err), func() { call(then, "") })
		}
	}))
}

// ReadQuietly calls then with what is read, "" for the end, and leaves no lines.
func (s *stream) ReadQuietly(then func(data string)) {
	s.check("Stream.ReadStart", s.inner.ReadStart(nil, func(buf []byte, err error) {
		data := string(buf)
		s.t.callback(s.name, silent, func() {
			if data != "" || err != nil {
				then(data)
			}
		})
	}))
}

func (s *stream) ReadStop() { s.check("Stream.ReadStop", s.inner.ReadStop()) }

// Write writes a text and logs the callback.
func (s *stream) Write(text string, then func()) { s.WriteBufs(then, text) }

// WriteBufs is Write with several buffers.
func (s *stream) WriteBufs(then func(), texts ...string) {
	s.check("Stream.Write", s.inner.Write(buffers(texts), func(err error) {
		s.t.callback(s.name, outcome("write "+show(strings.Join(texts, "")), err), then)
	}))
}

func buffers(texts []string) [][]byte {
	var bufs [][]byte
	for _, text := range texts {
		bufs = append(bufs, []byte(text))
	}
	return bufs
}

// Shutdown shuts the writing side down.
func (s *stream) Shutdown(then func()) {
	s.check("Stream.Shutdown", s.inner.Shutdown(func(err error) { s.t.callback(s.name, outcome("shutdown", err), then) }))
}

// TryWrite writes what it can.
func (s *stream) TryWrite(text string) int {
	n, err := s.inner.TryWrite(buffers([]string{text}))
	s.check("Stream.TryWrite", err)
	return n
}

// Directions logs what the stream is open for.
func (s *stream) Directions() {
	s.Log("readable %v, writable %v", s.inner.IsReadable(), s.inner.IsWritable())
}

// pipe is a Pipe.
type pipe struct {
	*stream
	inner Pipe
}

// Pipe makes a pipe.
func (l *loop) Pipe(name string, ipc bool) *pipe {
	inner, err := l.inner.NewPipe(ipc)
	return &pipe{&stream{l.newHandle(name, "NewPipe", inner, err), inner}, inner}
}

// Open opens the pipe.
func (p *pipe) Open(fd int) { p.check("Pipe.Open", p.inner.Open(fd)) }

// Bind binds the pipe.
func (p *pipe) Bind(name string) { p.check("Pipe.Bind", p.inner.Bind(name)) }

// Connect connects the pipe.
func (p *pipe) Connect(name string, then func()) {
	p.inner.Connect(name, func(err error) { p.t.callback(p.name, outcome("connect", err), then) })
}

// Bind2 binds the pipe to a path or an abstract name.
func (p *pipe) Bind2(name string) { p.check("Pipe.Bind2", p.inner.Bind2(name)) }

// Connect2 connects the pipe to a path or an abstract name.
func (p *pipe) Connect2(name string, then func()) {
	p.check("Pipe.Connect2", p.inner.Connect2(name, func(err error) { p.t.callback(p.name, outcome("connect", err), then) }))
}

// Names logs the names of both ends.
func (p *pipe) Names() {
	name, err := p.inner.Getsockname()
	if p.check("Pipe.Getsockname", err) {
		p.Log("is %q", name)
	}
	name, err = p.inner.Getpeername()
	if p.check("Pipe.Getpeername", err) {
		p.Log("peer %q", name)
	}
}

// Write2 writes a text with a handle.
func (p *pipe) Write2(text string, send *stream, then func()) {
	p.check("Pipe.Write2", p.inner.Write2(buffers([]string{text}), send.inner, func(err error) {
		p.t.callback(p.name, outcome("write2 "+show(text)+" with "+send.name, err), then)
	}))
}

// Pair returns two pipes that are connected to each other.
func (l *loop) Pair(a, b string, ipc bool) (*pipe, *pipe) {
	x, y := l.Pipe(a, ipc), l.Pipe(b, ipc)
	fds := l.t.socketpair()
	x.Open(fds[0])
	y.Open(fds[1])
	return x, y
}

func (t *tester) socketpair() [2]int {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	t.must(err)
	syscall.CloseOnExec(fds[0])
	syscall.CloseOnExec(fds[1])
	return fds
}

// Pipe2 returns the two ends of a pipe of the system's, closed when the
// scenario ends if they are not before.
func (t *tester) Pipe2() (r, w *os.File) {
	r, w, err := os.Pipe()
	t.must(err)
	t.Undo(func() {
		r.Close()
		w.Close()
	})
	return r, w
}

// tcp is a TCP.
type tcp struct {
	*stream
	inner TCP
}

// TCP makes a TCP handle.
func (l *loop) TCP(name string) *tcp {
	inner, err := l.inner.NewTCP()
	return &tcp{&stream{l.newHandle(name, "NewTCP", inner, err), inner}, inner}
}

var localhost = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)

// Bind binds the handle.
func (c *tcp) Bind(addr netip.AddrPort) { c.check("TCP.Bind", c.inner.Bind(addr)) }

// Addr returns the address that the handle is bound to.
func (c *tcp) Addr() netip.AddrPort {
	addr, err := c.inner.Getsockname()
	c.check("TCP.Getsockname", err)
	return addr
}

// Connect connects the handle.
func (c *tcp) Connect(addr netip.AddrPort, then func()) {
	c.check("TCP.Connect", c.inner.Connect(addr, func(err error) { c.t.callback(c.name, outcome("connect", err), then) }))
}

// CloseReset closes the handle with a reset.
func (c *tcp) CloseReset() {
	if c.check("TCP.CloseReset", c.inner.CloseReset(func() { c.t.callback(c.name, "closed", nil) })) {
		c.closing = true
	}
}

// process is a Process.
type process struct {
	*handle
	inner  Process
	pid    int
	exited bool
}

// Spawn spawns a process and logs its exit.
func (l *loop) Spawn(name string, options *ProcessOptions, then func()) *process {
	p := &process{}
	options.ExitCB = func(exitStatus int64, termSignal syscall.Signal) {
		l.t.mu.Lock()
		p.exited = true
		l.t.mu.Unlock()
		text := fmt.Sprintf("exit %d", exitStatus)
		if termSignal != 0 {
			text += " " + signalName(termSignal)
		}
		l.t.callback(name, text, then)
	}
	return l.spawn(p, name, options)
}

// SpawnQuiet spawns a process without an exit callback.
func (l *loop) SpawnQuiet(name string, options *ProcessOptions) *process {
	return l.spawn(&process{}, name, options)
}

func (l *loop) spawn(p *process, name string, options *ProcessOptions) *process {
	inner, err := l.inner.Spawn(options)
	ok := l.t.check(name, "Loop.Spawn", err)
	if inner == nil {
		panic("Spawn returned no handle")
	}
	p.handle, p.inner = &handle{t: l.t, loop: l, name: name, inner: inner}, inner
	l.add(p.handle)
	if ok {
		p.pid = inner.PID()
		l.t.mu.Lock()
		l.t.processes = append(l.t.processes, p)
		l.t.mu.Unlock()
	}
	return p
}

// end kills a process that is still there when the scenario is over, and is
// this process's child: the id may be somebody else's by now. Where the scenario
// hangs, its loop may still run, and it is the one to wait for the child: if it
// did not get to, it would take the exit of a later child with the same id.
func (p *process) end(hangs bool) {
	p.t.mu.Lock()
	defer p.t.mu.Unlock()
	if p.exited || p.pid <= 0 {
		return
	}
	p.exited = true
	if pid, err := syscall.Wait4(p.pid, nil, syscall.WNOHANG, nil); pid != 0 || err != nil {
		return
	}
	syscall.Kill(p.pid, syscall.SIGKILL)
	if !hangs {
		p.reap()
	}
}

func (p *process) reap() {
	for {
		if _, err := syscall.Wait4(p.pid, nil, 0, nil); err != syscall.EINTR {
			return
		}
	}
}

// Reaped waits for a process that libuv does not wait for any more.
func (p *process) Reaped() {
	p.reap()
	p.t.mu.Lock()
	defer p.t.mu.Unlock()
	p.exited = true
}

// Kill sends the process a signal.
func (p *process) Kill(signum syscall.Signal) { p.check("Process.Kill", p.inner.Kill(signum)) }

// reads, writes and duplex describe a descriptor that is a pipe, by what the
// child does with it.
func reads(p *pipe) StdioContainer {
	return StdioContainer{Flags: CreatePipe | ReadablePipe, Stream: p.inner}
}

func writes(p *pipe) StdioContainer {
	return StdioContainer{Flags: CreatePipe | WritablePipe, Stream: p.inner}
}

func duplex(p *pipe) StdioContainer {
	return StdioContainer{Flags: CreatePipe | ReadablePipe | WritablePipe, Stream: p.inner}
}

func inherits(file *os.File) StdioContainer {
	return StdioContainer{Flags: InheritFD, FD: int(file.Fd())}
}

// Output spawns a process whose descriptor 1 is a pipe, and logs what it writes
// and how it ends. Then it runs the loop.
func (l *loop) Output(name string, options *ProcessOptions) {
	out := l.Pipe(name+"'s output", false)
	for len(options.Stdio) < 2 {
		options.Stdio = append(options.Stdio, StdioContainer{})
	}
	options.Stdio[1] = writes(out)
	var p *process
	p = l.Spawn(name, options, func() { p.Close() })
	out.ReadToEnd(func() { out.Close() })
	l.RunSet(RunDefault)
}

// after returns a function whose nth call calls f: for what must wait for several
// callbacks that have no order.
func after(n int, f func()) func() {
	return func() {
		if n--; n == 0 {
			f()
		}
	}
}
