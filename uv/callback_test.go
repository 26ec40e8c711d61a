package uv_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// callbackKind makes the loop call one callback of a kind, with call in it. The
// name of arm, and by that of the callback, is the kind's.
type callbackKind struct {
	name string
	arm  func(t *testing.T, loop *uv.Loop, call func(h uv.Handle))
}

var callbackKinds = []callbackKind{
	{"alloc", armAlloc}, {"async", armAsync}, {"check", armCheck}, {"close", armClose}, {"connect", armConnect},
	{"connection", armConnection}, {"exit", armExit}, {"fs", armFs}, {"idle", armIdle}, {"prepare", armPrepare},
	{"read", armRead}, {"shutdown", armShutdown}, {"signal", armSignal}, {"timer", armTimer}, {"walk", armWalk},
	{"write", armWrite},
}

// callbackName returns the name of the function that the kind's callback has in
// a stack.
func (k callbackKind) callbackName() string {
	name := runtime.FuncForPC(reflect.ValueOf(k.arm).Pointer()).Name()
	return name[strings.LastIndexByte(name, '.')+1:] + ".func"
}

// eachCallback runs a test for each kind of callback. Not in parallel: the
// signal is the whole process's.
func eachCallback(t *testing.T, test func(t *testing.T, kind callbackKind)) {
	for _, kind := range callbackKinds {
		t.Run(kind.name, func(t *testing.T) { test(t, kind) })
	}
}

func armClose(t *testing.T, loop *uv.Loop, call func(uv.Handle)) {
	newTimer(t, loop).Close(func(h uv.Handle) { call(h) })
}

func armTimer(t *testing.T, loop *uv.Loop, call func(uv.Handle)) {
	require.NoError(t, newTimer(t, loop).Start(func(timer *uv.Timer) { call(timer) }, 0, 0))
}

func armPrepare(t *testing.T, loop *uv.Loop, call func(uv.Handle)) {
	var prepare uv.Prepare
	require.NoError(t, prepare.Init(loop))
	require.NoError(t, prepare.Start(func(h *uv.Prepare) {
		assert.NoError(t, h.Stop())
		call(h)
	}))
}

func armCheck(t *testing.T, loop *uv.Loop, call func(uv.Handle)) {
	var idle uv.Idle // so that the loop does not wait
	require.NoError(t, idle.Init(loop))
	require.NoError(t, idle.Start(func(*uv.Idle) {}))
	var check uv.Check
	require.NoError(t, check.Init(loop))
	require.NoError(t, check.Start(func(h *uv.Check) {
		assert.NoError(t, idle.Stop())
		assert.NoError(t, h.Stop())
		call(h)
	}))
}

func armIdle(t *testing.T, loop *uv.Loop, call func(uv.Handle)) {
	var idle uv.Idle
	require.NoError(t, idle.Init(loop))
	require.NoError(t, idle.Start(func(h *uv.Idle) {
		assert.NoError(t, h.Stop())
		call(h)
	}))
}

func armAsync(t *testing.T, loop *uv.Loop, call func(uv.Handle)) {
	var async uv.Async
	require.NoError(t, async.Init(loop, func(h *uv.Async) {
		h.Unref()
		call(h)
	}))
	require.NoError(t, async.Send())
}

// A signal that nobody minds.
func armSignal(t *testing.T, loop *uv.Loop, call func(uv.Handle)) {
	var signal uv.Signal
	require.NoError(t, signal.Init(loop))
	require.NoError(t, signal.Start(func(h *uv.Signal, signum syscall.Signal) {
		assert.Equal(t, syscall.SIGWINCH, signum)
		assert.NoError(t, h.Stop())
		call(h)
	}, syscall.SIGWINCH))
	require.NoError(t, uv.Kill(os.Getpid(), syscall.SIGWINCH))
}

func armExit(t *testing.T, loop *uv.Loop, call func(uv.Handle)) {
	options := helperOptions(exitsAtOnce)
	options.ExitCB = func(p *uv.Process, exitStatus int64, _ syscall.Signal) {
		assert.Zero(t, exitStatus)
		call(p)
	}
	require.NoError(t, loop.Spawn(new(uv.Process), options))
}

func armFs(t *testing.T, loop *uv.Loop, call func(uv.Handle)) {
	path := filepath.Join(t.TempDir(), "missing")
	require.NoError(t, loop.FsUnlink(nil, path, func(*uv.FsReq) { call(nil) }))
}

