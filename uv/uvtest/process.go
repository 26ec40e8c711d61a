package uvtest

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

var processScenarios = []scenario{
	{name: "spawn_exit_code", run: spawnExitCode, from: "test-spawn.c: spawn_exit_code",
		shows: "the exit callback gets the exit status"},
	{name: "spawn_term_signal", run: spawnTermSignal, from: "process: uv_exit_cb",
		shows: "the exit callback gets the signal that ended the child, and status 0"},
	{name: "spawn_states", run: spawnStates, from: "process: uv_process_t",
		shows: "a process is active until its exit callback, and has a pid"},
	{name: "spawn_nil_exit_callback", run: spawnNilExitCallback, from: "process: uv_process_options_t.exit_cb",
		shows: "without an exit callback the loop still runs until the child has exited"},
	{name: "spawn_several", run: spawnSeveral, from: "process: uv_exit_cb",
		shows: "each of several children gets its own exit callback, once"},
	{name: "spawn_in_turn", run: spawnInTurn, from: "process: uv_exit_cb",
		shows: "exits are called back as they happen: the second child ends after the first one's callback"},
	{name: "spawn_from_exit_callback", run: spawnFromExitCallback, from: "process: uv_spawn",
		shows: "a child can be spawned in another one's exit callback, with the same loop and a new handle"},
	{name: "spawn_two_loops", run: spawnTwoLoops, from: "process: uv_spawn",
		shows: "each of two loops gets the exit of its own child"},
	{name: "spawn_run_nowait", run: spawnRunNowait, from: "loop: uv_run",
		shows: "RunNowait with a child that runs returns true and calls nothing back"},
	{name: "spawn_enoent", run: spawnENOENT, from: "test-spawn.c: spawn_fails",
		shows: "a program that is not there: ENOENT from Spawn, no exit callback, an inactive handle that must be closed"},
	{name: "spawn_enoent_in_path", run: spawnENOENTInPath, from: "process: uv_spawn",
		shows: "a name that no folder of PATH has is ENOENT"},
	{name: "spawn_eacces", run: spawnEACCES, from: "process: uv_spawn",
		shows: "a file that may not be executed is EACCES, and so is a folder"},
	{name: "spawn_enotdir", run: spawnENOTDIR, from: "process: uv_spawn",
		shows: "a path through a file is ENOTDIR"},
	{name: "spawn_missing_cwd", run: spawnMissingCwd, from: "process: uv_process_options_t.cwd",
		shows: "a working directory that is not there is ENOENT from Spawn"},
	{name: "spawn_cwd_is_file", run: spawnCwdIsFile, from: "process: uv_process_options_t.cwd",
		shows: "a working directory that is a file is ENOTDIR"},
	{name: "spawn_bad_fd", run: spawnBadFD, from: "process: uv_stdio_container_t",
		shows: "inheriting a descriptor that is not open is EBADF, -1 is EINVAL"},
	{name: "spawn_fails_with_pipe", run: spawnFailsWithPipe, from: "process: uv_spawn",
		shows: "after a failed Spawn its pipes must be closed too, before the loop can be"},
	{name: "spawn_fails_then_works", run: spawnFailsThenWorks, from: "test-spawn.c: spawn_fails",
		shows: "a failed Spawn leaves the loop as it was"},
	{name: "spawn_args", run: spawnArgs, from: "process: uv_process_options_t.args",
		shows: "arguments arrive as they are, with spaces, quotes, empty ones, any bytes"},
	{name: "spawn_env", run: spawnEnv, from: "process: uv_process_options_t.env",
		shows: "the environment is the one that is given, and nothing else"},
	{name: "spawn_env_empty", run: spawnEnvEmpty, from: "test-spawn.c: spawn_empty_env",
		shows: "an empty environment is empty"},
	{name: "spawn_env_literal", run: spawnEnvLiteral, from: "process: uv_process_options_t.env",
		shows: "the environment is passed on as it is: a variable twice, items without = or without a name, the order"},
	{name: "spawn_env_inherited", run: spawnEnvInherited, from: "process: uv_process_options_t.env",
		shows: "without an environment the child gets the parent's, as it is now"},
	{name: "spawn_path_of_env", run: spawnPathOfEnv, from: "process: uv_process_options_t.file",
		shows: "a name without a slash is searched in the PATH of the given environment"},
	{name: "spawn_path_of_parent", run: spawnPathOfParent, from: "process: uv_process_options_t.file",
		shows: "without an environment a name is searched in the parent's PATH"},
	{name: "spawn_cwd", run: spawnCwd, from: "process: uv_process_options_t.cwd",
		shows: "the child starts in its working directory"},
	{name: "spawn_file_relative_to_cwd", run: spawnFileRelativeToCwd, from: "process: uv_process_options_t.file",
		shows: "a relative path to the program starts in the child's working directory"},
	{name: "spawn_script_without_interpreter", run: spawnScriptWithoutInterpreter, from: "process: uv_spawn",
		shows: "an executable text without #! is run by the shell, as execvp does it"},
	{name: "spawn_detached", run: spawnDetached, from: "process: UV_PROCESS_DETACHED",
		shows: "a detached child leads a session and a group of its own, another child does not"},
	{name: "spawn_detached_unref", run: spawnDetachedUnref, from: "test-spawn.c: spawn_detached",
		shows: "a detached child keeps the loop until it is unreferenced, and outlives its handle"},
	{name: "spawn_dispositions", run: spawnDispositions, from: "process: uv_spawn",
		shows: "a signal that the parent ignores is not ignored in the child"},
	{name: "kill_running", run: killRunning, from: "test-spawn.c: spawn_and_kill",
		shows: "Kill ends a child, and the exit callback names the signal"},
	{name: "kill_zero", run: killZero, from: "process: uv_process_kill",
		shows: "signal 0 finds a child that runs; after its exit it is ESRCH"},
	{name: "kill_caught", run: killCaught, from: "process: uv_process_kill",
		shows: "a child that catches the signal ends as it likes, with a status and no signal"},
	{name: "kill_ignored", run: killIgnored, from: "process: uv_process_kill",
		shows: "a child that ignores the signal lives on, and exits with its status"},
	{name: "kill_invalid", run: killInvalid, from: "process: uv_process_kill",
		shows: "a signal that there is none is EINVAL, and the child lives on"},
	{name: "kill_by_pid", run: killByPID, from: "process: uv_kill",
		shows: "uv_kill with the child's pid ends it like Kill"},
	{name: "unref_process", run: unrefProcess, from: "test-ref.c: process_ref",
		shows: "an unreferenced child does not keep Run, and its exit is called back once something does"},
	{name: "close_before_exit", run: closeBeforeExit, from: "handle: uv_close",
		shows: "a process that is closed before its exit: a close callback, no exit callback"},
	{name: "close_in_exit_callback", run: closeInExitCallback, from: "process: uv_exit_cb",
		shows: "closed in the exit callback, the process keeps the loop until the close callback"},
	{name: "exit_without_close", run: exitWithoutClose, from: "loop: uv_loop_close",
		shows: "a process that has exited still is a handle: the loop is EBUSY until it is closed"},
}

