package uv_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// raise is C's: it sends the calling thread a signal, which has been handled
// when it returns. Signals to the process would be one signal when they come
// faster than some thread takes them.
func raise(signum syscall.Signal) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	must(syscall.Tgkill(os.Getpid(), syscall.Gettid(), signum))
}

// sigaction is what the kernel knows of a signal's disposition.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

const saOnStack = 0x08000000

func disposition(t testing.TB, signum syscall.Signal) (now sigaction) {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(signum), 0, uintptr(unsafe.Pointer(&now)), 8, 0, 0)
	require.Zero(t, errno)
	return now
}

// watch starts a watcher that counts, and stops after stop signals.
func watch(t testing.TB, loop *uv.Loop, signum syscall.Signal, stop int) (*uv.Signal, *int) {
	s, n := new(uv.Signal), new(int)
	require.NoError(t, s.Init(loop))
	require.NoError(t, s.Start(func(s *uv.Signal, got syscall.Signal) {
		assert.Equal(t, signum, got)
		if *n++; *n == stop {
			s.Close(nil)
		}
	}, signum))
	return s, n
}

func TestSignal_EachWatcherGetsEachSignal(t *testing.T) {
	loop := newLoop(t)
	const rounds = 10
	var got [3]*int
	for i := range got {
		_, got[i] = watch(t, loop, syscall.SIGUSR1, rounds)
	}
	_, other := watch(t, loop, syscall.SIGUSR2, 1)
	for range rounds {
		raise(syscall.SIGUSR1)
	}
	raise(syscall.SIGUSR2)
	run(t, loop)
	for _, n := range got {
		assert.Equal(t, rounds, *n)
	}
	assert.Equal(t, 1, *other)
}

func TestSignal_AcrossLoops(t *testing.T) {
	a, b := newLoop(t), newLoop(t)
	_, inA := watch(t, a, syscall.SIGUSR1, 2)
	_, inB := watch(t, b, syscall.SIGUSR1, 2)
	raise(syscall.SIGUSR1)
	raise(syscall.SIGUSR1)
	run(t, a)
	run(t, b)
	assert.Equal(t, 2, *inA)
	assert.Equal(t, 2, *inB)
}

func TestSignal_Oneshot(t *testing.T) {
	loop := newLoop(t)
	var s uv.Signal
	require.NoError(t, s.Init(loop))
	n := 0
	count := func(*uv.Signal, syscall.Signal) { n++ }
	for round := 1; round <= 2; round++ { // it can be armed again
		require.NoError(t, s.StartOneshot(count, syscall.SIGUSR1))
		assert.Equal(t, syscall.SIGUSR1, s.Signum())
		for range 3 {
			raise(syscall.SIGUSR1) // in C the second one might end the process
		}
		run(t, loop)
		assert.Equal(t, round, n)
		assert.False(t, s.IsActive())
		assert.Zero(t, s.Signum())
	}
	s.Close(nil)
	run(t, loop)
}

func TestSignal_StopInCallback(t *testing.T) {
	loop := newLoop(t)
	var s uv.Signal
	require.NoError(t, s.Init(loop))
	n := 0
	require.NoError(t, s.Start(func(s *uv.Signal, _ syscall.Signal) {
		n++
		assert.NoError(t, s.Stop())
	}, syscall.SIGUSR1))
	raise(syscall.SIGUSR1)
	raise(syscall.SIGUSR1) // caught, and dropped by Stop
	run(t, loop)
	assert.Equal(t, 1, n)
	require.NoError(t, s.Stop(), "stopping a stopped watcher does nothing")
	s.Close(nil)
	run(t, loop)
}

func TestSignal_StartAgain(t *testing.T) {
	loop := newLoop(t)
	var s uv.Signal
	require.NoError(t, s.Init(loop))
	got := counts{}
	require.NoError(t, s.Start(func(*uv.Signal, syscall.Signal) { got["first"]++ }, syscall.SIGUSR1))
	require.NoError(t, s.Start(func(s *uv.Signal, _ syscall.Signal) {
		got["second"]++
		assert.NoError(t, s.Start(func(s *uv.Signal, signum syscall.Signal) {
			got[signum.String()]++
			s.Close(nil)
		}, syscall.SIGUSR2))
		raise(syscall.SIGUSR1) // nobody's any more
		raise(syscall.SIGUSR2)
	}, syscall.SIGUSR1))
	raise(syscall.SIGUSR1)
	run(t, loop)
	assert.Equal(t, counts{"second": 1, syscall.SIGUSR2.String(): 1}, got)
}

