package uv_test

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// sleeper returns the options for a process that does nothing, for longer than
// any test takes.
func sleeper() *uv.ProcessOptions {
	return &uv.ProcessOptions{File: "sleep", Args: []string{"sleep", "600"}}
}

// killedBySIGTERM is the ExitCB of a process that SIGTERM ended: its id is
// nobody's any more.
func killedBySIGTERM(t testing.TB, c counts) uv.ExitCB {
	return func(p *uv.Process, status int64, signal syscall.Signal) {
		c["exit"]++
		assert.Equal(t, exitOf{0, syscall.SIGTERM}, exitOf{status, signal})
		p.Close(func(uv.Handle) { c["close"]++ })
		assert.Equal(t, uv.ESRCH, uv.Kill(p.PID(), 0))
	}
}

// The process that was forked for a program that cannot be run is not left for
// the caller to wait for. A helper looks, since it has no other children.
func TestLibuv_spawn_fails_check_for_waitpid_cleanup(t *testing.T) {
	t.Parallel()
	helperPrints(t, fmt.Sprintln(uv.ENOENT, false, false, syscall.ECHILD, false, nil), helperWaitAfterFailure)
}

var helperWaitAfterFailure = helper("waits after a failed spawn", func() {
	loop := new(uv.Loop)
	must(loop.Init())
	var p uv.Process
	failure := loop.Spawn(&p, &uv.ProcessOptions{
		File:   "uv-no-such-program",
		ExitCB: func(*uv.Process, int64, syscall.Signal) { panic("unexpected exit callback") },
	})
	active, alive := p.IsActive(), loop.Run(uv.RunDefault)
	_, err := wait4(-1, nil)
	p.Close(nil)
	fmt.Println(failure, active, alive, err, loop.Run(uv.RunDefault), loop.Close())
})

// A process can do without an environment.
func TestLibuv_spawn_empty_env(t *testing.T) {
	t.Setenv("UV_TEST_VALUE", "2")
	script := `exit ${UV_TEST_VALUE-1}`
	assert.Equal(t, exitOf{2, 0}, spawnAndWait(t, sh(script)), "with the parent's it sees the variable")
	options := sh(script)
	options.File, options.Env = lookPath(t, "sh"), []string{}
	assert.Equal(t, exitOf{1, 0}, spawnAndWait(t, options))
}

// A process that a timer kills: the exit callback is told the signal.
func TestLibuv_spawn_and_kill(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	var p uv.Process
	options := sleeper()
	options.ExitCB = killedBySIGTERM(t, c)
	require.NoError(t, loop.Spawn(&p, options))
	timer := newTimer(t, loop)
	require.NoError(t, timer.Start(func(*uv.Timer) {
		assert.NoError(t, p.Kill(syscall.SIGTERM))
		timer.Close(func(uv.Handle) { c["close"]++ })
	}, 1, 0))
	run(t, loop)
	assert.Equal(t, counts{"exit": 1, "close": 2}, c)
}

// Without an environment of its own a child gets the parent's, with what was
// set just now.
func TestLibuv_spawn_preserve_env(t *testing.T) {
	t.Setenv("ENV_TEST", "testval")
	options := sh(`printf %s "$ENV_TEST"; exit 1`)
	options.Env = nil
	out, exit := outputOf(t, options)
	assert.Equal(t, "testval", out)
	assert.Equal(t, exitOf{1, 0}, exit)
}

