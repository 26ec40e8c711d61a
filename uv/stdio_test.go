package uv_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// childPipe returns a container that makes a pipe to or from the child, and the
// parent's end of it.
func childPipe(t testing.TB, loop *uv.Loop, direction uv.StdioFlags) (uv.StdioContainer, *uv.Pipe) {
	p := new(uv.Pipe)
	require.NoError(t, p.Init(loop, false))
	return uv.StdioContainer{Flags: uv.CreatePipe | direction, Stream: p}, p
}

// tempFile returns a new empty file, open for reading and writing.
func tempFile(t testing.TB) *os.File {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// inherit returns a container with a file's descriptor.
func inherit(f *os.File) uv.StdioContainer {
	return uv.StdioContainer{Flags: uv.InheritFD, FD: int(f.Fd())}
}

func assertContent(t testing.TB, want string, f *os.File) {
	t.Helper()
	got, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	assert.Equal(t, want, string(got))
}

// One socket pair as the child's descriptor 0, in both directions.
func TestSpawn_DuplexPipe(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	container, stdio := childPipe(t, loop, uv.ReadablePipe|uv.WritablePipe)
	options := sh(`read line <&0; echo "got $line" >&0; read line <&0; echo "and $line" >&0`)
	options.Stdio = []uv.StdioContainer{container}
	options.ExitCB = func(p *uv.Process, _ int64, _ syscall.Signal) { p.Close(nil) }
	require.NoError(t, loop.Spawn(new(uv.Process), options))
	assert.True(t, stdio.IsReadable())
	assert.True(t, stdio.IsWritable())
	require.NoError(t, stdio.Write(nil, buffers("one\n"), nil))
	require.NoError(t, stdio.Write(nil, buffers("two\n"), nil))
	got := readToEnd(t, stdio)
	run(t, loop)
	assert.Equal(t, "got one\nand two\n", got.String())
}

func TestSpawn_SixStdioEntries(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	stdin, in := childPipe(t, loop, uv.ReadablePipe)
	stdout, out := childPipe(t, loop, uv.WritablePipe)
	stderr, errs := childPipe(t, loop, uv.WritablePipe)
	three, pipe3 := childPipe(t, loop, uv.WritablePipe)
	file := tempFile(t)
	five, pipe5 := childPipe(t, loop, uv.ReadablePipe|uv.WritablePipe)
	options := sh(`
		read line; echo "0 $line"
		echo 2 >&2; echo 3 >&3; echo 4 >&4
		read line <&5; echo "5 $line" >&5`)
	options.Stdio = []uv.StdioContainer{stdin, stdout, stderr, three, inherit(file), five}
	c := counts{}
	options.ExitCB = func(p *uv.Process, status int64, _ syscall.Signal) {
		c["exit"]++
		assert.Zero(t, status)
		p.Close(nil)
		in.Close(nil)
	}
	require.NoError(t, loop.Spawn(new(uv.Process), options))
	require.NoError(t, in.Write(nil, buffers("zero\n"), func(*uv.WriteReq, error) { c["write"]++ }))
	require.NoError(t, pipe5.Write(nil, buffers("five\n"), func(*uv.WriteReq, error) { c["write"]++ }))
	gotOut, gotErr, got3, got5 := readToEnd(t, out), readToEnd(t, errs), readToEnd(t, pipe3), readToEnd(t, pipe5)
	run(t, loop)
	assert.Equal(t, counts{"exit": 1, "write": 2}, c)
	assert.Equal(t, "0 zero\n", gotOut.String())
	assert.Equal(t, "2\n", gotErr.String())
	assert.Equal(t, "3\n", got3.String())
	assert.Equal(t, "5 five\n", got5.String())
	assertContent(t, "4\n", file)
}

// More entries than libuv has room for without malloc.
func TestSpawn_TwentyStdioEntries(t *testing.T) {
	t.Parallel()
	file := tempFile(t)
	options := sh(`printf 9 >&9`)
	options.Stdio = make([]uv.StdioContainer, 20)
	options.Stdio[9] = inherit(file)
	options.Stdio[19] = inherit(file)
	assert.Equal(t, exitOf{}, spawnAndWait(t, options))
	assertContent(t, "9", file)
}

func TestSpawn_InheritStream(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	ours, theirs := pipePair(t, loop, false)
	options := &uv.ProcessOptions{File: "cat", Stdio: []uv.StdioContainer{
		{Flags: uv.InheritStream, Stream: theirs},
		{Flags: uv.InheritStream, Stream: theirs},
	}}
	c := counts{}
	options.ExitCB = func(p *uv.Process, status int64, _ syscall.Signal) {
		c["exit"]++
		assert.Zero(t, status)
		p.Close(nil)
	}
	require.NoError(t, loop.Spawn(new(uv.Process), options))
	theirs.Close(func(uv.Handle) { c["close"]++ }) // the child has its own
	require.NoError(t, ours.Write(nil, buffers("through the child"), nil))
	require.NoError(t, ours.Shutdown(nil, func(*uv.ShutdownReq, error) { c["shutdown"]++ }))
	got := readToEnd(t, ours)
	run(t, loop)
	assert.Equal(t, "through the child", got.String())
	assert.Equal(t, counts{"exit": 1, "close": 1, "shutdown": 1}, c)
}

func TestSpawn_UnknownDescriptor(t *testing.T) {
	t.Parallel()
	assertSpawnFails(t, uv.EBADF, &uv.ProcessOptions{
		File: "true", Stdio: []uv.StdioContainer{{Flags: uv.InheritFD, FD: 1 << 30}},
	})
}

// Not parallel: another test might get the descriptor.
func TestSpawn_ClosedDescriptor(t *testing.T) {
	file := tempFile(t)
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	// The highest there can be, which nobody else gets meanwhile.
	fd, _, errno := syscall.Syscall(syscall.SYS_FCNTL, file.Fd(), syscall.F_DUPFD_CLOEXEC, uintptr(limit.Cur-1))
	require.Zero(t, errno)
	require.NoError(t, syscall.Close(int(fd)))
	container := uv.StdioContainer{Flags: uv.InheritFD, FD: int(fd)}
	for fd := range 5 {
		stdio := make([]uv.StdioContainer, fd, fd+1)
		assertSpawnFails(t, uv.EBADF, &uv.ProcessOptions{File: "true", Stdio: append(stdio, container)})
	}
}

// A helper uses up its descriptors and then spawns.
var helperEMFILE = helper("EMFILE", func() {
	must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}))
	loop := new(uv.Loop)
	must(loop.Init())
	var pipe uv.Pipe
	must(pipe.Init(loop, false))
	var files []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		files = append(files, f)
	}
	for _, stdio := range [][]uv.StdioContainer{nil, {{Flags: uv.CreatePipe | uv.ReadablePipe, Stream: &pipe}}} {
		var p uv.Process
		err := loop.Spawn(&p, &uv.ProcessOptions{File: "true", Stdio: stdio})
		fmt.Println(err == uv.EMFILE, p.PID(), p.IsActive())
		p.Close(func(uv.Handle) { fmt.Println("closed") })
		loop.Run(uv.RunDefault)
	}
	_, err := uv.MakePipe(0, 0)
	fmt.Println(err == uv.EMFILE)

	for _, f := range files {
		f.Close()
	}
	var p uv.Process
	must(loop.Spawn(&p, &uv.ProcessOptions{
		File:  "true",
		Stdio: []uv.StdioContainer{{Flags: uv.CreatePipe | uv.ReadablePipe, Stream: &pipe}},
		ExitCB: func(p *uv.Process, status int64, _ syscall.Signal) {
			fmt.Println("exit", status)
			p.Close(nil)
			pipe.Close(nil)
		},
	}))
	loop.Run(uv.RunDefault)
	fmt.Println(loop.Close())
})