func TestSignal_CloseWithSignalsPending(t *testing.T) {
	loop := newLoop(t)
	s, n := watch(t, loop, syscall.SIGUSR1, -1)
	for range 100 {
		raise(syscall.SIGUSR1)
	}
	closed := 0
	s.Close(func(uv.Handle) { closed++ })
	run(t, loop)
	assert.Equal(t, 0, *n)
	assert.Equal(t, 1, closed)
}

func TestSignal_PipeHolds4096(t *testing.T) {
	loop := newLoop(t)
	s, n := watch(t, loop, syscall.SIGUSR1, -1)
	for range 6000 {
		raise(syscall.SIGUSR1)
	}
	runMode(t, loop, uv.RunNowait)
	s.Close(nil)
	run(t, loop)
	assert.Equal(t, 4096, *n)
}

func TestSignal_Refused(t *testing.T) {
	loop := newLoop(t)
	var s uv.Signal
	require.NoError(t, s.Init(loop))
	nothing := func(*uv.Signal, syscall.Signal) {}
	for _, signum := range []syscall.Signal{-1, 0, syscall.SIGKILL, syscall.SIGSTOP, 32, 33, 65, 1000,
		syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGABRT,
		syscall.SIGSYS, syscall.SIGPROF, syscall.SIGURG} {
		before := sigaction{}
		if signum > 0 && signum < 65 {
			before = disposition(t, signum)
		}
		assert.Equal(t, uv.EINVAL, s.Start(nothing, signum), "%d", signum)
		assert.Equal(t, uv.EINVAL, s.StartOneshot(nothing, signum), "%d", signum)
		assert.False(t, s.IsActive())
		if signum > 0 && signum < 65 {
			assert.Equal(t, before, disposition(t, signum))
		}
	}
	assert.Equal(t, uv.EINVAL, s.Start(nil, syscall.SIGUSR1))
	require.NoError(t, s.Start(nothing, syscall.SIGUSR1))
	assert.Equal(t, uv.EINVAL, s.Start(nothing, syscall.SIGKILL))
	assert.False(t, s.IsActive(), "libuv stops the watcher before it looks at the signal")
	s.Close(nil)
	run(t, loop)
}

// Every signal that can be watched is: it arrives, the handler has SA_ONSTACK,
// and what was there before comes back.
func TestSignal_EverySignal(t *testing.T) {
	loop := newLoop(t)
	for signum := syscall.Signal(1); signum <= 64; signum++ {
		var s uv.Signal
		require.NoError(t, s.Init(loop))
		before := disposition(t, signum)
		got := 0
		err := s.Start(func(s *uv.Signal, n syscall.Signal) {
			assert.Equal(t, signum, n)
			got++
			s.Close(nil)
		}, signum)
		if err != nil {
			require.Equal(t, uv.EINVAL, err)
			s.Close(nil)
			run(t, loop)
			continue
		}
		now := disposition(t, signum)
		assert.NotEqual(t, before.handler, now.handler, "%v", signum)
		assert.NotZero(t, now.flags&saOnStack, "%v", signum)
		raise(signum)
		run(t, loop)
		assert.Equal(t, 1, got, "%v", signum)
		switch after := disposition(t, signum); signum {
		case syscall.SIGCONT, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU:
			// Go keeps its handler of these from the first Notify on.
			assert.NotZero(t, after.flags&saOnStack)
		default:
			assert.Equal(t, before.handler, after.handler, "%v", signum)
			if before.handler > 1 { // neither SIG_DFL nor SIG_IGN, with which flags say nothing
				assert.Equal(t, before.flags, after.flags, "%v", signum)
			}
		}
	}
}

// What a watcher and os/signal do, in which order, and whether each then gets
// the signals that follow.
var besideOsSignal = []struct {
	steps            string
	watcher, channel bool
}{
	{"Start", true, false},
	{"Notify", false, true},
	{"Notify Start", true, true},
	{"Start Notify", true, true},
	{"Start Notify Stop", false, true},
	{"Notify Start Stop", false, true},
	{"Start Stop Notify", false, true},
	{"Start Notify Unnotify", true, false},
	{"Notify Start Unnotify", true, false},
	{"Notify Unnotify Start", true, false},
	{"Start Reset", true, false},
	{"Notify Start Reset", true, false},
	{"Start Reset Notify", true, true},
	{"Start Stop Start", true, false},
	{"Ignore Start", true, false},
	{"Ignore Start Stop Notify", false, true},
	{"Ignore Notify Start", true, true},
	{"Start Ignore", false, false}, // as after signal(signum, SIG_IGN) in C
	{"Start Ignore Start", true, false},
	{"Ignore Start Notify", true, true},
	{"Ignore Start Stop", false, false},
	{"Ignore Start Reset", true, false},
	{"Ignore Start Stop Start Notify", true, true},
	{"Ignore Start Notify Stop Start", true, true},
	{"Ignore Start Notify Unnotify Start", true, false},
}

