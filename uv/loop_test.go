package uv_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// newTimer returns a timer that is not started.
func newTimer(t testing.TB, loop *uv.Loop) *uv.Timer {
	t.Helper()
	timer := new(uv.Timer)
	require.NoError(t, timer.Init(loop))
	return timer
}

func TestLoop_InitClose(t *testing.T) {
	t.Parallel()
	var loop uv.Loop
	for range 3 {
		require.NoError(t, loop.Init())
		assert.False(t, loop.Alive())
		assert.False(t, loop.Run(uv.RunDefault))
		require.NoError(t, loop.Close())
	}
}

func TestLoop_InitTwicePanics(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	assert.Contains(t, panicText(func() { _ = loop.Init() }), "Loop.Init: the loop is initialised already")
}

func TestLoop_CloseBusyHandle(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	assert.Equal(t, uv.EBUSY, loop.Close(), "open, though not active")
	timer.Close(nil)
	assert.Equal(t, uv.EBUSY, loop.Close(), "closing")
	run(t, loop)
	assert.NoError(t, loop.Close())
	require.NoError(t, loop.Init())
}

func TestLoop_CloseBusyRequest(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	calls := 0
	require.NoError(t, loop.FsUnlink(nil, filepath.Join(t.TempDir(), "missing"), func(*uv.FsReq) { calls++ }))
	assert.Equal(t, uv.EBUSY, loop.Close(), "a request is active until its callback")
	run(t, loop)
	assert.Equal(t, 1, calls)
}

func TestLoop_CloseInCallback(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	calls := 0
	require.NoError(t, timer.Start(func(timer *uv.Timer) {
		timer.Close(func(uv.Handle) {
			calls++
			assert.Equal(t, uv.EBUSY, loop.Close(), "nothing is open, but the loop runs")
		})
	}, 0, 0))
	run(t, loop)
	assert.Equal(t, 1, calls)
}

func TestDefaultLoop(t *testing.T) {
	loop := uv.DefaultLoop()
	require.NotNil(t, loop)
	assert.Same(t, loop, uv.DefaultLoop())
	done := make(chan *uv.Loop)
	go func() { done <- uv.DefaultLoop() }()
	assert.Same(t, loop, <-done, "from any goroutine")

	timer := newTimer(t, loop)
	assert.Equal(t, uv.EBUSY, loop.Close())
	assert.Same(t, loop, uv.DefaultLoop())
	timer.Close(nil)
	run(t, loop)
	require.NoError(t, loop.Close())
	assert.Contains(t, panicText(func() { loop.Now() }), "Loop.Now: the loop is not initialised, or closed")
}

func TestLoop_RunModesOfEmptyLoop(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	for _, mode := range []uv.RunMode{uv.RunDefault, uv.RunOnce, uv.RunNowait} {
		assert.False(t, runMode(t, loop, mode), "mode %d", mode)
	}
}

// RunOnce waits for an event, and says whether anything is left to wait for. Not
// with a timer: signals, which Go's runtime uses, let libuv wait less than that
// takes.
func TestLoop_RunOnceWaits(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var async uv.Async
	calls := 0
	require.NoError(t, async.Init(loop, func(h *uv.Async) {
		if calls++; calls == 2 {
			h.Close(nil)
		}
	}))
	for want := 1; want <= 2; want++ {
		go func() { assert.NoError(t, async.Send()) }()
		assert.Equal(t, want < 2, runMode(t, loop, uv.RunOnce))
		assert.Equal(t, want, calls)
	}
}

func TestLoop_RunNowaitRunsWhatIsDue(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var check uv.Check
	calls := 0
	require.NoError(t, check.Init(loop))
	require.NoError(t, check.Start(func(*uv.Check) { calls++ }))
	for i := range 3 {
		assert.True(t, runMode(t, loop, uv.RunNowait))
		assert.Equal(t, i+1, calls, "one iteration a run")
	}
	closeAll(t, loop)
}

func TestLoop_RunUnknownModePanics(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	for _, mode := range []uv.RunMode{-1, 3} {
		assert.Contains(t, panicText(func() { loop.Run(mode) }), fmt.Sprintf("Loop.Run: unknown mode %d", mode))
	}
}

