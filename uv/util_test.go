package uv_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// lacksUntil is the error of what came with a later libuv than some: nil, or ENOSYS.
func lacksUntil(version uint) error {
	if uv.Version() < version {
		return uv.ENOSYS
	}
	return nil
}

func TestLibuv_env_vars(t *testing.T) {
	const name, name2 = "UV_TEST_FOO", "UV_TEST_FOO2"
	for _, err := range []error{uv.OSSetenv("", "foo"), uv.OSSetenv("a=b", "foo"), uv.OSSetenv("a\x00", ""), uv.OSSetenv("a", "\x00"), uv.OSUnsetenv(""), uv.OSUnsetenv("\x00")} {
		assert.Equal(t, uv.EINVAL, err)
	}
	_, err := uv.OSGetenv("a\x00")
	assert.Equal(t, uv.EINVAL, err)

	for _, value := range []string{"123456789", "", strings.Repeat("x", 32768), strings.Repeat("x", 4*32768)} {
		require.NoError(t, uv.OSSetenv(name, value))
		got, err := uv.OSGetenv(name)
		assert.NoError(t, err)
		assert.Equal(t, value, got)
		_, seen := os.LookupEnv(name)
		assert.False(t, seen, "Go has a copy")
	}
	for range 2 {
		require.NoError(t, uv.OSUnsetenv(name))
		_, err = uv.OSGetenv(name)
		assert.Equal(t, uv.ENOENT, err)
	}

	require.NoError(t, uv.OSSetenv(name, "123456789"))
	require.NoError(t, uv.OSSetenv(name2, ""))
	env, err := uv.OSEnviron()
	assert.NoError(t, err)
	assert.Contains(t, env, uv.EnvItem{Name: name, Value: "123456789"})
	assert.Contains(t, env, uv.EnvItem{Name: name2})
	require.NoError(t, uv.OSUnsetenv(name))
	require.NoError(t, uv.OSUnsetenv(name2))

	t.Setenv(name, "Go's")
	got, err := uv.OSGetenv(name)
	assert.NoError(t, err)
	assert.Equal(t, "Go's", got)
}

func TestLibuv_homedir(t *testing.T) {
	t.Setenv("HOME", "/"+strings.Repeat("h", 1000))
	got, err := uv.OSHomedir()
	assert.NoError(t, err)
	assert.Equal(t, os.Getenv("HOME"), got)
}

func TestLibuv_tmpdir(t *testing.T) {
	t.Setenv("TMPDIR", "/some/where/")
	got, err := uv.OSTmpdir()
	assert.NoError(t, err)
	assert.Equal(t, "/some/where", got)
}

func TestLibuv_get_passwd(t *testing.T) {
	got, err := uv.OSPasswd()
	require.NoError(t, err)
	want, err := user.LookupId(strconv.Itoa(os.Geteuid()))
	require.NoError(t, err)
	assert.Equal(t, want.Username, got.Username)
	assert.Equal(t, want.HomeDir, got.Homedir)
	assert.NotEmpty(t, got.Shell)
	assert.Equal(t, [2]string{want.Uid, want.Gid}, [2]string{fmt.Sprint(got.UID), fmt.Sprint(got.GID)})
}

func TestLibuv_get_passwd2(t *testing.T) {
	root, err := uv.OSPasswd2(0)
	require.Equal(t, lacksUntil(0x012d00), err)
	if err == nil {
		assert.Equal(t, "root", root.Username)
		self, err := uv.OSPasswd()
		assert.NoError(t, err)
		again, err := uv.OSPasswd2(self.UID)
		assert.NoError(t, err)
		assert.Equal(t, self, again)
		_, err = uv.OSPasswd2(4000000000)
		assert.Equal(t, uv.ENOENT, err)
	}
}

func TestLibuv_get_group(t *testing.T) {
	self, err := uv.OSPasswd()
	require.NoError(t, err)
	group, err := uv.OSGroup(self.GID)
	require.Equal(t, lacksUntil(0x012d00), err)
	if err == nil {
		want, err := user.LookupGroupId(fmt.Sprint(self.GID))
		assert.NoError(t, err)
		assert.Equal(t, self.GID, group.GID)
		assert.Equal(t, want.Name, group.Groupname)
	}
}

