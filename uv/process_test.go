package uv_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// exitOf is what an ExitCB was told.
type exitOf struct {
	status int64
	signal syscall.Signal
}

// sh returns the options to run a shell script, with args as $1 and so on.
func sh(script string, args ...string) *uv.ProcessOptions {
	return &uv.ProcessOptions{File: "sh", Args: append([]string{"sh", "-c", script, "sh"}, args...)}
}

// cat returns the options for a process that lives until the pipe, which it
// reads, is closed.
func cat(t testing.TB, loop *uv.Loop) (*uv.ProcessOptions, *uv.Pipe) {
	stdin := new(uv.Pipe)
	require.NoError(t, stdin.Init(loop, false))
	return &uv.ProcessOptions{
		File:  "cat",
		Stdio: []uv.StdioContainer{{Flags: uv.CreatePipe | uv.ReadablePipe, Stream: stdin}},
	}, stdin
}

// noExit is an ExitCB that is not called.
func noExit(t testing.TB) uv.ExitCB {
	return func(*uv.Process, int64, syscall.Signal) { assert.Fail(t, "unexpected exit callback") }
}

// spawnIn spawns a process in the loop, runs it until nothing is left, and
// returns how the process ended.
func spawnIn(t testing.TB, loop *uv.Loop, options *uv.ProcessOptions) exitOf {
	t.Helper()
	var p uv.Process
	var got exitOf
	c := counts{}
	options.ExitCB = func(exited *uv.Process, status int64, signal syscall.Signal) {
		c["exit"]++
		assert.Same(t, &p, exited)
		got = exitOf{status, signal}
		p.Close(func(uv.Handle) { c["close"]++ })
	}
	require.NoError(t, loop.Spawn(&p, options))
	run(t, loop)
	require.Equal(t, counts{"exit": 1, "close": 1}, c)
	return got
}

func spawnAndWait(t testing.TB, options *uv.ProcessOptions) exitOf {
	t.Helper()
	return spawnIn(t, newLoop(t), options)
}

// outputOf spawns a process, and returns how it ended and what it wrote to
// descriptor 1.
func outputOf(t testing.TB, options *uv.ProcessOptions) (string, exitOf) {
	t.Helper()
	loop := newLoop(t)
	for len(options.Stdio) < 2 {
		options.Stdio = append(options.Stdio, uv.StdioContainer{})
	}
	var out uv.Pipe
	require.NoError(t, out.Init(loop, false))
	options.Stdio[1] = uv.StdioContainer{Flags: uv.CreatePipe | uv.WritablePipe, Stream: &out}
	var p uv.Process
	var got exitOf
	c := counts{}
	options.ExitCB = func(_ *uv.Process, status int64, signal syscall.Signal) {
		c["exit"]++
		got = exitOf{status, signal}
		p.Close(nil)
	}
	require.NoError(t, loop.Spawn(&p, options))
	text := readToEnd(t, &out)
	run(t, loop)
	require.Equal(t, counts{"exit": 1}, c)
	return text.String(), got
}

func TestSpawn_ExitCode(t *testing.T) {
	t.Parallel()
	for _, code := range []int64{0, 1, 255} {
		assert.Equal(t, exitOf{code, 0}, spawnAndWait(t, sh("exit $1", strconv.FormatInt(code, 10))))
	}
}

func TestSpawn_TermSignal(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGUSR1} {
		assert.Equal(t, exitOf{0, signal}, spawnAndWait(t, sh("kill -$1 $$", strconv.Itoa(int(signal)))))
	}
}

var helperExit = helper("exit", func() {
	code, _ := strconv.Atoi(os.Args[1])
	os.Exit(code)
})

func TestSpawn_Args(t *testing.T) {
	t.Parallel()
	args := []string{"sh", "-c", `printf '<%s>' "$0" "$@"`, "zero", "a b", "", `"quoted"`, "$HOME", "ü\n"}
	out, exit := outputOf(t, &uv.ProcessOptions{File: "sh", Args: args})
	assert.Equal(t, "<zero><a b><><\"quoted\"><$HOME><ü\n>", out)
	assert.Equal(t, exitOf{}, exit)
}

var helperArgv0 = helper("argv0", func() { fmt.Print(len(os.Args), " ", os.Args[0]) })

func TestSpawn_EmptyArgsMeansFile(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {}} {
		options := helperOptions(helperArgv0)
		options.Args = args
		out, _ := outputOf(t, options)
		assert.Equal(t, "1 "+helperPath(), out)
	}
}

func TestSpawn_NilEnvIsTheParents(t *testing.T) {
	t.Setenv("UV_TEST_VALUE", "set just before")
	out, _ := outputOf(t, sh(`printf %s "$UV_TEST_VALUE"`))
	assert.Equal(t, "set just before", out)

	require.NoError(t, os.Unsetenv("UV_TEST_VALUE"))
	out, _ = outputOf(t, sh(`printf %s "${UV_TEST_VALUE-unset}"`))
	assert.Equal(t, "unset", out)
}

