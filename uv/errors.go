package uv

// #include "../uv.h"
import "C"

import (
	"fmt"
	"io"
	"syscall"
)

// Errno is a libuv error code: negative, with libuv's own value on this
// system. Functions return one as an error, or nil where C returns 0 and
// above, so it can be compared with ==:
//
//	if err == uv.EOF { … }
//
// errors.Is also finds [io.EOF], [io/fs.ErrNotExist], [io/fs.ErrExist],
// [io/fs.ErrPermission], [errors.ErrUnsupported] and the system's own
// [syscall.Errno].
//
// Mirrors uv_errno_t.
type Errno int

// Error returns the message of an error code, for an unknown one the message
// with the number in it.
//
// Binds uv_strerror; it calls uv_strerror_r, since uv_strerror leaks memory for
// an unknown code.
func (e Errno) Error() string {
	if !fits(int(e)) {
		return fmt.Sprintf("Unknown system error %d", int(e))
	}
	var buf [128]C.char
	return C.GoString(C.uv_strerror_r(C.int(e), &buf[0], C.size_t(len(buf))))
}

// Name returns the name of an error code, such as "ENOENT".
//
// Binds uv_err_name; it calls uv_err_name_r, since uv_err_name leaks memory for
// an unknown code.
func (e Errno) Name() string {
	if !fits(int(e)) {
		return fmt.Sprintf("Unknown system error %d", int(e))
	}
	var buf [128]C.char
	return C.GoString(C.uv_err_name_r(C.int(e), &buf[0], C.size_t(len(buf))))
}

// Is reports whether the error is what target stands for, for [errors.Is].
func (e Errno) Is(target error) bool {
	if e == EOF {
		return target == io.EOF
	}
	system, ok := e.system()
	return ok && (target == system || system.Is(target))
}

// system returns the system's error number, false for codes that only libuv
// has, such as EOF.
func (e Errno) system() (syscall.Errno, bool) {
	if e >= 0 || e <= firstOwnErrno {
		return 0, false
	}
	return syscall.Errno(-e), true
}

// firstOwnErrno is the first of the codes that are not a system's: the EAI
// ones begin here, the rest follow below.
const firstOwnErrno Errno = C.UV_EAI_ADDRFAMILY

// TranslateSysError returns the code for an error number of the system; 0 and
// what is a libuv code already come back as they are.
//
// Binds uv_translate_sys_error.
func TranslateSysError(errno int) Errno {
	if !fits(errno) {
		return UNKNOWN
	}
	return Errno(C.uv_translate_sys_error(C.int(errno)))
}

// boxedErrnos holds the system's codes as errors, so that returning one does
// not allocate.
var boxedErrnos = func() (table [256]error) {
	for i := range table {
		table[i] = Errno(-i)
	}
	return
}()

var boxedEOF error = EOF

func (e Errno) boxed() error {
	switch {
	case e == EOF:
		return boxedEOF
	case e < 0 && int(-e) < len(boxedErrnos):
		return boxedErrnos[-e]
	}
	return e
}

