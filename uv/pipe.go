package uv

// #include <stdlib.h>
// #include <sys/un.h>
// #include "../uv.h"
//
// enum { gouv_path_size = sizeof(((struct sockaddr_un *) 0)->sun_path) };
import "C"

import (
	"math"
	"unsafe"
)

// Pipe is a stream over a Unix domain socket, or over any other pipe, socket
// or terminal that is opened as one.
//
// Mirrors uv_pipe_t.
type Pipe struct{ stream }

func (p *Pipe) raw() *C.uv_pipe_t { return (*C.uv_pipe_t)(unsafe.Pointer(p.c)) }

// Init makes the pipe ready. Ipc says whether handles will be passed over it,
// which both ends must agree on; only a connected pipe may be one.
//
// Binds uv_pipe_init.
func (p *Pipe) Init(loop *Loop, ipc bool) error {
	p.create(loop, HandleTypeNamedPipe, "Pipe.Init")
	return p.created(C.uv_pipe_init(loop.c, p.raw(), cBool(ipc)))
}

// Open opens the pipe with a descriptor, which is the pipe's from here on and
// is closed with it, except 0, 1 and 2. It is set to non-blocking mode, for
// everybody who shares it. It returns EEXIST when another handle of the loop has
// the descriptor and EBUSY when the pipe is open. The descriptor must not be
// closed by anybody else; take one from an os.File with syscall.Dup.
//
// Binds uv_pipe_open. For a descriptor that the loop cannot wait for, such as a
// regular file's, libuv would abort later; here it is EPERM.
func (p *Pipe) Open(fd int) error {
	p.enterOpen("Pipe.Open")
	return p.open(fd, func() C.int { return C.uv_pipe_open(p.raw(), C.uv_file(fd)) })
}

// Bind binds the pipe to a path, where it makes a socket. Close removes it. It
// returns EADDRINUSE when something is there already, EACCES also for a folder
// that does not exist, EINVAL when the pipe is open or the name has a NUL byte.
// What an empty name stands for, releases of libuv do not agree on.
//
// Binds uv_pipe_bind. Where libuv cuts a name that is too long, it returns
// ENAMETOOLONG.
func (p *Pipe) Bind(name string) error {
	p.enter("Pipe.Bind")
	if err := checkPath(name); err != nil {
		return err
	}
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return p.opened(C.uv_pipe_bind(p.raw(), c))
}

// PipeNoTruncate makes [Pipe.Bind2] and [Pipe.Connect2] return EINVAL for a
// name that is too long. Without it they return ENAMETOOLONG, where C cuts the
// name. Since libuv 1.46.
const PipeNoTruncate uint = C.UV_PIPE_NO_TRUNCATE

// Bind2 is Bind with flags, 0 or PipeNoTruncate, and with abstract names on
// Linux, which begin with a NUL byte. An empty name makes Linux choose an
// abstract one.
//
// Binds uv_pipe_bind2. Requires libuv 1.46; ENOSYS before. Where libuv cuts a
// name that is too long it returns ENAMETOOLONG, and EINVAL with PipeNoTruncate.
func (p *Pipe) Bind2(name string, flags uint) error {
	p.enter("Pipe.Bind2")
	if err := checkName(name, flags); err != nil {
		return err
	}
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return p.opened(C.uv_pipe_bind2(p.raw(), c, C.size_t(len(name)), C.uint(flags)))
}

// Connect connects the pipe to a path and calls cb with the outcome: ENOENT
// when there is nothing, ECONNREFUSED when nobody listens. A nil req stands for
// a new one; cb may be nil. An error that is returned is one that C has no
// way to tell, and cb is not called: ENAMETOOLONG where libuv would cut the
// name, EINVAL for a NUL byte in it, for a pipe that listens, and for an empty
// name with libuv 1.46 and 1.47, EALREADY for one that connects.
//
// Binds uv_pipe_connect.
func (p *Pipe) Connect(req *ConnectReq, name string, cb ConnectCB) error {
	p.enterOpen("Pipe.Connect")
	if err := checkPath(name); err != nil {
		return err
	}
	if v := Version(); name == "" && v >= 0x012e00 && v < 0x013000 {
		return EINVAL // these releases never call back
	}
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return p.connect(req, cb, "Pipe.Connect", func(r *C.uv_connect_t) C.int {
		C.uv_pipe_connect(r, p.raw(), c, C.uv_connect_cb(C.gouv_connect_cb))
		return 0
	})
}

