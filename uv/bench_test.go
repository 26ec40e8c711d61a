package uv_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// hotPath is something that a program does so often that it shall not leave
// anything to the garbage collector. Set-up returns a function that does it
// once, from the call to the callback.
type hotPath struct {
	name     string
	garbage  bool // it may leave some
	setUp    func(t testing.TB, loop *uv.Loop) (once func())
	parallel int // how many of it are done at once
}

var hotPaths = []hotPath{
	{name: "timer", setUp: timerPath},
	{name: "idle", setUp: idlePath},
	{name: "async", setUp: asyncPath},
	{name: "read", setUp: readPath},
	{name: "read with AllocCB", setUp: readAllocPath},
	{name: "write", setUp: writePath(1, false)},
	{name: "write from the pool", setUp: writePath(1, true)},
	{name: "write of 16", setUp: writePath(16, false), parallel: 16},
	{name: "try_write", setUp: tryWritePath},
	{name: "write2", setUp: write2Path},
	{name: "ping-pong", setUp: pingPongPath},
	{name: "signal", setUp: signalPath},
	{name: "spawn", setUp: spawnPath, garbage: true},
}

func BenchmarkHotPath(b *testing.B) {
	for _, path := range hotPaths {
		b.Run(path.name, func(b *testing.B) {
			loop := newLoop(b)
			once := path.setUp(b, loop)
			once()
			b.ReportAllocs()
			for b.Loop() {
				once()
			}
			b.StopTimer()
			if path.parallel > 0 {
				b.ReportMetric(float64(b.Elapsed())/float64(b.N*path.parallel), "ns/each")
			}
			closeAll(b, loop)
		})
	}
}

// It is not for parallel tests: allocations are counted in the whole process.
func TestHotPath_NoAllocations(t *testing.T) {
	if raceDetector || asan {
		t.Skip("what watches memory allocates some itself")
	}
	for _, path := range hotPaths {
		if path.garbage {
			continue
		}
		t.Run(path.name, func(t *testing.T) {
			loop := newLoop(t)
			once := path.setUp(t, loop)
			for range 100 { // until everything has the size that it needs
				once()
			}
			allocations := testing.AllocsPerRun(1000, once)
			require.Zero(t, allocations, "allocations each time")
			closeAll(t, loop)
		})
	}
}

// runUntil runs the loop until *count has got to n.
func runUntil(loop *uv.Loop, count *int, n int) {
	for *count < n {
		loop.Run(uv.RunOnce)
	}
}

func timerPath(t testing.TB, loop *uv.Loop) func() {
	timer, count := new(uv.Timer), 0
	require.NoError(t, timer.Init(loop))
	onTimer := func(*uv.Timer) { count++ }
	return func() {
		must(timer.Start(onTimer, 0, 0))
		runUntil(loop, &count, count+1)
	}
}

func idlePath(t testing.TB, loop *uv.Loop) func() {
	idle, count := new(uv.Idle), 0
	require.NoError(t, idle.Init(loop))
	require.NoError(t, idle.Start(func(*uv.Idle) { count++ }))
	return func() { runUntil(loop, &count, count+1) }
}

func asyncPath(t testing.TB, loop *uv.Loop) func() {
	async, count := new(uv.Async), 0
	require.NoError(t, async.Init(loop, func(*uv.Async) { count++ }))
	return func() {
		must(async.Send())
		runUntil(loop, &count, count+1)
	}
}

// farEnd opens pipe with one end of a socket pair and returns the other, which
// blocks.
func farEnd(t testing.TB, loop *uv.Loop, pipe *uv.Pipe, ipc bool) int {
	pair, err := uv.Socketpair(syscall.SOCK_STREAM, 0, uv.NonblockPipe, 0)
	require.NoError(t, err)
	require.NoError(t, pipe.Init(loop, ipc))
	require.NoError(t, pipe.Open(pair[0]))
	t.Cleanup(func() { syscall.Close(pair[1]) })
	return pair[1]
}

func send(fd int, data []byte) {
	if n, err := syscall.Write(fd, data); n != len(data) {
		panic(err)
	}
}

// receive reads n bytes, or what comes at once of them, and returns how many.
// Descriptors that come with them are lost, which closes them.
func receive(fd int, buf []byte) int {
	n, err := syscall.Read(fd, buf)
	must(err)
	return n
}

func readPath(t testing.TB, loop *uv.Loop) func() { return readPathWith(t, loop, nil) }

func readAllocPath(t testing.TB, loop *uv.Loop) func() {
	buf := make([]byte, 64*1024)
	return readPathWith(t, loop, func(uv.Handle, int) []byte { return buf })
}

