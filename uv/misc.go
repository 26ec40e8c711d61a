package uv

// #include <stdlib.h>
// #include <string.h>
// #include <arpa/inet.h>
// #include <net/if.h>
// #include <netinet/in.h>
// #include "../uv.h"
import "C"

import (
	"encoding/binary"
	"io"
	"math"
	"net/netip"
	"os"
	"strconv"
	"sync"
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

// AvailableParallelism returns how many threads are worth running at a time,
// at least 1.
//
// Binds uv_available_parallelism.
func AvailableParallelism() int { return int(C.uv_available_parallelism()) }

// ClockID names a clock for [ClockGettime].
//
// Mirrors uv_clock_id.
type ClockID int

const (
	ClockMonotonic ClockID = C.UV_CLOCK_MONOTONIC // never goes backwards, counts from some arbitrary point
	ClockRealtime  ClockID = C.UV_CLOCK_REALTIME  // counts from 1970, and may be set
)

// Timespec64 is a time in seconds and nanoseconds.
//
// Mirrors uv_timespec64_t.
type Timespec64 struct {
	Sec  int64
	Nsec int32
}

// ClockGettime returns the time of a clock. It returns EINVAL for an unknown
// one.
//
// Binds uv_clock_gettime. Requires libuv 1.45; ENOSYS before.
func ClockGettime(clock ClockID) (Timespec64, error) {
	if !fits(int(clock)) {
		return Timespec64{}, EINVAL
	}
	var ts C.uv_timespec64_t
	if r := C.uv_clock_gettime(C.uv_clock_id(clock), &ts); r != 0 {
		return Timespec64{}, result(r)
	}
	return Timespec64{int64(ts.tv_sec), int32(ts.tv_nsec)}, nil
}

// Timeval64 is a time in seconds and microseconds.
//
// Mirrors uv_timeval64_t.
type Timeval64 struct {
	Sec  int64
	Usec int32
}

// Gettimeofday returns the time since 1970.
//
// Binds uv_gettimeofday.
func Gettimeofday() (Timeval64, error) {
	var tv C.uv_timeval64_t
	if r := C.uv_gettimeofday(&tv); r != 0 {
		return Timeval64{}, result(r)
	}
	return Timeval64{int64(tv.tv_sec), int32(tv.tv_usec)}, nil
}

// Timeval is a time in seconds and microseconds.
//
// Mirrors uv_timeval_t.
type Timeval struct{ Sec, Usec int64 }

// Rusage says what the process has used. A member that the system does not
// count is 0.
//
// Mirrors uv_rusage_t.
type Rusage struct {
	Utime, Stime            Timeval // processor time, of the program and of the system for it
	Maxrss                  uint64  // the most memory that was resident, in kilobytes
	Ixrss, Idrss, Isrss     uint64
	Minflt, Majflt          uint64 // page faults, without and with reading
	Nswap, Inblock, Oublock uint64
	Msgsnd, Msgrcv          uint64
	Nsignals, Nvcsw, Nivcsw uint64
}

// Getrusage returns what the process, all its threads, has used.
//
// Binds uv_getrusage.
func Getrusage() (Rusage, error) {
	var c C.uv_rusage_t
	if r := C.uv_getrusage(&c); r != 0 {
		return Rusage{}, result(r)
	}
	return Rusage{
		Utime:    Timeval{int64(c.ru_utime.tv_sec), int64(c.ru_utime.tv_usec)},
		Stime:    Timeval{int64(c.ru_stime.tv_sec), int64(c.ru_stime.tv_usec)},
		Maxrss:   uint64(c.ru_maxrss),
		Ixrss:    uint64(c.ru_ixrss),
		Idrss:    uint64(c.ru_idrss),
		Isrss:    uint64(c.ru_isrss),
		Minflt:   uint64(c.ru_minflt),
		Majflt:   uint64(c.ru_majflt),
		Nswap:    uint64(c.ru_nswap),
		Inblock:  uint64(c.ru_inblock),
		Oublock:  uint64(c.ru_oublock),
		Msgsnd:   uint64(c.ru_msgsnd),
		Msgrcv:   uint64(c.ru_msgrcv),
		Nsignals: uint64(c.ru_nsignals),
		Nvcsw:    uint64(c.ru_nvcsw),
		Nivcsw:   uint64(c.ru_nivcsw),
	}, nil
}

// ResidentSetMemory returns how much of the process's memory is resident, in
// bytes.
//
// Binds uv_resident_set_memory.
func ResidentSetMemory() (int, error) {
	var rss C.size_t
	if r := C.uv_resident_set_memory(&rss); r != 0 {
		return 0, result(r)
	}
	return int(rss), nil
}

// Uptime returns for how long the system runs, in seconds.
//
// Binds uv_uptime.
func Uptime() (float64, error) {
	var up C.double
	if r := C.uv_uptime(&up); r != 0 {
		return 0, result(r)
	}
	return float64(up), nil
}

// maxTitle is more than the arguments of a process can be.
const maxTitle = 1 << 23

// ProcessTitle returns the process's title, its arguments' first at the start.
// Any goroutine may call it.
//
// Binds uv_get_process_title. Uv_setup_args, which C programs call before, is
// called before the Go program starts, where the C library is glibc. With others
// ENOBUFS is returned, as without that call in C.
func ProcessTitle() (string, error) {
	for n := C.size_t(256); ; n *= 2 {
		buf := make([]byte, n)
		c := (*C.char)(unsafe.Pointer(&buf[0]))
		r := C.uv_get_process_title(c, n)
		if r == 0 {
			return C.GoString(c), nil
		}
		if r != C.UV_ENOBUFS || n >= maxTitle {
			return "", result(r)
		}
	}
}

// SetProcessTitle sets the process's title, which is what ps shows for its
// arguments; what does not fit in their place is cut off. The strings of os.Args
// stay as they are. The name of the calling thread becomes the title's start. It
// returns EINVAL for a title with a NUL byte. Any goroutine may call it.
//
// Binds uv_set_process_title. See [ProcessTitle] for uv_setup_args.
func SetProcessTitle(title string) error {
	if hasNUL(title) {
		return EINVAL
	}
	c := C.CString(title)
	defer C.free(unsafe.Pointer(c))
	return result(C.uv_set_process_title(c))
}

// environment keeps our own calls from reading C's environment while another of
// them changes it.
var environment sync.RWMutex

// EnvItem is a variable of the environment.
//
// Mirrors uv_env_item_t.
type EnvItem struct{ Name, Value string }

// OSEnviron returns the environment, C's: see [OSSetenv].
//
// Binds uv_os_environ, and uv_os_free_environ before it returns.
func OSEnviron() ([]EnvItem, error) {
	environment.RLock()
	defer environment.RUnlock()
	var items *C.uv_env_item_t
	var count C.int
	if r := C.uv_os_environ(&items, &count); r != 0 {
		return nil, result(r)
	}
	defer C.uv_os_free_environ(items, count)
	env := make([]EnvItem, count)
	for i, c := range unsafe.Slice(items, count) {
		env[i] = EnvItem{C.GoString(c.name), C.GoString(c.value)}
	}
	return env, nil
}

// OSGetenv returns a variable of the environment, C's: see [OSSetenv]. It returns
// ENOENT where there is none and EINVAL for a name with a NUL byte.
//
// Binds uv_os_getenv.
func OSGetenv(name string) (string, error) {
	if hasNUL(name) {
		return "", EINVAL
	}
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	environment.RLock()
	defer environment.RUnlock()
	return readString(func(buf *C.char, size *C.size_t) C.int { return C.uv_os_getenv(c, buf, size) })
}

// OSSetenv sets a variable of the environment. It returns EINVAL for an empty
// name, for one with a "=" in it, and for a NUL byte.
//
// The environment is C's, which a child that is spawned without one of its own
// inherits. [os.Setenv] sets a variable there too, but [os.Getenv] looks at a
// copy of Go's, so it does not see what OSSetenv sets. These functions keep out
// of each other's way, but none may run while os.Setenv does.
//
// Binds uv_os_setenv.
func OSSetenv(name, value string) error {
	if hasNUL(name, value) {
		return EINVAL
	}
	c, v := C.CString(name), C.CString(value)
	defer C.free(unsafe.Pointer(c))
	defer C.free(unsafe.Pointer(v))
	environment.Lock()
	defer environment.Unlock()
	return result(C.uv_os_setenv(c, v))
}

// OSUnsetenv removes a variable from the environment, C's: see [OSSetenv]. That
// there is none is no error.
//
// Binds uv_os_unsetenv.
func OSUnsetenv(name string) error {
	if hasNUL(name) {
		return EINVAL
	}
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	environment.Lock()
	defer environment.Unlock()
	return result(C.uv_os_unsetenv(c))
}

// OSHomedir returns the user's home directory: HOME where C's environment has
// it, else what the system knows.
//
// Binds uv_os_homedir.
func OSHomedir() (string, error) {
	environment.RLock()
	defer environment.RUnlock()
	return readString(func(buf *C.char, size *C.size_t) C.int { return C.uv_os_homedir(buf, size) })
}

// OSTmpdir returns the directory for temporary files: TMPDIR, TMP, TEMP or
// TEMPDIR, whichever C's environment has first, else /tmp.
//
// Binds uv_os_tmpdir.
func OSTmpdir() (string, error) {
	environment.RLock()
	defer environment.RUnlock()
	return readString(func(buf *C.char, size *C.size_t) C.int { return C.uv_os_tmpdir(buf, size) })
}

// Passwd is what the system knows of a user.
//
// Mirrors uv_passwd_t.
type Passwd struct {
	Username, Shell, Homedir string
	UID, GID                 uint32
}

// OSPasswd returns what the system knows of the effective user. It returns
// ENOENT where that is nothing.
//
// Binds uv_os_get_passwd, and uv_os_free_passwd before it returns.
func OSPasswd() (Passwd, error) {
	return passwd(func(c *C.uv_passwd_t) C.int { return C.uv_os_get_passwd(c) })
}

// OSPasswd2 is OSPasswd for any user.
//
// Binds uv_os_get_passwd2. Requires libuv 1.45; ENOSYS before.
func OSPasswd2(uid uint32) (Passwd, error) {
	return passwd(func(c *C.uv_passwd_t) C.int { return C.uv_os_get_passwd2(c, C.uv_uid_t(uid)) })
}

func passwd(get func(*C.uv_passwd_t) C.int) (Passwd, error) {
	var c C.uv_passwd_t
	if r := get(&c); r != 0 {
		return Passwd{}, result(r)
	}
	defer C.uv_os_free_passwd(&c)
	return Passwd{
		Username: C.GoString(c.username),
		Shell:    C.GoString(c.shell),
		Homedir:  C.GoString(c.homedir),
		UID:      uint32(c.uid),
		GID:      uint32(c.gid),
	}, nil
}

// Group is what the system knows of a group.
//
// Mirrors uv_group_t.
type Group struct {
	Groupname string
	GID       uint32
	Members   []string
}

// OSGroup returns what the system knows of a group. It returns ENOENT where
// that is nothing.
//
// Binds uv_os_get_group, and uv_os_free_group before it returns. Requires libuv
// 1.45; ENOSYS before.
func OSGroup(gid uint32) (Group, error) {
	var c C.uv_group_t
	if r := C.uv_os_get_group(&c, C.uv_uid_t(gid)); r != 0 {
		return Group{}, result(r)
	}
	defer C.uv_os_free_group(&c)
	group := Group{Groupname: C.GoString(c.groupname), GID: uint32(c.gid)}
	size := unsafe.Sizeof(*c.members)
	for m := c.members; *m != nil; m = (**C.char)(unsafe.Add(unsafe.Pointer(m), size)) {
		group.Members = append(group.Members, C.GoString(*m))
	}
	return group, nil
}

// OSGethostname returns the name of the host.
//
// Binds uv_os_gethostname.
func OSGethostname() (string, error) {
	return readString(func(buf *C.char, size *C.size_t) C.int { return C.uv_os_gethostname(buf, size) })
}

// OSGetpid returns the process's id.
//
// Binds uv_os_getpid.
func OSGetpid() int { return int(C.uv_os_getpid()) }

// OSGetppid returns the id of the process's parent.
//
// Binds uv_os_getppid.
func OSGetppid() int { return int(C.uv_os_getppid()) }

// Priorities for [OSSetpriority], which takes any number between the first and
// the last. A lower number is a higher priority.
const (
	PriorityLow         int = C.UV_PRIORITY_LOW
	PriorityBelowNormal int = C.UV_PRIORITY_BELOW_NORMAL
	PriorityNormal      int = C.UV_PRIORITY_NORMAL
	PriorityAboveNormal int = C.UV_PRIORITY_ABOVE_NORMAL
	PriorityHigh        int = C.UV_PRIORITY_HIGH
	PriorityHighest     int = C.UV_PRIORITY_HIGHEST
)

// OSGetpriority returns the priority of a process, of the calling one for 0. On
// Linux threads have one each: 0 is the calling thread, and a process's id its
// first thread. It returns ESRCH where there is no such process.
//
// Binds uv_os_getpriority.
func OSGetpriority(pid int) (int, error) {
	if !fits(pid) {
		return 0, ESRCH
	}
	var priority C.int
	if r := C.uv_os_getpriority(C.uv_pid_t(pid), &priority); r != 0 {
		return 0, result(r)
	}
	return int(priority), nil
}

// OSSetpriority sets what OSGetpriority returns. A goroutine that sets its own
// thread's on Linux should have called [runtime.LockOSThread]. It returns EINVAL
// for a priority that is out of range, EACCES for a higher one without the right
// to.
//
// Binds uv_os_setpriority.
func OSSetpriority(pid, priority int) error {
	switch {
	case !fits(priority):
		return EINVAL
	case !fits(pid):
		return ESRCH
	}
	return result(C.uv_os_setpriority(C.uv_pid_t(pid), C.int(priority)))
}

// Utsname names the system.
//
// Mirrors uv_utsname_t.
type Utsname struct{ Sysname, Release, Version, Machine string }

// OSUname returns the name of the system.
//
// Binds uv_os_uname.
func OSUname() (Utsname, error) {
	var c C.uv_utsname_t
	if r := C.uv_os_uname(&c); r != 0 {
		return Utsname{}, result(r)
	}
	return Utsname{
		Sysname: C.GoString(&c.sysname[0]),
		Release: C.GoString(&c.release[0]),
		Version: C.GoString(&c.version[0]),
		Machine: C.GoString(&c.machine[0]),
	}, nil
}

// PrintAllHandles writes a line for each handle of the loop, libuv's own among
// them: R, A and I where it is referenced, active and internal, its type, and
// its address in C. A nil w is [os.Stderr].
//
// Binds uv_print_all_handles. The error is w's.
func (l *Loop) PrintAllHandles(w io.Writer) error {
	l.enter("Loop.PrintAllHandles")
	return l.printHandles(false, w)
}

// PrintActiveHandles is PrintAllHandles for those that are active.
//
// Binds uv_print_active_handles.
func (l *Loop) PrintActiveHandles(w io.Writer) error {
	l.enter("Loop.PrintActiveHandles")
	return l.printHandles(true, w)
}

func (l *Loop) printHandles(onlyActive bool, w io.Writer) error {
	if w == nil {
		w = os.Stderr
	}
	var text *C.char
	var size C.size_t
	r := C.gouv_print_handles(l.c, cBool(onlyActive), &text, &size)
	defer func() { C.free(unsafe.Pointer(text)) }()
	if r != 0 {
		return result(r)
	}
	_, err := io.WriteString(w, C.GoStringN(text, C.int(size)))
	return err
}

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
	return nameOf(addr, func(c *C.struct_sockaddr_storage, buf *C.char, size C.size_t) C.int {
		return C.uv_ip4_name((*C.struct_sockaddr_in)(unsafe.Pointer(c)), buf, size)
	})
}