// Stop lets the iteration go on to its end.
func TestLoop_StopInCallback(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	called := counts{}
	// Not from timers: those that are due when Run is called come before its
	// first iteration, from libuv 1.45 on.
	for _, name := range []string{"first", "second"} {
		prepare := new(uv.Prepare)
		require.NoError(t, prepare.Init(loop))
		require.NoError(t, prepare.Start(func(*uv.Prepare) {
			called[name]++
			loop.Stop()
			prepare.Close(func(uv.Handle) { called["close"]++ })
		}))
	}
	var check uv.Check
	require.NoError(t, check.Init(loop))
	require.NoError(t, check.Start(func(*uv.Check) { called["check"]++ }))
	assert.True(t, runMode(t, loop, uv.RunDefault))
	assert.Equal(t, counts{"first": 1, "second": 1, "check": 1, "close": 2}, called)
	closeAll(t, loop)
}

func TestLoop_Now(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	start := loop.Now()
	assert.NotZero(t, start)
	uv.Sleep(2)
	assert.Equal(t, start, loop.Now(), "the loop's time stands still")
	loop.UpdateTime()
	assert.GreaterOrEqual(t, loop.Now(), start+2)
	assert.LessOrEqual(t, loop.Now(), uv.Hrtime()/1e6, "it is Hrtime's, in milliseconds")
}

func TestLoop_BackendTimeout(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var async uv.Async
	require.NoError(t, async.Init(loop, nil))
	assert.True(t, runMode(t, loop, uv.RunNowait))
	assert.Equal(t, -1, loop.BackendTimeout(), "only events end the wait")
	loop.Stop()
	assert.Equal(t, 0, loop.BackendTimeout(), "no wait")
	runMode(t, loop, uv.RunNowait)
	closeAll(t, loop)
}

// awaitBackend waits for what the loop waits for, by the means of another
// event loop, which here is that of Go's own runtime.
func awaitBackend(t *testing.T, loop *uv.Loop) {
	t.Helper()
	fd, err := syscall.Dup(loop.BackendFD())
	require.NoError(t, err)
	require.NoError(t, syscall.SetNonblock(fd, true))
	backend := os.NewFile(uintptr(fd), "backend")
	defer backend.Close()
	conn, err := backend.SyscallConn()
	require.NoError(t, err)

	wait := time.Duration(loop.BackendTimeout()) * time.Millisecond
	if wait < 0 {
		wait = timeLimit
	}
	require.NoError(t, backend.SetReadDeadline(time.Now().Add(wait)))
	asked := false
	err = conn.Read(func(uintptr) bool {
		asked = !asked
		return !asked
	})
	if err != nil {
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Less(t, wait, timeLimit, "the loop's descriptor never woke up")
	}
}

func TestLoop_EmbedTimers(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	calls := 0
	require.NoError(t, newTimer(t, loop).Start(func(timer *uv.Timer) {
		if calls++; calls == 3 {
			timer.Close(nil)
		}
	}, 5, 5))
	for loop.Alive() {
		awaitBackend(t, loop)
		runMode(t, loop, uv.RunNowait)
	}
	assert.Equal(t, 3, calls)
}

func TestLoop_Configure(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	assert.NoError(t, loop.Configure(uv.MetricsIdleTime))
	assert.Equal(t, uv.EINVAL, loop.Configure(uv.MetricsIdleTime, syscall.SIGPROF), "it takes no signal")
	assert.Equal(t, uv.EINVAL, loop.Configure(uv.LoopBlockSignal, syscall.SIGUSR1))
	assert.Equal(t, uv.EINVAL, loop.Configure(uv.LoopBlockSignal))
	assert.Equal(t, uv.EINVAL, loop.Configure(uv.LoopBlockSignal, syscall.SIGPROF, syscall.SIGPROF))
	assert.Equal(t, uv.ENOSYS, loop.Configure(uv.LoopOption(99)))

	var want error
	if uv.Version() < 0x013100 || runtime.GOOS != "linux" {
		want = uv.ENOSYS
	}
	assert.Equal(t, want, loop.Configure(uv.LoopUseIOUringSqpoll))
}

func TestLoop_WalkSeesEveryType(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	want := map[uv.Handle]int{}
	for _, h := range everyHandle() {
		initHandle(t, loop, h)
		want[h] = 1
	}
	seen := map[uv.Handle]int{}
	loop.Walk(func(h uv.Handle) {
		seen[h]++
		h.Unref() // the async would keep the loop alive, and all but the process is idle
		if _, ok := h.(*uv.Process); ok {
			h.Ref()
		}
	})
	assert.Equal(t, want, seen)
	loop.Walk(nil)
	run(t, loop)
	closeAll(t, loop)
}

