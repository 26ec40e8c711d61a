package uv_test

import (
	"bytes"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// What threadMask does with a set of signals, as sigprocmask(2) has it.
const (
	maskBlock   = 0
	maskUnblock = 1
	maskSet     = 2
)

// threadMask changes which signals the calling thread blocks, and returns which
// it did before. The goroutine should have called runtime.LockOSThread.
func threadMask(how int, set uint64) (old uint64) {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, uintptr(how),
		uintptr(unsafe.Pointer(&set)), uintptr(unsafe.Pointer(&old)), unsafe.Sizeof(set), 0, 0)
	if errno != 0 {
		panic(errno)
	}
	return old
}

// raises is how often each of the tests of one signal raises it.
const raises = 10

// raiseInTurns raises SIGCHLD, at most once an iteration, and counts. None of
// the tests that use it is parallel: the children of others end with the same
// signal.
func raiseInTurns(t *testing.T, loop *uv.Loop) *int {
	t.Helper()
	timer, n := newTimer(t, loop), new(int)
	require.NoError(t, timer.Start(func(*uv.Timer) {
		raise(syscall.SIGCHLD)
		if *n++; *n == raises {
			timer.Close(nil)
		}
	}, 1, 1))
	return n
}

// Each signal is a callback, until the watcher is stopped; it can be started
// again.
func TestLibuv_we_get_signal(t *testing.T) {
	loop := newLoop(t)
	var s uv.Signal
	require.NoError(t, s.Init(loop))
	got := 0
	start := func(last func()) {
		got = 0
		require.NoError(t, s.Start(func(h *uv.Signal, signum syscall.Signal) {
			assert.Same(t, &s, h)
			assert.Equal(t, syscall.SIGCHLD, signum)
			if got++; got == raises {
				last()
			}
		}, syscall.SIGCHLD))
	}
	raised := raiseInTurns(t, loop)
	start(func() { assert.NoError(t, s.Stop()) })
	run(t, loop)
	assert.Equal(t, raises, *raised)
	assert.Equal(t, raises, got)

	raised = raiseInTurns(t, loop)
	run(t, loop)
	assert.Equal(t, raises, *raised)
	assert.Equal(t, raises, got, "it is stopped")

	start(func() { s.Close(nil) })
	raised = raiseInTurns(t, loop)
	run(t, loop)
	assert.Equal(t, raises, *raised)
	assert.Equal(t, raises, got)
}

// A one-shot watcher is called for the first signal and not again, until it is
// armed anew.
func TestLibuv_we_get_signal_one_shot(t *testing.T) {
	loop := newLoop(t)
	var s uv.Signal
	require.NoError(t, s.Init(loop))
	got := 0
	raised := raiseInTurns(t, loop)
	require.NoError(t, s.StartOneshot(func(_ *uv.Signal, signum syscall.Signal) {
		assert.Equal(t, syscall.SIGCHLD, signum)
		got++
	}, syscall.SIGCHLD))
	run(t, loop)
	assert.Equal(t, raises, *raised)
	assert.Equal(t, 1, got)

	raised = raiseInTurns(t, loop)
	run(t, loop)
	assert.Equal(t, raises, *raised)
	assert.Equal(t, 1, got, "it is not armed")

	got = 0
	require.NoError(t, s.StartOneshot(func(*uv.Signal, syscall.Signal) {
		got++
		s.Close(nil)
	}, syscall.SIGCHLD))
	raised = raiseInTurns(t, loop)
	run(t, loop)
	assert.Equal(t, raises, *raised)
	assert.Equal(t, 1, got)
}

