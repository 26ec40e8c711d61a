package uv

// #include "../uv.h"
// #include <string.h>
import "C"

import (
	"math"
	"net/netip"
	"unsafe"
)

// TCP is a stream over a TCP connection, or a TCP server.
//
// Mirrors uv_tcp_t.
type TCP struct{ stream }

// TCPFlags are options of [TCP.Bind].
//
// Mirrors uv_tcp_flags.
type TCPFlags uint

const (
	TCPIPv6Only  TCPFlags = C.UV_TCP_IPV6ONLY  // for an IPv6 address: do not serve IPv4
	TCPReuseport TCPFlags = C.UV_TCP_REUSEPORT // share the port with other sockets that do; ENOTSUP before libuv 1.49
)

func (t *TCP) raw() *C.uv_tcp_t { return (*C.uv_tcp_t)(unsafe.Pointer(t.c)) }

// Init makes the handle ready. There is no socket yet.
//
// Binds uv_tcp_init.
func (t *TCP) Init(loop *Loop) error {
	t.create(loop, HandleTypeTCP, "TCP.Init")
	return t.created(C.uv_tcp_init(loop.c, t.raw()))
}

// InitEx makes the handle ready, with a socket of an address family: the lower
// eight bits of flags are syscall.AF_INET or AF_INET6, or AF_UNSPEC for none.
// It returns EINVAL for anything else.
//
// Binds uv_tcp_init_ex.
func (t *TCP) InitEx(loop *Loop, flags uint) error {
	if flags > math.MaxUint32 {
		return EINVAL
	}
	t.create(loop, HandleTypeTCP, "TCP.InitEx")
	if err := t.created(C.uv_tcp_init_ex(loop.c, t.raw(), C.uint(flags))); err != nil {
		return err
	}
	return t.opened(0)
}

// Open opens the handle with a socket, which is the handle's from here on and
// is closed with it. It is set to non-blocking mode. It returns EEXIST when
// another handle of the loop has the socket and EBUSY when the handle is open.
// The socket must not be closed by anybody else.
//
// Binds uv_tcp_open. For a descriptor that the loop cannot wait for, libuv would
// abort later; here it is EPERM.
func (t *TCP) Open(sock int) error {
	t.enterOpen("TCP.Open")
	return t.open(sock, func() C.int { return C.uv_tcp_open(t.raw(), C.uv_os_sock_t(sock)) })
}

// Bind binds the handle to an address and a port, 0 for any. That the address
// is in use is not told here but by Listen or Connect. It returns EINVAL for an
// invalid address and for one of another family than the socket's.
//
// Binds uv_tcp_bind.
func (t *TCP) Bind(addr netip.AddrPort, flags TCPFlags) error {
	t.enter("TCP.Bind")
	switch {
	case flags > math.MaxUint32:
		return EINVAL
	case flags&TCPReuseport != 0 && C.uv_version() < 0x013100:
		return ENOTSUP
	}
	c, err := toSockaddr(addr)
	if err != nil {
		return err
	}
	return t.opened(C.uv_tcp_bind(t.raw(), asSockaddr(&c), C.uint(flags)))
}

// Connect connects the handle and calls cb with the outcome. A nil req stands
// for a new one; cb may be nil. When it returns an error, cb is not called:
// EALREADY while the handle connects, EINVAL for one that listens or for an
// invalid address, and what the system says at once, such as ENETUNREACH.
//
// Binds uv_tcp_connect.
func (t *TCP) Connect(req *ConnectReq, addr netip.AddrPort, cb ConnectCB) error {
	t.enterOpen("TCP.Connect")
	c, err := toSockaddr(addr)
	if err != nil {
		return err
	}
	return t.connect(req, cb, "TCP.Connect", func(r *C.uv_connect_t) C.int {
		return C.uv_tcp_connect(r, t.raw(), asSockaddr(&c), C.uv_connect_cb(C.gouv_connect_cb))
	})
}

// Nodelay turns Nagle's algorithm off, or on.
//
// Binds uv_tcp_nodelay.
func (t *TCP) Nodelay(enable bool) error {
	t.enter("TCP.Nodelay")
	return result(C.uv_tcp_nodelay(t.raw(), cBool(enable)))
}