// lookPath returns where a program is.
func lookPath(t testing.TB, name string) string {
	path, err := exec.LookPath(name)
	require.NoError(t, err)
	path, err = filepath.Abs(path)
	require.NoError(t, err)
	return path
}

func TestSpawn_EmptyEnvIsEmpty(t *testing.T) {
	t.Parallel()
	out, exit := outputOf(t, &uv.ProcessOptions{File: lookPath(t, "env"), Env: []string{}})
	assert.Equal(t, "", out)
	assert.Equal(t, exitOf{}, exit)
}

func TestSpawn_EnvIsAllThereIs(t *testing.T) {
	t.Parallel()
	out, _ := outputOf(t, &uv.ProcessOptions{File: lookPath(t, "env"), Env: []string{"A=1", "B=", "C=two words"}})
	assert.Equal(t, "A=1\nB=\nC=two words\n", out)
}

// toolFolder returns a folder with one program in it, a shell called uvtool.
func toolFolder(t testing.TB) string {
	dir := t.TempDir()
	require.NoError(t, os.Symlink(lookPath(t, "sh"), filepath.Join(dir, "uvtool")))
	return dir
}

func TestSpawn_Cwd(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	options := sh("pwd -P")
	options.Cwd = dir
	out, _ := outputOf(t, options)
	assert.Equal(t, dir+"\n", out)
}

// assertSpawnFails spawns what cannot be spawned. The handle needs a Close
// afterwards, and then the loop is as before.
func assertSpawnFails(t testing.TB, want error, options *uv.ProcessOptions) {
	t.Helper()
	loop := newLoop(t)
	options.ExitCB = noExit(t)
	var p uv.Process
	c := counts{}
	assert.Equal(t, want, loop.Spawn(&p, options))
	assert.False(t, p.IsActive())
	assert.Zero(t, p.PID())
	assert.Equal(t, uv.ESRCH, p.Kill(syscall.SIGTERM))
	assert.False(t, loop.Run(uv.RunDefault), "a failed spawn must not keep the loop alive")
	p.Close(func(h uv.Handle) {
		c["close"]++
		assert.Same(t, &p, h)
	})
	assert.True(t, p.IsClosing())
	closeAll(t, loop)
	assert.Equal(t, counts{"close": 1}, c)
}

func TestSpawn_Failures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	require.NoError(t, os.WriteFile(plain, []byte("no program"), 0o600))
	for name, test := range map[string]struct {
		want    error
		options uv.ProcessOptions
	}{
		"missing program":          {uv.ENOENT, uv.ProcessOptions{File: filepath.Join(dir, "missing")}},
		"missing program in PATH":  {uv.ENOENT, uv.ProcessOptions{File: "uv-no-such-program"}},
		"missing working folder":   {uv.ENOENT, uv.ProcessOptions{File: "true", Cwd: filepath.Join(dir, "missing")}},
		"working folder is a file": {uv.ENOTDIR, uv.ProcessOptions{File: "true", Cwd: plain}},
		"not executable":           {uv.EACCES, uv.ProcessOptions{File: plain}},
		"program is a folder":      {uv.EACCES, uv.ProcessOptions{File: dir}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertSpawnFails(t, test.want, &test.options)
		})
	}
}

// What a failed Spawn leaves behind can be used again.
func TestSpawn_AgainAfterFailure(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var p uv.Process
	c := counts{}
	require.Equal(t, uv.ENOENT, loop.Spawn(&p, &uv.ProcessOptions{File: "uv-no-such-program", ExitCB: noExit(t)}))
	assert.Contains(t, panicText(func() { loop.Spawn(&p, sh("")) }), "open already")
	p.Close(func(uv.Handle) {
		c["close"]++
		options := sh("exit 3")
		options.ExitCB = func(_ *uv.Process, status int64, _ syscall.Signal) {
			c["exit"]++
			assert.EqualValues(t, 3, status)
			p.Close(nil)
		}
		assert.NoError(t, loop.Spawn(&p, options))
	})
	run(t, loop)
	assert.Equal(t, counts{"close": 1, "exit": 1}, c)
}