func armWalk(t *testing.T, loop *uv.Loop, call func(uv.Handle)) {
	require.NoError(t, newTimer(t, loop).Start(func(*uv.Timer) {
		loop.Walk(func(h uv.Handle) { call(h) })
	}, 0, 0))
}

func armConnection(t *testing.T, loop *uv.Loop, call func(uv.Handle)) {
	accepted := newTCP(t, loop)
	server := serveTCP(t, loop, localhost, func(s uv.Stream, err error) {
		assert.NoError(t, s.Accept(accepted))
		s.Unref()
		call(s)
	})
	require.NoError(t, newTCP(t, loop).Connect(nil, sockname(t, server), nil))
}

func armConnect(t *testing.T, loop *uv.Loop, call func(uv.Handle)) {
	server := serveTCP(t, loop, localhost, func(uv.Stream, error) {})
	server.Unref()
	require.NoError(t, newTCP(t, loop).Connect(nil, sockname(t, server), func(req *uv.ConnectReq, err error) {
		assert.NoError(t, err)
		call(req.Handle())
	}))
}

func armRead(t *testing.T, loop *uv.Loop, call func(uv.Handle)) {
	client, accepted := connectTCP(t, loop)
	require.NoError(t, client.ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
		assert.NoError(t, err)
		assert.Equal(t, "x", string(buf))
		assert.NoError(t, s.ReadStop())
		call(s)
	}))
	require.NoError(t, accepted.Write(nil, [][]byte{[]byte("x")}, nil))
}

func armAlloc(t *testing.T, loop *uv.Loop, call func(uv.Handle)) {
	client, accepted := connectTCP(t, loop)
	require.NoError(t, client.ReadStart(func(h uv.Handle, _ int) []byte {
		call(h)
		return make([]byte, 10)
	}, func(s uv.Stream, buf []byte, err error) {
		if err != nil { // the AllocCB panicked
			assert.Equal(t, uv.ENOBUFS, err)
		}
		assert.NoError(t, s.ReadStop())
	}))
	require.NoError(t, accepted.Write(nil, [][]byte{[]byte("x")}, nil))
}

func armWrite(t *testing.T, loop *uv.Loop, call func(uv.Handle)) {
	client, _ := connectTCP(t, loop)
	require.NoError(t, client.Write(nil, [][]byte{[]byte("x")}, func(req *uv.WriteReq, err error) {
		assert.NoError(t, err)
		call(req.Handle())
	}))
}

func armShutdown(t *testing.T, loop *uv.Loop, call func(uv.Handle)) {
	client, _ := connectTCP(t, loop)
	require.NoError(t, client.Shutdown(nil, func(req *uv.ShutdownReq, err error) {
		assert.NoError(t, err)
		call(req.Handle())
	}))
}

// callback_test's own arms are sound: each callback is called once.
func TestCallback_EachKindOnce(t *testing.T) {
	eachCallback(t, func(t *testing.T, kind callbackKind) {
		loop := newLoop(t)
		calls := 0
		kind.arm(t, loop, func(uv.Handle) { calls++ })
		assert.Equal(t, 0, calls, "never before Run")
		run(t, loop)
		assert.Equal(t, 1, calls)
		closeAll(t, loop)
		assert.Equal(t, 1, calls)
	})
}

func TestCallback_Panics(t *testing.T) {
	eachCallback(t, func(t *testing.T, kind callbackKind) {
		loop := newLoop(t)
		assert.Nil(t, loop.PanicStack())
		calls, want := 0, errors.New("from the callback")
		kind.arm(t, loop, func(uv.Handle) {
			calls++
			panic(want)
		})
		got := panicValue(func() { runMode(t, loop, uv.RunDefault) })
		assert.Same(t, want, got, "the very value comes out of Run")
		assert.Equal(t, 1, calls)
		assert.Contains(t, string(loop.PanicStack()), kind.callbackName())

		closeAll(t, loop)
		assert.Equal(t, 1, calls)
	})
}

func TestCallback_ClosesItsHandle(t *testing.T) {
	eachCallback(t, func(t *testing.T, kind callbackKind) {
		loop := newLoop(t)
		calls, closed := 0, 0
		kind.arm(t, loop, func(h uv.Handle) {
			calls++
			switch kind.name {
			case "fs": // it has none
				closed++
			case "close":
				closed++
				assert.Contains(t, panicText(func() { h.Close(nil) }), "Timer.Close: the handle is closed")
			case "alloc":
				closed++
				assert.Contains(t, panicText(func() { h.Close(nil) }), "TCP.Close: called from an AllocCB of the stream")
			case "read", "prepare", "check", "idle", "signal": // stopped by the arm, which must not matter
				fallthrough
			default:
				h.Close(func(got uv.Handle) {
					closed++
					assert.Same(t, h, got)
				})
			}
		})
		if kind.name == "read" || kind.name == "alloc" {
			closed, calls = 0, 0
		}
		run(t, loop)
		assert.Equal(t, 1, calls)
		assert.Equal(t, 1, closed)
		closeAll(t, loop)
	})
}

