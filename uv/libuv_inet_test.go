package uv_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// The unspecified address is an address. C checks its length there, on systems
// where an address holds one.
func TestLibuv_ip6_sin6_len(t *testing.T) {
	t.Parallel()
	addr, err := uv.IP6Addr("::", 0)
	assert.NoError(t, err)
	assert.Equal(t, netip.AddrPortFrom(netip.IPv6Unspecified(), 0), addr)
}

// The zone of a link-local address is the interface that has it. Not every
// machine has such an address, so each interface is tried with one more.
func TestLibuv_ip6_addr_link_local(t *testing.T) {
	t.Parallel()
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	require.NotEmpty(t, interfaces)
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		require.NoError(t, err)
		ips := []netip.Addr{netip.MustParseAddr("fe80::1")}
		for _, addr := range addrs {
			prefix, err := netip.ParsePrefix(addr.String())
			require.NoError(t, err)
			if ip := prefix.Addr(); ip.Is6() && ip.IsLinkLocalUnicast() {
				ips = append(ips, ip)
			}
		}
		for _, ip := range ips {
			want := netip.AddrPortFrom(ip.WithZone(i.Name), 9123)
			addr, err := uv.IP6Addr(want.Addr().String(), 9123)
			assert.NoError(t, err)
			assert.Equal(t, want, addr)
			name, err := uv.IP6Name(addr)
			assert.NoError(t, err)
			assert.Equal(t, ip.String(), name)
		}
	}
}

// To connect to the unspecified address is to connect to this machine.
func TestLibuv_connect_unspecified(t *testing.T) {
	t.Parallel()
	for name, addr := range map[string]netip.AddrPort{"IPv4": localhost, "IPv6": localhost6} {
		t.Run(name, func(t *testing.T) {
			loop := newLoop(t)
			unspecified := netip.IPv4Unspecified()
			if addr.Addr().Is6() {
				requireIPv6(t, loop)
				unspecified = netip.IPv6Unspecified()
			}
			c := counts{}
			accepted, client := newTCP(t, loop), newTCP(t, loop)
			server := serveTCP(t, loop, addr, func(s uv.Stream, err error) {
				c["connection"]++
				assert.NoError(t, err)
				assert.NoError(t, s.Accept(accepted))
				s.Close(nil)
			})
			port := sockname(t, server).Port()
			require.NoError(t, client.Connect(nil, netip.AddrPortFrom(unspecified, port), func(_ *uv.ConnectReq, err error) {
				c["connect"]++
				assert.NotEqual(t, uv.EADDRNOTAVAIL, err)
				assert.NoError(t, err)
			}))
			run(t, loop)
			assert.Equal(t, counts{"connection": 1, "connect": 1}, c)
			assert.Equal(t, addr.Addr(), sockname(t, accepted).Addr())
			closeAll(t, loop)
		})
	}
}

// Both ends of a connection agree on their addresses, and a server knows its
// own.
func TestLibuv_getsockname_tcp(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	c := counts{}
	anywhere := netip.MustParseAddrPort("0.0.0.0:0")
	var client, server uv.TCP
	var local, clientAddr netip.AddrPort // of the server's port, and of the client's
	checkNames := func(tcp *uv.TCP, wantSock, wantPeer netip.AddrPort) {
		c["getsockname"]++
		sock, err := tcp.Getsockname()
		assert.NoError(t, err)
		assert.Equal(t, wantSock, sock)
		c["getpeername"]++
		peer, err := tcp.Getpeername()
		assert.NoError(t, err)
		assert.Equal(t, wantPeer, peer)
	}

	require.NoError(t, server.Init(loop))
	require.NoError(t, server.Bind(anywhere, 0))
	require.NoError(t, server.Listen(128, func(s uv.Stream, err error) {
		assert.NoError(t, err)
		accepted := new(uv.TCP)
		assert.NoError(t, accepted.Init(loop))
		assert.NoError(t, s.Accept(accepted))
		checkNames(accepted, local, clientAddr)
		assert.NoError(t, accepted.ReadStart(nil, func(s uv.Stream, _ []byte, err error) {
			c["read"]++
			assert.Equal(t, uv.EOF, err)
			assert.NoError(t, s.Shutdown(nil, func(*uv.ShutdownReq, error) {
				accepted.Close(func(uv.Handle) { server.Close(nil) })
			}))
		}))
	}))
	c["getsockname"]++
	sock, err := server.Getsockname()
	require.NoError(t, err)
	assert.Equal(t, anywhere.Addr(), sock.Addr())
	assert.NotZero(t, sock.Port())
	c["getpeername"]++
	_, err = server.Getpeername()
	assert.Equal(t, uv.ENOTCONN, err)

	local = netip.AddrPortFrom(localhost.Addr(), sock.Port())
	require.NoError(t, client.Init(loop))
	require.NoError(t, client.Connect(nil, local, func(_ *uv.ConnectReq, err error) {
		assert.NoError(t, err)
		checkNames(&client, clientAddr, local)
		client.Close(nil)
	}))
	clientAddr, err = client.Getsockname()
	require.NoError(t, err)
	assert.Equal(t, localhost.Addr(), clientAddr.Addr())
	assert.NotZero(t, clientAddr.Port())

	run(t, loop)
	assert.Equal(t, counts{"getsockname": 3, "getpeername": 3, "read": 1}, c)
}

// What is an IPv4 address in numbers and dots is taken, and nothing else.
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
	zones := []string{"%en1", "%%%%", "%en1:1.2.3.4"}
	for _, good := range []string{
		"::", "::1", "fe80::1", "fe80::", "fe80::2acf:daff:fedd:342a", "fe80:0:0:0:2acf:daff:fedd:342a",
		"fe80:0:0:0:2acf:daff:1.2.3.4", "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "::ffff:1.2.3.4",
	} {
		addr, err := uv.IP6Addr(good, 9123)
		assert.NoError(t, err, good)
		assert.Equal(t, netip.AddrPortFrom(netip.MustParseAddr(good), 9123), addr)
		for _, zone := range zones {
			addr, err := uv.IP6Addr(good+zone, 9123)
			if len(good) > 39 { // uv_ip6_addr, unlike the parser, cuts it off there
				assert.Equal(t, uv.EINVAL, err, good+zone)
				continue
			}
			assert.NoError(t, err, good+zone)
			assert.Equal(t, netip.MustParseAddr(good), addr.Addr().WithZone(""))
		}
	}
	for _, bad := range []string{
		":::1", "abcde::1", "fe80:0:0:0:2acf:daff:fedd:342a:5678", "fe80:0:0:0:2acf:daff:abcd:1.2.3.4",
		"fe80:0:0:2acf:daff:1.2.3.4.5", "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255.255",
		"", "127.0.0.1", "::1\x00",
	} {
		for _, zone := range append(zones, "") {
			addr, err := uv.IP6Addr(bad+zone, 9123)
			assert.Equal(t, uv.EINVAL, err, "%q", bad+zone)
			assert.False(t, addr.IsValid())
		}
	}
}

// Addresses become text again. What is no IP address, which C has to tell by
// its family, is the zero AddrPort in Go.
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