// IP6Name returns an IPv6 address as text, without its zone. It returns EINVAL
// for another one.
//
// Binds uv_ip6_name.
func IP6Name(addr netip.AddrPort) (string, error) {
	if !addr.Addr().Is6() {
		return "", EINVAL
	}
	return nameOf(addr, func(c *C.struct_sockaddr_storage, buf *C.char, size C.size_t) C.int {
		return C.uv_ip6_name((*C.struct_sockaddr_in6)(unsafe.Pointer(c)), buf, size)
	})
}

// IPName returns an address as text, without its zone. It returns EINVAL for
// an invalid one.
//
// Binds uv_ip_name.
func IPName(addr netip.AddrPort) (string, error) {
	return nameOf(addr, func(c *C.struct_sockaddr_storage, buf *C.char, size C.size_t) C.int {
		return C.uv_ip_name(asSockaddr(c), buf, size)
	})
}

func nameOf(addr netip.AddrPort, name func(*C.struct_sockaddr_storage, *C.char, C.size_t) C.int) (string, error) {
	c, err := toSockaddr(addr)
	if err != nil {
		return "", err
	}
	var buf [C.INET6_ADDRSTRLEN]C.char
	if r := name(&c, &buf[0], C.size_t(len(buf))); r != 0 {
		return "", result(r)
	}
	return C.GoString(&buf[0]), nil
}

