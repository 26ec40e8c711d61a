package uv_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// Helper processes are the test binary itself, told by the environment to run
// one of the functions below instead of the tests.

const helperVariable = "UV_TEST_HELPER"

var helpers = struct {
	sync.Mutex
	run  map[string]func()
	used map[string]bool
}{run: map[string]func(){}, used: map[string]bool{}}

// helper registers what a helper process does, and returns its name. What it
// returns from exits with status 0.
func helper(name string, run func()) string {
	if helpers.run[name] != nil {
		panic("two helpers named " + name)
	}
	helpers.run[name] = run
	return name
}

// helperOptions returns the options to spawn a helper process with, for the
// test to add to. The helper gets args as os.Args[1:].
func helperOptions(name string, args ...string) *uv.ProcessOptions {
	return &uv.ProcessOptions{
		File: helperPath(),
		Args: append([]string{helperPath()}, args...),
		Env:  helperEnv(name),
	}
}

// helperPrints runs a helper and asserts what it prints, and that it succeeds.
func helperPrints(t *testing.T, want, name string, args ...string) {
	t.Helper()
	out, exit := outputOf(t, helperOptions(name, args...))
	assert.Equal(t, want, out)
	assert.Equal(t, exitOf{}, exit)
}

// printByChild has a child write to the helper's own stdout.
func printByChild(file string, args ...string) {
	var loop uv.Loop
	must(loop.Init())
	must(loop.Spawn(new(uv.Process), &uv.ProcessOptions{
		File:   file,
		Args:   append([]string{file}, args...),
		Stdio:  []uv.StdioContainer{{}, {Flags: uv.InheritFD, FD: 1}},
		ExitCB: func(p *uv.Process, _ int64, _ syscall.Signal) { p.Close(nil) },
	}))
	loop.Run(uv.RunDefault)
	must(loop.Close())
}

// helperEnv is the test's environment, with which the test binary becomes a
// helper.
func helperEnv(name string) []string {
	helpers.Lock()
	defer helpers.Unlock()
	if helpers.run[name] == nil {
		panic("no helper named " + name)
	}
	helpers.used[name] = true
	// Under the race detector a process sleeps for a second before it exits.
	return append(os.Environ(), helperVariable+"="+name, "GORACE=atexit_sleep_ms=0")
}

func helperPath() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}

func TestMain(m *testing.M) {
	if name := os.Getenv(helperVariable); name != "" {
		os.Unsetenv(helperVariable)
		run := helpers.run[name]
		if run == nil {
			fmt.Fprintf(os.Stderr, "no helper named %q\n", name)
			os.Exit(125)
		}
		run()
		os.Exit(0)
	}
	flag.Parse()
	code := m.Run()
	if code == 0 && wholeRun() {
		for name := range helpers.run {
			if !helpers.used[name] {
				fmt.Printf("helper %q is never used\n", name)
				code = 1
			}
		}
	}
	os.Exit(code)
}

// wholeRun reports whether no flag left tests out, nor how it was built: some
// are for the race detector, some not for AddressSanitizer.
func wholeRun() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.bench", "test.fuzz"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return !testing.Short() && !asan && raceDetector
}

// newLoop returns a fresh loop. When the test ends, nothing may be open in it.
func newLoop(t testing.TB) *uv.Loop {
	t.Helper()
	loop := new(uv.Loop)
	require.NoError(t, loop.Init())
	t.Cleanup(func() {
		if t.Failed() {
			return // what is left open then is not news
		}
		if err := loop.Close(); err != nil {
			require.NoError(t, err, "still open: %s", openHandles(loop))
		}
	})
	return loop
}

func openHandles(loop *uv.Loop) string {
	var names []string
	loop.Walk(func(h uv.Handle) { names = append(names, fmt.Sprintf("%v active=%v", h.Type(), h.IsActive())) })
	return strings.Join(names, ", ")
}

// timeLimit is how long a loop may run in a test before it counts as hung.
const timeLimit = 60 * time.Second

// run runs the loop until nothing is left to do, and fails the test when that
// takes too long.
func run(t testing.TB, loop *uv.Loop) {
	t.Helper()
	if runMode(t, loop, uv.RunDefault) {
		require.Fail(t, "handles are still active", openHandles(loop))
	}
}

// runMode is loop.Run with a time limit.
func runMode(t testing.TB, loop *uv.Loop, mode uv.RunMode) bool {
	watchdog := time.AfterFunc(timeLimit, func() { panic(t.Name() + ": the loop hangs") })
	defer watchdog.Stop()
	return loop.Run(mode)
}

// closeAll closes every handle of the loop and runs it to its end.
func closeAll(t testing.TB, loop *uv.Loop) {
	t.Helper()
	loop.Walk(func(h uv.Handle) {
		if !h.IsClosing() {
			h.Close(nil)
		}
	})
	run(t, loop)
}

// counts counts callbacks by name, to be compared with what a test expects.
type counts map[string]int

// must is require.NoError for helper processes, where there is no test to fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// panicValue returns what f panics with, nil when it returns.
func panicValue(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// panicText is panicValue as text, "" when f returns.
func panicText(f func()) string {
	if value := panicValue(f); value != nil {
		return fmt.Sprint(value)
	}
	return ""
}
