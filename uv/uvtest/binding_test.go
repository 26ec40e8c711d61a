//go:build cgo

package uvtest

import (
	"net/netip"
	"syscall"

	"libuv/uv"
)

// The adapter of package uv, which is the real libuv.

func binding() Implementation {
	return Implementation{NewLoop: newBindingLoop, Kill: uv.Kill, Release: uv.VersionString()}
}

type bindingLoop struct{ *uv.Loop }

func newBindingLoop() (Loop, error) {
	l := new(uv.Loop)
	if err := l.Init(); err != nil {
		return nil, err
	}
	return bindingLoop{l}, nil
}

// known attaches the adapter's handle to the binding's, for Walk.
func known[H Handle](h H, inner uv.Handle, err error) (H, error) {
	inner.SetData(h)
	return h, err
}

func (l bindingLoop) Run(mode RunMode) bool { return l.Loop.Run(uv.RunMode(mode)) }
func (l bindingLoop) Walk(cb func(h Handle)) {
	l.Loop.Walk(func(h uv.Handle) { cb(h.Data().(Handle)) })
}

func (l bindingLoop) NewTimer() (Timer, error) {
	h := new(uv.Timer)
	return known[Timer](bindingTimer{h}, h, h.Init(l.Loop))
}

func (l bindingLoop) NewIdle() (Watcher, error) {
	h := new(uv.Idle)
	start := func(cb func()) error { return h.Start(orNil(cb == nil, func(*uv.Idle) { cb() })) }
	return known[Watcher](&bindingWatcher{h, start, h.Stop}, h, h.Init(l.Loop))
}

func (l bindingLoop) NewPrepare() (Watcher, error) {
	h := new(uv.Prepare)
	start := func(cb func()) error { return h.Start(orNil(cb == nil, func(*uv.Prepare) { cb() })) }
	return known[Watcher](&bindingWatcher{h, start, h.Stop}, h, h.Init(l.Loop))
}

func (l bindingLoop) NewCheck() (Watcher, error) {
	h := new(uv.Check)
	start := func(cb func()) error { return h.Start(orNil(cb == nil, func(*uv.Check) { cb() })) }
	return known[Watcher](&bindingWatcher{h, start, h.Stop}, h, h.Init(l.Loop))
}

func (l bindingLoop) NewAsync(cb func()) (Async, error) {
	h := new(uv.Async)
	return known[Async](bindingAsync{h}, h, h.Init(l.Loop, orNil(cb == nil, func(*uv.Async) { cb() })))
}

func (l bindingLoop) NewSignal() (Signal, error) {
	h := new(uv.Signal)
	return known[Signal](bindingSignal{h}, h, h.Init(l.Loop))
}

func (l bindingLoop) NewPipe(ipc bool) (Pipe, error) {
	h := new(uv.Pipe)
	return known[Pipe](bindingPipe{bindingStream{h}, h}, h, h.Init(l.Loop, ipc))
}

func (l bindingLoop) NewTCP() (TCP, error) {
	h := new(uv.TCP)
	return known[TCP](bindingTCP{bindingStream{h}, h}, h, h.Init(l.Loop))
}

func (l bindingLoop) Spawn(o *ProcessOptions) (Process, error) {
	options := uv.ProcessOptions{
		ExitCB: orNil(o.ExitCB == nil, func(_ *uv.Process, status int64, signum syscall.Signal) { o.ExitCB(status, signum) }),
		File:   o.File, Args: o.Args, Env: o.Env, Cwd: o.Cwd, Flags: uv.ProcessFlags(o.Flags),
	}
	for _, s := range o.Stdio {
		options.Stdio = append(options.Stdio, uv.StdioContainer{Flags: uv.StdioFlags(s.Flags), Stream: innerStream(s.Stream), FD: s.FD})
	}
	h := new(uv.Process)
	return known[Process](bindingProcess{h}, h, l.Loop.Spawn(h, &options))
}

// orNil returns cb, or nil where the scenario's callback is.
func orNil[CB any](isNil bool, cb CB) CB {
	if isNil {
		var none CB
		return none
	}
	return cb
}

func typeOf(h uv.Handle) HandleType { return HandleType(h.Type().Name()) }

func closeCB(cb func()) uv.CloseCB { return orNil(cb == nil, func(uv.Handle) { cb() }) }

type bindingTimer struct{ *uv.Timer }

func (h bindingTimer) Type() HandleType { return typeOf(h.Timer) }
func (h bindingTimer) Close(cb func())  { h.Timer.Close(closeCB(cb)) }
func (h bindingTimer) Start(cb func(), timeout, repeat uint64) error {
	return h.Timer.Start(orNil(cb == nil, func(*uv.Timer) { cb() }), timeout, repeat)
}

type bindingWatcher struct {
	uv.Handle
	start func(cb func()) error
	stop  func() error
}

func (h *bindingWatcher) Type() HandleType      { return typeOf(h.Handle) }
func (h *bindingWatcher) Close(cb func())       { h.Handle.Close(closeCB(cb)) }
func (h *bindingWatcher) Start(cb func()) error { return h.start(cb) }
func (h *bindingWatcher) Stop() error           { return h.stop() }