func TestSpawn_FailureLeavesPipesToClose(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var p uv.Process
	pipes := make([]uv.Pipe, 3)
	options := &uv.ProcessOptions{File: "uv-no-such-program", ExitCB: noExit(t)}
	for i := range pipes {
		require.NoError(t, pipes[i].Init(loop, false))
		options.Stdio = append(options.Stdio,
			uv.StdioContainer{Flags: uv.CreatePipe | uv.ReadablePipe | uv.WritablePipe, Stream: &pipes[i]})
	}
	c := counts{}
	require.Equal(t, uv.ENOENT, loop.Spawn(&p, options))
	for i := range pipes {
		pipes[i].Close(func(uv.Handle) { c["close pipe"]++ })
	}
	p.Close(func(uv.Handle) { c["close process"]++ })
	run(t, loop)
	assert.Equal(t, counts{"close pipe": 3, "close process": 1}, c)
}

var helperSession = helper("session", func() {
	sid, _, _ := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
	fmt.Print(int(sid) == os.Getpid(), syscall.Getpgrp() == os.Getpid())
})

func TestSpawn_Detached(t *testing.T) {
	t.Parallel()
	options := helperOptions(helperSession)
	out, _ := outputOf(t, options)
	assert.Equal(t, "false false", out)

	options.Flags = uv.ProcessDetached
	out, _ = outputOf(t, options)
	assert.Equal(t, "true true", out)
}

func TestSpawn_FlagsForWindowsDoNothing(t *testing.T) {
	t.Parallel()
	options := sh("exit 4")
	options.Flags = uv.ProcessWindowsHide | uv.ProcessWindowsHideConsole | uv.ProcessWindowsHideGUI |
		uv.ProcessWindowsVerbatimArguments | uv.ProcessWindowsFilePathExactName
	assert.Equal(t, exitOf{4, 0}, spawnAndWait(t, options))
}

const nobody = 65534

// UID and GID mean nothing without their flags.
func TestSpawn_UIDWithoutFlag(t *testing.T) {
	t.Parallel()
	options := sh("id -u; id -g")
	options.UID, options.GID = nobody, nobody
	out, _ := outputOf(t, options)
	assert.Equal(t, fmt.Sprintf("%d\n%d\n", os.Getuid(), os.Getgid()), out)
}

func TestProcess_Kill(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	options, stdin := cat(t, loop)
	var p uv.Process
	options.ExitCB = func(_ *uv.Process, status int64, signal syscall.Signal) {
		c["exit"]++
		assert.Equal(t, exitOf{0, syscall.SIGTERM}, exitOf{status, signal})
		assert.Equal(t, uv.ESRCH, p.Kill(0))
		assert.Equal(t, uv.ESRCH, p.Kill(syscall.SIGTERM))
		assert.Equal(t, uv.ESRCH, uv.Kill(p.PID(), 0))
		p.Close(nil)
		stdin.Close(nil)
	}
	require.NoError(t, loop.Spawn(&p, options))
	assert.NotZero(t, p.PID())
	assert.NoError(t, p.Kill(0))
	assert.NoError(t, uv.Kill(p.PID(), 0))
	assert.Equal(t, uv.EINVAL, p.Kill(-1))
	assert.Equal(t, uv.EINVAL, p.Kill(1000))
	assert.NoError(t, p.Kill(syscall.SIGTERM))
	run(t, loop)
	assert.Equal(t, counts{"exit": 1}, c)
}

func TestKill_Errors(t *testing.T) {
	t.Parallel()
	assert.NoError(t, uv.Kill(os.Getpid(), 0))
	assert.Equal(t, uv.EINVAL, uv.Kill(os.Getpid(), -1))
	assert.Equal(t, uv.EINVAL, uv.Kill(os.Getpid(), 1000))
	assert.Equal(t, uv.ESRCH, uv.Kill(1<<31-1, 0))
}

func TestProcess_PID(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var p uv.Process
	assert.Zero(t, p.PID())
	var out uv.Pipe
	require.NoError(t, out.Init(loop, false))
	options := sh("echo $$")
	options.Stdio = []uv.StdioContainer{{}, {Flags: uv.CreatePipe | uv.WritablePipe, Stream: &out}}
	options.ExitCB = func(*uv.Process, int64, syscall.Signal) { p.Close(nil) }
	require.NoError(t, loop.Spawn(&p, options))
	pid := p.PID()
	text := readToEnd(t, &out)
	run(t, loop)
	assert.Equal(t, fmt.Sprintln(pid), text.String())
}

// A process that is closed before it has exited is nobody's: no callback, and
// it stays to be waited for.
func TestProcess_CloseBeforeExit(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	options, stdin := cat(t, loop)
	options.ExitCB = noExit(t)
	var p uv.Process
	require.NoError(t, loop.Spawn(&p, options))
	pid := p.PID()
	c := counts{}
	p.Close(func(uv.Handle) { c["close"]++ })
	run(t, loop)
	assert.Equal(t, counts{"close": 1}, c)
	assert.NoError(t, uv.Kill(pid, 0))

	stdin.Close(nil)
	run(t, loop)
	var status syscall.WaitStatus
	waited, err := wait4(pid, &status)
	require.NoError(t, err)
	assert.Equal(t, pid, waited)
	assert.Equal(t, 0, status.ExitStatus())
}