// Each row has a process of its own, since Go remembers for good what was done
// with a signal, and a row that goes wrong ends it.
func TestSignal_BesideOsSignal(t *testing.T) {
	for _, signum := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM,
		syscall.SIGUSR1, syscall.SIGCHLD, syscall.SIGPIPE, syscall.SIGWINCH, syscall.SIGTSTP, syscall.SIGCONT} {
		for row, c := range besideOsSignal {
			switch {
			case signum == syscall.SIGPIPE && strings.Contains(c.steps, "Ignore") && c.channel:
				// Once it was ignored, Go itself keeps a SIGPIPE from os/signal
				// that does not come while Go code runs.
				continue
			case (signum == syscall.SIGHUP || signum == syscall.SIGINT) && c.steps == "Ignore Start Reset":
				// Reset ignores these again.
				continue
			}
			t.Run(fmt.Sprintf("%v/%s", signum, strings.ReplaceAll(c.steps, " ", "_")), func(t *testing.T) {
				t.Parallel()
				// Not by os/exec: the child shall not ignore what we may ignore.
				helperPrints(t, "ok\n", signalRowHelper, strconv.Itoa(int(signum)), strconv.Itoa(row))
			})
		}
	}
}

// Go treats SIGHUP and SIGINT in a way of their own when the process was started
// with them ignored, as by nohup. A Reset ignores them again.
func TestSignal_BesideOsSignalUnderNohup(t *testing.T) {
	for _, signum := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT} {
		for row, c := range besideOsSignal {
			if strings.Contains(c.steps, "Reset") || strings.Contains(c.steps, "Ignore") {
				continue
			}
			t.Run(fmt.Sprintf("%v/%s", signum, strings.ReplaceAll(c.steps, " ", "_")), func(t *testing.T) {
				t.Parallel()
				child := exec.Command("/bin/sh", "-c", `trap "" HUP INT; exec "$0" "$@"`, helperPath(), strconv.Itoa(int(signum)), strconv.Itoa(row))
				child.Env = helperEnv(signalRowHelper)
				output, err := child.CombinedOutput()
				assert.NoError(t, err)
				assert.Equal(t, "ok\n", string(output))
			})
		}
	}
}

var signalRowHelper = helper("a row of the os/signal table", func() {
	n, _ := strconv.Atoi(os.Args[1])
	row, _ := strconv.Atoi(os.Args[2])
	signum, c := syscall.Signal(n), besideOsSignal[row]
	defer time.AfterFunc(timeLimit, func() { panic("a signal is missing") }).Stop()

	var loop uv.Loop
	var s uv.Signal
	must(loop.Init())
	must(s.Init(&loop))
	watched := 0
	channel := make(chan os.Signal, 8)
	for step := range strings.SplitSeq(c.steps, " ") {
		switch step {
		case "Start":
			must(s.Stop())
			must(s.Start(func(*uv.Signal, syscall.Signal) { watched++ }, signum))
		case "Stop":
			must(s.Stop())
		case "Notify":
			signal.Notify(channel, signum)
		case "Unnotify":
			signal.Stop(channel)
		case "Reset":
			signal.Reset(signum)
		case "Ignore":
			signal.Ignore(signum)
		}
	}
	const sent = 3
	for range sent {
		raise(signum)
		if c.channel {
			<-channel
		}
	}
	for c.watcher && watched < sent {
		loop.Run(uv.RunOnce)
	}
	loop.Run(uv.RunNowait)
	if want := map[bool]int{true: sent}[c.watcher]; watched != want || len(channel) != 0 {
		fmt.Printf("the watcher got %d, want %d; the channel %d more\n", watched, want, len(channel))
		return
	}
	s.Close(nil)
	loop.Run(uv.RunDefault)
	must(loop.Close())
	fmt.Println("ok")
})

// A signal that is on its way to os/signal when it gets to be ignored.
func TestSignal_IgnoredWhileItIsPassedOn(t *testing.T) {
	t.Parallel()
	helperPrints(t, "ok\n", ignoredMeanwhileHelper)
}