func TestLibuv_clock_gettime(t *testing.T) {
	t.Parallel()
	if lacksUntil(0x012d00) != nil {
		_, err := uv.ClockGettime(uv.ClockRealtime)
		assert.Equal(t, uv.ENOSYS, err)
		return
	}
	_, err := uv.ClockGettime(1337)
	assert.Equal(t, uv.EINVAL, err)
	_, err = uv.ClockGettime(uv.ClockMonotonic)
	assert.NoError(t, err)
	now, err := uv.ClockGettime(uv.ClockRealtime)
	assert.NoError(t, err)
	assert.WithinDuration(t, time.Now(), time.Unix(now.Sec, int64(now.Nsec)), time.Minute)
}

func TestLibuv_gettimeofday(t *testing.T) {
	t.Parallel()
	now, err := uv.Gettimeofday()
	assert.NoError(t, err)
	assert.WithinDuration(t, time.Now(), time.Unix(now.Sec, int64(now.Usec)*1000), time.Minute)
}

func TestLibuv_gethostname(t *testing.T) {
	t.Parallel()
	got, err := uv.OSGethostname()
	assert.NoError(t, err)
	want, err := os.Hostname()
	assert.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestLibuv_uname(t *testing.T) {
	t.Parallel()
	got, err := uv.OSUname()
	assert.NoError(t, err)
	assert.Equal(t, runtime.GOOS, strings.ToLower(got.Sysname))
	assert.NotEmpty(t, got.Release)
	assert.NotEmpty(t, got.Version)
	assert.NotEmpty(t, got.Machine)
}

var setsPriorities = helper("setsPriorities", func() {
	runtime.LockOSThread()
	for want := uv.PriorityHighest; want <= uv.PriorityLow; want++ {
		if err := uv.OSSetpriority(0, want); err == uv.EACCES {
			continue
		} else if err != nil {
			fmt.Println(want, err)
		}
		got, err := uv.OSGetpriority(0)
		again, err2 := uv.OSGetpriority(syscall.Gettid())
		if got != want || again != want || err != nil || err2 != nil {
			fmt.Println(want, got, err, again, err2)
		}
	}
	fmt.Println(uv.OSSetpriority(0, uv.PriorityHighest-1) == uv.EINVAL, uv.OSSetpriority(0, uv.PriorityLow+1) == uv.EINVAL)
})

// In a process of its own, which it leaves slow.
func TestLibuv_process_priority(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "true true\n", helperOutput(t, setsPriorities))
	_, err := uv.OSGetpriority(1 << 40)
	assert.Equal(t, uv.ESRCH, err)
}

// A title is the process's own, so these have helpers to change it.

var setsTitles = helper("sets titles", func() {
	for _, title := range []string{"%s%s%s%s%s%s%s%s%s%s%s%s%s", "new title"} {
		must(uv.SetProcessTitle(title))
		fmt.Println(uv.ProcessTitle())
	}
	cmdline, err := os.ReadFile("/proc/self/cmdline")
	must(err)
	fmt.Printf("%s\n", bytes.TrimRight(cmdline, "\x00"))
	fmt.Println(uv.SetProcessTitle("a\x00b") == uv.EINVAL, os.Args[0] == helperPath())
})

// What is set is got, percent signs too. The system sees it; os.Args does not.
func TestLibuv_process_title(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "%s%s%s%s%s%s%s%s%s%s%s%s%s <nil>\nnew title <nil>\nnew title\ntrue true\n", helperOutput(t, setsTitles))
}

var hasBigArguments = helper("has big arguments", func() {
	first, err := uv.ProcessTitle()
	must(err)
	long := strings.Repeat("0123456789", 100)
	must(uv.SetProcessTitle(long))
	title, err := uv.ProcessTitle()
	must(err)
	fmt.Println(first == os.Args[0], title == long, strings.Trim(os.Args[1]+os.Args[2], "x"))
	must(uv.SetProcessTitle(strings.Repeat(long, 3)))
	title, err = uv.ProcessTitle()
	must(err)
	fmt.Println(len(title) - len(os.Args[0]))
})

// Large arguments make room for a large title, and no more than that.
func TestLibuv_process_title_big_argv(t *testing.T) {
	t.Parallel()
	jumbo := strings.Repeat("x", 511)
	out, exit := outputOf(t, helperOptions(hasBigArguments, jumbo, jumbo))
	assert.Equal(t, exitOf{}, exit)
	assert.Equal(t, "true true \n1024\n", out)
}

