package uv_test

import (
	"fmt"
	"iter"
	"math/bits"
	"net/netip"
	"os/exec"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// everyHandle returns a handle of each type, not initialised.
func everyHandle() []uv.Handle {
	return []uv.Handle{
		new(uv.Async), new(uv.Check), new(uv.Idle), new(uv.Pipe), new(uv.Prepare),
		new(uv.Process), new(uv.Signal), new(uv.TCP), new(uv.Timer),
	}
}

var exitsAtOnce = helper("exitsAtOnce", func() {})

func initHandle(t testing.TB, loop *uv.Loop, h uv.Handle) {
	t.Helper()
	switch h := h.(type) {
	case *uv.Async:
		require.NoError(t, h.Init(loop, nil))
	case *uv.Pipe:
		require.NoError(t, h.Init(loop, false))
	case *uv.Process:
		require.NoError(t, loop.Spawn(h, helperOptions(exitsAtOnce)))
	case interface{ Init(*uv.Loop) error }:
		require.NoError(t, h.Init(loop))
	default:
		require.Fail(t, "no such handle", "%T", h)
	}
}

// awaitExits runs the loop until its processes have exited.
func awaitExits(t testing.TB, loop *uv.Loop) {
	t.Helper()
	for busy := true; busy; {
		busy = false
		loop.Walk(func(h uv.Handle) {
			if _, ok := h.(*uv.Process); ok && h.IsActive() {
				busy = true
			}
		})
		if busy {
			runMode(t, loop, uv.RunOnce)
		}
	}
}

// closeAndReap is h.Close(cb), and leaves no zombie of a process that libuv then
// does not wait for.
func closeAndReap(h uv.Handle, cb uv.CloseCB) {
	p, ok := h.(*uv.Process)
	ok = ok && p.IsActive()
	h.Close(cb)
	if ok {
		for {
			if _, err := syscall.Wait4(p.PID(), nil, 0, nil); err != syscall.EINTR {
				return
			}
		}
	}
}

// typeName returns the name of the type that a pointer points to.
func typeName(pointer any) string { return reflect.TypeOf(pointer).Elem().Name() }

// methodsOf goes through the methods of an object, each as a call with zero
// arguments.
func methodsOf(object any) iter.Seq2[string, func()] {
	return func(yield func(string, func()) bool) {
		v := reflect.ValueOf(object)
		for i := range v.NumMethod() {
			method := v.Method(i)
			n := method.Type().NumIn()
			if method.Type().IsVariadic() {
				n--
			}
			args := make([]reflect.Value, n)
			for i := range args {
				args[i] = reflect.Zero(method.Type().In(i))
			}
			if !yield(v.Type().Method(i).Name, func() { method.Call(args) }) {
				return
			}
		}
	}
}

// onlyLooks reports whether a method of a handle or a loop does without C: it
// can be called at any time.
func onlyLooks(method string) bool {
	return slices.Contains([]string{"IsClosing", "Type", "Loop", "Data", "SetData", "PID"}, method)
}

// onlyLooksAfterClose reports whether a method may be called after Close, too.
func onlyLooksAfterClose(method string) bool {
	return slices.Contains([]string{"IsActive", "HasRef", "Fileno", "IsReadable", "IsWritable", "WriteQueueSize", "ReadStop",
		"Getsockname", "Getpeername", "PendingCount", "PendingType", "DueIn", "Repeat", "Signum"}, method)
}

// shallowCopy returns a pointer to a copy of what p points to, behind vet's back.
func shallowCopy[T any](p T) T {
	copied := reflect.New(reflect.TypeOf(p).Elem())
	copied.Elem().Set(reflect.ValueOf(p).Elem())
	return copied.Interface().(T)
}

// An active handle without a reference does not keep the loop alive, and its
// callback is not called for the loop's sake.
func TestHandle_Unref(t *testing.T) {
	t.Parallel()
	never := func() { assert.Fail(t, "called") }
	for name, start := range map[string]func(loop *uv.Loop) (uv.Handle, error){
		"Libuv_idle_ref": func(loop *uv.Loop) (uv.Handle, error) {
			h := new(uv.Idle)
			return h, firstError(h.Init(loop), func() error { return h.Start(func(*uv.Idle) { never() }) })
		},
		"Libuv_async_ref": func(loop *uv.Loop) (uv.Handle, error) {
			h := new(uv.Async)
			return h, h.Init(loop, nil)
		},
		"Libuv_prepare_ref": func(loop *uv.Loop) (uv.Handle, error) {
			h := new(uv.Prepare)
			return h, firstError(h.Init(loop), func() error { return h.Start(func(*uv.Prepare) { never() }) })
		},
		"Libuv_check_ref": func(loop *uv.Loop) (uv.Handle, error) {
			h := new(uv.Check)
			return h, firstError(h.Init(loop), func() error { return h.Start(func(*uv.Check) { never() }) })
		},
		"Libuv_timer_ref": func(loop *uv.Loop) (uv.Handle, error) {
			h := new(uv.Timer)
			return h, h.Init(loop)
		},
		"Libuv_timer_ref2": func(loop *uv.Loop) (uv.Handle, error) {
			h := new(uv.Timer)
			return h, firstError(h.Init(loop), func() error { return h.Start(func(*uv.Timer) { never() }, 42, 42) })
		},
		"Libuv_tcp_ref": func(loop *uv.Loop) (uv.Handle, error) {
			h := new(uv.TCP)
			return h, h.Init(loop)
		},
		"Libuv_tcp_ref2": func(loop *uv.Loop) (uv.Handle, error) {
			h := new(uv.TCP)
			return h, firstError(h.Init(loop), func() error { return h.Listen(128, func(uv.Stream, error) { never() }) })
		},
		"Libuv_pipe_ref": func(loop *uv.Loop) (uv.Handle, error) {
			h := new(uv.Pipe)
			return h, h.Init(loop, false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			loop := newLoop(t)
			h, err := start(loop)
			require.NoError(t, err)
			h.Unref()
			run(t, loop)
			closed := 0
			h.Close(func(uv.Handle) { closed++ })
			assert.Equal(t, 0, closed)
			run(t, loop)
			assert.Equal(t, 1, closed, "a close callback is due in any case")
		})
	}
}

func firstError(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}

func TestHandle_TypeLoopData(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	want := map[string]uv.HandleType{
		"Async": uv.HandleTypeAsync, "Check": uv.HandleTypeCheck, "Idle": uv.HandleTypeIdle, "Pipe": uv.HandleTypeNamedPipe,
		"Prepare": uv.HandleTypePrepare, "Process": uv.HandleTypeProcess, "Signal": uv.HandleTypeSignal,
		"TCP": uv.HandleTypeTCP, "Timer": uv.HandleTypeTimer,
	}
	for _, h := range everyHandle() {
		assert.Equal(t, uv.HandleTypeUnknown, h.Type(), "%T before Init", h)
		assert.Nil(t, h.Loop())
		assert.Nil(t, h.Data())
		h.SetData("before")
		initHandle(t, loop, h)
		assert.Equal(t, want[typeName(h)], h.Type())
		assert.Same(t, loop, h.Loop())
		assert.Equal(t, "before", h.Data())
		h.SetData(h)
		assert.Same(t, h, h.Data())
	}
	awaitExits(t, loop)
	closeAll(t, loop)
}

func TestHandleSize(t *testing.T) {
	t.Parallel()
	for _, handleType := range []uv.HandleType{
		uv.HandleTypeAsync, uv.HandleTypeCheck, uv.HandleTypeIdle, uv.HandleTypeNamedPipe, uv.HandleTypePrepare,
		uv.HandleTypeProcess, uv.HandleTypeSignal, uv.HandleTypeTCP, uv.HandleTypeTimer,
	} {
		assert.GreaterOrEqual(t, uv.HandleSize(handleType), uv.HandleSize(uv.HandleTypeHandle), handleType)
	}
	assert.Positive(t, uv.HandleSize(uv.HandleTypeHandle))
	for _, none := range []uv.HandleType{uv.HandleTypeUnknown, uv.HandleTypeMax, -1, uv.HandleTypeAsync + 1<<(bits.UintSize/2)} {
		assert.Equal(t, -1, uv.HandleSize(none))
		assert.Empty(t, none.Name())
	}
}

func TestHandle_FilenoOfOthers(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	for _, h := range everyHandle() {
		initHandle(t, loop, h)
		want := uv.EINVAL
		if _, ok := h.(uv.Stream); ok {
			want = uv.EBADF
		}
		fd, err := h.Fileno()
		assert.Equal(t, want, err, "%T", h)
		assert.Equal(t, -1, fd)
	}
	awaitExits(t, loop)
	closeAll(t, loop)
}

func TestHandle_BufferSizeErrors(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	for _, h := range everyHandle() {
		initHandle(t, loop, h)
		want := uv.ENOTSUP
		if _, ok := h.(uv.Stream); ok {
			want = uv.EBADF
		}
		_, err := h.SendBufferSize(0)
		assert.Equal(t, want, err, "%T", h)
		_, err = h.RecvBufferSize(4096)
		assert.Equal(t, want, err, "%T", h)
	}
	awaitExits(t, loop)
	closeAll(t, loop)
}

func TestHandle_MethodsPanicBeforeInit(t *testing.T) {
	t.Parallel()
	for _, h := range everyHandle() {
		t.Run(typeName(h), func(t *testing.T) {
			for name, call := range methodsOf(h) {
				switch {
				case name == "Init" || name == "InitEx":
				case onlyLooks(name) || name == "IsActive" || name == "HasRef":
					assert.Empty(t, panicText(call), name)
				default:
					// The methods that types share cannot know the type yet.
					of := typeName(h)
					if _, shared := reflect.TypeFor[uv.Handle]().MethodByName(name); shared {
						of = "Handle"
					} else if _, shared := reflect.TypeFor[uv.Stream]().MethodByName(name); shared {
						of = "Stream"
					}
					assert.Equal(t, "uv: "+of+"."+name+": the handle is not initialised", panicText(call))
				}
			}
			assert.False(t, h.IsActive())
			assert.False(t, h.IsClosing())
			assert.False(t, h.HasRef())
		})
	}
}

// harmfulAfterClose reports whether libuv aborts on a method between Close and
// the close callback, or does harm.
func harmfulAfterClose(kind, method string) bool {
	switch method {
	case "Close", "Open", "Connect", "Connect2":
		return true
	case "Start":
		return kind != "Timer"
	}
	return kind == "Signal" && (method == "StartOneshot" || method == "Stop")
}

// assertClosedCall checks that a call of a closed handle's says so, where it must.
// Known is whether libuv knows the handle still: before the close callback.
func assertClosedCall(t *testing.T, kind, method string, known bool, call func()) {
	t.Helper()
	want := ""
	if known && harmfulAfterClose(kind, method) || !known && !onlyLooks(method) && !onlyLooksAfterClose(method) {
		want = "uv: " + kind + "." + method + ": the handle is closed"
	}
	assert.Equal(t, want, panicText(call), method)
}

// assertClosed does so for all methods of a handle.
func assertClosed(t *testing.T, h uv.Handle, known bool) {
	t.Helper()
	for name, call := range methodsOf(h) {
		if name != "Init" && name != "InitEx" {
			assertClosedCall(t, typeName(h), name, known, call)
		}
	}
	assert.False(t, h.IsActive())
	assert.True(t, h.IsClosing())
}

func TestHandle_MethodsPanicAfterClose(t *testing.T) {
	t.Parallel()
	for _, h := range everyHandle() {
		t.Run(typeName(h), func(t *testing.T) {
			loop := newLoop(t)
			initHandle(t, loop, h)
			awaitExits(t, loop)
			kind, closed := h.Type(), 0
			h.Close(func(got uv.Handle) {
				closed++
				assert.Same(t, h, got)
				assertClosed(t, h, false)
			})
			assertClosed(t, h, true)
			run(t, loop)
			assert.Equal(t, 1, closed)
			assertClosed(t, h, false)
			assert.False(t, h.HasRef())
			assert.Equal(t, kind, h.Type())
			assert.Same(t, loop, h.Loop())
		})
	}
}

// What others return between Close and the close callback is what C returns.
func TestHandle_CallsWhileClosing(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	a, b := pipePair(t, loop, true)
	server, bound, unbound := boundTCP(t, loop), newPipe(t, loop), newPipe(t, loop)
	path := socketPath(t)
	require.NoError(t, bound.Bind(path))
	require.NoError(t, server.Listen(1, func(uv.Stream, error) { t.Error("a connection") }))
	timer, fresh := newTimer(t, loop), newTimer(t, loop)
	require.NoError(t, timer.Start(func(*uv.Timer) { t.Error("expired") }, 9, 9))
	var idle uv.Idle
	require.NoError(t, idle.Init(loop))
	require.NoError(t, idle.Start(func(*uv.Idle) { t.Error("idle") }))
	var sleeper uv.Process
	require.NoError(t, loop.Spawn(&sleeper, &uv.ProcessOptions{File: "sleep", Args: []string{"sleep", "60"}}))

	never := func(uv.Stream, []byte, error) { t.Error("read") }
	connection := func(uv.Stream, error) { t.Error("a connection") }
	written := func(*uv.WriteReq, error) { t.Error("written") }
	closed := 0
	for _, h := range []uv.Handle{a, b, server, bound, timer, fresh, &idle, &sleeper} {
		h.Close(func(uv.Handle) { closed++ })
	}
	assert.Equal(t, uv.EINVAL, timer.Start(func(*uv.Timer) { t.Error("expired") }, 0, 0))
	assert.NoError(t, timer.Stop())
	assert.NoError(t, timer.Again())
	assert.Equal(t, uv.EINVAL, fresh.Again())
	fresh.SetRepeat(4)
	assert.Equal(t, uint64(4), fresh.Repeat())
	fresh.Unref()
	assert.False(t, fresh.HasRef())
	fresh.Ref()
	assert.True(t, fresh.HasRef())
	assert.NoError(t, idle.Stop())
	assert.Equal(t, uv.EINVAL, a.ReadStart(nil, never))
	assert.NoError(t, a.ReadStop())
	assert.Equal(t, uv.EBADF, a.Write(nil, buffers("x"), written))
	assert.Equal(t, uv.EBADF, server.Write(nil, buffers("x"), written))
	assert.Equal(t, uv.EBADF, a.Write2(nil, buffers("x"), unbound, written))
	_, err := a.TryWrite(buffers("x"))
	assert.Equal(t, uv.EBADF, err)
	_, err = a.TryWrite2(buffers("x"), unbound)
	assert.Equal(t, uv.EBADF, err)
	assert.Equal(t, uv.ENOTCONN, a.Shutdown(nil, func(*uv.ShutdownReq, error) { t.Error("shut down") }))
	assert.Equal(t, uv.EINVAL, server.Listen(1, connection))
	assert.Equal(t, uv.EINVAL, bound.Listen(1, connection))
	assert.Equal(t, uv.EAGAIN, a.Accept(unbound))
	assert.Equal(t, uv.EAGAIN, server.Accept(unbound))
	assert.Equal(t, uv.EBADF, a.SetBlocking(true))
	assert.Equal(t, uv.EINVAL, server.Bind(netip.MustParseAddrPort("127.0.0.1:0"), 0))
	assert.NoError(t, server.Nodelay(true))
	assert.NoError(t, server.Keepalive(true, 5))
	assert.NoError(t, server.SimultaneousAccepts(true))
	assert.Equal(t, uv.EBADF, server.CloseReset(func(uv.Handle) { t.Error("reset") }))
	_, err = server.SendBufferSize(0)
	assert.Equal(t, uv.EBADF, err)
	assert.Equal(t, uv.EINVAL, bound.Bind(path+"x"))
	assert.Equal(t, uv.EBADF, a.Chmod(uv.Readable))
	assert.NoError(t, sleeper.Kill(syscall.SIGKILL))
	unbound.Close(func(uv.Handle) { closed++ })
	run(t, loop)
	assert.Equal(t, 9, closed)
	_, err = syscall.Wait4(sleeper.PID(), nil, 0, nil) // as in C, it was left to us
	assert.NoError(t, err)
}

// What those that only look say after Close is what C says.
func TestHandle_LookingAfterClose(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	pair, err := uv.Socketpair(syscall.SOCK_STREAM, 0, 0, 0)
	require.NoError(t, err)
	defer syscall.Close(pair[1])
	var pipe uv.Pipe
	require.NoError(t, pipe.Init(loop, true))
	require.NoError(t, pipe.Open(pair[0]))
	var tcp uv.TCP
	require.NoError(t, tcp.Init(loop))
	require.NoError(t, tcp.Bind(netip.MustParseAddrPort("127.0.0.1:0"), 0))
	timer := newTimer(t, loop)
	require.NoError(t, timer.Start(func(*uv.Timer) { t.Error("a closed timer expires") }, 5000, 7000))
	var signal uv.Signal
	require.NoError(t, signal.Init(loop))
	require.NoError(t, signal.Start(func(*uv.Signal, syscall.Signal) {}, syscall.SIGUSR2))
	require.NoError(t, pipe.ReadStart(nil, func(uv.Stream, []byte, error) { t.Error("a closed pipe reads") }))

	look := func(queued int, due, repeat uint64) {
		for _, s := range []uv.Stream{&pipe, &tcp} {
			fd, err := s.Fileno()
			assert.Equal(t, -1, fd)
			assert.Equal(t, uv.EBADF, err)
			assert.False(t, s.IsReadable())
			assert.False(t, s.IsWritable())
			assert.NoError(t, s.ReadStop())
		}
		assert.Equal(t, queued, pipe.WriteQueueSize())
		assert.Zero(t, pipe.PendingCount())
		assert.Equal(t, uv.HandleTypeUnknown, pipe.PendingType())
		_, err := pipe.Getsockname()
		assert.Equal(t, uv.EBADF, err)
		_, err = pipe.Getpeername()
		assert.Equal(t, uv.EBADF, err)
		_, err = tcp.Getsockname()
		assert.Equal(t, uv.EBADF, err)
		_, err = tcp.Getpeername()
		assert.Equal(t, uv.EBADF, err)
		assert.LessOrEqual(t, timer.DueIn(), due)
		assert.Equal(t, repeat, timer.Repeat())
		assert.Zero(t, signal.Signum())
	}
	written, closed := 0, 0
	require.NoError(t, pipe.Write(nil, [][]byte{make([]byte, 4<<20)}, func(_ *uv.WriteReq, err error) {
		written++
		assert.Equal(t, uv.ECANCELED, err)
		look(0, 5000, 7000)
	}))
	queued := pipe.WriteQueueSize()
	assert.Positive(t, queued)
	for _, h := range []uv.Handle{&tcp, timer, &signal, &pipe} {
		h.Close(func(uv.Handle) { closed++ })
	}
	look(queued, 5000, 7000)
	run(t, loop)
	look(0, 0, 0)
	assert.Equal(t, 1, written)
	assert.Equal(t, 4, closed)
}

func TestHandle_InitTwicePanics(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	assert.Contains(t, panicText(func() { _ = timer.Init(loop) }), "Timer.Init: the handle is open already")
	timer.Close(nil)
	assert.Contains(t, panicText(func() { _ = timer.Init(loop) }), "Timer.Init: the handle is open already")
	run(t, loop)
	require.NoError(t, timer.Init(loop))
	closeAll(t, loop)
}

// A copy of an open handle is not the handle.
func TestHandle_CopiesPanic(t *testing.T) {
	t.Parallel()
	for _, h := range everyHandle() {
		t.Run(typeName(h), func(t *testing.T) {
			loop := newLoop(t)
			initHandle(t, loop, h)
			copied := shallowCopy(h)
			for name, call := range methodsOf(copied) {
				switch {
				case name == "Init" || name == "InitEx" || onlyLooks(name):
				default:
					assert.Equal(t, "uv: "+typeName(h)+"."+name+": the handle is a copy; use a pointer to the original", panicText(call))
				}
			}
			if timer, ok := copied.(*uv.Timer); ok {
				assert.Contains(t, panicText(func() { _ = timer.Init(loop) }), "Timer.Init: the handle is a copy of an open one")
			}
			awaitExits(t, loop)
			h.Close(nil)
			run(t, loop)
		})
	}
}

func TestHandle_InitAgain(t *testing.T) {
	t.Parallel()
	for _, h := range everyHandle() {
		t.Run(typeName(h), func(t *testing.T) {
			loop := newLoop(t)
			closed := 0
			var again uv.CloseCB
			again = func(uv.Handle) { // from within the close callback
				if closed++; closed < 3 {
					initHandle(t, loop, h)
					assert.False(t, h.IsClosing())
					h.Unref()
					closeAndReap(h, again)
				}
			}
			initHandle(t, loop, h)
			closeAndReap(h, again)
			run(t, loop)
			assert.Equal(t, 3, closed)

			initHandle(t, loop, h) // and long after it
			awaitExits(t, loop)
			h.Ref()
			h.Close(nil)
			run(t, loop)
		})
	}
}

func TestHandle_InitAgainInAnotherLoop(t *testing.T) {
	t.Parallel()
	first, second := newLoop(t), newLoop(t)
	timer := newTimer(t, first)
	timer.Close(nil)
	run(t, first)
	calls := 0
	require.NoError(t, timer.Init(second))
	require.NoError(t, timer.Start(func(*uv.Timer) { calls++ }, 0, 0))
	run(t, second)
	assert.Equal(t, 1, calls)
	assert.Same(t, second, timer.Loop())
	closeAll(t, second)
}

// Only libuv knows the handles: Go's collector must leave them alone.
func TestHandle_DroppedByGo(t *testing.T) {
	t.Parallel()
	const n = 50
	loop := newLoop(t)
	called := counts{}
	for i := range n {
		require.NoError(t, newTimer(t, loop).Start(func(timer *uv.Timer) {
			called["timer"]++
			runtime.GC()
			timer.Close(func(uv.Handle) { called["close"]++ })
		}, uint64(i%3), 0))
	}
	require.NoError(t, loop.FsUnlink(nil, "/nowhere/at/all", func(*uv.FsReq) { called["fs"]++ }))
	runtime.GC()
	run(t, loop)
	assert.Equal(t, counts{"timer": n, "close": n, "fs": 1}, called)
}

// When libuv has let go of a handle, so does the binding.
func TestHandle_CollectedAfterClose(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	pointer := weak.Make(newTimer(t, loop))
	runtime.GC()
	require.NotNil(t, pointer.Value(), "open, it is kept")
	closeAll(t, loop)
	for range 3 {
		runtime.GC()
	}
	assert.Nil(t, pointer.Value())
}

func TestHandle_ManyTimers(t *testing.T) {
	t.Parallel()
	const n = 10_000
	loop := newLoop(t)
	timers := make([]uv.Timer, n)
	called := counts{}
	last := uint64(0)
	for i := range timers {
		timeout := uint64(i * 7919 % 20)
		require.NoError(t, timers[i].Init(loop))
		require.NoError(t, timers[i].Start(func(timer *uv.Timer) {
			called["timer"]++
			if timeout < last {
				assert.Fail(t, "called too late")
			}
			last = timeout
			timer.Close(func(uv.Handle) { called["close"]++ })
		}, timeout, 0))
	}
	run(t, loop)
	assert.Equal(t, counts{"timer": n, "close": n}, called)
}

// What a close callback closes is closed too.
func TestHandle_CloseInCloseCallback(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	const n = 10
	closed := 0
	var next func(uv.Handle)
	next = func(uv.Handle) {
		if closed++; closed < n {
			newTimer(t, loop).Close(next)
		}
	}
	newTimer(t, loop).Close(next)
	run(t, loop)
	assert.Equal(t, n, closed)
}

// What Go writes pointers into must not hold old ones of Go's: while the
// collector marks, it looks at what is overwritten, and dies of a pointer to
// what it has freed. Malloc hands out such memory.
var spawnsWhileCollecting = helper("spawnsWhileCollecting", func() {
	go func() {
		for {
			runtime.GC()
		}
	}()
	runtime.LockOSThread() // malloc caches by thread
	const buffers, rounds = 64, 100
	var loop uv.Loop
	var pipe uv.Pipe
	must(loop.Init())
	ends, err := uv.MakePipe(0, 0)
	must(err)
	must(pipe.Init(&loop, false))
	must(pipe.Open(ends[1]))
	// C's copy of the array of buffers, 1024 bytes, is freed after the write.
	write := func() {
		space := make([]byte, buffers*1024)
		var bufs [][]byte
		for i := range buffers {
			bufs = append(bufs, space[i*1024:][:1])
		}
		must(pipe.Write(nil, bufs, nil))
		loop.Run(uv.RunDefault)
		_, err := syscall.Read(ends[0], make([]byte, buffers))
		must(err)
	}
	for i := range rounds {
		write()
		runtime.GC()
		runtime.GC()
		for start := time.Now(); time.Since(start) < time.Duration(i%10)*50*time.Microsecond; {
		}
		// And so large is the array of arguments.
		var p uv.Process
		if err := loop.Spawn(&p, &uv.ProcessOptions{File: "/nowhere/at/all", Args: make([]string, 113)}); err != uv.ENOENT {
			panic(err)
		}
		p.Close(nil)
		loop.Run(uv.RunDefault)
	}
})

func TestMemory_HoldsNoStalePointers(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(helperPath())
	cmd.Env = helperEnv(spawnsWhileCollecting)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	assert.NoError(t, cmd.Run())
	first, _, _ := strings.Cut(stderr.String(), "\n\n")
	assert.Empty(t, first)
}

// A handle or a request that is overwritten is gone for good, and its loop with
// it, but not without a word.
func TestHandle_Overwritten(t *testing.T) {
	t.Parallel()
	helperPrints(t, "uv: a handle was overwritten while it was open\n"+
		"uv: a request was overwritten while it was in use\n", overwritingHelper)
}

var overwritingHelper = helper("overwrites a handle and a request", func() {
	var timers, pipes uv.Loop
	must(timers.Init())
	var timer uv.Timer
	must(timer.Init(&timers))
	must(timer.Start(func(*uv.Timer) {}, 0, 0))
	timer = uv.Timer{}
	fmt.Println(panicText(func() { timers.Run(uv.RunDefault) }))

	must(pipes.Init())
	var connecting uv.Pipe
	var req uv.ConnectReq
	must(connecting.Init(&pipes, false))
	must(connecting.Connect(&req, "/nowhere", func(*uv.ConnectReq, error) {}))
	req = uv.ConnectReq{}
	fmt.Println(panicText(func() { pipes.Run(uv.RunDefault) }))
})
