// Soak runs everything that is hard on a Go process at once, for as long as it
// is told: floods of signals on several loops and threads, children of libuv's
// and of os/exec's, echo over sockets that were handed from loop to loop,
// callbacks that panic, goroutines that allocate and recurse, and the garbage
// collector. It ends with counts that must match to the unit, and with
// descriptors, zombies, threads and memory back where they were.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"libuv/uv"
)

var (
	length   = flag.Duration("for", time.Minute, "how long to run")
	children = flag.Int64("children", 0, "go on until libuv has had that many children, if that is longer")
)

func main() {
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}

	// Once before the measure is taken: what is made once and kept, threads and
	// C's arenas among it, is no leak.
	failed := soak(2*time.Second, 0)
	before := measure()
	failed = soak(*length, *children) || failed
	after := measure()

	failed = report("descriptors", before.files, after.files, 0) || failed
	failed = report("children", before.children, after.children, 0) || failed
	failed = report("threads", before.threads, after.threads, 8) || failed
	failed = report("resident KiB", before.resident, after.resident, before.resident/4+16<<10) || failed
	if failed {
		fmt.Println("soak: FAILED")
		os.Exit(1)
	}
	fmt.Println("soak: all counts match")
}

// report prints what was and what is, and whether that is too much more.
func report(what string, before, after, slack int) (failed bool) {
	failed = after > before+slack
	fmt.Printf("%-22s %10d before %10d after%s\n", what, before, after, map[bool]string{true: "  LEAK"}[failed])
	return failed
}

// counter counts what should have happened and what has.
type counter struct {
	name       string
	want, have atomic.Int64
}

type run struct {
	done     atomic.Bool
	wg       sync.WaitGroup
	mu       sync.Mutex
	counters []*counter
}

func (r *run) counter(name string) *counter {
	c := &counter{name: name}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counters = append(r.counters, c)
	return c
}

func soak(length time.Duration, children int64) (failed bool) {
	r := new(run)
	spawned := r.counter("children of uv_spawn")
	execed := r.counter("children of os/exec")
	echoed := r.counter("bytes echoed")
	handed := r.counter("sockets handed over")
	panics := r.counter("panics in callbacks")
	flood := newFlood(r)

	notified := make(chan os.Signal, 1)
	signal.Notify(notified, syscall.SIGUSR1, syscall.SIGCHLD)
	defer signal.Stop(notified)

	r.wg.Go(func() { r.allocate() })
	r.wg.Go(func() { r.collect() })
	r.wg.Go(func() { r.spawn(spawned) })
	r.wg.Go(func() { r.spawn(spawned) })
	r.wg.Go(func() { r.exec(execed) })
	r.wg.Go(func() { r.echo(echoed, handed) })
	r.wg.Go(func() { r.panic(panics) })
	r.wg.Go(func() { r.startAndStop() })
	flood.start()

	for end := time.Now().Add(length); time.Now().Before(end) || spawned.have.Load() < children; {
		time.Sleep(100 * time.Millisecond)
	}
	r.done.Store(true)
	r.wg.Wait()

	for _, c := range r.counters {
		want, have := c.want.Load(), c.have.Load()
		fmt.Printf("%-22s %10d wanted %9d seen", c.name, want, have)
		if want != have || want == 0 {
			fmt.Print("  MISMATCH")
			failed = true
		}
		fmt.Println()
	}
	select {
	case <-notified:
	default:
		fmt.Println("os/signal got no signal at all")
		failed = true
	}
	return failed
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// allocate grows and shrinks stacks, and leaves garbage.
func (r *run) allocate() {
	var keep [64][]byte
	for i := 0; !r.done.Load(); i++ {
		keep[i%len(keep)] = make([]byte, 1+recurse(100+i%500)%4096)
		runtime.Gosched()
	}
}

//go:noinline
func recurse(n int) int {
	var frame [32]int
	if n == 0 {
		return frame[0] + 1
	}
	frame[n%32] = n
	return recurse(n-1) + frame[n%32]
}

func (r *run) collect() {
	for !r.done.Load() {
		runtime.GC()
		time.Sleep(5 * time.Millisecond)
	}
}

// spawn keeps up to 16 children, each with an exit code and an output of its
// own, and sees all of both.
func (r *run) spawn(c *counter) {
	var loop uv.Loop
	check(loop.Init())
	running := 0
	var next func()
	next = func() {
		for running < 16 && !r.done.Load() {
			n := c.want.Add(1)
			running++
			code := n % 256
			p, out := new(uv.Process), new(uv.Pipe)
			check(out.Init(&loop, false))
			left := 2
			var text []byte
			over := func(uv.Handle) {
				if left--; left > 0 {
					return
				}
				if string(text) == strconv.FormatInt(n, 10) {
					c.have.Add(1)
				} else {
					fmt.Printf("child %d said %q\n", n, text)
				}
				running--
				next()
			}
			check(loop.Spawn(p, &uv.ProcessOptions{
				File:  "/bin/sh",
				Args:  []string{"sh", "-c", fmt.Sprintf("printf %d; exit %d", n, code)},
				Stdio: []uv.StdioContainer{{}, {Flags: uv.CreatePipe | uv.WritablePipe, Stream: out}},
				ExitCB: func(p *uv.Process, exitStatus int64, termSignal syscall.Signal) {
					if exitStatus != code || termSignal != 0 {
						text = append(text, fmt.Sprintf(" and exited with %d, %v", exitStatus, termSignal)...)
					}
					p.Close(over)
				},
			}))
			check(out.ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
				if err != nil {
					s.Close(over)
					return
				}
				text = append(text, buf...)
			}))
		}
	}
	next()
	loop.Run(uv.RunDefault)
	check(loop.Close())
}