func TestSpawn_EMFILE(t *testing.T) {
	t.Parallel()
	helperPrints(t, strings.Repeat("true 0 false\nclosed\n", 2)+"true\nexit 0\n<nil>\n", helperEMFILE)
}

// A loop that cannot be initialised keeps none of the descriptors that it needs.
func TestLoop_InitEMFILE(t *testing.T) {
	t.Parallel()
	helperPrints(t, "some failed\n", initEMFILEHelper)
}

var initEMFILEHelper = helper("initialises loops with few descriptors", func() {
	must(syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}))
	open := func() (fds []int) {
		for fd := range 64 {
			var stat syscall.Stat_t
			if syscall.Fstat(fd, &stat) == nil {
				fds = append(fds, fd)
			}
		}
		return fds
	}
	for len(open()) < 64 {
		_, err := syscall.Dup(1)
		must(err)
	}
	for free := 0; ; free++ {
		before := open()
		var loop uv.Loop
		err := loop.Init()
		if err == nil {
			must(loop.Close())
			break
		}
		if free == 1 {
			fmt.Println("some failed")
		}
		if err != uv.EMFILE || !slices.Equal(before, open()) {
			fmt.Println(free, "free:", err, len(open())-len(before), "more open")
			return
		}
		must(syscall.Close(before[len(before)-1]))
	}
})