func spawnExitCode(t *tester) {
	l := t.Loop()
	for _, code := range []string{"0", "1", "127", "128", "143", "200", "254", "255"} {
		var p *process
		p = l.Spawn("child", program("exit", code), func() { p.Close() })
		l.Run(RunDefault)
	}
}

func spawnTermSignal(t *tester) {
	l := t.Loop()
	for _, signum := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGINT} {
		var p *process
		p = l.Spawn("child", program("die", strconv.Itoa(int(signum))), func() { p.Close() })
		l.Run(RunDefault)
	}
}

func spawnStates(t *tester) {
	l := t.Loop()
	var p *process
	p = l.Spawn("child", program("exit", "0"), func() {
		p.State()
		p.Log("still has its pid %v", p.inner.PID() == p.pid)
	})
	p.Log("has a pid %v", p.inner.PID() > 0)
	p.State()
	l.Run(RunDefault)
	p.Log("still has its pid %v", p.inner.PID() == p.pid)
	p.Close()
	l.Run(RunDefault)
}

// waiting spawns a child that waits until the pipe, its descriptor 0, is closed.
func (l *loop) waiting(name string, role string, then func()) (*process, *pipe) {
	in := l.Pipe(name+"'s input", false)
	options := program(role)
	options.Stdio = []StdioContainer{reads(in)}
	return l.Spawn(name, options, then), in
}