func wait4(pid int, status *syscall.WaitStatus) (int, error) {
	for {
		waited, err := syscall.Wait4(pid, status, 0, nil)
		if err != syscall.EINTR {
			return waited, err
		}
	}
}

func TestProcess_IsNoStream(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	options, stdin := cat(t, loop)
	var p uv.Process
	options.ExitCB = func(*uv.Process, int64, syscall.Signal) { p.Close(nil) }
	require.NoError(t, loop.Spawn(&p, options))
	_, err := p.Fileno()
	assert.Equal(t, uv.EINVAL, err)
	_, err = p.SendBufferSize(0)
	assert.Equal(t, uv.ENOTSUP, err)
	_, err = p.RecvBufferSize(0)
	assert.Equal(t, uv.ENOTSUP, err)
	assert.Equal(t, uv.HandleTypeProcess, p.Type())
	assert.Same(t, loop, p.Loop())
	stdin.Close(nil)
	run(t, loop)
}

// Every child's exit arrives, and at the right handle.
func TestSpawn_200AtOnce(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	const n = 200
	processes := make([]uv.Process, n)
	got, want := map[int]exitOf{}, map[int]exitOf{}
	closed := 0
	for i := range processes {
		want[i] = exitOf{int64(i % 256), 0}
		options := sh("exit $1", strconv.Itoa(i%256))
		options.ExitCB = func(p *uv.Process, status int64, signal syscall.Signal) {
			assert.Same(t, &processes[i], p)
			assert.NotContains(t, got, i)
			got[i] = exitOf{status, signal}
			p.Close(func(uv.Handle) { closed++ })
		}
		require.NoError(t, loop.Spawn(&processes[i], options))
	}
	run(t, loop)
	assert.Equal(t, want, got)
	assert.Equal(t, n, closed)
}

// A child starts like a C program's: default dispositions, nothing blocked,
// and not the limit of open files that Go has raised.
func TestSpawn_ChildStartsClean(t *testing.T) {
	t.Parallel()
	script := "ulimit -Sn; ulimit -Hn"
	want, err := exec.Command("sh", "-c", script).Output()
	require.NoError(t, err)
	out, _ := outputOf(t, sh(script))
	assert.Equal(t, string(want), out)

	if runtime.GOOS == "linux" {
		out, _ = outputOf(t, &uv.ProcessOptions{File: "cat", Args: []string{"cat", "/proc/self/status"}})
		for _, set := range []string{"Blk", "Ign", "Cgt"} {
			assert.Contains(t, out, "\nSig"+set+":\t0000000000000000\n")
		}
	}
}

// A process that was spawned and never closed keeps the loop from closing, and
// a panic of its callback does not lose it.
func TestProcess_PanicInExitCB(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var p uv.Process
	options := sh("exit 0")
	options.ExitCB = func(*uv.Process, int64, syscall.Signal) { panic("in the exit callback") }
	require.NoError(t, loop.Spawn(&p, options))
	assert.Equal(t, "in the exit callback", panicText(func() { loop.Run(uv.RunDefault) }))
	assert.Equal(t, uv.EBUSY, loop.Close())
	assert.False(t, p.IsActive())
	p.Close(nil)
	run(t, loop)
}

// A helper spawns while the collector runs and C's free memory is full of
// addresses of buffers that are long gone: Go may not store a pointer over one.
var helperSpawnWhileCollecting = helper("spawn while collecting", func() {
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	loop := new(uv.Loop)
	must(loop.Init())
	for range 20 {
		fds, err := socketPair()
		must(err)
		var a uv.Pipe
		must(a.Init(loop, false))
		must(a.Open(fds[0]))
		for range 20 {
			bufs := make([][]byte, 60)
			for i := range bufs {
				bufs[i] = make([]byte, 4000)
			}
			must(a.Write(nil, bufs, nil))
		}
		a.Close(nil)
		must(syscall.Close(fds[1]))
		loop.Run(uv.RunDefault)
		for range 20 {
			p := new(uv.Process)
			if err := loop.Spawn(p, &uv.ProcessOptions{File: "uv-no-such-program", Args: make([]string, 100)}); err != uv.ENOENT {
				must(err)
			}
			p.Close(nil)
		}
		loop.Run(uv.RunDefault)
	}
	close(stop)
	must(loop.Close())
	fmt.Print("fine")
})

func TestSpawn_WhileCollecting(t *testing.T) {
	t.Parallel()
	helperPrints(t, "fine", helperSpawnWhileCollecting)
}