func TestCallback_RunPanics(t *testing.T) {
	eachCallback(t, func(t *testing.T, kind callbackKind) {
		loop := newLoop(t)
		calls := 0
		kind.arm(t, loop, func(uv.Handle) {
			calls++
			for _, mode := range []uv.RunMode{uv.RunDefault, uv.RunOnce, uv.RunNowait} {
				assert.Equal(t, "uv: Loop.Run: called from a callback of the same loop", panicText(func() { loop.Run(mode) }))
			}
			assert.Equal(t, uv.EBUSY, loop.Close())
		})
		run(t, loop)
		assert.Equal(t, 1, calls)
		closeAll(t, loop)
	})
}

func TestCallback_RunsAnotherLoop(t *testing.T) {
	eachCallback(t, func(t *testing.T, kind callbackKind) {
		loop := newLoop(t)
		calls, inner := 0, 0
		kind.arm(t, loop, func(uv.Handle) {
			calls++
			var other uv.Loop
			assert.NoError(t, other.Init())
			armTimer(t, &other, func(h uv.Handle) {
				inner++
				h.Close(nil)
			})
			assert.False(t, other.Run(uv.RunDefault))
			assert.NoError(t, other.Close())
		})
		run(t, loop)
		assert.Equal(t, 1, calls)
		assert.Equal(t, 1, inner)
		closeAll(t, loop)
	})
}

// Goexit, which is what FailNow and require do, ends the goroutine with C's
// frames on it. The loop is lost, and what is left of it leaks.
func TestCallback_Goexit(t *testing.T) {
	if asan {
		t.Skip("C's frames are dropped")
	}
	eachCallback(t, func(t *testing.T, kind callbackKind) {
		loop := new(uv.Loop)
		require.NoError(t, loop.Init())
		var handle uv.Handle
		calls, returned, ended := 0, false, make(chan bool)
		kind.arm(t, loop, func(h uv.Handle) {
			calls++
			handle = h
			runtime.Goexit()
		})
		go func() {
			defer close(ended)
			runMode(t, loop, uv.RunDefault)
			returned = true
		}()
		select {
		case <-ended:
		case <-time.After(timeLimit):
			require.Fail(t, "the goroutine does not end")
		}
		assert.Equal(t, 1, calls)
		assert.False(t, returned)

		for name, call := range methodsOf(loop) {
			switch name {
			case "Init", "Close", "Data", "SetData", "PanicStack":
			default:
				assert.Equal(t, "uv: Loop."+name+": the loop cannot be used any more: a callback called runtime.Goexit", panicText(call))
			}
		}
		assert.Contains(t, panicText(func() { _ = new(uv.Timer).Init(loop) }), "Goexit")
		assert.Equal(t, uv.EBUSY, loop.Close())
		if handle != nil {
			handle.Close(func(uv.Handle) { assert.Fail(t, "called") })
			handle.Close(nil)
		}
	})
}

// A deferred function of the callback's that panics does not keep the goroutine
// from exiting. The panic goes on past Run, and the loop is lost as with Goexit
// alone.
func TestCallback_GoexitAndPanic(t *testing.T) {
	if asan {
		t.Skip("C's frames are dropped")
	}
	loop := new(uv.Loop)
	require.NoError(t, loop.Init())
	timer := newTimer(t, loop)
	var deep func(n int, f func())
	deep = func(n int, f func()) {
		if n == 0 {
			f()
		} else {
			deep(n-1, f)
		}
	}
	require.NoError(t, timer.Start(func(*uv.Timer) {
		deep(200, func() {
			defer deep(200, func() { panic("deferred") })
			runtime.Goexit()
		})
	}, 0, 0))
	recovered := make(chan any, 1)
	go func() {
		defer func() { recovered <- recover() }()
		runMode(t, loop, uv.RunDefault)
	}()
	select {
	case value := <-recovered:
		assert.Equal(t, "deferred", value)
	case <-time.After(timeLimit):
		require.Fail(t, "the goroutine does not end")
	}
	assert.Contains(t, panicText(func() { loop.Stop() }), "a callback called runtime.Goexit")
	assert.Equal(t, uv.EBUSY, loop.Close())
	timer.Close(nil)
	assert.False(t, timer.IsClosing(), "it cannot be")

	var refused uv.Process
	assert.Contains(t, panicText(func() { _ = loop.Spawn(&refused, nil) }), "Goexit")
}