// Watchers of both kinds on one signal: each gets what its kind gets, whoever
// else comes and goes.
func TestLibuv_we_get_signals_mixed(t *testing.T) {
	// The watchers are started in this order; those that are closed are so
	// before the loop runs.
	for _, kinds := range []string{
		"one-shot, one-shot",
		"one-shot, one-shot, closed",
		"normal, normal, closed one-shot",
		"closed, closed, one-shot, one-shot",
		"closed, one-shot, closed, normal",
	} {
		t.Run(kinds, func(t *testing.T) {
			loop := newLoop(t)
			raised := raiseInTurns(t, loop)
			var got, want []int
			var early []*uv.Signal
			for i, kind := range strings.Split(kinds, ", ") {
				s := new(uv.Signal)
				require.NoError(t, s.Init(loop))
				start, last := s.Start, raises
				if strings.HasSuffix(kind, "one-shot") {
					start, last = s.StartOneshot, 1
				}
				got, want = append(got, 0), append(want, last)
				if strings.HasPrefix(kind, "closed") {
					early = append(early, s)
					want[i] = 0
				}
				require.NoError(t, start(func(s *uv.Signal, signum syscall.Signal) {
					assert.Equal(t, syscall.SIGCHLD, signum)
					if got[i]++; got[i] == last {
						s.Close(nil)
					}
				}, syscall.SIGCHLD))
			}
			for _, s := range early {
				s.Close(nil)
			}
			run(t, loop)
			assert.Equal(t, raises, *raised)
			assert.Equal(t, want, got)
		})
	}
}

// Many loops watch two signals of the process, each in a thread of its own,
// while other threads make loops, and end them. Each watcher is called once for
// each time it was started, whichever thread the system picks for the signal.
func TestLibuv_signal_multiple_loops(t *testing.T) {
	const loops, makers = 24, 10
	var got1, got2, made atomic.Int64
	var stop atomic.Bool
	ready := make(chan bool, loops)

	var making [makers]uv.Thread
	for i := range making {
		require.NoError(t, making[i].Create(func() {
			for {
				loop, s := new(uv.Loop), new(uv.Signal)
				assert.NoError(t, loop.Init())
				assert.NoError(t, s.Init(loop))
				assert.NoError(t, s.Start(func(*uv.Signal, syscall.Signal) {
					assert.Fail(t, "unexpected signal")
				}, syscall.SIGTERM))
				s.Close(nil)
				assert.False(t, loop.Run(uv.RunDefault))
				assert.NoError(t, loop.Close())
				made.Add(1)
				if stop.Load() {
					return
				}
			}
		}))
	}

	var watching [loops]uv.Thread
	for i := range watching {
		require.NoError(t, watching[i].Create(func() {
			var loop uv.Loop
			assert.NoError(t, loop.Init())
			var watchers []func() // each starts one
			var handles []*uv.Signal
			add := func(signum syscall.Signal, got *atomic.Int64) {
				s := new(uv.Signal)
				assert.NoError(t, s.Init(&loop))
				handles = append(handles, s)
				watchers = append(watchers, func() {
					assert.NoError(t, s.Start(func(s *uv.Signal, caught syscall.Signal) {
						assert.Equal(t, signum, caught)
						got.Add(1)
						assert.NoError(t, s.Stop())
					}, signum))
				})
			}
			if i%3 != 1 {
				add(syscall.SIGUSR1, &got1)
				add(syscall.SIGUSR1, &got1)
			}
			if i%3 != 0 {
				add(syscall.SIGUSR2, &got2)
			}
			for range 2 {
				for _, start := range watchers {
					start()
				}
				ready <- true
				assert.False(t, loop.Run(uv.RunDefault))
			}
			for _, s := range handles {
				s.Close(nil)
			}
			assert.False(t, loop.Run(uv.RunDefault))
			assert.NoError(t, loop.Close())
		}))
	}

	sendBoth := func() {
		for range loops {
			<-ready
		}
		assert.NoError(t, uv.Kill(uv.OSGetpid(), syscall.SIGUSR1))
		assert.NoError(t, uv.Kill(uv.OSGetpid(), syscall.SIGUSR2))
	}
	sendBoth()
	// From here on another thread handles the signals.
	runtime.LockOSThread()
	mask := threadMask(maskSet, ^uint64(0))
	sendBoth()
	for i := range watching {
		assert.NoError(t, watching[i].Join())
	}
	threadMask(maskSet, mask)
	runtime.UnlockOSThread()

	stop.Store(true)
	for i := range making {
		assert.NoError(t, making[i].Join())
	}
	assert.EqualValues(t, 8*loops/3, got1.Load())
	assert.EqualValues(t, 4*loops/3, got2.Load())
	assert.GreaterOrEqual(t, made.Load(), int64(makers))
}