func spawnNilExitCallback(t *tester) {
	l := t.Loop()
	p := l.SpawnQuiet("child", program("exit", "3"))
	l.Run(RunDefault)
	p.State()
}

func spawnSeveral(t *tester) {
	l := t.Loop()
	for i := range 5 {
		var p *process
		p = l.Spawn(fmt.Sprintf("child %d", i), program("exit", strconv.Itoa(10+i)), func() { p.Close() })
	}
	l.RunSet(RunDefault)
}

func spawnInTurn(t *tester) {
	l := t.Loop()
	var a, b *process
	var toA, toB *pipe
	b, toB = l.waiting("b", "wait", func() { b.Drop() })
	a, toA = l.waiting("a", "wait", func() {
		a.Drop()
		toB.Drop()
	})
	toA.Drop()
	l.Run(RunDefault)
}

func spawnFromExitCallback(t *tester) {
	l := t.Loop()
	var first, second *process
	first = l.Spawn("first", program("exit", "1"), func() {
		first.Drop()
		second = l.Spawn("second", program("exit", "2"), func() { second.Close() })
	})
	l.Run(RunDefault)
}

func spawnTwoLoops(t *tester) {
	a, b := t.Loop(), t.Loop()
	var x, y *process
	x = a.Spawn("x", program("exit", "1"), func() { x.Close() })
	y = b.Spawn("y", program("exit", "2"), func() { y.Close() })
	b.Run(RunDefault)
	a.Run(RunDefault)
}

func spawnRunNowait(t *tester) {
	l := t.Loop()
	var p *process
	p, in := l.waiting("child", "wait", func() { p.Close() })
	l.Run(RunNowait)
	in.Drop()
	l.Run(RunDefault)
}

// fails spawns what cannot be, and closes the handle.
func (l *loop) fails(options *ProcessOptions) {
	p := l.Spawn("child", options, nil)
	p.Close()
	l.Run(RunDefault)
}

func spawnENOENT(t *tester) {
	l := t.Loop()
	p := l.Spawn("child", &ProcessOptions{File: t.Path("missing"), Args: []string{"missing"}}, nil)
	p.State()
	p.Log("pid %d", p.inner.PID())
	l.Run(RunDefault)
	l.Close()
	p.Close()
	l.Run(RunDefault)
	l.Close()
	t.Log("closed: %v", l.closed)
}

func spawnENOENTInPath(t *tester) {
	l := t.Loop()
	l.fails(&ProcessOptions{File: "no-such-program", Args: []string{"missing"}, Env: environment("PATH=" + t.dir)})
}

func (t *tester) file(name string, mode os.FileMode) string {
	path := t.Path(name)
	t.must(os.WriteFile(path, nil, mode))
	return path
}

func spawnEACCES(t *tester) {
	l := t.Loop()
	l.fails(&ProcessOptions{File: t.file("data", 0o644), Args: []string{"data"}})
	l.fails(&ProcessOptions{File: t.dir, Args: []string{"folder"}})
}

func spawnENOTDIR(t *tester) {
	l := t.Loop()
	l.fails(&ProcessOptions{File: t.file("data", 0o644) + "/program", Args: []string{"program"}})
}

func spawnMissingCwd(t *tester) {
	l := t.Loop()
	options := program("exit", "0")
	options.Cwd = t.Path("missing")
	l.fails(options)
}

func spawnCwdIsFile(t *tester) {
	l := t.Loop()
	options := program("exit", "0")
	options.Cwd = t.file("data", 0o644)
	l.fails(options)
}

func spawnBadFD(t *tester) {
	l := t.Loop()
	for _, fd := range []int{1 << 20, -1} {
		options := program("exit", "0")
		options.Stdio = []StdioContainer{{}, {Flags: InheritFD, FD: fd}}
		l.fails(options)
	}
}