var helperStdioInheritance = helper("stdio inheritance", func() {
	closesOnExec := func(fd int) bool {
		flags, _, _ := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
		return flags&syscall.FD_CLOEXEC != 0
	}
	fd, err := syscall.Dup(0)
	must(err)
	fmt.Print(closesOnExec(1), closesOnExec(fd))
	uv.DisableStdioInheritance()
	fmt.Print(" ", closesOnExec(1), closesOnExec(fd))
})

func TestDisableStdioInheritance(t *testing.T) {
	t.Parallel()
	out, _ := outputOf(t, helperOptions(helperStdioInheritance))
	assert.Equal(t, "false false true true", out)
}

// Bad input: nothing is spawned, and the process handle may be closed, or not,
// or be spawned with better options.
func TestSpawn_BadOptions(t *testing.T) {
	t.Parallel()
	pipe := func(t *testing.T, loop *uv.Loop) *uv.Pipe {
		p := new(uv.Pipe)
		require.NoError(t, p.Init(loop, false))
		return p
	}
	stdio := func(flags uv.StdioFlags, stream uv.Stream, fd int) []uv.StdioContainer {
		return []uv.StdioContainer{{}, {Flags: flags, Stream: stream, FD: fd}}
	}
	for name, spoil := range map[string]func(t *testing.T, loop *uv.Loop, o *uv.ProcessOptions){
		"empty File":         func(_ *testing.T, _ *uv.Loop, o *uv.ProcessOptions) { o.File = "" },
		"NUL byte in File":   func(_ *testing.T, _ *uv.Loop, o *uv.ProcessOptions) { o.File += "\x00" },
		"NUL byte in Args":   func(_ *testing.T, _ *uv.Loop, o *uv.ProcessOptions) { o.Args = append(o.Args, "a\x00b") },
		"NUL byte in Env":    func(_ *testing.T, _ *uv.Loop, o *uv.ProcessOptions) { o.Env = append(os.Environ(), "A=\x00") },
		"NUL byte in Cwd":    func(_ *testing.T, _ *uv.Loop, o *uv.ProcessOptions) { o.Cwd = "/\x00" },
		"unknown flag":       func(_ *testing.T, _ *uv.Loop, o *uv.ProcessOptions) { o.Flags = 1 << 20 },
		"unknown stdio flag": func(_ *testing.T, _ *uv.Loop, o *uv.ProcessOptions) { o.Stdio = stdio(1<<20, nil, 0) },
		"CreatePipe and InheritFD": func(t *testing.T, loop *uv.Loop, o *uv.ProcessOptions) {
			o.Stdio = stdio(uv.CreatePipe|uv.InheritFD, pipe(t, loop), 1)
		},
		"CreatePipe and InheritStream": func(t *testing.T, loop *uv.Loop, o *uv.ProcessOptions) {
			o.Stdio = stdio(uv.CreatePipe|uv.InheritStream, pipe(t, loop), 1)
		},
		"InheritFD and InheritStream": func(t *testing.T, loop *uv.Loop, o *uv.ProcessOptions) {
			o.Stdio = stdio(uv.InheritFD|uv.InheritStream, pipe(t, loop), 1)
		},
		"negative FD":            func(_ *testing.T, _ *uv.Loop, o *uv.ProcessOptions) { o.Stdio = stdio(uv.InheritFD, nil, -1) },
		"CreatePipe without one": func(_ *testing.T, _ *uv.Loop, o *uv.ProcessOptions) { o.Stdio = stdio(uv.CreatePipe, nil, 0) },
		"CreatePipe not initialised": func(_ *testing.T, _ *uv.Loop, o *uv.ProcessOptions) {
			o.Stdio = stdio(uv.CreatePipe, new(uv.Pipe), 0)
		},
		"CreatePipe open already": func(t *testing.T, loop *uv.Loop, o *uv.ProcessOptions) {
			open, _ := pipePair(t, loop, false)
			o.Stdio = stdio(uv.CreatePipe|uv.WritablePipe, open, 0)
		},
		"CreatePipe closing": func(t *testing.T, loop *uv.Loop, o *uv.ProcessOptions) {
			closing := pipe(t, loop)
			closing.Close(nil)
			o.Stdio = stdio(uv.CreatePipe, closing, 0)
		},
		"CreatePipe closed": func(t *testing.T, loop *uv.Loop, o *uv.ProcessOptions) {
			closed := pipe(t, loop)
			closed.Close(nil)
			run(t, loop)
			o.Stdio = stdio(uv.CreatePipe, closed, 0)
		},
		"CreatePipe with a TCP": func(t *testing.T, loop *uv.Loop, o *uv.ProcessOptions) {
			tcp := new(uv.TCP)
			require.NoError(t, tcp.Init(loop))
			o.Stdio = stdio(uv.CreatePipe, tcp, 0)
		},
		"CreatePipe twice with one": func(t *testing.T, loop *uv.Loop, o *uv.ProcessOptions) {
			p := pipe(t, loop)
			o.Stdio = append(stdio(uv.CreatePipe, p, 0), stdio(uv.CreatePipe, p, 0)...)
		},
		"CreatePipe of another loop": func(t *testing.T, _ *uv.Loop, o *uv.ProcessOptions) {
			other := newLoop(t)
			p := pipe(t, other)
			t.Cleanup(func() { closeAll(t, other) })
			o.Stdio = stdio(uv.CreatePipe, p, 0)
		},
		"CreatePipe with a copy": func(t *testing.T, loop *uv.Loop, o *uv.ProcessOptions) {
			o.Stdio = stdio(uv.CreatePipe, shallowCopy(pipe(t, loop)), 0)
		},
		"InheritStream without one": func(_ *testing.T, _ *uv.Loop, o *uv.ProcessOptions) {
			o.Stdio = stdio(uv.InheritStream, nil, 1)
		},
		"InheritStream not initialised": func(_ *testing.T, _ *uv.Loop, o *uv.ProcessOptions) {
			o.Stdio = stdio(uv.InheritStream, new(uv.TCP), 1)
		},
		"InheritStream not open": func(t *testing.T, loop *uv.Loop, o *uv.ProcessOptions) {
			o.Stdio = stdio(uv.InheritStream, pipe(t, loop), 1)
		},
		"InheritStream closing": func(t *testing.T, loop *uv.Loop, o *uv.ProcessOptions) {
			closing, _ := pipePair(t, loop, false)
			closing.Close(nil)
			o.Stdio = stdio(uv.InheritStream, closing, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, end := range []string{"left alone", "closed", "spawned again"} {
				t.Run(end, func(t *testing.T) {
					loop := newLoop(t)
					marker := filepath.Join(t.TempDir(), "marker")
					good := func() *uv.ProcessOptions { return sh(`: > "$1"`, marker) }
					bad := good()
					bad.ExitCB = noExit(t)
					spoil(t, loop, bad)
					var p uv.Process
					c := counts{}

					require.Equal(t, uv.EINVAL, loop.Spawn(&p, bad))
					assert.Zero(t, p.PID())
					assert.False(t, p.IsActive())
					assert.Equal(t, uv.ESRCH, p.Kill(syscall.SIGTERM))
					switch end {
					case "left alone":
						closeAll(t, loop)
						assert.NoFileExists(t, marker)
					case "closed":
						p.Close(func(h uv.Handle) {
							c["close"]++
							assert.Same(t, &p, h)
						})
						assert.True(t, p.IsClosing())
						assert.Contains(t, panicText(func() { p.Close(nil) }), "Process.Close: the handle is closed")
						closeAll(t, loop)
						assert.Equal(t, counts{"close": 1}, c)
						assert.NoFileExists(t, marker)
						assert.Contains(t, panicText(func() { p.Close(nil) }), "Process.Close: the handle is closed")
					case "spawned again":
						assert.NoFileExists(t, marker)
						options := good()
						options.ExitCB = func(_ *uv.Process, status int64, _ syscall.Signal) {
							c["exit"]++
							assert.Zero(t, status)
							p.Close(func(uv.Handle) { c["close"]++ })
						}
						require.NoError(t, loop.Spawn(&p, options))
						closeOthers(loop, &p)
						run(t, loop)
						assert.Equal(t, counts{"exit": 1, "close": 1}, c)
						assert.FileExists(t, marker)
					}
				})
			}
		})
	}
}

