package uv_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// What Go's runtime does with signals of its own goes on while loops run and
// watch others: it preempts, takes profiles, and turns faults into panics.
func TestGoRuntime_WhileLoopsRun(t *testing.T) {
	// A loop that watches a signal, has children, and runs.
	var loop uv.Loop
	require.NoError(t, loop.Init())
	var s uv.Signal
	require.NoError(t, s.Init(&loop))
	require.NoError(t, s.Start(func(*uv.Signal, syscall.Signal) {}, syscall.SIGUSR1))
	var stop uv.Async
	require.NoError(t, stop.Init(&loop, func(*uv.Async) { loop.Stop() }))
	var timer uv.Timer
	require.NoError(t, timer.Init(&loop))
	faults := 0
	require.NoError(t, timer.Start(func(*uv.Timer) {
		defer func() {
			if err, ok := recover().(runtime.Error); assert.True(t, ok) {
				assert.ErrorContains(t, err, "nil pointer")
				faults++
			}
		}()
		var none *uv.ProcessOptions
		_ = none.File
	}, 1, 1))
	spawned := 0
	var spawn func()
	spawn = func() {
		options := helperOptions(exitsAtOnce)
		options.ExitCB = func(p *uv.Process, _ int64, _ syscall.Signal) {
			spawned++
			p.Close(nil)
			spawn()
		}
		assert.NoError(t, loop.Spawn(new(uv.Process), options))
	}
	spawn()

	var profile bytes.Buffer
	require.NoError(t, pprof.StartCPUProfile(&profile))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		loop.Run(uv.RunDefault)
	}()

	// A loop without a call in it, which only a signal can preempt: the
	// collector could not stop the world otherwise.
	var over atomic.Bool
	var spins int
	spun := make(chan struct{})
	go func() {
		defer close(spun)
		for !over.Load() {
			for range 1 << 20 {
				spins++
			}
		}
	}()
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
		runtime.GC()
	}
	over.Store(true)
	<-spun
	require.NoError(t, stop.Send())
	<-ended
	pprof.StopCPUProfile()

	assert.NotZero(t, spins)
	assert.NotZero(t, faults)
	assert.NotZero(t, spawned)
	packed, err := gzip.NewReader(&profile)
	require.NoError(t, err)
	samples, err := io.ReadAll(packed)
	require.NoError(t, err)
	assert.Contains(t, string(samples), "TestGoRuntime_WhileLoopsRun.func", "the spinning was sampled")
	loop.Walk(func(h uv.Handle) { closeAndReap(h, nil) })
	run(t, &loop)
	require.NoError(t, loop.Close())
}

// Two goroutines that use a stopped loop without synchronisation are a data
// race, and the race detector says so, although what they work on is C's.
func TestLoop_RaceIsSeen(t *testing.T) {
	if !raceDetector {
		t.Skip("this needs -race")
	}
	t.Parallel()
	child := exec.Command(helperPath())
	child.Env = append(helperEnv(racesHelper), "GORACE=atexit_sleep_ms=0 exitcode=66")
	output, err := child.CombinedOutput()
	assert.Contains(t, string(output), "DATA RACE")
	assert.Contains(t, string(output), "uv.(*Timer).Stop")
	assert.Equal(t, "exit status 66", fmt.Sprint(err))
}

var racesHelper = helper("uses a loop from two goroutines", func() {
	var loop uv.Loop
	must(loop.Init())
	var timers [2]uv.Timer
	for i := range timers {
		must(timers[i].Init(&loop))
	}
	loop.Run(uv.RunNowait)
	done := make(chan error)
	for i := range timers {
		go func() { done <- timers[i].Stop() }()
	}
	must(<-done)
	must(<-done)
})

// Go raises the soft limit of open files for itself. A child of ours gets the
// one that the process was started with, and keeps one that was set since.
func TestSpawn_FileLimit(t *testing.T) {
	t.Parallel()
	for _, set := range []string{"", "777"} {
		parent := exec.Command("/bin/sh", "-c", `ulimit -Sn 512 && exec "$0" "$@"`, helperPath(), set)
		parent.Env = helperEnv(limitsHelper)
		output, err := parent.CombinedOutput()
		assert.NoError(t, err)
		want := "512\n"
		if set != "" {
			want = set + "\n"
		}
		assert.Equal(t, want, string(output))
	}
}

var limitsHelper = helper("has a child print its file limit", func() {
	if set := os.Args[1]; set != "" {
		var limit syscall.Rlimit
		must(syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
		n, err := strconv.ParseUint(set, 10, 64)
		must(err)
		limit.Cur = n
		must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	}
	printByChild("/bin/sh", "-c", "ulimit -Sn")
})

// With more files open than the limit that a child gets, descriptors can still be
// given to it in any order.
func TestSpawn_MoreFilesThanTheLimit(t *testing.T) {
	t.Parallel()
	parent := exec.Command("/bin/sh", "-c", `ulimit -Sn 64 && exec "$0"`, helperPath())
	parent.Env = helperEnv(manyFilesHelper)
	output, err := parent.CombinedOutput()
	assert.NoError(t, err)
	assert.Equal(t, "64\n64\n64\n", string(output))
}

var manyFilesHelper = helper("has many files open, and a child write to one of them", func() {
	for range 100 {
		fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		must(err)
		defer syscall.Close(fd)
	}
	var loop uv.Loop
	var out uv.Pipe
	must(loop.Init())
	must(out.Init(&loop, false))
	stdout, err := syscall.Dup(1)
	must(err)
	must(out.Open(stdout))
	var child uv.Process
	must(loop.Spawn(&child, &uv.ProcessOptions{
		File: "/bin/sh",
		Args: []string{"sh", "-c", "for fd in 1 2 3; do ulimit -Sn >&$fd; done"},
		Stdio: []uv.StdioContainer{
			{}, {Flags: uv.InheritFD, FD: 1}, {Flags: uv.InheritFD, FD: 1}, {Flags: uv.InheritFD, FD: 2},
			{Flags: uv.InheritStream, Stream: &out},
		},
		ExitCB: func(p *uv.Process, _ int64, _ syscall.Signal) { p.Close(nil) },
	}))
	out.Close(nil)
	loop.Run(uv.RunDefault)
	must(loop.Close())
})