// Connect2 is Connect with flags, 0 or PipeNoTruncate, and with abstract names
// on Linux, which begin with a NUL byte. An empty name is EINVAL.
//
// Binds uv_pipe_connect2. Requires libuv 1.46; ENOSYS before.
func (p *Pipe) Connect2(req *ConnectReq, name string, flags uint, cb ConnectCB) error {
	p.enterOpen("Pipe.Connect2")
	if err := checkName(name, flags); err != nil {
		return err
	}
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return p.connect(req, cb, "Pipe.Connect2", func(r *C.uv_connect_t) C.int {
		return C.uv_pipe_connect2(r, p.raw(), c, C.size_t(len(name)), C.uint(flags), C.uv_connect_cb(C.gouv_connect_cb))
	})
}

// checkPath refuses a path that C would see less of. Before 1.46 libuv needs room
// for a NUL byte.
func checkPath(name string) error {
	switch size := len(name); {
	case hasNUL(name):
		return EINVAL
	case size > C.gouv_path_size, size == C.gouv_path_size && C.uv_version() < 0x012e00:
		return ENAMETOOLONG
	}
	return nil
}

// checkName is checkPath for names that may be abstract. libuv itself looks for
// NUL bytes in the others.
func checkName(name string, flags uint) error {
	switch {
	case flags > math.MaxUint32:
		return EINVAL
	case name != "" && name[0] != 0 && hasNUL(name): // libuv 1.46 would cut it there
		return EINVAL
	case len(name) > C.gouv_path_size && flags&PipeNoTruncate == 0:
		return ENAMETOOLONG
	}
	return nil
}

// Getsockname returns the path, or the abstract name, that the pipe is bound
// to, "" for none. It returns EBADF when the pipe is not open.
//
// Binds uv_pipe_getsockname.
func (p *Pipe) Getsockname() (string, error) {
	if !p.look("Pipe.Getsockname") {
		return "", EBADF
	}
	return readString(func(buf *C.char, size *C.size_t) C.int { return C.uv_pipe_getsockname(p.raw(), buf, size) })
}

// Getpeername returns the path, or the abstract name, that the pipe's peer is
// bound to, "" for none. It returns EBADF when the pipe is not open.
//
// Binds uv_pipe_getpeername.
func (p *Pipe) Getpeername() (string, error) {
	if !p.look("Pipe.Getpeername") {
		return "", EBADF
	}
	return readString(func(buf *C.char, size *C.size_t) C.int { return C.uv_pipe_getpeername(p.raw(), buf, size) })
}

// PendingCount returns how many handles an ipc pipe has received that wait for
// [Stream.Accept]. Several may have come with one read: accept in a loop.
//
// Binds uv_pipe_pending_count.
func (p *Pipe) PendingCount() int {
	if !p.look("Pipe.PendingCount") {
		return 0
	}
	return int(C.uv_pipe_pending_count(p.raw()))
}

// PendingType returns the type of the next of them, HandleTypeUnknown when there
// is none.
//
// Binds uv_pipe_pending_type.
func (p *Pipe) PendingType() HandleType {
	if !p.look("Pipe.PendingType") {
		return HandleTypeUnknown
	}
	return HandleType(C.uv_pipe_pending_type(p.raw()))
}

// PendingInstances sets how many connections may wait on Windows. It does
// nothing on Unix.
//
// Binds uv_pipe_pending_instances.
func (p *Pipe) PendingInstances(count int) {
	p.enter("Pipe.PendingInstances")
	C.uv_pipe_pending_instances(p.raw(), C.int(min(count, math.MaxInt32)))
}

// PollEvent says what a handle is open for, to [Pipe.Chmod].
//
// Mirrors uv_poll_event.
type PollEvent int

const (
	Readable PollEvent = C.UV_READABLE // for reading
	Writable PollEvent = C.UV_WRITABLE // for writing
)

// Chmod lets everybody read, write, or both, at the path the pipe is bound to.
// It returns EINVAL for other modes, EBADF when the pipe is not open and ENOENT
// when it is not bound.
//
// Binds uv_pipe_chmod.
func (p *Pipe) Chmod(mode PollEvent) error {
	p.enter("Pipe.Chmod")
	if !fits(int(mode)) {
		return EINVAL
	}
	return result(C.uv_pipe_chmod(p.raw(), C.int(mode)))
}

// MakePipe returns the reading and the writing end of a new pipe(2), both
// close-on-exec. The flags of each are 0 or NonblockPipe.
//
// Binds uv_pipe.
func MakePipe(readFlags, writeFlags StdioFlags) (fds [2]int, err error) {
	var c [2]C.uv_file
	r := C.uv_pipe(&c[0], C.int(readFlags), C.int(writeFlags))
	if r != 0 {
		return [2]int{-1, -1}, result(r)
	}
	return [2]int{int(c[0]), int(c[1])}, nil
}
