package uv_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// What the system tells of itself and of the process can be had, all of it. The
// interfaces' addresses and the thread's usage are not bound.
func TestLibuv_platform_output(t *testing.T) {
	t.Parallel()
	title, err := uv.ProcessTitle()
	assert.NoError(t, err)
	assert.Equal(t, os.Args[0], title)

	cwd, err := uv.Cwd()
	assert.NoError(t, err)
	assert.NotEmpty(t, cwd)
	exe, err := uv.Exepath()
	assert.NoError(t, err)
	assert.NotEmpty(t, exe)
	rss, err := uv.ResidentSetMemory()
	assert.NoError(t, err)
	assert.Positive(t, rss)
	uptime, err := uv.Uptime()
	assert.NoError(t, err)
	assert.Positive(t, uptime)
	t.Log(cwd, exe, rss, uptime)

	usage, err := uv.Getrusage()
	assert.NoError(t, err)
	for _, n := range []int64{usage.Utime.Sec, usage.Utime.Usec, usage.Stime.Sec, usage.Stime.Usec} {
		assert.GreaterOrEqual(t, n, int64(0))
	}
	t.Logf("%+v", usage)

	parallelism := uv.AvailableParallelism()
	assert.GreaterOrEqual(t, parallelism, 1)
	if quota := cgroupParallelism(); quota > 0 {
		assert.GreaterOrEqual(t, parallelism, min(quota, runtime.NumCPU()))
	}
	cpus, err := uv.CPUInfo()
	assert.NoError(t, err)
	assert.NotEmpty(t, cpus)
	t.Log(parallelism, cpus)

	user, err := uv.OSPasswd()
	assert.NoError(t, err)
	assert.NotEmpty(t, user.Username)
	group, err := uv.OSGroup(user.GID)
	if assert.Equal(t, lacksUntil(0x012d00), err); err == nil {
		assert.Equal(t, user.GID, group.GID)
	}
	t.Log(user, group)

	assert.Positive(t, uv.OSGetpid())
	assert.Positive(t, uv.OSGetppid())
	system, err := uv.OSUname()
	assert.NoError(t, err)
	assert.NotEmpty(t, system.Sysname)
	t.Log(system)
}

// cgroupParallelism returns how many processors the process's control group may
// use, 0 where nothing limits it, as the files of both versions of cgroups have
// it.
func cgroupParallelism() int {
	var quota, period int
	if text, err := os.ReadFile("/sys/fs/cgroup/cpu.max"); err == nil {
		fmt.Sscan(string(text), &quota, &period)
	} else if text, err := os.ReadFile("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us"); err == nil {
		fmt.Sscan(string(text), &quota)
		text, _ = os.ReadFile("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us")
		fmt.Sscan(string(text), &period)
	}
	if quota <= 0 || period <= 0 {
		return 0
	}
	return quota / period
}

// Events of handles that were closed after the system reported them are
// dropped: with more handles than events that are fetched at a time, they are
// closed between iterations, and by a callback amid the events of one. C's has
// UDP sockets that send to one another, which are not bound.
func TestLibuv_watcher_cross_stop(t *testing.T) {
	// Not parallel: it takes that many descriptors.
	for _, when := range []string{"between iterations", "from a callback"} {
		t.Run(when, func(t *testing.T) {
			loop := newLoop(t)
			const n = 2500
			var limit syscall.Rlimit
			require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
			if limit.Cur < n+100 {
				t.Skip("the limit of open files is too low")
			}
			c := counts{}
			var pipes []*uv.Pipe
			closeThem := func() {
				for _, p := range pipes {
					p.Close(func(uv.Handle) { c["close"]++ })
				}
			}
			slab := make([]byte, 1)
			big := buffers(strings.Repeat("A", 1024))
			for len(pipes) < n {
				a, b := pipePair(t, loop, false)
				pipes = append(pipes, a, b)
			}
			for _, p := range pipes {
				require.NoError(t, p.ReadStart(func(uv.Handle, int) []byte { return slab },
					func(_ uv.Stream, _ []byte, err error) {
						assert.NoError(t, err)
						if c["read"]++; c["read"] == 1 && when == "from a callback" {
							closeThem()
						}
					}))
				require.NoError(t, p.Write(nil, big, func(*uv.WriteReq, error) { c["write"]++ }))
			}
			for c["read"] == 0 {
				runMode(t, loop, uv.RunOnce)
			}
			if when == "between iterations" {
				closeThem()
			}
			reads := c["read"]
			assert.Positive(t, reads)
			run(t, loop)
			assert.Equal(t, counts{"read": reads, "write": n, "close": n}, c)
			if when == "from a callback" {
				assert.Equal(t, 1, reads)
			}
		})
	}
}

// Where there is no descriptor left for a connection that comes in, libuv takes
// it with one that it kept for that, and closes it: who connected sees it open
// and end, and the server is not told. A helper does it, with a limit of its
// own.
func TestLibuv_emfile(t *testing.T) {
	t.Parallel()
	helperPrints(t, fmt.Sprintln("connect", nil)+fmt.Sprintln("read", 0, uv.EOF), helperEmfile)
}

