package uv_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// A process exits with a status.
func TestLibuv_spawn_exit_code(t *testing.T) {
	t.Parallel()
	assert.Equal(t, exitOf{1, 0}, spawnAndWait(t, helperOptions(helperExit, "1")))
}

// A program is looked for in the child's PATH, not in the parent's.
func TestLibuv_spawn_reads_child_path(t *testing.T) {
	t.Parallel()
	options := sh("exit 7")
	options.File, options.Env = "uvtool", []string{"PATH=" + toolFolder(t)}
	assert.Equal(t, exitOf{7, 0}, spawnAndWait(t, options))

	options.Env = []string{"PATH=" + t.TempDir()}
	assertSpawnFails(t, uv.ENOENT, options)
}

// A relative path begins in the child's working directory.
func TestLibuv_spawn_relative_path(t *testing.T) {
	t.Parallel()
	options := sh("exit 8")
	options.File, options.Cwd = "./uvtool", toolFolder(t)
	assert.Equal(t, exitOf{8, 0}, spawnAndWait(t, options))
}

// A program that there is not cannot be spawned. The handle is not active then,
// and only to be closed.
func TestLibuv_spawn_fails(t *testing.T) {
	t.Parallel()
	assertSpawnFails(t, uv.ENOENT, &uv.ProcessOptions{File: "program-that-had-better-not-exist"})
}

// A child's exit is not lost among failures of others.
func TestLibuv_spawn_exercise_sigchld_issue(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	closed := func(uv.Handle) { c["close"]++ }
	options := helperOptions(helperExit, "1")
	options.ExitCB = func(p *uv.Process, status int64, signal syscall.Signal) {
		c["exit"]++
		assert.Equal(t, exitOf{1, 0}, exitOf{status, signal})
		p.Close(closed)
	}
	require.NoError(t, loop.Spawn(new(uv.Process), options))
	failed := make([]uv.Process, 100)
	for i := range failed {
		require.Equal(t, uv.ENOENT, loop.Spawn(&failed[i], &uv.ProcessOptions{
			File: "program-that-had-better-not-exist", ExitCB: noExit(t),
		}))
		failed[i].Close(closed)
	}
	run(t, loop)
	assert.Equal(t, counts{"exit": 1, "close": 101}, c)
}

// A detached process without a reference goes on when the loop ends. Given the
// reference back, which C's test does not do, its exit is told.
func TestLibuv_spawn_detached(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	options, stdin := cat(t, loop)
	options.Flags = uv.ProcessDetached
	options.ExitCB = func(p *uv.Process, status int64, signal syscall.Signal) {
		c["exit"]++
		assert.Equal(t, exitOf{0, syscall.SIGTERM}, exitOf{status, signal})
		p.Close(nil)
		stdin.Close(nil)
	}
	var p uv.Process
	require.NoError(t, loop.Spawn(&p, options))
	p.Unref()
	assert.False(t, p.HasRef())
	run(t, loop)
	assert.True(t, p.IsActive())
	assert.NoError(t, uv.Kill(p.PID(), 0))
	assert.Empty(t, c)

	p.Ref()
	assert.True(t, p.HasRef())
	assert.NoError(t, uv.Kill(p.PID(), syscall.SIGTERM))
	run(t, loop)
	assert.Equal(t, counts{"exit": 1}, c)
}

// A process has the user and the group it was given, and no other groups.
func TestLibuv_spawn_setuid_setgid(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can change the user")
	}
	options := sh("id -u; id -g; id -G")
	options.Flags, options.UID, options.GID = uv.ProcessSetuid|uv.ProcessSetgid, nobody, nobody
	out, exit := outputOf(t, options)
	assert.Equal(t, strings.Repeat(fmt.Sprintln(nobody), 3), out)
	assert.Equal(t, exitOf{}, exit)

	options.Flags = uv.ProcessSetgid
	out, _ = outputOf(t, options)
	assert.Equal(t, fmt.Sprintf("0\n%d\n%d\n", nobody, nobody), out)
}

// Nobody but root can be root.
func TestLibuv_spawn_setuid_fails(t *testing.T) {
	t.Parallel()
	flags := uv.ProcessSetuid | uv.ProcessWindowsHide | uv.ProcessWindowsHideConsole | uv.ProcessWindowsHideGUI | uv.ProcessWindowsVerbatimArguments
	out, _ := outputOf(t, helperOptions(helperSpawnAsNobody, strconv.Itoa(int(flags))))
	assert.Equal(t, uv.EPERM.Error()+", false, <nil>", out)

	out, _ = outputOf(t, helperOptions(helperSpawnAsNobody, "0"))
	assert.Equal(t, "<nil>, false, <nil>", out)
}

// Nor can anybody else have its group.
func TestLibuv_spawn_setgid_fails(t *testing.T) {
	t.Parallel()
	out, _ := outputOf(t, helperOptions(helperSpawnAsNobody, strconv.Itoa(int(uv.ProcessSetgid))))
	assert.Equal(t, uv.EPERM.Error()+", false, <nil>", out)
}

// Without an ExitCB the handle just stops.
func TestLibuv_spawn_auto_unref(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var p uv.Process
	require.NoError(t, loop.Spawn(&p, sh("exit 0")))
	assert.True(t, p.IsActive())
	run(t, loop)
	assert.False(t, p.IsActive())
	assert.False(t, p.IsClosing())
	p.Close(nil)
	assert.True(t, p.IsClosing())
	run(t, loop)
	assert.True(t, p.IsClosing())
}

// A helper prints what a Spawn of "true" returns, and whether that keeps the
// loop alive. Where the tests run as root, it is nobody first.
var helperSpawnAsNobody = helper("spawn as nobody", func() {
	if os.Getuid() == 0 {
		must(syscall.Setgroups(nil))
		must(syscall.Setgid(nobody))
		must(syscall.Setuid(nobody))
	}
	flags, _ := strconv.Atoi(os.Args[1])
	loop := new(uv.Loop)
	must(loop.Init())
	var p uv.Process
	err := loop.Spawn(&p, &uv.ProcessOptions{
		File:   "true",
		Flags:  uv.ProcessFlags(flags),
		ExitCB: func(p *uv.Process, _ int64, _ syscall.Signal) { p.Close(nil) },
	})
	alive := loop.Run(uv.RunDefault)
	if !p.IsClosing() {
		p.Close(nil)
		loop.Run(uv.RunDefault)
	}
	fmt.Print(err, ", ", alive, ", ", loop.Close())
})