func toSockaddr(addr netip.AddrPort) (c C.struct_sockaddr_storage, err error) {
	switch ip := addr.Addr(); {
	case ip.Is4():
		in := (*C.struct_sockaddr_in)(unsafe.Pointer(&c))
		in.sin_family = C.AF_INET
		putPort(&in.sin_port, addr.Port())
		*(*[4]byte)(unsafe.Pointer(&in.sin_addr)) = ip.As4()
	case ip.Is6():
		in := (*C.struct_sockaddr_in6)(unsafe.Pointer(&c))
		in.sin6_family = C.AF_INET6
		putPort(&in.sin6_port, addr.Port())
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
		return netip.AddrPortFrom(ip, portOf(&in.sin_port))
	case C.AF_INET6:
		in := (*C.struct_sockaddr_in6)(unsafe.Pointer(c))
		ip := netip.AddrFrom16(*(*[16]byte)(unsafe.Pointer(&in.sin6_addr)))
		if in.sin6_scope_id != 0 {
			ip = ip.WithZone(zoneOf(uint32(in.sin6_scope_id)))
		}
		return netip.AddrPortFrom(ip, portOf(&in.sin6_port))
	}
	return netip.AddrPort{}
}

// portOf and putPort translate a port, which C has in the network's order. Its
// own functions for that are macros on some systems.
func portOf(c *C.in_port_t) uint16 { return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(c))[:]) }

func putPort(c *C.in_port_t, port uint16) {
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(c))[:], port)
}

// scopeOf and zoneOf translate between an IPv6 address's zone, an interface's
// name or number, and the number that C has.
func scopeOf(zone string) (uint32, bool) {
	if hasNUL(zone) {
		return 0, false
	}
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