var helperEmfile = helper("is connected to without a descriptor left", func() {
	must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}))
	loop := new(uv.Loop)
	must(loop.Init())
	var server, client uv.TCP
	must(server.Init(loop))
	must(client.Init(loop))
	must(server.Bind(localhost, 0))
	must(server.Listen(8, func(_ uv.Stream, err error) { fmt.Println("connection", err) }))
	addr, err := server.Getsockname()
	must(err)

	var fds []int
	for {
		fd, err := syscall.Dup(0)
		if err != nil {
			if err != syscall.EMFILE {
				panic(err)
			}
			break
		}
		fds = append(fds, fd)
	}
	last := len(fds) - 1
	must(syscall.Close(fds[last])) // for the client
	must(client.Connect(nil, addr, func(_ *uv.ConnectReq, err error) {
		fmt.Println("connect", err)
		// C's test ends here. This one also sees that the connection is taken.
		must(client.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
			fmt.Println("read", len(buf), err)
			server.Close(nil)
			client.Close(nil)
		}))
	}))
	loop.Run(uv.RunDefault)
	for _, fd := range fds[:last] {
		must(syscall.Close(fd))
	}
	must(loop.Close())
})

// A loop counts its iterations and its events. Three removals of files, one
// after the other, stand in for C's open, write and close, which are not bound.
func TestLibuv_metrics_info_check(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	_, err := loop.MetricsInfo()
	require.Equal(t, lacksUntil(0x012d00), err)
	if err != nil {
		return
	}
	var prepare uv.Prepare
	require.NoError(t, prepare.Init(loop))
	var events []uint64
	var paths []string
	for range 3 {
		paths = append(paths, newFile(t))
	}
	unlink := func(cb uv.FsCB) { assert.NoError(t, loop.FsUnlink(nil, paths[len(events)-1], cb)) }
	// info notes the count of events and checks that of iterations.
	info := func(want uint64) {
		metrics, err := loop.MetricsInfo()
		assert.NoError(t, err)
		assert.Equal(t, want, metrics.LoopCount)
		events = append(events, metrics.Events)
	}
	require.NoError(t, prepare.Start(func(*uv.Prepare) {
		assert.NoError(t, prepare.Stop())
		info(0)
		unlink(func(r *uv.FsReq) {
			assert.Zero(t, r.Result())
			info(1)
			unlink(func(r *uv.FsReq) {
				assert.Zero(t, r.Result())
				info(2)
				unlink(func(r *uv.FsReq) {
					assert.Zero(t, r.Result())
					info(3)
				})
			})
		})
	}))
	run(t, loop)
	require.Len(t, events, 4)
	assert.Zero(t, events[0])
	// When the first is called back its event may not be counted yet.
	assert.Greater(t, events[2], events[1])
	assert.Greater(t, events[3], events[2])
	closeAll(t, loop)
}

// What the thread pool does counts as events, and what it had done before the
// loop waited as events that were waiting. Removals of files stand in for C's
// requests of several kinds. A helper does it, whose pool is one thread: it
// works in order, so it is known to be done with them when it is done with one
// that came later, from another loop.
func TestLibuv_metrics_pool_events(t *testing.T) {
	t.Parallel()
	options := helperOptions(helperPoolEvents, t.TempDir())
	_, err := newLoop(t).MetricsInfo()
	require.Equal(t, lacksUntil(0x012d00), err)
	if err != nil {
		return
	}
	// From libuv 1.45 to 1.48 the kernel would do the pool's work.
	options.Env = append(options.Env, "UV_THREADPOOL_SIZE=1", "UV_USE_IO_URING=0")
	out, exit := outputOf(t, options)
	assert.Equal(t, "removed 7, 7 or more events, 5 or more waiting\n", out)
	assert.Equal(t, exitOf{}, exit)
}

var helperPoolEvents = helper("counts the pool's events", func() {
	loop, other := new(uv.Loop), new(uv.Loop)
	must(loop.Init())
	must(other.Init())
	must(loop.Configure(uv.MetricsIdleTime))
	files := 0
	newPath := func() string {
		files++
		path := filepath.Join(os.Args[1], fmt.Sprint(files))
		must(os.WriteFile(path, nil, 0o600))
		return path
	}
	removed := 0
	remove := func(cb func()) {
		must(loop.FsUnlink(nil, newPath(), func(r *uv.FsReq) {
			if r.Result() != 0 {
				panic(uv.Errno(r.Result()))
			}
			removed++
			cb()
		}))
	}
	var prepare uv.Prepare
	must(prepare.Init(loop))
	must(prepare.Start(func(*uv.Prepare) {
		metrics, err := loop.MetricsInfo()
		must(err)
		if removed == 1 && metrics.Events != metrics.EventsWaiting {
			panic(fmt.Sprintf("%+v", metrics))
		}
		if removed == 7 {
			must(prepare.Stop())
		}
	}))
	nothing := func() {}
	remove(func() { // the first one's callback asks for two more
		remove(nothing)
		remove(nothing)
	})
	for range 4 {
		remove(nothing)
	}
	must(other.FsUnlink(nil, newPath(), func(*uv.FsReq) {}))
	other.Run(uv.RunDefault)
	must(other.Close())

	loop.Run(uv.RunDefault)
	metrics, err := loop.MetricsInfo()
	must(err)
	if removed != 7 || prepare.IsActive() || metrics.Events < 7 || metrics.EventsWaiting < 5 {
		panic(fmt.Sprintf("removed %d, %+v", removed, metrics))
	}
	fmt.Println("removed 7, 7 or more events, 5 or more waiting")
	prepare.Close(nil)
	loop.Run(uv.RunDefault)
	must(loop.Close())
})
