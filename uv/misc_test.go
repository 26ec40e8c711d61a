package uv_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

var saysExepath = helper("saysExepath", func() {
	path, err := uv.Exepath()
	fmt.Print(path, err)
})

// Longer than the buffer that the binding starts with.
func TestExepath_Long(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for len(dir) < 300 {
		dir = filepath.Join(dir, strings.Repeat("d", 100))
	}
	require.NoError(t, os.MkdirAll(dir, 0o700))
	program := filepath.Join(dir, "program")
	if err := os.Link(helperPath(), program); err != nil {
		content, err := os.ReadFile(helperPath())
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(program, content, 0o700))
	}
	cmd := exec.Command(program)
	cmd.Env = helperEnv(saysExepath)
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Equal(t, program+"<nil>", string(out))
}

func TestCwd(t *testing.T) {
	t.Parallel()
	want, err := os.Getwd()
	require.NoError(t, err)
	want, err = filepath.EvalSymlinks(want)
	require.NoError(t, err)
	got, err := uv.Cwd()
	assert.NoError(t, err)
	assert.Equal(t, want, got)
}

var losesCwd = helper("losesCwd", func() {
	dir := os.Args[1]
	fmt.Println(uv.Chdir(dir), os.Remove(dir))
	fmt.Println(uv.Cwd())
})

func TestCwd_Removed(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(helperPath(), t.TempDir())
	cmd.Env = helperEnv(losesCwd)
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Equal(t, "<nil> <nil>\n no such file or directory\n", string(out))
}

func TestHrtime_NeverGoesBackwards(t *testing.T) {
	t.Parallel()
	last := uv.Hrtime()
	for range 10_000 {
		now := uv.Hrtime()
		require.GreaterOrEqual(t, now, last)
		last = now
	}
}

func TestSleep_Zero(t *testing.T) {
	t.Parallel()
	uv.Sleep(0)
}

func TestCPUInfo(t *testing.T) {
	t.Parallel()
	cpus, err := uv.CPUInfo()
	require.NoError(t, err)
	require.NotEmpty(t, cpus)
	var times uint64
	for _, cpu := range cpus {
		assert.NotEmpty(t, cpu.Model)
		assert.GreaterOrEqual(t, cpu.Speed, 0)
		times += cpu.Times.User + cpu.Times.Nice + cpu.Times.Sys + cpu.Times.Idle + cpu.Times.IRQ
	}
	assert.Positive(t, times)
}

// loopback returns the loopback interface: lo on Linux, lo0 elsewhere.
func loopback(t *testing.T) net.Interface {
	t.Helper()
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback != 0 {
			return i
		}
	}
	t.Skip("no loopback interface")
	panic("unreachable")
}

func TestIP6Addr_Zone(t *testing.T) {
	t.Parallel()
	lo := loopback(t)
	addr, err := uv.IP6Addr("fe80::1%"+lo.Name, 80)
	require.NoError(t, err)
	assert.Equal(t, lo.Name, addr.Addr().Zone())
	assert.Equal(t, "[fe80::1%"+lo.Name+"]:80", addr.String())

	addr, err = uv.IP6Addr("fe80::1%no-such-interface", 80)
	require.NoError(t, err, "as in C")
	assert.Equal(t, "", addr.Addr().Zone())

	name, err := uv.IP6Name(netip.MustParseAddrPort("[fe80::1%" + lo.Name + "]:80"))
	assert.NoError(t, err)
	assert.Equal(t, "fe80::1", name)

	name, err = uv.IP6Name(netip.MustParseAddrPort("[fe80::1%" + strconv.Itoa(lo.Index) + "]:80"))
	assert.NoError(t, err, "a zone may be a number")
	assert.Equal(t, "fe80::1", name)

	_, err = uv.IP6Name(netip.MustParseAddrPort("[fe80::1%no-such-interface]:80"))
	assert.Equal(t, uv.EINVAL, err)
}

func TestIPAddr_Port(t *testing.T) {
	t.Parallel()
	for _, port := range []int{0, 1, 80, 65535} {
		addr, err := uv.IP4Addr("127.0.0.1", port)
		assert.NoError(t, err)
		assert.EqualValues(t, port, addr.Port())
		addr, err = uv.IP6Addr("::1", port)
		assert.NoError(t, err)
		assert.EqualValues(t, port, addr.Port())
	}
	for _, port := range []int{-1, 65536, 1 << 40} {
		_, err := uv.IP4Addr("127.0.0.1", port)
		assert.Equal(t, uv.EINVAL, err)
		_, err = uv.IP6Addr("::1", port)
		assert.Equal(t, uv.EINVAL, err)
	}
}

func TestGuessHandle(t *testing.T) {
	t.Parallel()
	file, err := os.Open(newFile(t))
	require.NoError(t, err)
	defer file.Close()
	assert.Equal(t, uv.HandleTypeFile, uv.GuessHandle(int(file.Fd())))

	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	assert.Equal(t, uv.HandleTypeFile, uv.GuessHandle(int(null.Fd())), "a character device that is no terminal")

	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	assert.Equal(t, uv.HandleTypeNamedPipe, uv.GuessHandle(int(r.Fd())))
	assert.Equal(t, uv.HandleTypeNamedPipe, uv.GuessHandle(int(w.Fd())))

	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer tcp.Close()
	assert.Equal(t, uv.HandleTypeTCP, guessOf(t, tcp.(*net.TCPListener).File))

	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer udp.Close()
	assert.Equal(t, uv.HandleTypeUDP, guessOf(t, udp.(*net.UDPConn).File))

	unix, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	require.NoError(t, err)
	defer unix.Close()
	assert.Equal(t, uv.HandleTypeNamedPipe, guessOf(t, unix.(*net.UnixListener).File))

	assert.Equal(t, uv.HandleTypeUnknown, uv.GuessHandle(-1))
	assert.Equal(t, uv.HandleTypeUnknown, uv.GuessHandle(1<<30))
}

func guessOf(t *testing.T, open func() (*os.File, error)) uv.HandleType {
	t.Helper()
	file, err := open()
	require.NoError(t, err)
	defer file.Close()
	return uv.GuessHandle(int(file.Fd()))
}

// Go's int is larger than C's: what does not fit must not become something
// else.
func TestNumbersThatCCannotHold(t *testing.T) {
	t.Parallel()
	if strconv.IntSize == 32 {
		t.Skip("int is C's here")
	}
	const shift = 32
	one, loop := 1, newLoop(t)
	huge := one << shift // 0 in C
	assert.Equal(t, uv.HandleTypeUnknown, uv.GuessHandle(huge))
	assert.Error(t, uv.Kill(huge, 0), "0 is the own process group")
	tcp := newTCP(t, loop)
	assert.Equal(t, uv.EBADF, tcp.Open(huge))
	_, err := tcp.Fileno()
	assert.Equal(t, uv.EBADF, err)
	assert.Equal(t, uv.EINVAL, new(uv.TCP).InitEx(loop, uint(huge)))
	require.NoError(t, tcp.Bind(localhost, 0))
	_, err = tcp.SendBufferSize(huge)
	assert.Equal(t, uv.EINVAL, err, "0 asks for the size")
	_, err = tcp.RecvBufferSize(huge)
	assert.Equal(t, uv.EINVAL, err)
	closeAll(t, loop)
}