var ignoredMeanwhileHelper = helper("ignores signals that it has just caught", func() {
	var loop uv.Loop
	var s uv.Signal
	must(loop.Init())
	must(s.Init(&loop))
	for range 200 {
		watched := 0
		must(s.Start(func(*uv.Signal, syscall.Signal) { watched++ }, syscall.SIGTERM))
		raise(syscall.SIGTERM)
		signal.Ignore(syscall.SIGTERM)
		must(s.Stop())
		must(s.Start(func(*uv.Signal, syscall.Signal) { watched++ }, syscall.SIGTERM))
		raise(syscall.SIGTERM)
		for watched == 0 {
			loop.Run(uv.RunOnce)
		}
		must(s.Stop())
	}
	s.Close(nil)
	loop.Run(uv.RunDefault)
	must(loop.Close())
	fmt.Println("ok")
})

// A watcher needs no descriptor, neither the binding's nor Go's, and leaves
// nothing behind.
func TestSignal_WithoutDescriptors(t *testing.T) {
	t.Parallel()
	output, exit := outputOf(t, helperOptions(noDescriptorsHelper))
	assert.Equal(t, "<nil>\ncalled\n<nil>\n", output)
	assert.Equal(t, exitOf{signal: syscall.SIGINT}, exit)
}

var noDescriptorsHelper = helper("watches a signal with no descriptors left", func() {
	var loop uv.Loop
	var s uv.Signal
	must(loop.Init())
	must(s.Init(&loop))
	must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}))
	for {
		if _, err := syscall.Dup(1); err != nil {
			break
		}
	}
	fmt.Println(s.Start(func(s *uv.Signal, _ syscall.Signal) {
		fmt.Println("called")
		s.Close(nil)
	}, syscall.SIGINT))
	raise(syscall.SIGINT)
	loop.Run(uv.RunDefault)
	fmt.Println(loop.Close())
	for { // the one above may still be on its way to os/signal, and one with it
		raise(syscall.SIGINT)
	}
})

// A oneshot watcher that is started for another signal while one is caught: as
// in C nothing is called, and the signal that nobody watches is given back.
func TestSignal_OneshotStartedAnewWithOneCaught(t *testing.T) {
	type start func(s *uv.Signal, cb uv.SignalCB, signum syscall.Signal) error
	for name, starts := range map[string][2]start{
		"the first is oneshot":  {(*uv.Signal).StartOneshot, (*uv.Signal).Start},
		"the second is oneshot": {(*uv.Signal).Start, (*uv.Signal).StartOneshot},
	} {
		t.Run(name, func(t *testing.T) {
			loop := newLoop(t)
			var s uv.Signal
			require.NoError(t, s.Init(loop))
			before := disposition(t, syscall.SIGALRM)
			never := func(*uv.Signal, syscall.Signal) { t.Error("called") }
			require.NoError(t, starts[0](&s, never, syscall.SIGUSR2))
			raise(syscall.SIGUSR2)
			require.NoError(t, starts[1](&s, never, syscall.SIGALRM))
			loop.Run(uv.RunNowait)
			assert.False(t, s.IsActive())
			assert.Zero(t, s.Signum())
			assert.Equal(t, before.handler, disposition(t, syscall.SIGALRM).handler)
			called := 0
			require.NoError(t, s.Start(func(*uv.Signal, syscall.Signal) { called++ }, syscall.SIGALRM))
			raise(syscall.SIGALRM)
			run(t, loop)
			assert.Equal(t, 1, called, "it is oneshot still")
			s.Close(nil)
			run(t, loop)
		})
	}
}

// Such a watcher, once closed, may go to a loop of another goroutine: its first
// loop has forgotten it. The race detector would notice.
func TestSignal_OneshotThenInAnotherLoop(t *testing.T) {
	loop, other := newLoop(t), newLoop(t)
	var s uv.Signal
	require.NoError(t, s.Init(loop))
	never := func(*uv.Signal, syscall.Signal) { t.Error("called") }
	require.NoError(t, s.Start(never, syscall.SIGUSR2))
	raise(syscall.SIGUSR2)
	require.NoError(t, s.StartOneshot(never, syscall.SIGALRM))
	done := make(chan struct{})
	s.Close(func(uv.Handle) {
		go func() {
			defer close(done)
			must(s.Init(other))
			s.Close(nil)
			other.Run(uv.RunDefault)
		}()
	})
	run(t, loop)
	<-done
}