// spawnAndPing sends a child a word and gets it back.
func spawnAndPing(t *testing.T) {
	loop := newLoop(t)
	toChild, stdin := childPipe(t, loop, uv.ReadablePipe)
	fromChild, stdout := childPipe(t, loop, uv.WritablePipe)
	c := counts{}
	closed := func(uv.Handle) { c["close"]++ }
	var p uv.Process
	options := sh("cat; exit 1")
	options.Stdio = []uv.StdioContainer{toChild, fromChild}
	options.ExitCB = func(_ *uv.Process, status int64, signal syscall.Signal) {
		c["exit"]++
		assert.Equal(t, exitOf{1, 0}, exitOf{status, signal})
		p.Close(closed)
	}
	require.NoError(t, loop.Spawn(&p, options))
	assert.NoError(t, p.Kill(0), "it lives, and 0 does not change that")
	require.NoError(t, stdin.Write(nil, buffers("TEST"), func(_ *uv.WriteReq, err error) {
		c["write"]++
		assert.NoError(t, err)
		stdin.Close(closed)
	}))
	var output []byte
	require.NoError(t, stdout.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		output = append(output, buf...)
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			stdout.Close(closed)
		}
	}))
	assert.Empty(t, c, "nothing is called back before the loop runs")
	run(t, loop)
	assert.Equal(t, counts{"write": 1, "exit": 1, "close": 3}, c)
	assert.Equal(t, "TEST", string(output))
}

// A signal 0 only asks, and what a child reads and writes goes through pipes.
func TestLibuv_spawn_and_ping(t *testing.T) {
	t.Parallel()
	spawnAndPing(t)
}

// libuv's own test of this name, too, does what the one before does: standard
// error is left out.
func TestLibuv_spawn_same_stdout_stderr(t *testing.T) {
	t.Parallel()
	spawnAndPing(t)
}

// A PATH with quotes and semicolons in it, as Windows knows them, is searched,
// in vain.
func TestLibuv_spawn_quoted_path(t *testing.T) {
	t.Parallel()
	assertSpawnFails(t, uv.ENOENT, &uv.ProcessOptions{
		File: "not_existing", Args: []string{"not_existing"}, Env: []string{`PATH="xyz:\test;";xyz:\other`},
	})
}

// A child has the default disposition of a signal and does not block it,
// whatever its parent does. A helper does it, since Go does not forget that a
// signal was ignored.
func TestLibuv_kill(t *testing.T) {
	t.Parallel()
	helperPrints(t, fmt.Sprintln(true, true)+fmt.Sprintln("exit", 0, syscall.SIGTERM, uv.ESRCH)+fmt.Sprintln("close"), helperKill)
}

var helperKill = helper("kills a child of a parent without SIGTERM", func() {
	loop := new(uv.Loop)
	must(loop.Init())
	var p uv.Process
	options := sleeper()
	options.ExitCB = func(_ *uv.Process, status int64, signal syscall.Signal) {
		p.Close(func(uv.Handle) { fmt.Println("close") })
		fmt.Println("exit", status, signal, uv.Kill(p.PID(), 0))
	}

	runtime.LockOSThread()
	const sigterm = 1 << (syscall.SIGTERM - 1)
	threadMask(maskBlock, sigterm)
	signal.Ignore(syscall.SIGTERM)
	fmt.Println(signal.Ignored(syscall.SIGTERM), threadMask(maskBlock, 0)&sigterm != 0)
	must(loop.Spawn(&p, options))
	threadMask(maskUnblock, sigterm)
	signal.Reset(syscall.SIGTERM)

	must(uv.Kill(p.PID(), 0))
	must(uv.Kill(p.PID(), syscall.SIGTERM))
	loop.Run(uv.RunDefault)
	must(loop.Close())
})

// There are no such signals.
func TestLibuv_kill_invalid_signum(t *testing.T) {
	t.Parallel()
	assert.Equal(t, uv.EINVAL, uv.Kill(uv.OSGetpid(), -1))
	assert.Equal(t, uv.EINVAL, uv.Kill(uv.OSGetpid(), 4096))
}