func TestLoop_WalkSeesClosing(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	newTimer(t, loop).Close(nil)
	seen := 0
	loop.Walk(func(h uv.Handle) {
		seen++
		assert.True(t, h.IsClosing())
	})
	assert.Equal(t, 1, seen)
	run(t, loop)
}

func TestLoop_WalkNested(t *testing.T) {
	t.Parallel()
	const n = 5
	loop := newLoop(t)
	for range n {
		newTimer(t, loop)
	}
	outer, inner := 0, 0
	loop.Walk(func(uv.Handle) {
		outer++
		loop.Walk(func(uv.Handle) { inner++ })
	})
	assert.Equal(t, n, outer)
	assert.LessOrEqual(t, inner, n*n, "a walk within a walk sees what the outer one has passed, as in C")
	closeAll(t, loop)
}

func TestLoop_WalkCloses(t *testing.T) {
	t.Parallel()
	const n = 5
	loop := newLoop(t)
	for range n {
		newTimer(t, loop)
	}
	seen, closed := 0, 0
	loop.Walk(func(h uv.Handle) {
		seen++
		h.Close(func(uv.Handle) { closed++ })
	})
	assert.Equal(t, n, seen)
	assert.Equal(t, 0, closed, "close callbacks come from Run")
	run(t, loop)
	assert.Equal(t, n, closed)
}

func TestLoop_WalkPanics(t *testing.T) {
	t.Parallel()
	const n = 3
	loop := newLoop(t)
	for range n {
		newTimer(t, loop)
	}
	seen, want := 0, errors.New("of the first")
	got := panicValue(func() {
		loop.Walk(func(uv.Handle) {
			if seen++; seen == 1 {
				panic(want)
			}
		})
	})
	assert.Same(t, want, got)
	assert.Equal(t, n, seen, "the walk goes on to its end")
	assert.Contains(t, string(loop.PanicStack()), "TestLoop_WalkPanics")

	loop.Walk(func(uv.Handle) { seen++ })
	assert.Equal(t, 2*n, seen, "the loop is whole")
	closeAll(t, loop)
}

func TestLoop_WalkPanicRecoveredInCallback(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timers := 0
	require.NoError(t, newTimer(t, loop).Start(func(timer *uv.Timer) {
		timers++
		assert.Equal(t, "walk", panicValue(func() { loop.Walk(func(uv.Handle) { panic("walk") }) }))
		if timers == 2 {
			timer.Close(nil)
		}
	}, 0, 1))
	run(t, loop)
	assert.Equal(t, 2, timers, "the loop was not stopped")
}

var closesLoopInWalk = helper("closesLoopInWalk", func() {
	var loop uv.Loop
	var timers [3]uv.Timer
	must(loop.Init())
	for i := range timers {
		must(timers[i].Init(&loop))
	}
	defer func() {
		if text, ok := recover().(string); ok {
			fmt.Print(text)
		}
	}()
	loop.Walk(func(h uv.Handle) {
		h.Close(nil)
		loop.Run(uv.RunDefault)
		fmt.Println(loop.Close())
	})
})

// While C walks, the handles it has not come to are on no list: libuv would
// take the loop for empty, and then walk on in freed memory.
func TestLoop_CloseInWalk(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(helperPath())
	cmd.Env = helperEnv(closesLoopInWalk)
	out, err := cmd.Output()
	assert.NoError(t, err)
	assert.NotContains(t, string(out), "<nil>", "the loop was closed with handles open")
}

// A walk's callback may run the loop, whose panics stop it as they always do.
func TestLoop_RunInWalkPanics(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	armTimer(t, loop, func(uv.Handle) { panic("timer") })
	others, walks := 0, 0
	require.NoError(t, newTimer(t, loop).Start(func(timer *uv.Timer) {
		if others++; others == 100 {
			timer.Close(nil)
		}
	}, 0, 1))
	loop.Walk(func(uv.Handle) {
		if walks++; walks == 1 {
			assert.Equal(t, "timer", panicValue(func() { runMode(t, loop, uv.RunDefault) }))
			assert.Equal(t, 1, others, "Run went on after the panic")
		}
	})
	assert.Equal(t, 2, walks)
	closeAll(t, loop)
}

func TestLoop_CopiesPanic(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	copied := shallowCopy(loop)
	assert.Contains(t, panicText(func() { copied.Now() }), "Loop.Now: the loop is a copy")
}