// Keepalive turns keep-alive on, with a delay in seconds before the first
// probe, or off, where delay is not looked at. It returns EINVAL for a delay of 0
// (EPERM with libuv 1.48), unless there is no socket yet: then the delay is
// dropped, and keep-alive has the system's own when there is one.
//
// Binds uv_tcp_keepalive.
func (t *TCP) Keepalive(enable bool, delay uint) error {
	t.enter("TCP.Keepalive")
	if delay > math.MaxInt32 {
		return EINVAL
	}
	return result(C.uv_tcp_keepalive(t.raw(), cBool(enable), C.uint(delay)))
}

// KeepaliveEx turns keep-alive on, with a delay in seconds before the first
// probe, the time in seconds between probes, and how many go without an answer
// before the connection is dropped; or off, where they are not looked at. It
// returns EINVAL where one of them is 0.
//
// Binds uv_tcp_keepalive_ex. Requires libuv 1.52; ENOSYS before.
func (t *TCP) KeepaliveEx(on bool, idle, intvl, cnt uint) error {
	t.enter("TCP.KeepaliveEx")
	if max(idle, intvl, cnt) > math.MaxInt32 {
		return EINVAL
	}
	return result(C.uv_tcp_keepalive_ex(t.raw(), cBool(on), C.uint(idle), C.uint(intvl), C.uint(cnt)))
}

// SimultaneousAccepts lets the system queue several accepts of a server at once,
// or one. It makes a difference on Windows alone.
//
// Binds uv_tcp_simultaneous_accepts.
func (t *TCP) SimultaneousAccepts(enable bool) error {
	t.enter("TCP.SimultaneousAccepts")
	return result(C.uv_tcp_simultaneous_accepts(t.raw(), cBool(enable)))
}

// Getsockname returns the address that the handle is bound to, the zero AddrPort
// for a socket of another kind. It returns EBADF where there is no socket.
//
// Binds uv_tcp_getsockname.
func (t *TCP) Getsockname() (netip.AddrPort, error) {
	if !t.look("TCP.Getsockname") {
		return netip.AddrPort{}, EBADF
	}
	var addr C.struct_sockaddr_storage
	size := C.int(unsafe.Sizeof(addr))
	if r := C.uv_tcp_getsockname(t.raw(), asSockaddr(&addr), &size); r != 0 {
		return netip.AddrPort{}, result(r)
	}
	return fromSockaddr(&addr), nil
}

// Getpeername returns the address of the peer. It returns ENOTCONN where there is
// none, EBADF where there is no socket.
//
// Binds uv_tcp_getpeername.
func (t *TCP) Getpeername() (netip.AddrPort, error) {
	if !t.look("TCP.Getpeername") {
		return netip.AddrPort{}, EBADF
	}
	var addr C.struct_sockaddr_storage
	size := C.int(unsafe.Sizeof(addr))
	if r := C.uv_tcp_getpeername(t.raw(), asSockaddr(&addr), &size); r != 0 {
		return netip.AddrPort{}, result(r)
	}
	return fromSockaddr(&addr), nil
}

// CloseReset closes the handle like Close, and the connection with a reset. It
// returns EINVAL between Shutdown and its callback (later the two should not be
// mixed either) and EBADF where there is no socket, and does nothing then: the
// handle is still to be closed.
//
// Binds uv_tcp_close_reset.
func (t *TCP) CloseReset(cb CloseCB) error {
	t.enter("TCP.CloseReset")
	fd := t.beforeClose("TCP.CloseReset")
	r := C.uv_tcp_close_reset(t.raw(), C.uv_close_cb(C.gouv_close_cb))
	if r == 0 {
		t.closing, t.closeCB = true, cb
		t.loop.fds.remove(fd)
	}
	return result(r)
}

// Socketpair returns two connected Unix domain sockets of a type, such as
// syscall.SOCK_STREAM, and a protocol, 0 for the usual one. Both are
// close-on-exec; the flags of each are 0 or NonblockPipe.
//
// Binds uv_socketpair.
func Socketpair(typ, protocol int, flags0, flags1 StdioFlags) (fds [2]int, err error) {
	if !fits(typ) || !fits(protocol) {
		return [2]int{-1, -1}, EINVAL
	}
	var c [2]C.uv_os_sock_t
	if r := C.uv_socketpair(C.int(typ), C.int(protocol), &c[0], C.int(flags0), C.int(flags1)); r != 0 {
		return [2]int{-1, -1}, result(r)
	}
	return [2]int{int(c[0]), int(c[1])}, nil
}

func asSockaddr(addr *C.struct_sockaddr_storage) *C.struct_sockaddr {
	return (*C.struct_sockaddr)(unsafe.Pointer(addr))
}