// A process that was refused can be closed after Goexit as any handle can, which
// is to say that nothing happens.
func TestCallback_GoexitAndARefusedProcess(t *testing.T) {
	if asan {
		t.Skip("C's frames are dropped")
	}
	loop := new(uv.Loop)
	require.NoError(t, loop.Init())
	var refused uv.Process
	require.Equal(t, uv.EINVAL, loop.Spawn(&refused, nil))
	timer := newTimer(t, loop)
	require.NoError(t, timer.Start(func(*uv.Timer) { runtime.Goexit() }, 0, 0))
	ended := make(chan bool)
	go func() {
		defer close(ended)
		runMode(t, loop, uv.RunDefault)
	}()
	<-ended
	refused.Close(func(uv.Handle) { t.Error("called") })
}

// The rest of the process does not mind.
func TestCallback_GoexitSparesOtherLoops(t *testing.T) {
	if asan {
		t.Skip("C's frames are dropped")
	}
	t.Parallel()
	lost := new(uv.Loop)
	require.NoError(t, lost.Init())
	armTimer(t, lost, func(uv.Handle) { runtime.Goexit() })
	ended := make(chan bool)
	go func() {
		defer close(ended)
		lost.Run(uv.RunDefault)
	}()
	<-ended
	runtime.GC()

	loop := newLoop(t)
	calls := 0
	armTimer(t, loop, func(h uv.Handle) {
		calls++
		h.Close(nil)
	})
	run(t, loop)
	assert.Equal(t, 1, calls)
}

func TestPanic_OthersOfTheIterationAreDelivered(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	called := counts{}
	// Not from timers: those that are due when Run is called come before its
	// first iteration, from libuv 1.45 on.
	for i := range 3 {
		prepare := new(uv.Prepare)
		require.NoError(t, prepare.Init(loop))
		require.NoError(t, prepare.Start(func(*uv.Prepare) {
			called["panics"]++
			prepare.Close(func(uv.Handle) { called["close"]++ })
			if i == 0 {
				panic("first")
			}
		}))
	}
	var async uv.Async
	require.NoError(t, async.Init(loop, func(h *uv.Async) { called["async"]++ }))
	require.NoError(t, async.Send())
	for name, w := range newWatchers(t, loop) {
		require.NoError(t, w.start(func(uv.Handle) { called[name]++ }))
	}
	assert.Equal(t, "first", panicValue(func() { runMode(t, loop, uv.RunDefault) }))
	assert.Equal(t, counts{"panics": 3, "close": 3, "async": 1, "Idle": 1, "Prepare": 1, "Check": 1}, called,
		"the iteration goes on to its end, and there is no other")
	closeAll(t, loop)
}

func TestPanic_RestComesWithTheNextRun(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	calls := 0
	require.NoError(t, newTimer(t, loop).Start(func(timer *uv.Timer) {
		if calls++; calls == 4 {
			timer.Close(nil)
			return
		}
		panic(calls)
	}, 0, 1))
	for i := range 3 {
		assert.Equal(t, i+1, panicValue(func() { runMode(t, loop, uv.RunDefault) }))
	}
	run(t, loop)
	assert.Equal(t, 4, calls)
}

// The first panic of an iteration is the one that comes out.
func TestPanic_SeveralInOneIteration(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	calls := 0
	for i := range 3 {
		require.NoError(t, newTimer(t, loop).Start(func(*uv.Timer) {
			calls++
			panic(fmt.Sprint("timer ", i))
		}, 0, 0))
	}
	assert.Equal(t, "timer 0", panicValue(func() { runMode(t, loop, uv.RunDefault) }))
	assert.Equal(t, 3, calls)
	run(t, loop)
	assert.Equal(t, 3, calls, "no panic comes twice")
	closeAll(t, loop)
}

func TestPanic_EveryRunMode(t *testing.T) {
	t.Parallel()
	for _, mode := range []uv.RunMode{uv.RunDefault, uv.RunOnce, uv.RunNowait} {
		loop := newLoop(t)
		armTimer(t, loop, func(uv.Handle) { panic("timer") })
		assert.Equal(t, "timer", panicValue(func() { runMode(t, loop, mode) }))
		assert.False(t, runMode(t, loop, mode), "Stop was for the run that panicked")
		closeAll(t, loop)
	}
}