// A child whose descriptor a grandchild still holds exits before the end of
// what is read. What is waited for is both.
func TestSpawn_GrandchildHoldsPipe(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	stdout, out := childPipe(t, loop, uv.WritablePipe)
	gate, open := childPipe(t, loop, uv.ReadablePipe)
	options := sh("cat <&3 & exit 3")
	options.Stdio = []uv.StdioContainer{{}, stdout, {}, gate}
	c := counts{}
	var got strings.Builder
	options.ExitCB = func(p *uv.Process, status int64, _ syscall.Signal) {
		c["exit"]++
		assert.EqualValues(t, 3, status)
		assert.Zero(t, c["EOF"])
		p.Close(nil)
		assert.NoError(t, open.Write(nil, buffers("late"), func(*uv.WriteReq, error) {
			c["write"]++
			open.Close(nil)
		}))
	}
	require.NoError(t, loop.Spawn(new(uv.Process), options))
	require.NoError(t, out.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		got.Write(buf)
		if err != nil {
			assert.Equal(t, uv.EOF, err)
			c["EOF"]++
			out.Close(nil)
		}
	}))
	run(t, loop)
	assert.Equal(t, "late", got.String())
	assert.Equal(t, counts{"exit": 1, "write": 1, "EOF": 1}, c)
}

// The end of the output and the exit come in any order.
func TestSpawn_EOFAndExit(t *testing.T) {
	t.Parallel()
	for _, script := range []string{"echo done", "echo done; exec >&-; exec 2>&-; exit 0"} {
		loop := newLoop(t)
		stdout, out := childPipe(t, loop, uv.WritablePipe)
		options := sh(script)
		options.Stdio = []uv.StdioContainer{{}, stdout}
		c := counts{}
		options.ExitCB = func(p *uv.Process, _ int64, _ syscall.Signal) {
			c["exit"]++
			p.Close(func(uv.Handle) { c["close"]++ })
		}
		require.NoError(t, loop.Spawn(new(uv.Process), options))
		got := readToEnd(t, out)
		run(t, loop)
		assert.Equal(t, "done\n", got.String())
		assert.Equal(t, counts{"exit": 1, "close": 1}, c)
	}
}

// A descriptor of the parent's is closed in the child, unless it is not
// close-on-exec.
func TestSpawn_OtherDescriptors(t *testing.T) {
	file := tempFile(t)
	script := `[ /dev/fd/$1 -ef "$2" ]`
	assert.Equal(t, exitOf{1, 0}, spawnAndWait(t, sh(script, fmt.Sprint(file.Fd()), file.Name())))
	leaked, err := syscall.Dup(int(file.Fd()))
	require.NoError(t, err)
	defer syscall.Close(leaked)
	assert.Equal(t, exitOf{0, 0}, spawnAndWait(t, sh(script, fmt.Sprint(leaked), file.Name())))
}

// A child's output, all of it, through an os.File of the parent's.
func TestSpawn_InheritPipeOfOs(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	options := sh("echo to an os.Pipe")
	options.Stdio = []uv.StdioContainer{{}, inherit(w)}
	assert.Equal(t, exitOf{}, spawnAndWait(t, options))
	require.NoError(t, w.Close())
	got, err := io.ReadAll(r)
	assert.NoError(t, err)
	assert.Equal(t, "to an os.Pipe\n", string(got))
	assert.NoError(t, r.Close())
}
