package uv_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

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

// Go has a copy of the environment, which it does not look at C's for. What it
// sets is in both.
func TestOSSetenv_BesideGo(t *testing.T) {
	const name = "UV_TEST_BESIDE_GO"
	require.NoError(t, uv.OSSetenv(name, "C's"))
	_, seen := os.LookupEnv(name)
	assert.False(t, seen)
	require.NoError(t, uv.OSUnsetenv(name))

	t.Setenv(name, "Go's")
	got, err := uv.OSGetenv(name)
	assert.NoError(t, err)
	assert.Equal(t, "Go's", got)
}