type panicError struct{ code int }

func (e *panicError) Error() string { return fmt.Sprint("code ", e.code) }

func TestPanic_ErrorKeepsItsIdentity(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	want := fmt.Errorf("wrapped: %w", &panicError{42})
	armTimer(t, loop, func(uv.Handle) { panic(want) })
	err, ok := panicValue(func() { runMode(t, loop, uv.RunDefault) }).(error)
	require.True(t, ok)
	assert.ErrorIs(t, err, want)
	var inner *panicError
	require.ErrorAs(t, err, &inner)
	assert.Equal(t, 42, inner.code)
	closeAll(t, loop)
}

func TestPanic_OfTheRuntime(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var nobody *uv.Timer
	armTimer(t, loop, func(uv.Handle) { nobody.IsClosing() })
	err, ok := panicValue(func() { runMode(t, loop, uv.RunDefault) }).(runtime.Error)
	require.True(t, ok)
	assert.Contains(t, err.Error(), "nil pointer dereference")
	closeAll(t, loop)

	armTimer(t, loop, func(uv.Handle) { panic(nil) })
	assert.IsType(t, new(runtime.PanicNilError), panicValue(func() { runMode(t, loop, uv.RunDefault) }))
	closeAll(t, loop)
}

// What a callback recovers from itself is no panic.
func TestPanic_RecoveredInTheCallback(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	calls := 0
	armTimer(t, loop, func(h uv.Handle) {
		calls++
		assert.Equal(t, "mine", panicValue(func() { panic("mine") }))
		h.Close(nil)
	})
	run(t, loop)
	assert.Equal(t, 1, calls)
	assert.Nil(t, loop.PanicStack())
}

// The panic of a walk's callback is the walk's caller's first, and then its
// callback's; what is kept is where it began.
func TestPanic_ThroughWalk(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	calls := 0
	require.NoError(t, newTimer(t, loop).Start(func(timer *uv.Timer) {
		timer.Loop().Walk(func(uv.Handle) {
			calls++
			panicsDeepDown()
		})
		assert.Fail(t, "Walk returned")
	}, 0, 0))
	assert.Equal(t, "deep down", panicValue(func() { runMode(t, loop, uv.RunDefault) }))
	assert.Equal(t, 1, calls)
	assert.Contains(t, string(loop.PanicStack()), "panicsDeepDown")
	closeAll(t, loop)
}

//go:noinline
func panicsDeepDown() { panic("deep down") }

var dropsPanic = helper("dropsPanic", func() {
	var loop uv.Loop
	var first, second uv.Timer
	must(loop.Init())
	must(first.Init(&loop))
	must(second.Init(&loop))
	must(first.Start(func(*uv.Timer) { panicsDeepDown() }, 0, 0))
	must(second.Start(func(*uv.Timer) { panic("the second one") }, 0, 0))
	loop.Run(uv.RunDefault)
	fmt.Println("not reached")
})

// A panic that nobody recovers from ends the program as panics do, and shows
// the stack of the callback.
func TestPanic_EndsTheProgram(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(helperPath())
	cmd.Env = helperEnv(dropsPanic)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 2, exit.ExitCode())
	assert.Empty(t, string(stdout))
	for _, want := range []string{"deep down", "uv_test.panicsDeepDown", "the second one", "callback_test.go"} {
		assert.Contains(t, stderr.String(), want)
	}
}

var exitsGoroutine = helper("exitsGoroutine", func() {
	var loop uv.Loop
	var timer uv.Timer
	must(loop.Init())
	must(timer.Init(&loop))
	must(timer.Start(func(*uv.Timer) { runtime.Goexit() }, 0, 0))
	ended := make(chan bool)
	go func() {
		defer close(ended)
		defer fmt.Println("deferred functions run")
		loop.Run(uv.RunDefault)
		fmt.Println("not reached")
	}()
	<-ended
	for range 10 { // whatever it left behind, collections and new threads do not stumble over it
		runtime.GC()
		done := make(chan bool)
		go func() {
			runtime.LockOSThread() // the thread ends with the goroutine
			close(done)
		}()
		<-done
	}
})

func TestCallback_GoexitLeavesASoundProcess(t *testing.T) {
	if asan {
		t.Skip("C's frames are dropped")
	}
	t.Parallel()
	cmd := exec.Command(helperPath())
	cmd.Env = helperEnv(exitsGoroutine)
	out, err := cmd.CombinedOutput()
	assert.NoError(t, err)
	assert.Equal(t, "deferred functions run\n", string(out))
}
