package uvtest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"syscall"
)

// errorName returns libuv's name of an error, "" for nil.
func errorName(err error) string {
	if err == nil {
		return ""
	}
	var named interface {
		error
		Name() string
	}
	if errors.As(err, &named) {
		return named.Name()
	}
	if errors.Is(err, io.EOF) {
		return "EOF"
	}
	var errno syscall.Errno
	if errors.As(err, &errno) && errnoNames[errno] != "" {
		return errnoNames[errno]
	}
	for _, known := range knownErrors {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	return fmt.Sprintf("unknown error %q", err.Error())
}

// notOffered reports whether an error says that a part is missing.
func notOffered(err error) bool {
	name := errorName(err)
	return name == "ENOSYS" || name == "ENOTSUP"
}

var knownErrors = []struct {
	err  error
	name string
}{
	{errors.ErrUnsupported, "ENOSYS"},
	{exec.ErrNotFound, "ENOENT"},
	{fs.ErrNotExist, "ENOENT"},
	{fs.ErrExist, "EEXIST"},
	{fs.ErrPermission, "EACCES"},
	{fs.ErrInvalid, "EINVAL"},
}

var errnoNames = map[syscall.Errno]string{
	syscall.E2BIG: "E2BIG", syscall.EACCES: "EACCES", syscall.EADDRINUSE: "EADDRINUSE", syscall.EADDRNOTAVAIL: "EADDRNOTAVAIL",
	syscall.EAFNOSUPPORT: "EAFNOSUPPORT", syscall.EAGAIN: "EAGAIN", syscall.EALREADY: "EALREADY", syscall.EBADF: "EBADF",
	syscall.EBUSY: "EBUSY", syscall.ECANCELED: "ECANCELED", syscall.ECONNABORTED: "ECONNABORTED", syscall.ECONNREFUSED: "ECONNREFUSED",
	syscall.ECONNRESET: "ECONNRESET", syscall.EDESTADDRREQ: "EDESTADDRREQ", syscall.EEXIST: "EEXIST", syscall.EFAULT: "EFAULT",
	syscall.EHOSTUNREACH: "EHOSTUNREACH", syscall.EINTR: "EINTR", syscall.EINVAL: "EINVAL", syscall.EIO: "EIO",
	syscall.EISCONN: "EISCONN", syscall.EISDIR: "EISDIR", syscall.ELOOP: "ELOOP", syscall.EMFILE: "EMFILE",
	syscall.EMSGSIZE: "EMSGSIZE", syscall.ENAMETOOLONG: "ENAMETOOLONG", syscall.ENETUNREACH: "ENETUNREACH", syscall.ENFILE: "ENFILE",
	syscall.ENOBUFS: "ENOBUFS", syscall.ENODEV: "ENODEV", syscall.ENOENT: "ENOENT", syscall.ENOEXEC: "ENOEXEC",
	syscall.ENOMEM: "ENOMEM", syscall.ENOSPC: "ENOSPC", syscall.ENOSYS: "ENOSYS", syscall.ENOTCONN: "ENOTCONN",
	syscall.ENOTDIR: "ENOTDIR", syscall.ENOTSOCK: "ENOTSOCK", syscall.ENOTSUP: "ENOTSUP", syscall.ENOTTY: "ENOTTY",
	syscall.ENXIO: "ENXIO", syscall.EOVERFLOW: "EOVERFLOW", syscall.EPERM: "EPERM", syscall.EPIPE: "EPIPE",
	syscall.EPROTO: "EPROTO", syscall.EROFS: "EROFS", syscall.ESHUTDOWN: "ESHUTDOWN", syscall.ESPIPE: "ESPIPE",
	syscall.ESRCH: "ESRCH", syscall.ETIMEDOUT: "ETIMEDOUT", syscall.ETXTBSY: "ETXTBSY", syscall.EXDEV: "EXDEV",
}

// signalName returns a signal's name, such as "SIGTERM".
func signalName(signum syscall.Signal) string {
	if name := signalNames[signum]; name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(signum))
}

var signalNames = map[syscall.Signal]string{
	syscall.SIGCHLD: "SIGCHLD", syscall.SIGHUP: "SIGHUP", syscall.SIGINT: "SIGINT", syscall.SIGKILL: "SIGKILL", syscall.SIGPIPE: "SIGPIPE",
	syscall.SIGSTOP: "SIGSTOP", syscall.SIGTERM: "SIGTERM", syscall.SIGUSR1: "SIGUSR1", syscall.SIGUSR2: "SIGUSR2", syscall.SIGWINCH: "SIGWINCH",
}