func (r *run) exec(c *counter) {
	for !r.done.Load() {
		n := c.want.Add(1)
		out, err := exec.Command("/bin/sh", "-c", fmt.Sprintf("printf %d; exit %d", n, n%2)).Output()
		var exit *exec.ExitError
		if string(out) == strconv.FormatInt(n, 10) && (n%2 == 0 && err == nil || errors.As(err, &exit) && exit.ExitCode() == 1) {
			c.have.Add(1)
		} else {
			fmt.Printf("os/exec: child %d said %q, %v\n", n, out, err)
		}
	}
}

// flood raises signals that watchers in loops of their own count, each one, and
// that os/signal gets too.
type flood struct {
	*run
	watchers []*counter
	raised   [2]atomic.Int64
	ready    sync.WaitGroup
	stop     []*uv.Async
}

var floodSignals = [2]syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2}

func newFlood(r *run) *flood {
	f := &flood{run: r}
	for i := range 4 {
		f.watchers = append(f.watchers, r.counter(fmt.Sprintf("signals, watcher %d", i+1)))
	}
	return f
}

func (f *flood) start() {
	f.ready.Add(len(f.watchers))
	f.stop = make([]*uv.Async, len(f.watchers))
	for i := range f.watchers {
		f.wg.Go(func() { f.watch(i) })
	}
	f.ready.Wait()
	var raising sync.WaitGroup
	for i := range 2 {
		raising.Add(1)
		f.wg.Go(func() {
			defer raising.Done()
			f.raise(i)
		})
	}
	f.wg.Go(func() {
		raising.Wait()
		for i, w := range f.watchers {
			w.want.Store(f.raised[i%2].Load())
			check(f.stop[i].Send())
		}
	})
}

func (f *flood) watch(i int) {
	var loop uv.Loop
	check(loop.Init())
	var s uv.Signal
	check(s.Init(&loop))
	check(s.Start(func(*uv.Signal, syscall.Signal) { f.watchers[i].have.Add(1) }, floodSignals[i%2]))
	stop := new(uv.Async)
	check(stop.Init(&loop, func(*uv.Async) { loop.Stop() }))
	f.stop[i] = stop
	f.ready.Done()
	loop.Run(uv.RunDefault)
	for f.watchers[i].have.Load() < f.watchers[i].want.Load() && loop.Run(uv.RunNowait) {
		runtime.Gosched()
	}
	s.Close(nil)
	stop.Close(nil)
	loop.Run(uv.RunDefault)
	check(loop.Close())
}

// raise sends its own thread signals: each has been handled when the call
// returns, so each counts. It does not run ahead of the watchers by more than
// their pipes hold.
func (f *flood) raise(i int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for !f.done.Load() {
		check(syscall.Tgkill(os.Getpid(), syscall.Gettid(), floodSignals[i]))
		n := f.raised[i].Add(1)
		for w := i; w < len(f.watchers); w += 2 {
			for n-f.watchers[w].have.Load() > 1000 {
				time.Sleep(time.Millisecond)
			}
		}
	}
}

// startAndStop makes watchers come and go, oneshot ones too, for a signal of
// its own, so that its handler is installed and put back all the time.
func (r *run) startAndStop() {
	for !r.done.Load() {
		var loop uv.Loop
		check(loop.Init())
		var a, b uv.Signal
		check(a.Init(&loop))
		check(b.Init(&loop))
		over := func(s *uv.Signal, _ syscall.Signal) { s.Close(nil) }
		check(a.Start(over, syscall.SIGWINCH))
		check(b.StartOneshot(over, syscall.SIGWINCH))
		check(uv.Kill(os.Getpid(), syscall.SIGWINCH))
		loop.Run(uv.RunDefault)
		check(loop.Close())
	}
}