// A handle that had a process knows nothing of it after a Spawn that is refused.
func TestSpawn_RefusedAfterAnotherProcess(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var p uv.Process
	require.NoError(t, loop.Spawn(&p, &uv.ProcessOptions{File: "true", ExitCB: func(p *uv.Process, _ int64, _ syscall.Signal) { p.Close(nil) }}))
	run(t, loop)
	assert.NotZero(t, p.PID())
	require.Equal(t, uv.EINVAL, loop.Spawn(&p, &uv.ProcessOptions{File: "true", Cwd: "\x00"}))
	assert.Zero(t, p.PID())
	assert.Equal(t, uv.ESRCH, p.Kill(0))
}

// A program that was started without descriptors 0 to 2 has them on /dev/null,
// as every Go program, and can spawn.
func TestSpawn_StartedWithoutStandardDescriptors(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "output")
	child := exec.Command("/bin/sh", "-c", `exec "$0" "$1" <&- >&- 2>&-`, helperPath(), path)
	child.Env = helperEnv(nothingStandardHelper)
	require.NoError(t, child.Run())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "/dev/null /dev/null /dev/null 0 0", string(text))
}

var nothingStandardHelper = helper("has no descriptors 0 to 2", func() {
	text := ""
	for fd := range 3 {
		name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		must(err)
		text += name + " "
	}
	var loop uv.Loop
	var p uv.Process
	must(loop.Init())
	must(loop.Spawn(&p, &uv.ProcessOptions{File: "true", ExitCB: func(p *uv.Process, status int64, signum syscall.Signal) {
		text += fmt.Sprint(status, " ", int(signum))
		p.Close(nil)
	}}))
	loop.Run(uv.RunDefault)
	must(loop.Close())
	must(os.WriteFile(os.Args[1], []byte(text), 0o600))
})

