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

func TestLibuv_get_currentexe(t *testing.T) {
	t.Parallel()
	path, err := uv.Exepath()
	require.NoError(t, err)
	want, err := filepath.EvalSymlinks(helperPath())
	require.NoError(t, err)
	assert.Equal(t, want, path)
}

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

// The working directory is the whole process's.
var changesDir = helper("changesDir", func() {
	before, err := uv.Cwd()
	fmt.Println(before, err)
	fmt.Println(uv.Chdir(before))
	fmt.Println(uv.Chdir(os.Args[1]))
	after, err := uv.Cwd()
	fmt.Println(after, err)
	fmt.Println(uv.Chdir("missing"), uv.Chdir(""), uv.Chdir("file"), uv.Chdir("a\x00b"))
	after, err = uv.Cwd()
	fmt.Println(after, err)
	wd, err := os.ReadFile("file") // Go is where libuv is
	fmt.Println(string(wd), err)
})

func TestLibuv_cwd_and_chdir(t *testing.T) {
	t.Parallel()
	from, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	to := from
	for len(to) < 300 { // longer than the buffer that the binding starts with
		to = filepath.Join(to, strings.Repeat("d", 100))
	}
	require.NoError(t, os.MkdirAll(to, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(to, "file"), []byte("content"), 0o600))
	cmd := exec.Command(helperPath(), to)
	cmd.Dir = from
	cmd.Env = helperEnv(changesDir)
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Equal(t, []string{
		from + " <nil>",
		"<nil>",
		"<nil>",
		to + " <nil>",
		"no such file or directory no such file or directory not a directory invalid argument",
		to + " <nil>",
		"content <nil>",
		"",
	}, strings.Split(string(out), "\n"))
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

func TestLibuv_hrtime(t *testing.T) {
	t.Parallel()
	for range 5 {
		a := uv.Hrtime()
		uv.Sleep(5)
		b := uv.Hrtime()
		assert.GreaterOrEqual(t, b-a, uint64(5e6), "5 ms at least")
	}
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

func TestLibuv_ip4_addr(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"127.0.0.1", "255.255.255.255", "0.0.0.0"} {
		addr, err := uv.IP4Addr(good, 9123)
		assert.NoError(t, err)
		assert.Equal(t, netip.AddrPortFrom(netip.MustParseAddr(good), 9123), addr)
	}
	for _, bad := range []string{
		"255.255.255*000", "255.255.255.256", "2555.0.0.0", "255", "", "::1", "localhost", "127.0.0.1 ", "127.0.0.1\x00",
	} {
		addr, err := uv.IP4Addr(bad, 9123)
		assert.Equal(t, uv.EINVAL, err, "%q", bad)
		assert.False(t, addr.IsValid())
	}
}

// The addresses of libuv's test of its parser, through the function that uses
// it.
func TestLibuv_ip6_pton(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"::", "::1", "fe80::1", "fe80::", "fe80::2acf:daff:fedd:342a", "fe80:0:0:0:2acf:daff:fedd:342a",
		"fe80:0:0:0:2acf:daff:1.2.3.4", "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "::ffff:1.2.3.4",
	} {
		addr, err := uv.IP6Addr(good, 9123)
		assert.NoError(t, err, good)
		assert.Equal(t, netip.AddrPortFrom(netip.MustParseAddr(good), 9123), addr)
	}
	for _, bad := range []string{
		":::1", "abcde::1", "fe80:0:0:0:2acf:daff:fedd:342a:5678", "fe80:0:0:0:2acf:daff:abcd:1.2.3.4",
		"fe80:0:0:2acf:daff:1.2.3.4.5", "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255.255",
		"", "127.0.0.1", "::1\x00",
	} {
		for _, zone := range []string{"", "%en1", "%%%%", "%en1:1.2.3.4"} {
			addr, err := uv.IP6Addr(bad+zone, 9123)
			assert.Equal(t, uv.EINVAL, err, "%q", bad+zone)
			assert.False(t, addr.IsValid())
		}
	}
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

func TestLibuv_ip_name(t *testing.T) {
	t.Parallel()
	const ip4, ip6 = "192.168.0.1", "fe80::2acf:daff:fedd:342a"
	addr4, err := uv.IP4Addr(ip4, 9123)
	require.NoError(t, err)
	addr6, err := uv.IP6Addr(ip6, 9123)
	require.NoError(t, err)
	for _, c := range []struct {
		name func(netip.AddrPort) (string, error)
		addr netip.AddrPort
		want string
		err  error
	}{
		{uv.IP4Name, addr4, ip4, nil},
		{uv.IP6Name, addr6, ip6, nil},
		{uv.IPName, addr4, ip4, nil},
		{uv.IPName, addr6, ip6, nil},
		{uv.IP4Name, addr6, "", uv.EINVAL},
		{uv.IP6Name, addr4, "", uv.EINVAL},
		{uv.IPName, netip.AddrPort{}, "", uv.EINVAL},
		{uv.IP4Name, netip.AddrPort{}, "", uv.EINVAL},
		{uv.IP6Name, netip.AddrPort{}, "", uv.EINVAL},
		{uv.IP6Name, netip.MustParseAddrPort("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:1"), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nil},
		{uv.IP6Name, netip.MustParseAddrPort("[::ffff:1.2.3.4]:1"), "::ffff:1.2.3.4", nil},
		{uv.IP4Name, netip.MustParseAddrPort("255.255.255.255:65535"), "255.255.255.255", nil},
	} {
		name, err := c.name(c.addr)
		assert.Equal(t, c.err, err, "%v", c.addr)
		assert.Equal(t, c.want, name)
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