func spawnFailsWithPipe(t *tester) {
	l := t.Loop()
	out := l.Pipe("out", false)
	p := l.Spawn("child", &ProcessOptions{File: t.Path("missing"), Args: []string{"x"}, Stdio: []StdioContainer{{}, writes(out)}}, nil)
	p.Close()
	l.Run(RunDefault)
	l.Close()
	out.Close()
	l.Run(RunDefault)
	l.Close()
	t.Log("closed: %v", l.closed)
}

func spawnFailsThenWorks(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	timer.Start(1, 0, nil)
	l.Spawn("no child", &ProcessOptions{File: t.Path("missing"), Args: []string{"x"}}, nil).Drop()
	var p *process
	p = l.Spawn("child", program("exit", "4"), func() { p.Close() })
	l.RunSet(RunDefault)
}

func spawnArgs(t *tester) {
	l := t.Loop()
	l.Output("child", program("args", "a b", "", `"quoted" 'quoted'`, `back\slash`, "$HOME *", "line\nbreak", "\xff\x01ü"))
}

func spawnEnv(t *tester) {
	l := t.Loop()
	options := program("env")
	options.Env = environment("B=two", "A=one", "EMPTY=", "SPACES= a b ")
	l.Output("child", options)
}

func spawnEnvEmpty(t *tester) {
	l := t.Loop()
	options := program("env")
	options.Env = environment()
	l.Output("child", options)
}

func spawnEnvLiteral(t *tester) {
	l := t.Loop()
	options := program("environ")
	options.Env = environment("A=1", "A=2", "NOEQ", "=x", "B=1=2", "A=3")
	l.Output("child", options)
}

// setenv changes the environment until the scenario ends.
func (t *tester) setenv(name, value string) {
	before, set := os.LookupEnv(name)
	t.must(os.Setenv(name, value))
	t.Undo(func() {
		if set {
			os.Setenv(name, before)
		} else {
			os.Unsetenv(name)
		}
	})
}

func spawnEnvInherited(t *tester) {
	l := t.Loop()
	t.setenv("UVTEST_VARIABLE", "set just before")
	l.Output("child", program("getenv", "UVTEST_VARIABLE"))
	t.must(os.Unsetenv("UVTEST_VARIABLE"))
	l.Output("child", program("getenv", "UVTEST_VARIABLE"))
}

// link makes a folder with a link to this program, and returns its path.
func (t *tester) link() string {
	dir := t.Path("bin")
	t.must(os.Mkdir(dir, 0o755))
	t.must(os.Symlink(executable(), dir+"/uvtest-program"))
	return dir
}

func spawnPathOfEnv(t *tester) {
	l := t.Loop()
	options := program("exit", "6")
	options.File, options.Env = "uvtest-program", environment("PATH=/nowhere:"+t.link())
	var p *process
	p = l.Spawn("child", options, func() { p.Close() })
	l.Run(RunDefault)
}

func spawnPathOfParent(t *tester) {
	l := t.Loop()
	t.setenv("PATH", t.link()+":"+os.Getenv("PATH"))
	options := program("exit", "6")
	options.File = "uvtest-program"
	var p *process
	p = l.Spawn("child", options, func() { p.Close() })
	l.Run(RunDefault)
}

func spawnCwd(t *tester) {
	l := t.Loop()
	options := program("cwd")
	options.Cwd = t.dir
	l.Output("child", options)
}

func spawnFileRelativeToCwd(t *tester) {
	l := t.Loop()
	options := program("exit", "6")
	options.Cwd, options.File = t.link(), "./uvtest-program"
	var p *process
	p = l.Spawn("child", options, func() { p.Close() })
	l.Run(RunDefault)
}

func spawnScriptWithoutInterpreter(t *tester) {
	l := t.Loop()
	path := t.Path("script")
	t.must(os.WriteFile(path, []byte("echo \"$0 $# $1\"\nexit 7\n"), 0o755))
	l.Output("child", &ProcessOptions{File: path, Args: []string{"not this", "an argument"}})
}

func spawnDetached(t *tester) {
	l := t.Loop()
	l.Output("child", program("session"))
	options := program("session")
	options.Flags = ProcessDetached
	l.Output("detached", options)
}