// Where a program closes one of them itself, libuv would get it and abort later.
func TestSpawn_StandardDescriptorClosed(t *testing.T) {
	t.Parallel()
	helperPrints(t, "bad file descriptor <nil> <nil>\n0 0 true\n", closesStdinHelper)
}

var closesStdinHelper = helper("closes its descriptor 0", func() {
	var loop, other uv.Loop
	var in, out uv.Pipe
	must(loop.Init())
	must(in.Init(&loop, false))
	must(out.Init(&loop, false))
	must(syscall.Close(0))
	var p uv.Process
	code := int64(-1)
	options := &uv.ProcessOptions{File: "true", ExitCB: func(p *uv.Process, status int64, _ syscall.Signal) {
		code = status
		p.Close(nil)
	}}
	options.Stdio = []uv.StdioContainer{
		{Flags: uv.CreatePipe | uv.ReadablePipe, Stream: &in},
		{Flags: uv.CreatePipe | uv.WritablePipe, Stream: &out},
	}
	fmt.Println(other.Init(), loop.Spawn(&p, options), syscall.Close(2))
	loop.Run(uv.RunDefault)
	first := code
	in.Close(nil)
	out.Close(nil)
	options.Stdio = nil
	must(loop.Spawn(&p, options))
	loop.Run(uv.RunDefault)
	for _, fds := range [][]int{{0}, {0, 2}, {2, 0}, {1, 1, 2}} {
		options.Stdio = nil
		for _, fd := range fds {
			options.Stdio = append(options.Stdio, uv.StdioContainer{Flags: uv.InheritFD, FD: fd})
		}
		if err := loop.Spawn(&p, options); err != uv.EBADF {
			fmt.Println(fds, err)
		}
		p.Close(nil)
		loop.Run(uv.RunDefault)
	}
	must(loop.Close())
	_, first0 := syscall.Write(0, nil)
	_, first2 := syscall.Write(2, nil)
	fmt.Println(first, code, first0 == syscall.EBADF && first2 == syscall.EBADF)
})

// A program that may have few files open at first, a limit which Go raises, can
// spawn, and its children have the limit.
func TestSpawn_StartedWithFewDescriptors(t *testing.T) {
	t.Parallel()
	child := exec.Command("/bin/sh", "-c", `ulimit -Sn 8; exec "$0"`, helperPath())
	child.Env = helperEnv(fewDescriptorsHelper)
	output, err := child.CombinedOutput()
	assert.NoError(t, err)
	assert.Equal(t, "8\n0\n", string(output))
}

var fewDescriptorsHelper = helper("may have few files open", func() {
	var loop uv.Loop
	var p uv.Process
	must(loop.Init())
	must(loop.Spawn(&p, &uv.ProcessOptions{
		File: "sh", Args: []string{"sh", "-c", "ulimit -Sn"},
		Stdio: []uv.StdioContainer{{}, {Flags: uv.InheritFD, FD: 1}},
		ExitCB: func(p *uv.Process, status int64, _ syscall.Signal) {
			fmt.Println(status)
			p.Close(nil)
		}}))
	loop.Run(uv.RunDefault)
	must(loop.Close())
})

// Signals that libuv does not reset in a child stay ignored there, if they were
// when the program started, although Go has a handler for them.
func TestSpawn_RealTimeSignalsIgnored(t *testing.T) {
	t.Parallel()
	parent := exec.Command("/bin/sh", "-c", `trap "" 40 && exec "$0"`, helperPath())
	parent.Env = helperEnv(ignoredSignalsHelper)
	output, err := parent.CombinedOutput()
	assert.NoError(t, err)
	assert.Equal(t, fmt.Sprintf("SigIgn:\t%016x\n", 1<<(40-1)), string(output))
}

var ignoredSignalsHelper = helper("has a child print what it ignores", func() {
	printByChild("grep", "SigIgn", "/proc/self/status")
})

// Signals that libuv does not reset in a child, and that reach it before it
// executes its program, end it as they would afterwards: their handlers run on a
// stack that the child does not have.
func TestSpawn_RealTimeSignalsMeanwhile(t *testing.T) {
	t.Parallel()
	options := helperOptions(signalsMeanwhileHelper)
	options.Flags = uv.ProcessDetached // a process group of its own
	output, exit := outputOf(t, options)
	assert.Equal(t, "ok\n", output)
	assert.Equal(t, exitOf{}, exit)
}