// A watcher is closed, by the callback of the write that failed, while the
// SIGPIPE of that write is on its way to it: it is not called, and its close
// callback is. Not parallel: other tests' writes fail too.
func TestLibuv_signal_pending_on_close(t *testing.T) {
	loop := newLoop(t)
	var s uv.Signal
	require.NoError(t, s.Init(loop))
	require.NoError(t, s.Start(func(*uv.Signal, syscall.Signal) {
		assert.Fail(t, "a closed watcher was called")
	}, syscall.SIGPIPE))
	fds, err := uv.MakePipe(0, 0)
	require.NoError(t, err)
	pipe := newPipe(t, loop)
	require.NoError(t, pipe.Open(fds[1]))
	c := counts{}
	closed := func(uv.Handle) { c["close"]++ }
	require.NoError(t, pipe.Write(nil, [][]byte{bytes.Repeat([]byte{'.'}, 1<<24)}, func(_ *uv.WriteReq, err error) {
		c["write"]++
		assert.Equal(t, uv.EPIPE, err)
		pipe.Close(closed)
		s.Close(closed)
	}))
	require.NotZero(t, pipe.WriteQueueSize(), "it takes another write, which then fails")
	require.NoError(t, syscall.Close(fds[0]))
	run(t, loop)
	assert.Equal(t, counts{"write": 1, "close": 2}, c)
}

// A read that waits while a watched signal is handled goes on. What reads is
// Go, which would return EINTR, in the place of uv_fs_read, which is not bound.
// Not parallel: others send the signal too.
func TestLibuv_eintr_handling(t *testing.T) {
	loop := newLoop(t)
	var s uv.Signal
	require.NoError(t, s.Init(loop))
	got := 0
	require.NoError(t, s.Start(func(s *uv.Signal, signum syscall.Signal) {
		got++
		assert.Equal(t, syscall.SIGUSR1, signum)
		assert.NoError(t, s.Stop())
	}, syscall.SIGUSR1))
	fds, err := uv.MakePipe(0, 0)
	require.NoError(t, err)
	const text = "test-buffer\n"
	runMode(t, loop, uv.RunNowait) // from here on the backend knows of the signals' pipe
	backend := loop.BackendFD()

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	reader := syscall.Gettid()
	var read atomic.Bool
	var thread uv.Thread
	require.NoError(t, thread.Create(func() {
		awaitSyscall(reader, syscall.SYS_READ)
		assert.NoError(t, syscall.Tgkill(uv.OSGetpid(), reader, syscall.SIGUSR1))
		// When the loop has something to do the handler has run. Bytes that are
		// there before would end the read, signal or not.
		for n := 0; n < 1 && !read.Load(); {
			n, _ = syscall.EpollWait(backend, make([]syscall.EpollEvent, 1), 100)
		}
		n, err := syscall.Write(fds[1], []byte(text))
		assert.NoError(t, err)
		assert.Equal(t, len(text), n)
	}))
	buf := make([]byte, 32)
	n, err := syscall.Read(fds[0], buf)
	read.Store(true)
	assert.NoError(t, err)
	assert.Equal(t, text, string(buf[:max(n, 0)]))
	run(t, loop)
	assert.Equal(t, 1, got)

	require.NoError(t, thread.Join())
	require.NoError(t, syscall.Close(fds[0]))
	require.NoError(t, syscall.Close(fds[1]))
	s.Close(nil)
	run(t, loop)
}