// panic has timers of one iteration panic, each with a value of its own.
func (r *run) panic(c *counter) {
	var loop uv.Loop
	check(loop.Init())
	var timers [3]uv.Timer
	for i := range timers {
		check(timers[i].Init(&loop))
	}
	for !r.done.Load() {
		n := c.want.Add(1)
		check(timers[0].Start(func(*uv.Timer) { panic(n) }, 0, 0))
		others := 0
		check(timers[1].Start(func(*uv.Timer) { others++ }, 0, 0))
		check(timers[2].Start(func(*uv.Timer) { others++ }, 0, 0))
		func() {
			defer func() {
				if recover() == n && bytes.Contains(loop.PanicStack(), []byte("panic")) {
					c.have.Add(1)
				}
			}()
			loop.Run(uv.RunDefault)
		}()
		loop.Run(uv.RunDefault)
		if others != 2 {
			fmt.Printf("after a panic %d callbacks of 2 came\n", others)
			c.have.Add(-1)
		}
	}
	for i := range timers {
		timers[i].Close(nil)
	}
	loop.Run(uv.RunDefault)
	check(loop.Close())
}

// echo hands one end of a socket pair after the other to a second loop, on
// another thread, which echoes what comes over it.
func (r *run) echo(bytes, sockets *counter) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	check(err)
	r.wg.Go(func() { echoServer(fds[1]) })

	var loop uv.Loop
	check(loop.Init())
	var channel uv.Pipe
	check(channel.Init(&loop, true))
	check(channel.Open(fds[0]))
	message := make([]byte, 100_000)
	for i := range message {
		message[i] = byte(i * 7)
	}
	for !r.done.Load() {
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		check(err)
		near, far := new(uv.Pipe), new(uv.Pipe)
		check(near.Init(&loop, false))
		check(far.Init(&loop, false))
		check(near.Open(pair[0]))
		check(far.Open(pair[1]))
		sockets.want.Add(1)
		check(channel.Write2(nil, [][]byte{{'x'}}, far, func(w *uv.WriteReq, err error) {
			check(err)
			far.Close(nil)
		}))
		got := 0
		bytes.want.Add(int64(len(message)))
		check(near.Write(nil, [][]byte{message[:60_000], message[60_000:]}, func(w *uv.WriteReq, err error) {
			check(err)
			check(near.Shutdown(nil, nil))
		}))
		check(near.ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
			if err != nil {
				if err == uv.EOF && got == len(message) {
					sockets.have.Add(1)
				} else {
					fmt.Printf("echo: %v after %d bytes\n", err, got)
				}
				s.Close(nil)
				return
			}
			for i, b := range buf {
				if b != message[got+i] {
					fmt.Printf("echo: byte %d is wrong\n", got+i)
					return
				}
			}
			got += len(buf)
			bytes.have.Add(int64(len(buf)))
		}))
		loop.Run(uv.RunDefault)
	}
	channel.Close(nil)
	loop.Run(uv.RunDefault)
	check(loop.Close())
}

func echoServer(fd int) {
	var loop uv.Loop
	check(loop.Init())
	channel := new(uv.Pipe)
	check(channel.Init(&loop, true))
	check(channel.Open(fd))
	check(channel.ReadStart(nil, func(s uv.Stream, _ []byte, err error) {
		if err != nil {
			s.Close(nil)
			return
		}
		for channel.PendingCount() > 0 {
			client := new(uv.Pipe)
			check(client.Init(&loop, false))
			check(channel.Accept(client))
			check(client.ReadStart(func(uv.Handle, int) []byte { return make([]byte, 4096) }, func(s uv.Stream, buf []byte, err error) {
				if err != nil {
					check(s.Shutdown(nil, func(*uv.ShutdownReq, error) { s.Close(nil) }))
					return
				}
				check(s.Write(nil, [][]byte{buf}, nil))
			}))
		}
	}))
	loop.Run(uv.RunDefault)
	check(loop.Close())
}

// usage is what must not grow.
type usage struct{ files, children, threads, resident int }

func measure() (u usage) {
	for range 3 {
		runtime.GC()
	}
	debug.FreeOSMemory()
	files, err := os.ReadDir("/proc/self/fd")
	check(err)
	u.files = len(files)
	threads, err := os.ReadDir("/proc/self/task")
	check(err)
	u.threads = len(threads)
	for _, thread := range threads {
		list, _ := os.ReadFile("/proc/self/task/" + thread.Name() + "/children")
		u.children += len(strings.Fields(string(list)))
	}
	status, err := os.ReadFile("/proc/self/status")
	check(err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			u.resident, err = strconv.Atoi(strings.Fields(rest)[0])
			check(err)
		}
	}
	return u
}