func TestLoop_Data(t *testing.T) {
	t.Parallel()
	var loop uv.Loop
	assert.Nil(t, loop.Data())
	loop.SetData("before")
	require.NoError(t, loop.Init())
	assert.Equal(t, "before", loop.Data())
	loop.SetData(42)
	assert.Equal(t, 42, loop.Data())
	require.NoError(t, loop.Close())
	assert.Equal(t, 42, loop.Data())
}

func TestLoopSize(t *testing.T) {
	t.Parallel()
	assert.Greater(t, uv.LoopSize(), 100)
}

func TestLoop_MethodsPanicOutsideItsLife(t *testing.T) {
	t.Parallel()
	closed := new(uv.Loop)
	require.NoError(t, closed.Init())
	require.NoError(t, closed.Close())
	for _, state := range []struct {
		name string
		loop *uv.Loop
		want string
	}{
		{"nil", nil, "the loop is nil"},
		{"not initialised", new(uv.Loop), "the loop is not initialised, or closed"},
		{"closed", closed, "the loop is not initialised, or closed"},
	} {
		t.Run(state.name, func(t *testing.T) {
			methods := 0
			for name, call := range methodsOf(state.loop) {
				switch name {
				case "Init", "Data", "SetData", "PanicStack":
					continue
				}
				methods++
				assert.Contains(t, panicText(call), "Loop."+name+": "+state.want)
			}
			assert.GreaterOrEqual(t, methods, 12)
		})
	}
}

func TestLoop_HandlesNeedALoop(t *testing.T) {
	t.Parallel()
	for _, h := range everyHandle() {
		for name, call := range methodsOf(h) {
			if name == "Init" || name == "InitEx" {
				assert.Contains(t, panicText(call), typeName(h)+"."+name+": the loop is nil")
			}
		}
	}
	var loop uv.Loop
	assert.Contains(t, panicText(func() { _ = new(uv.Timer).Init(&loop) }), "Timer.Init: the loop is not initialised")
}

func TestLoop_Nested(t *testing.T) {
	t.Parallel()
	outer, inner := newLoop(t), newLoop(t)
	called := counts{}
	innerTimer := newTimer(t, inner)
	require.NoError(t, newTimer(t, outer).Start(func(timer *uv.Timer) {
		called["outer"]++
		assert.NoError(t, innerTimer.Start(func(*uv.Timer) {
			called["inner"]++
			assert.Contains(t, panicText(func() { outer.Run(uv.RunNowait) }), "called from a callback of the same loop")
			assert.Contains(t, panicText(func() { inner.Run(uv.RunNowait) }), "called from a callback of the same loop")
			outer.Stop()
		}, 0, 0))
		assert.False(t, inner.Run(uv.RunDefault))
		timer.Close(nil)
		innerTimer.Close(nil)
		assert.False(t, inner.Run(uv.RunDefault))
	}, 0, 0))
	runMode(t, outer, uv.RunDefault)
	assert.Equal(t, counts{"outer": 1, "inner": 1}, called)
	closeAll(t, outer)
}

// Panics of an inner loop's callback pass through the outer loop's.
func TestLoop_NestedPanic(t *testing.T) {
	t.Parallel()
	outer, inner := newLoop(t), newLoop(t)
	require.NoError(t, newTimer(t, inner).Start(func(*uv.Timer) { panic("inner") }, 0, 0))
	require.NoError(t, newTimer(t, outer).Start(func(*uv.Timer) { inner.Run(uv.RunDefault) }, 0, 0))
	assert.Equal(t, "inner", panicValue(func() { runMode(t, outer, uv.RunDefault) }))
	assert.Contains(t, string(inner.PanicStack()), "TestLoop_NestedPanic.func1")
	closeAll(t, inner)
	closeAll(t, outer)
}

// Many loops, each in its goroutine.
func TestLoop_Concurrent(t *testing.T) {
	t.Parallel()
	const loops, rounds = 8, 20
	done := make(chan int)
	for range loops {
		go func() {
			calls := 0
			defer func() { done <- calls }()
			for range rounds {
				var loop uv.Loop
				var timer uv.Timer
				if !assert.NoError(t, loop.Init()) || !assert.NoError(t, timer.Init(&loop)) {
					return
				}
				assert.NoError(t, timer.Start(func(timer *uv.Timer) {
					calls++
					timer.Close(nil)
				}, 0, 0))
				assert.False(t, loop.Run(uv.RunDefault))
				assert.NoError(t, loop.Close())
			}
		}()
	}
	for range loops {
		assert.Equal(t, rounds, <-done)
	}
}

