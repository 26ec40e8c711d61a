package uv

// #include <stdlib.h>
// #include <string.h>
// #include <arpa/inet.h>
// #include <net/if.h>
// #include <netinet/in.h>
// #include "../uv.h"
import "C"

import (
	"math"
	"net/netip"
	"strconv"
	"unsafe"
)

func cBool(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// GuessHandle returns which type of handle fits a descriptor: HandleTypeTTY,
// HandleTypeNamedPipe, HandleTypeTCP, HandleTypeUDP, HandleTypeFile, or
// HandleTypeUnknown.
//
// Binds uv_guess_handle.
func GuessHandle(fd int) HandleType {
	if !fits(fd) {
		return HandleTypeUnknown
	}
	return HandleType(C.uv_guess_handle(C.uv_file(fd)))
}

// Exepath returns the path of the program's executable.
//
// Binds uv_exepath.
func Exepath() (string, error) {
	for n := C.size_t(256); ; n *= 2 {
		buf := make([]byte, n)
		size := n
		if r := C.uv_exepath((*C.char)(unsafe.Pointer(&buf[0])), &size); r != 0 {
			return "", result(r)
		}
		if size < n-1 { // libuv cuts what does not fit
			return string(buf[:size]), nil
		}
	}
}

// Cwd returns the working directory.
//
// Binds uv_cwd.
func Cwd() (string, error) {
	return readString(func(buf *C.char, size *C.size_t) C.int { return C.uv_cwd(buf, size) })
}

// Chdir changes the working directory, of the whole process. It returns EINVAL
// for a path with a NUL byte.
//
// Binds uv_chdir.
func Chdir(dir string) error {
	if hasNUL(dir) {
		return EINVAL
	}
	c := C.CString(dir)
	defer C.free(unsafe.Pointer(c))
	return result(C.uv_chdir(c))
}

// Hrtime returns the time in nanoseconds, counted from some arbitrary point in
// the past. It never goes backwards.
//
// Binds uv_hrtime.
func Hrtime() uint64 { return uint64(C.uv_hrtime()) }

// Sleep stops the calling goroutine, and its thread, for a time in
// milliseconds.
//
// Binds uv_sleep.
func Sleep(msec uint) { C.uv_sleep(C.uint(min(msec, math.MaxUint32))) }

// CPU describes one processor.
//
// Mirrors uv_cpu_info_t; the function that returns it has the name.
type CPU struct {
	Model string
	Speed int // MHz
	Times CPUTimes
}

// CPUTimes says how long a processor was in which state, in milliseconds.
//
// Mirrors the member cpu_times of uv_cpu_info_t.
type CPUTimes struct {
	User, Nice, Sys, Idle, IRQ uint64
}

// CPUInfo describes the processors of the system.
//
// Binds uv_cpu_info, and uv_free_cpu_info before it returns.
func CPUInfo() ([]CPU, error) {
	var infos *C.uv_cpu_info_t
	var count C.int
	if r := C.uv_cpu_info(&infos, &count); r != 0 {
		return nil, result(r)
	}
	defer C.uv_free_cpu_info(infos, count)
	cpus := make([]CPU, count)
	for i, c := range unsafe.Slice(infos, count) {
		t := c.cpu_times
		cpus[i] = CPU{
			Model: C.GoString(c.model),
			Speed: int(c.speed),
			Times: CPUTimes{uint64(t.user), uint64(t.nice), uint64(t.sys), uint64(t.idle), uint64(t.irq)},
		}
	}
	return cpus, nil
}

// IP4Addr returns the address of a dotted IPv4 address and a port. It returns
// EINVAL for what is none.
//
// Binds uv_ip4_addr.
func IP4Addr(ip string, port int) (netip.AddrPort, error) {
	return parseAddr(ip, port, func(c *C.char, addr *C.struct_sockaddr_storage) C.int {
		return C.uv_ip4_addr(c, C.int(port), (*C.struct_sockaddr_in)(unsafe.Pointer(addr)))
	})
}

// IP6Addr returns the address of an IPv6 address, with a zone or without, and a
// port. It returns EINVAL for what is none.
//
// Binds uv_ip6_addr.
func IP6Addr(ip string, port int) (netip.AddrPort, error) {
	return parseAddr(ip, port, func(c *C.char, addr *C.struct_sockaddr_storage) C.int {
		return C.uv_ip6_addr(c, C.int(port), (*C.struct_sockaddr_in6)(unsafe.Pointer(addr)))
	})
}

func parseAddr(ip string, port int, parse func(*C.char, *C.struct_sockaddr_storage) C.int) (netip.AddrPort, error) {
	if hasNUL(ip) || port < 0 || port > 65535 {
		return netip.AddrPort{}, EINVAL
	}
	c := C.CString(ip)
	defer C.free(unsafe.Pointer(c))
	var addr C.struct_sockaddr_storage
	if r := parse(c, &addr); r != 0 {
		return netip.AddrPort{}, result(r)
	}
	return fromSockaddr(&addr), nil
}

// IP4Name returns an IPv4 address as text. It returns EINVAL for another one.
//
// Binds uv_ip4_name.
func IP4Name(addr netip.AddrPort) (string, error) {
	if !addr.Addr().Is4() {
		return "", EINVAL
	}
	return IPName(addr)
}

// IP6Name returns an IPv6 address as text, without its zone. It returns EINVAL
// for another one.
//
// Binds uv_ip6_name.
func IP6Name(addr netip.AddrPort) (string, error) {
	if !addr.Addr().Is6() {
		return "", EINVAL
	}
	return IPName(addr)
}

// IPName returns an address as text, without its zone. It returns EINVAL for
// an invalid one.
//
// Binds uv_ip_name.
func IPName(addr netip.AddrPort) (string, error) {
	c, err := toSockaddr(addr)
	if err != nil {
		return "", err
	}
	var buf [C.INET6_ADDRSTRLEN]C.char
	if r := C.uv_ip_name(asSockaddr(&c), &buf[0], C.size_t(len(buf))); r != 0 {
		return "", result(r)
	}
	return C.GoString(&buf[0]), nil
}

func toSockaddr(addr netip.AddrPort) (c C.struct_sockaddr_storage, err error) {
	port := C.htons(C.uint16_t(addr.Port()))
	switch ip := addr.Addr(); {
	case ip.Is4():
		in := (*C.struct_sockaddr_in)(unsafe.Pointer(&c))
		in.sin_family, in.sin_port = C.AF_INET, port
		*(*[4]byte)(unsafe.Pointer(&in.sin_addr)) = ip.As4()
	case ip.Is6():
		in := (*C.struct_sockaddr_in6)(unsafe.Pointer(&c))
		in.sin6_family, in.sin6_port = C.AF_INET6, port
		*(*[16]byte)(unsafe.Pointer(&in.sin6_addr)) = ip.As16()
		if zone := ip.Zone(); zone != "" {
			scope, ok := scopeOf(zone)
			if !ok {
				return c, EINVAL
			}
			in.sin6_scope_id = C.uint32_t(scope)
		}
	default:
		return c, EINVAL
	}
	return c, nil
}

func fromSockaddr(c *C.struct_sockaddr_storage) netip.AddrPort {
	switch c.ss_family {
	case C.AF_INET:
		in := (*C.struct_sockaddr_in)(unsafe.Pointer(c))
		ip := netip.AddrFrom4(*(*[4]byte)(unsafe.Pointer(&in.sin_addr)))
		return netip.AddrPortFrom(ip, uint16(C.ntohs(C.uint16_t(in.sin_port))))
	case C.AF_INET6:
		in := (*C.struct_sockaddr_in6)(unsafe.Pointer(c))
		ip := netip.AddrFrom16(*(*[16]byte)(unsafe.Pointer(&in.sin6_addr)))
		if in.sin6_scope_id != 0 {
			ip = ip.WithZone(zoneOf(uint32(in.sin6_scope_id)))
		}
		return netip.AddrPortFrom(ip, uint16(C.ntohs(C.uint16_t(in.sin6_port))))
	}
	return netip.AddrPort{}
}

// scopeOf and zoneOf translate between an IPv6 address's zone, an interface's
// name or number, and the number that C has.
func scopeOf(zone string) (uint32, bool) {
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), true
	}
	c := C.CString(zone)
	defer C.free(unsafe.Pointer(c))
	n := C.if_nametoindex(c)
	return uint32(n), n != 0
}

func zoneOf(scope uint32) string {
	var name [C.IF_NAMESIZE]C.char
	if C.if_indextoname(C.uint(scope), &name[0]) == nil {
		return strconv.FormatUint(uint64(scope), 10)
	}
	return C.GoString(&name[0])
}