func spawnDetachedUnref(t *tester) {
	l := t.Loop()
	in := l.Pipe("in", false)
	options := program("wait")
	options.Flags, options.Stdio = ProcessDetached, []StdioContainer{reads(in)}
	p := l.Spawn("child", options, nil)
	l.Run(RunNowait)
	p.inner.Unref()
	l.Run(RunDefault)
	p.Close()
	l.Run(RunDefault)
	t.Log("there: %v", syscall.Kill(p.pid, 0) == nil)
	in.Drop()
	p.Reaped()
}

func spawnDispositions(t *tester) {
	l := t.Loop()
	ignored := signal.Ignored(syscall.SIGHUP)
	signal.Ignore(syscall.SIGHUP)
	t.Undo(func() {
		if !ignored {
			signal.Reset(syscall.SIGHUP)
		}
	})
	l.Output("child", program("ignored"))
}

func killRunning(t *tester) {
	l := t.Loop()
	for _, signum := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		var p *process
		p, in := l.waiting("child", "wait", func() { p.Close() })
		p.Kill(signum)
		l.Run(RunDefault)
		in.Drop()
	}
}

func killZero(t *tester) {
	l := t.Loop()
	var p *process
	p, in := l.waiting("child", "wait", func() {
		p.Kill(0)
		p.Kill(syscall.SIGTERM)
		p.Close()
	})
	p.Kill(0)
	t.Log("it runs")
	in.Drop()
	l.Run(RunDefault)
}

// ready spawns a child that says when it is ready, and then does something.
func (l *loop) ready(role string, then func(p *process, in *pipe)) {
	in, out := l.Pipe("in", false), l.Pipe("out", false)
	options := program(role)
	options.Stdio = []StdioContainer{reads(in), writes(out)}
	var p *process
	p = l.Spawn("child", options, func() { p.Close() })
	first := true
	out.ReadEach(len("ready\n"), func(data string) {
		switch {
		case data == "":
			out.Drop()
		case first:
			first = false
			then(p, in)
		}
	})
	l.RunSet(RunDefault)
}

func killCaught(t *tester) {
	t.Loop().ready("catch", func(p *process, _ *pipe) { p.Kill(syscall.SIGTERM) })
}

func killIgnored(t *tester) {
	t.Loop().ready("ignore", func(p *process, in *pipe) {
		p.Kill(syscall.SIGTERM)
		in.Drop()
	})
}

func killInvalid(t *tester) {
	l := t.Loop()
	var p *process
	p, in := l.waiting("child", "wait", func() { p.Close() })
	p.Kill(1000)
	p.Kill(-1)
	in.Drop()
	l.Run(RunDefault)
}

func killByPID(t *tester) {
	l := t.Loop()
	var p *process
	p, in := l.waiting("child", "wait", func() { p.Close() })
	t.kill(p.pid, syscall.SIGTERM)
	l.Run(RunDefault)
	in.Drop()
}

func unrefProcess(t *tester) {
	l := t.Loop()
	var p *process
	p, in := l.waiting("child", "wait", func() { p.Close() })
	p.inner.Unref()
	p.State()
	l.Run(RunDefault)
	p.inner.Ref()
	in.Drop()
	l.Run(RunDefault)
}

func closeBeforeExit(t *tester) {
	l := t.Loop()
	p, in := l.waiting("child", "wait", nil)
	p.Close()
	l.Run(RunDefault)
	in.Drop()
	p.Reaped()
	l.Run(RunDefault)
}

func closeInExitCallback(t *tester) {
	l := t.Loop()
	var p *process
	p = l.Spawn("child", program("exit", "0"), func() {
		p.Close()
		p.State()
		t.Log("alive %v", l.inner.Alive())
	})
	l.Run(RunDefault)
	t.Log("alive %v", l.inner.Alive())
}

func exitWithoutClose(t *tester) {
	l := t.Loop()
	p := l.Spawn("child", program("exit", "0"), nil)
	l.Run(RunDefault)
	l.Close()
	p.Close()
	l.Run(RunDefault)
	l.Close()
	t.Log("closed: %v", l.closed)
}