var titlesAtOnce = helper("titles at once", func() {
	var titles []string
	for i := range 4 {
		titles = append(titles, strings.Repeat(string(rune('a'+i)), len(os.Args[0])))
	}
	must(uv.SetProcessTitle(titles[0]))
	var setters sync.WaitGroup
	for range 4 {
		setters.Go(func() {
			for range 50 {
				for _, title := range titles {
					must(uv.SetProcessTitle(title))
				}
			}
		})
	}
	done := make(chan bool)
	go func() {
		setters.Wait()
		close(done)
	}()
	for {
		title, err := uv.ProcessTitle()
		must(err)
		if !slices.Contains(titles, title) {
			panic("half a title: " + title)
		}
		select {
		case <-done:
			return
		default:
		}
	}
})

// Whoever asks while others set titles gets a whole one.
func TestLibuv_process_title_threadsafe(t *testing.T) {
	t.Parallel()
	assert.Empty(t, helperOutput(t, titlesAtOnce))
}

func TestUsage(t *testing.T) {
	t.Parallel()
	assert.GreaterOrEqual(t, uv.AvailableParallelism(), 1)
	assert.Equal(t, os.Getpid(), uv.OSGetpid())
	assert.Equal(t, os.Getppid(), uv.OSGetppid())
	rss, err := uv.ResidentSetMemory()
	assert.NoError(t, err)
	assert.Greater(t, rss, 1<<20)
	up, err := uv.Uptime()
	assert.NoError(t, err)
	assert.Positive(t, up)
	got, err := uv.Getrusage()
	assert.NoError(t, err)
	var later syscall.Rusage
	assert.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &later))
	assert.Positive(t, got.Maxrss)
	assert.LessOrEqual(t, got.Maxrss, uint64(later.Maxrss))
	assert.LessOrEqual(t, got.Minflt, uint64(later.Minflt))
	assert.LessOrEqual(t, got.Utime.Sec, int64(later.Utime.Sec))
}

func TestPrintHandles(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var timer uv.Timer
	require.NoError(t, timer.Init(loop))
	var all, active strings.Builder
	assert.NoError(t, loop.PrintAllHandles(&all))
	assert.NoError(t, loop.PrintActiveHandles(&active))
	assert.Regexp(t, `(?m)^\[R--\] timer +0x[0-9a-f]+$`, all.String())
	assert.Regexp(t, `(?m)^\[-AI\] async +0x[0-9a-f]+$`, active.String())
	assert.NotContains(t, active.String(), "timer")
	closeAll(t, loop)
}

func TestSocketpair(t *testing.T) {
	t.Parallel()
	fds, err := uv.Socketpair(syscall.SOCK_STREAM, 0, uv.NonblockPipe, 0)
	require.NoError(t, err)
	defer syscall.Close(fds[0])
	defer syscall.Close(fds[1])
	buf := make([]byte, 8)
	_, err = syscall.Read(fds[0], buf)
	assert.Equal(t, syscall.EAGAIN, err)
	_, err = syscall.Write(fds[1], []byte("hello"))
	assert.NoError(t, err)
	n, err := syscall.Read(fds[0], buf)
	assert.NoError(t, err)
	assert.Equal(t, "hello", string(buf[:n]))
	_, err = uv.Socketpair(-1, 0, 0, 0)
	assert.Error(t, err)
	_, err = uv.Socketpair(1<<32+syscall.SOCK_STREAM, 0, 0, 0)
	assert.Equal(t, uv.EINVAL, err)
}

func TestTCP_KeepaliveEx(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var tcp uv.TCP
	require.NoError(t, tcp.InitEx(loop, syscall.AF_INET))
	assert.NoError(t, tcp.SimultaneousAccepts(false))
	assert.NoError(t, tcp.SimultaneousAccepts(true))
	require.Equal(t, lacksUntil(0x013400), tcp.KeepaliveEx(true, 60, 7, 5))
	assert.Equal(t, uv.EINVAL, tcp.KeepaliveEx(true, 1<<32, 1, 1))
	if lacksUntil(0x013400) == nil {
		fd, err := tcp.Fileno()
		require.NoError(t, err)
		for option, want := range map[int]int{syscall.TCP_KEEPIDLE: 60, syscall.TCP_KEEPINTVL: 7, syscall.TCP_KEEPCNT: 5} {
			got, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_TCP, option)
			assert.NoError(t, err)
			assert.Equal(t, want, got)
		}
		assert.Equal(t, uv.EINVAL, tcp.KeepaliveEx(true, 1, 0, 1))
		assert.NoError(t, tcp.KeepaliveEx(false, 0, 0, 0))
	}
	closeAll(t, loop)
}

func helperOutput(t *testing.T, name string) string {
	t.Helper()
	cmd := exec.Command(helperPath())
	cmd.Env = helperEnv(name)
	out, err := cmd.Output()
	require.NoError(t, err)
	return string(out)
}