// A loop may change hands between runs.
func TestLoop_MovesBetweenGoroutines(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	timer := newTimer(t, loop)
	calls := 0
	for range 4 {
		require.NoError(t, timer.Start(func(*uv.Timer) { calls++ }, 0, 0))
		done := make(chan bool)
		go func() {
			defer close(done)
			assert.False(t, loop.Run(uv.RunDefault))
		}()
		<-done
	}
	assert.Equal(t, 4, calls)
	closeAll(t, loop)
}

func TestLoop_OtherGoroutinesPanic(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	objects := []any{loop}
	for _, h := range everyHandle() {
		initHandle(t, loop, h)
		objects = append(objects, h)
	}
	calls, methods := 0, 0
	timer := newTimer(t, loop)
	require.NoError(t, timer.Start(func(*uv.Timer) {
		calls++
		done := make(chan bool)
		go func() {
			defer close(done)
			for _, object := range objects {
				for name, call := range methodsOf(object) {
					if onlyLooks(name) || name == "Init" || name == "InitEx" || object == loop && name == "PanicStack" {
						continue
					}
					if async, ok := object.(*uv.Async); ok && name == "Send" {
						assert.NoError(t, async.Send())
						continue
					}
					methods++
					method := typeName(object) + "." + name
					assert.Contains(t, panicText(call), method+": the loop is running on another goroutine; use Async.Send")
				}
			}
			assert.Contains(t, panicText(func() { _ = new(uv.TCP).Init(loop) }), "TCP.Init: the loop is running on another goroutine")
		}()
		<-done
	}, 0, 0))
	runMode(t, loop, uv.RunNowait)
	assert.Equal(t, 1, calls)
	assert.Greater(t, methods, 100)

	require.NoError(t, timer.Start(func(*uv.Timer) { calls++ }, 0, 0))
	runMode(t, loop, uv.RunNowait)
	assert.Equal(t, 2, calls, "the loop goes on")
	awaitExits(t, loop)
	closeAll(t, loop)
}

// The panics of a Walk and those of a Run inside of it are kept apart.
func TestLoop_RunInWalkAfterAPanic(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	for range 2 {
		newTimer(t, loop)
	}
	walks := 0
	assert.Equal(t, "walk", panicValue(func() {
		loop.Walk(func(uv.Handle) {
			if walks++; walks == 1 {
				panic("walk")
			}
			assert.Nil(t, panicValue(func() { runMode(t, loop, uv.RunNowait) }))
		})
	}))
	assert.Equal(t, 2, walks)
	closeAll(t, loop)
}

var shutsDown = helper("shuts down", func() {
	var loop uv.Loop
	must(loop.Init())
	var watcher uv.Signal
	must(watcher.Init(&loop))
	must(watcher.Start(func(s *uv.Signal, _ syscall.Signal) { s.Close(nil) }, syscall.SIGUSR1))
	fmt.Println(panicText(uv.LibraryShutdown))
	must(uv.Kill(os.Getpid(), syscall.SIGUSR1))
	loop.Run(uv.RunDefault)
	must(loop.Close())
	must(uv.DefaultLoop().Close())

	arguments := strings.Clone(strings.Join(os.Args, " "))
	uv.LibraryShutdown()
	uv.LibraryShutdown()
	for i := range 100 { // into what may have become free
		must(uv.OSSetenv(fmt.Sprint("SHUTDOWN", i), strings.Repeat("#", i)))
	}
	fmt.Println(panicText(func() { _ = loop.Init() }))
	fmt.Println(panicText(func() { uv.DefaultLoop() }))
	_, err := uv.ProcessTitle()
	fmt.Println(err == uv.ENOBUFS, strings.Join(os.Args, " ") == arguments)

	// Go's own signals and children go on.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGUSR1, syscall.SIGTERM)
	for _, signum := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGTERM} {
		must(uv.Kill(os.Getpid(), signum))
		fmt.Println(<-caught)
	}
	must(exec.Command(helperPath(), "-test.list=^$").Run())
})

// In a process of its own, where no loop can be made afterwards.
func TestLibraryShutdown(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "uv: LibraryShutdown: a loop is not closed\n"+
		"uv: Loop.Init: called after LibraryShutdown\nuv: DefaultLoop: called after LibraryShutdown\n"+
		"true true\nuser defined signal 1\nterminated\n", helperOutput(t, shutsDown))
}