// A pipe that was closed wakes the loop no more, although a child keeps open
// what it was opened with. Not parallel: the end of another test's child would
// wake the loop too.
func TestLibuv_closed_fd_events(t *testing.T) {
	loop := newLoop(t)
	fds, err := uv.MakePipe(0, 0)
	require.NoError(t, err)
	c := counts{}
	var p uv.Process
	options := sleeper()
	options.Stdio = []uv.StdioContainer{{Flags: uv.InheritFD, FD: fds[0]}, {}, {}}
	options.ExitCB = killedBySIGTERM(t, c)
	require.NoError(t, loop.Spawn(&p, options))
	p.Unref()

	pipe := newPipe(t, loop)
	require.NoError(t, pipe.Open(fds[0]))
	require.NoError(t, pipe.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		assert.NoError(t, err)
		c["bytes"] += len(buf)
		assert.NoError(t, pipe.ReadStop())
	}))
	writeByte := func() {
		n, err := syscall.Write(fds[1], []byte{0})
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	writeByte()
	runMode(t, loop, uv.RunOnce)
	assert.Equal(t, counts{"bytes": 1}, c)

	pipe.Close(func(uv.Handle) { c["close"]++ })
	writeByte() // for the child to read
	timer := newTimer(t, loop)
	require.NoError(t, timer.Start(func(*uv.Timer) { c["timer"]++ }, 10, 0))
	runMode(t, loop, uv.RunOnce)
	assert.Equal(t, 1, c["close"])
	// C's test wants the next iteration to be the timer's. On some systems a wait
	// ends a little early, and with it, from libuv 1.45 on, the iteration. So this
	// one asks what the loop waits for.
	events := make([]syscall.EpollEvent, 8)
	n, err := syscall.EpollWait(loop.BackendFD(), events, 0)
	assert.NoError(t, err)
	assert.Zero(t, n, "nothing is to wake the loop: %v", events)
	for c["timer"] == 0 {
		runMode(t, loop, uv.RunOnce)
	}
	assert.Equal(t, counts{"bytes": 1, "close": 1, "timer": 1}, c)

	// Unlike C's, the test waits for the child's end.
	p.Ref()
	timer.Close(nil)
	require.NoError(t, p.Kill(syscall.SIGTERM))
	require.NoError(t, syscall.Close(fds[1]))
	run(t, loop)
	assert.Equal(t, counts{"bytes": 1, "close": 2, "timer": 1, "exit": 1}, c)
}

// A descriptor that was opened close-on-exec is not the child's, a copy of it
// is. What opens the file is Go, in the place of uv_fs_open, which is not
// bound. Not parallel: children of other tests would get the copy.
func TestLibuv_spawn_fs_open(t *testing.T) {
	loop := newLoop(t)
	file := tempFile(t)
	inherited, err := syscall.Dup(int(file.Fd()))
	require.NoError(t, err)
	toChild, stdin := childPipe(t, loop, uv.ReadablePipe)
	c := counts{}
	options := sh(`
		read closed; read open
		[ /dev/fd/$closed -ef "$1" ] && exit 2
		[ /dev/fd/$open -ef "$1" ] || exit 3
		exit 1`, file.Name())
	options.Stdio = []uv.StdioContainer{toChild, {}, {Flags: uv.InheritFD, FD: int(os.Stderr.Fd())}}
	options.ExitCB = func(p *uv.Process, status int64, signal syscall.Signal) {
		c["exit"]++
		assert.Equal(t, exitOf{1, 0}, exitOf{status, signal})
		p.Close(func(uv.Handle) { c["close"]++ })
	}
	require.NoError(t, loop.Spawn(new(uv.Process), options))
	require.NoError(t, syscall.Close(inherited)) // the child has its own
	require.NoError(t, stdin.Write(nil, buffers(strconv.Itoa(int(file.Fd()))+"\n"), func(_ *uv.WriteReq, err error) {
		c["write"]++
		assert.NoError(t, err)
	}))
	require.NoError(t, stdin.Write(nil, buffers(strconv.Itoa(inherited)+"\n"), func(_ *uv.WriteReq, err error) {
		c["write"]++
		assert.NoError(t, err)
		stdin.Close(func(uv.Handle) { c["close"]++ })
	}))
	run(t, loop)
	assert.Equal(t, counts{"exit": 1, "write": 2, "close": 2}, c)
}