type bindingAsync struct{ *uv.Async }

func (h bindingAsync) Type() HandleType { return typeOf(h.Async) }
func (h bindingAsync) Close(cb func())  { h.Async.Close(closeCB(cb)) }

type bindingSignal struct{ *uv.Signal }

func (h bindingSignal) Type() HandleType { return typeOf(h.Signal) }
func (h bindingSignal) Close(cb func())  { h.Signal.Close(closeCB(cb)) }
func (h bindingSignal) Start(cb func(syscall.Signal), signum syscall.Signal) error {
	return h.Signal.Start(signalCB(cb), signum)
}
func (h bindingSignal) StartOneshot(cb func(syscall.Signal), signum syscall.Signal) error {
	return h.Signal.StartOneshot(signalCB(cb), signum)
}

func signalCB(cb func(syscall.Signal)) uv.SignalCB {
	return orNil(cb == nil, func(_ *uv.Signal, signum syscall.Signal) { cb(signum) })
}

type bindingProcess struct{ *uv.Process }

func (h bindingProcess) Type() HandleType { return typeOf(h.Process) }
func (h bindingProcess) Close(cb func())  { h.Process.Close(closeCB(cb)) }

// bindingStream has what Pipe and TCP share.
type bindingStream struct{ uv.Stream }

func innerStream(s Stream) uv.Stream {
	switch s := s.(type) {
	case bindingPipe:
		return s.Stream
	case bindingTCP:
		return s.Stream
	}
	return nil
}

func (s bindingStream) Type() HandleType { return typeOf(s.Stream) }
func (s bindingStream) Close(cb func())  { s.Stream.Close(closeCB(cb)) }
func (s bindingStream) Listen(backlog int, cb func(error)) error {
	return s.Stream.Listen(backlog, orNil(cb == nil, func(_ uv.Stream, err error) { cb(err) }))
}
func (s bindingStream) Accept(client Stream) error { return s.Stream.Accept(innerStream(client)) }
func (s bindingStream) ReadStart(alloc func(int) []byte, read func([]byte, error)) error {
	return s.Stream.ReadStart(orNil(alloc == nil, func(_ uv.Handle, suggested int) []byte { return alloc(suggested) }),
		orNil(read == nil, func(_ uv.Stream, buf []byte, err error) { read(buf, err) }))
}
func (s bindingStream) Write(bufs [][]byte, cb func(error)) error {
	return s.Stream.Write(nil, bufs, writeCB(cb))
}
func (s bindingStream) Shutdown(cb func(error)) error {
	return s.Stream.Shutdown(nil, orNil(cb == nil, func(_ *uv.ShutdownReq, err error) { cb(err) }))
}

func writeCB(cb func(error)) uv.WriteCB {
	return orNil(cb == nil, func(_ *uv.WriteReq, err error) { cb(err) })
}

func connectCB(cb func(error)) uv.ConnectCB {
	return orNil(cb == nil, func(_ *uv.ConnectReq, err error) { cb(err) })
}

type bindingPipe struct {
	bindingStream
	pipe *uv.Pipe
}

func (p bindingPipe) Open(fd int) error            { return p.pipe.Open(fd) }
func (p bindingPipe) Bind(name string) error       { return p.pipe.Bind(name) }
func (p bindingPipe) Bind2(name string) error      { return p.pipe.Bind2(name, 0) }
func (p bindingPipe) Getsockname() (string, error) { return p.pipe.Getsockname() }
func (p bindingPipe) Getpeername() (string, error) { return p.pipe.Getpeername() }
func (p bindingPipe) PendingCount() int            { return p.pipe.PendingCount() }
func (p bindingPipe) PendingType() HandleType      { return HandleType(p.pipe.PendingType().Name()) }
func (p bindingPipe) Connect(name string, cb func(error)) {
	if err := p.pipe.Connect(nil, name, connectCB(cb)); err != nil {
		panic(err) // one that C has no way to return
	}
}
func (p bindingPipe) Connect2(name string, cb func(error)) error {
	return p.pipe.Connect2(nil, name, 0, connectCB(cb))
}
func (p bindingPipe) Write2(bufs [][]byte, send Stream, cb func(error)) error {
	return p.pipe.Write2(nil, bufs, innerStream(send), writeCB(cb))
}

type bindingTCP struct {
	bindingStream
	tcp *uv.TCP
}

func (c bindingTCP) Bind(addr netip.AddrPort) error { return c.tcp.Bind(addr, 0) }
func (c bindingTCP) Connect(addr netip.AddrPort, cb func(error)) error {
	return c.tcp.Connect(nil, addr, connectCB(cb))
}
func (c bindingTCP) Getsockname() (netip.AddrPort, error) { return c.tcp.Getsockname() }
func (c bindingTCP) Getpeername() (netip.AddrPort, error) { return c.tcp.Getpeername() }
func (c bindingTCP) CloseReset(cb func()) error           { return c.tcp.CloseReset(closeCB(cb)) }