// A signal that is watched and that nobody else wants does nothing else, on
// whichever thread it arrives: Go's handler would end the process for one that
// arrives on a thread of C's, such as those of libuv's pool.
func TestSignal_OnThreadsOfC(t *testing.T) {
	t.Parallel()
	child := exec.Command(helperPath())
	// From libuv 1.45 to 1.48 the kernel would do the pool's work.
	child.Env = append(helperEnv(threadsOfCHelper), "UV_USE_IO_URING=0")
	output, err := child.CombinedOutput()
	assert.NoError(t, err)
	assert.Equal(t, "ok\n", string(output))
}

var threadsOfCHelper = helper("sends signals to the threads of libuv's pool", func() {
	defer time.AfterFunc(timeLimit, func() { panic("a signal is missing") }).Stop()
	// Go's own thread for signals blocks them; with this it is there already.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGCONT)
	others := threadIDs()
	var loop uv.Loop
	must(loop.Init())
	for range 4 { // starts the pool
		must(loop.FsUnlink(nil, "/nonexistent", func(*uv.FsReq) {}))
	}
	loop.Run(uv.RunDefault)
	// Go may have started threads meanwhile. Where those of the pool wait is in
	// the C library.
	executable, err := os.Executable()
	must(err)
	var pool []int
	for len(pool) != 4 { // until each of them waits
		pool = slices.DeleteFunc(threadIDs(), func(id int) bool {
			return slices.Contains(others, id) || !waitsOutside(id, executable)
		})
	}
	for _, signum := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGALRM, syscall.SIGIO, 40, syscall.SIGTERM, syscall.SIGCHLD} {
		var s uv.Signal
		n := 0
		must(s.Init(&loop))
		must(s.Start(func(*uv.Signal, syscall.Signal) { n++ }, signum))
		for _, id := range pool {
			must(syscall.Tgkill(os.Getpid(), id, signum))
		}
		for n < len(pool) {
			loop.Run(uv.RunOnce)
		}
		s.Close(nil)
		loop.Run(uv.RunDefault)
	}
	must(loop.Close())
	fmt.Println("ok")
})

// waitsOutside reports whether a thread waits in a system call that none of a
// file's code has made.
func waitsOutside(id int, file string) bool {
	call, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", id))
	must(err)
	fields := strings.Fields(string(call))
	if fields[0] == "running" {
		return false
	}
	pc, err := strconv.ParseUint(fields[len(fields)-1], 0, 64)
	must(err)
	maps, err := os.ReadFile("/proc/self/maps")
	must(err)
	for line := range strings.Lines(string(maps)) {
		var start, end uint64
		if _, err := fmt.Sscanf(line, "%x-%x ", &start, &end); err == nil && start <= pc && pc < end {
			return !strings.HasSuffix(strings.TrimSpace(line), file)
		}
	}
	return false
}

func threadIDs() []int {
	tasks, err := os.ReadDir("/proc/self/task")
	must(err)
	ids := make([]int, len(tasks))
	for i, task := range tasks {
		ids[i], err = strconv.Atoi(task.Name())
		must(err)
	}
	return ids
}

// Many threads start and stop watchers of two signals while these are sent and
// Go code runs.
func TestSignal_StartStopFlood(t *testing.T) {
	// While nobody watches, one that arrives on a thread of C's would end the
	// process unless somebody is notified: that is Go's way.
	notified := make(chan os.Signal, 1)
	signal.Notify(notified, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(notified)
	var wg, busy sync.WaitGroup
	var done, sent, got atomic.Int64
	busy.Add(3)
	go func() { // stacks that grow and shrink
		defer busy.Done()
		for done.Load() == 0 {
			recurse(200)
		}
	}()
	go func() {
		defer busy.Done()
		for done.Load() == 0 {
			runtime.GC()
		}
	}()
	go func() {
		defer busy.Done()
		for done.Load() == 0 {
			assert.NoError(t, uv.Kill(os.Getpid(), syscall.SIGUSR1))
			assert.NoError(t, uv.Kill(os.Getpid(), syscall.SIGUSR2))
			sent.Add(2)
		}
	}()
	for range 8 {
		wg.Go(func() {
			for range 100 {
				var loop uv.Loop
				assert.NoError(t, loop.Init())
				for _, signum := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2} {
					var s uv.Signal
					assert.NoError(t, s.Init(&loop))
					once := s.Start
					if got.Load()%2 == 0 {
						once = s.StartOneshot
					}
					assert.NoError(t, once(func(s *uv.Signal, _ syscall.Signal) {
						got.Add(1)
						s.Close(nil)
					}, signum))
				}
				loop.Run(uv.RunDefault)
				assert.NoError(t, loop.Close())
			}
		})
	}
	wg.Wait()
	done.Store(1)
	busy.Wait()
	assert.EqualValues(t, 8*100*2, got.Load())
}