// The error codes. Those that the system does not have get a value of libuv's
// own, -4000 and below.
const (
	E2BIG           Errno = C.UV_E2BIG
	EACCES          Errno = C.UV_EACCES
	EADDRINUSE      Errno = C.UV_EADDRINUSE
	EADDRNOTAVAIL   Errno = C.UV_EADDRNOTAVAIL
	EAFNOSUPPORT    Errno = C.UV_EAFNOSUPPORT
	EAGAIN          Errno = C.UV_EAGAIN
	EAI_ADDRFAMILY  Errno = C.UV_EAI_ADDRFAMILY
	EAI_AGAIN       Errno = C.UV_EAI_AGAIN
	EAI_BADFLAGS    Errno = C.UV_EAI_BADFLAGS
	EAI_BADHINTS    Errno = C.UV_EAI_BADHINTS
	EAI_CANCELED    Errno = C.UV_EAI_CANCELED
	EAI_FAIL        Errno = C.UV_EAI_FAIL
	EAI_FAMILY      Errno = C.UV_EAI_FAMILY
	EAI_MEMORY      Errno = C.UV_EAI_MEMORY
	EAI_NODATA      Errno = C.UV_EAI_NODATA
	EAI_NONAME      Errno = C.UV_EAI_NONAME
	EAI_OVERFLOW    Errno = C.UV_EAI_OVERFLOW
	EAI_PROTOCOL    Errno = C.UV_EAI_PROTOCOL
	EAI_SERVICE     Errno = C.UV_EAI_SERVICE
	EAI_SOCKTYPE    Errno = C.UV_EAI_SOCKTYPE
	EALREADY        Errno = C.UV_EALREADY
	EBADF           Errno = C.UV_EBADF
	EBUSY           Errno = C.UV_EBUSY
	ECANCELED       Errno = C.UV_ECANCELED
	ECHARSET        Errno = C.UV_ECHARSET
	ECONNABORTED    Errno = C.UV_ECONNABORTED
	ECONNREFUSED    Errno = C.UV_ECONNREFUSED
	ECONNRESET      Errno = C.UV_ECONNRESET
	EDESTADDRREQ    Errno = C.UV_EDESTADDRREQ
	EEXIST          Errno = C.UV_EEXIST
	EFAULT          Errno = C.UV_EFAULT
	EFBIG           Errno = C.UV_EFBIG
	EFTYPE          Errno = C.UV_EFTYPE
	EHOSTDOWN       Errno = C.UV_EHOSTDOWN
	EHOSTUNREACH    Errno = C.UV_EHOSTUNREACH
	EILSEQ          Errno = C.UV_EILSEQ
	EINTR           Errno = C.UV_EINTR
	EINVAL          Errno = C.UV_EINVAL
	EIO             Errno = C.UV_EIO
	EISCONN         Errno = C.UV_EISCONN
	EISDIR          Errno = C.UV_EISDIR
	ELOOP           Errno = C.UV_ELOOP
	EMFILE          Errno = C.UV_EMFILE
	EMLINK          Errno = C.UV_EMLINK
	EMSGSIZE        Errno = C.UV_EMSGSIZE
	ENAMETOOLONG    Errno = C.UV_ENAMETOOLONG
	ENETDOWN        Errno = C.UV_ENETDOWN
	ENETUNREACH     Errno = C.UV_ENETUNREACH
	ENFILE          Errno = C.UV_ENFILE
	ENOBUFS         Errno = C.UV_ENOBUFS
	ENODATA         Errno = C.UV_ENODATA // since libuv 1.45
	ENODEV          Errno = C.UV_ENODEV
	ENOENT          Errno = C.UV_ENOENT
	ENOEXEC         Errno = C.UV_ENOEXEC // since libuv 1.50
	ENOMEM          Errno = C.UV_ENOMEM
	ENONET          Errno = C.UV_ENONET
	ENOPROTOOPT     Errno = C.UV_ENOPROTOOPT
	ENOSPC          Errno = C.UV_ENOSPC
	ENOSYS          Errno = C.UV_ENOSYS
	ENOTCONN        Errno = C.UV_ENOTCONN
	ENOTDIR         Errno = C.UV_ENOTDIR
	ENOTEMPTY       Errno = C.UV_ENOTEMPTY
	ENOTSOCK        Errno = C.UV_ENOTSOCK
	ENOTSUP         Errno = C.UV_ENOTSUP
	ENOTTY          Errno = C.UV_ENOTTY
	ENXIO           Errno = C.UV_ENXIO
	EOF             Errno = C.UV_EOF
	EOVERFLOW       Errno = C.UV_EOVERFLOW
	EPERM           Errno = C.UV_EPERM
	EPIPE           Errno = C.UV_EPIPE
	EPROTO          Errno = C.UV_EPROTO
	EPROTONOSUPPORT Errno = C.UV_EPROTONOSUPPORT
	EPROTOTYPE      Errno = C.UV_EPROTOTYPE
	ERANGE          Errno = C.UV_ERANGE
	EREMOTEIO       Errno = C.UV_EREMOTEIO
	EROFS           Errno = C.UV_EROFS
	ESHUTDOWN       Errno = C.UV_ESHUTDOWN
	ESOCKTNOSUPPORT Errno = C.UV_ESOCKTNOSUPPORT
	ESPIPE          Errno = C.UV_ESPIPE
	ESRCH           Errno = C.UV_ESRCH
	ETIMEDOUT       Errno = C.UV_ETIMEDOUT
	ETXTBSY         Errno = C.UV_ETXTBSY
	EUNATCH         Errno = C.UV_EUNATCH // since libuv 1.46
	EXDEV           Errno = C.UV_EXDEV
	UNKNOWN         Errno = C.UV_UNKNOWN
)