func readPathWith(t testing.TB, loop *uv.Loop, alloc uv.AllocCB) func() {
	pipe, count := new(uv.Pipe), 0
	far := farEnd(t, loop, pipe, false)
	require.NoError(t, pipe.ReadStart(alloc, func(s uv.Stream, buf []byte, err error) { count += len(buf) }))
	message := make([]byte, 64)
	return func() {
		send(far, message)
		runUntil(loop, &count, count+len(message))
	}
}

func writePath(parallel int, pool bool) func(testing.TB, *uv.Loop) func() {
	return func(t testing.TB, loop *uv.Loop) func() {
		pipe, count := new(uv.Pipe), 0
		far := farEnd(t, loop, pipe, false)
		reqs, bufs := make([]*uv.WriteReq, parallel), [][]byte{make([]byte, 64)}
		for i := range reqs {
			if !pool {
				reqs[i] = new(uv.WriteReq)
			}
		}
		onWritten := func(req *uv.WriteReq, err error) {
			must(err)
			count++
		}
		in := make([]byte, parallel*len(bufs[0]))
		return func() {
			for _, req := range reqs {
				must(pipe.Write(req, bufs, onWritten))
			}
			runUntil(loop, &count, count+parallel)
			for got := 0; got < len(in); {
				got += receive(far, in[got:])
			}
		}
	}
}

func tryWritePath(t testing.TB, loop *uv.Loop) func() {
	pipe := new(uv.Pipe)
	far := farEnd(t, loop, pipe, false)
	bufs, in := [][]byte{make([]byte, 64)}, make([]byte, 64)
	return func() {
		n, err := pipe.TryWrite(bufs)
		must(err)
		if got := receive(far, in); got != n {
			panic("not all that was written has come")
		}
	}
}

func write2Path(t testing.TB, loop *uv.Loop) func() {
	pipe, sent, count := new(uv.Pipe), new(uv.Pipe), 0
	far := farEnd(t, loop, pipe, true)
	farEnd(t, loop, sent, false)
	req, bufs, in := new(uv.WriteReq), [][]byte{[]byte("x")}, make([]byte, 1)
	onWritten := func(req *uv.WriteReq, err error) {
		must(err)
		count++
	}
	return func() {
		must(pipe.Write2(req, bufs, sent, onWritten))
		runUntil(loop, &count, count+1)
		receive(far, in)
	}
}

// pingPongPath sends a message from one pipe to another and back.
func pingPongPath(t testing.TB, loop *uv.Loop) func() {
	pair, err := uv.Socketpair(syscall.SOCK_STREAM, 0, uv.NonblockPipe, uv.NonblockPipe)
	require.NoError(t, err)
	var pipes [2]uv.Pipe
	var reqs [2]uv.WriteReq
	var memory, bufs [2][1][]byte
	count := 0
	for i := range pipes {
		require.NoError(t, pipes[i].Init(loop, false))
		require.NoError(t, pipes[i].Open(pair[i]))
		memory[i][0] = make([]byte, 64)
	}
	onWritten := func(req *uv.WriteReq, err error) { must(err) }
	require.NoError(t, pipes[1].ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
		bufs[1][0] = memory[1][0][:copy(memory[1][0], buf)]
		must(s.Write(&reqs[1], bufs[1][:], onWritten))
	}))
	require.NoError(t, pipes[0].ReadStart(nil, func(s uv.Stream, buf []byte, err error) { count += len(buf) }))
	return func() {
		must(pipes[0].Write(&reqs[0], memory[0][:], onWritten))
		runUntil(loop, &count, count+64)
	}
}

func signalPath(t testing.TB, loop *uv.Loop) func() {
	watcher, count, pid := new(uv.Signal), 0, os.Getpid()
	require.NoError(t, watcher.Init(loop))
	require.NoError(t, watcher.Start(func(*uv.Signal, syscall.Signal) { count++ }, syscall.SIGWINCH))
	return func() {
		must(uv.Kill(pid, syscall.SIGWINCH))
		runUntil(loop, &count, count+1)
	}
}

func spawnPath(t testing.TB, loop *uv.Loop) func() {
	process, count := new(uv.Process), 0
	onClose := func(uv.Handle) { count++ }
	options := uv.ProcessOptions{File: "/bin/true", ExitCB: func(p *uv.Process, exitStatus int64, termSignal syscall.Signal) {
		p.Close(onClose)
	}}
	return func() {
		must(loop.Spawn(process, &options))
		runUntil(loop, &count, count+1)
	}
}