//go:noinline
func recurse(n int) int {
	var frame [64]int
	if n == 0 {
		return frame[0]
	}
	return recurse(n-1) + frame[n%64]
}

// Children of libuv's and of os/exec's, side by side, with everybody who
// watches SIGCHLD.
func TestSignal_SigchldBesideOsExec(t *testing.T) {
	const each = 150
	channel := make(chan os.Signal, 1)
	signal.Notify(channel, syscall.SIGCHLD)
	defer signal.Stop(channel)
	var wg sync.WaitGroup
	var exits atomic.Int64
	for range 2 {
		wg.Go(func() {
			var loop uv.Loop
			assert.NoError(t, loop.Init())
			for i := range each {
				p := new(uv.Process)
				assert.NoError(t, loop.Spawn(p, &uv.ProcessOptions{
					File: "/bin/sh",
					Args: []string{"sh", "-c", fmt.Sprintf("exit %d", i%256)},
					ExitCB: func(p *uv.Process, exitStatus int64, termSignal syscall.Signal) {
						assert.EqualValues(t, i%256, exitStatus)
						assert.Zero(t, termSignal)
						exits.Add(1)
						p.Close(nil)
					},
				}))
				if i%20 == 0 {
					loop.Run(uv.RunNowait)
				}
			}
			loop.Run(uv.RunDefault)
			assert.NoError(t, loop.Close())
		})
		wg.Go(func() {
			for i := range each {
				err := exec.Command("/bin/sh", "-c", fmt.Sprintf("exit %d", i%256)).Run()
				if i%256 == 0 {
					assert.NoError(t, err)
				} else if assert.IsType(t, new(exec.ExitError), err) {
					assert.Equal(t, i%256, err.(*exec.ExitError).ExitCode())
				}
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 2*each, exits.Load())
	assert.NotEmpty(t, channel, "os/signal gets its SIGCHLD too")
}

var sigintHelper = helper("watches SIGINT", func() {
	loop := uv.DefaultLoop()
	var s uv.Signal
	s.Init(loop)
	n := 0
	s.Start(func(s *uv.Signal, signum syscall.Signal) {
		fmt.Println("caught")
		if n++; n == 2 {
			s.Close(nil)
		}
	}, syscall.SIGINT)
	fmt.Println("ready")
	loop.Run(uv.RunDefault)
	fmt.Println("closed")
	time.Sleep(time.Minute) // SIGINT ends the process again
})

// A watched SIGINT that nobody else wants does not end the process; once nobody
// watches, it does.
func TestSignal_SigintEndsNobody(t *testing.T) {
	loop := newLoop(t)
	var child uv.Process
	var out uv.Pipe
	require.NoError(t, out.Init(loop, false))
	options := helperOptions(sigintHelper)
	options.Stdio = []uv.StdioContainer{{}, {Flags: uv.CreatePipe | uv.WritablePipe, Stream: &out}}
	var again uv.Timer
	require.NoError(t, again.Init(loop))
	exits := 0
	options.ExitCB = func(p *uv.Process, exitStatus int64, termSignal syscall.Signal) {
		exits++
		assert.Equal(t, syscall.SIGINT, termSignal)
		p.Close(nil)
		again.Close(nil)
	}
	require.NoError(t, loop.Spawn(&child, options))
	var text strings.Builder
	n := 0
	require.NoError(t, out.ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			s.Close(nil)
			return
		}
		text.Write(buf)
		for _, word := range strings.Fields(string(buf)) {
			switch word {
			case "ready", "caught":
				if n++; n <= 2 {
					assert.NoError(t, child.Kill(syscall.SIGINT))
				}
			case "closed":
				// The last one may still be on its way to os/signal, which then
				// gets the next one too.
				assert.NoError(t, again.Start(func(*uv.Timer) { child.Kill(syscall.SIGINT) }, 0, 20))
			}
		}
	}))
	run(t, loop)
	assert.Equal(t, 1, exits)
	assert.Equal(t, "ready\ncaught\ncaught\nclosed\n", text.String())
}