var signalsMeanwhileHelper = helper("spawns while signals arrive", func() {
	const signum = syscall.Signal(40)
	var loop uv.Loop
	var s uv.Signal
	must(loop.Init())
	must(s.Init(&loop))
	must(s.Start(func(*uv.Signal, syscall.Signal) {}, signum))
	s.Unref()
	done, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			default:
				must(syscall.Kill(0, signum))
				time.Sleep(20 * time.Microsecond)
			}
		}
	}()
	hit := 0
	for range 300 {
		var p uv.Process
		err := loop.Spawn(&p, &uv.ProcessOptions{File: "/bin/true", ExitCB: func(p *uv.Process, status int64, by syscall.Signal) {
			if by == signum {
				hit++
			} else if status != 0 || by != 0 {
				fmt.Println("exit", status, by)
			}
		}})
		if err != nil {
			fmt.Println(err)
		}
		loop.Run(uv.RunDefault)
		p.Close(nil)
		loop.Run(uv.RunDefault)
	}
	close(done)
	<-stopped
	s.Close(nil)
	loop.Run(uv.RunDefault)
	must(loop.Close())
	if hit == 0 {
		fmt.Println("no signal came in time")
		return
	}
	fmt.Println("ok")
})

func TestSpawn_NilOptions(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var p uv.Process
	assert.Equal(t, uv.EINVAL, loop.Spawn(&p, nil))
}

// closeOthers closes every handle of the loop but one.
func closeOthers(loop *uv.Loop, but uv.Handle) {
	loop.Walk(func(h uv.Handle) {
		if h != but && !h.IsClosing() {
			h.Close(nil)
		}
	})
}

func TestProcess_MethodsNeedAnOpenHandle(t *testing.T) {
	t.Parallel()
	methods := map[string]func(p *uv.Process){
		"Kill":           func(p *uv.Process) { p.Kill(0) },
		"Close":          func(p *uv.Process) { p.Close(nil) },
		"Ref":            func(p *uv.Process) { p.Ref() },
		"Unref":          func(p *uv.Process) { p.Unref() },
		"Fileno":         func(p *uv.Process) { p.Fileno() },
		"SendBufferSize": func(p *uv.Process) { p.SendBufferSize(0) },
		"RecvBufferSize": func(p *uv.Process) { p.RecvBufferSize(0) },
	}
	loop := newLoop(t)
	var p uv.Process
	for name, call := range methods {
		assert.Regexp(t, `\.`+name+`: the handle is not initialised`, panicText(func() { call(new(uv.Process)) }))
	}
	options := sh("exit 0")
	options.ExitCB = func(*uv.Process, int64, syscall.Signal) {
		copied := shallowCopy(&p)
		for name, call := range methods {
			assert.Regexp(t, `Process\.`+name+`: the handle is a copy`, panicText(func() { call(copied) }))
		}
		p.Close(nil)
		assertClosed(t, &p, true)
	}
	require.NoError(t, loop.Spawn(&p, options))
	run(t, loop)
	assertClosed(t, &p, false)
	assert.False(t, p.HasRef())
	assert.Equal(t, uv.HandleTypeProcess, p.Type())
}

// A spawn that fails before the fork leaves its loop's other handles alone, also
// those that came between it and its close. Not parallel: no descriptor is left
// meanwhile.
func TestSpawn_FailureKeepsTheLoopsHandles(t *testing.T) {
	loop := newLoop(t)
	before, pipe := newTimer(t, loop), newPipe(t, loop)
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	none := limit
	none.Cur = 3
	// Not by syscall.Setrlimit, after which Go does not lower the limit for its
	// children any more.
	set := func(limit *syscall.Rlimit) {
		_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, 0, syscall.RLIMIT_NOFILE, uintptr(unsafe.Pointer(limit)), 0, 0, 0)
		require.Zero(t, errno)
	}
	set(&none)
	var p uv.Process
	err := loop.Spawn(&p, &uv.ProcessOptions{File: "true", Stdio: []uv.StdioContainer{{Flags: uv.CreatePipe, Stream: pipe}}})
	set(&limit)
	require.Equal(t, uv.EMFILE, err)
	after := newTimer(t, loop)
	p.Close(nil)
	runMode(t, loop, uv.RunNowait)
	seen := map[uv.Handle]bool{}
	loop.Walk(func(h uv.Handle) { seen[h] = true })
	assert.True(t, len(seen) == 3 && seen[before] && seen[pipe] && seen[after], openHandles(loop))
	closeAll(t, loop)
}
