package uv_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

var everyErrno = []struct {
	errno uv.Errno
	name  string
}{
	{uv.E2BIG, "E2BIG"}, {uv.EACCES, "EACCES"}, {uv.EADDRINUSE, "EADDRINUSE"}, {uv.EADDRNOTAVAIL, "EADDRNOTAVAIL"},
	{uv.EAFNOSUPPORT, "EAFNOSUPPORT"}, {uv.EAGAIN, "EAGAIN"}, {uv.EAI_ADDRFAMILY, "EAI_ADDRFAMILY"},
	{uv.EAI_AGAIN, "EAI_AGAIN"}, {uv.EAI_BADFLAGS, "EAI_BADFLAGS"}, {uv.EAI_BADHINTS, "EAI_BADHINTS"},
	{uv.EAI_CANCELED, "EAI_CANCELED"}, {uv.EAI_FAIL, "EAI_FAIL"}, {uv.EAI_FAMILY, "EAI_FAMILY"},
	{uv.EAI_MEMORY, "EAI_MEMORY"}, {uv.EAI_NODATA, "EAI_NODATA"}, {uv.EAI_NONAME, "EAI_NONAME"},
	{uv.EAI_OVERFLOW, "EAI_OVERFLOW"}, {uv.EAI_PROTOCOL, "EAI_PROTOCOL"}, {uv.EAI_SERVICE, "EAI_SERVICE"},
	{uv.EAI_SOCKTYPE, "EAI_SOCKTYPE"}, {uv.EALREADY, "EALREADY"}, {uv.EBADF, "EBADF"}, {uv.EBUSY, "EBUSY"},
	{uv.ECANCELED, "ECANCELED"}, {uv.ECHARSET, "ECHARSET"}, {uv.ECONNABORTED, "ECONNABORTED"},
	{uv.ECONNREFUSED, "ECONNREFUSED"}, {uv.ECONNRESET, "ECONNRESET"}, {uv.EDESTADDRREQ, "EDESTADDRREQ"},
	{uv.EEXIST, "EEXIST"}, {uv.EFAULT, "EFAULT"}, {uv.EFBIG, "EFBIG"}, {uv.EFTYPE, "EFTYPE"},
	{uv.EHOSTDOWN, "EHOSTDOWN"}, {uv.EHOSTUNREACH, "EHOSTUNREACH"}, {uv.EILSEQ, "EILSEQ"}, {uv.EINTR, "EINTR"},
	{uv.EINVAL, "EINVAL"}, {uv.EIO, "EIO"}, {uv.EISCONN, "EISCONN"}, {uv.EISDIR, "EISDIR"}, {uv.ELOOP, "ELOOP"},
	{uv.EMFILE, "EMFILE"}, {uv.EMLINK, "EMLINK"}, {uv.EMSGSIZE, "EMSGSIZE"}, {uv.ENAMETOOLONG, "ENAMETOOLONG"},
	{uv.ENETDOWN, "ENETDOWN"}, {uv.ENETUNREACH, "ENETUNREACH"}, {uv.ENFILE, "ENFILE"}, {uv.ENOBUFS, "ENOBUFS"},
	{uv.ENODATA, "ENODATA"}, {uv.ENODEV, "ENODEV"}, {uv.ENOENT, "ENOENT"}, {uv.ENOEXEC, "ENOEXEC"},
	{uv.ENOMEM, "ENOMEM"}, {uv.ENONET, "ENONET"}, {uv.ENOPROTOOPT, "ENOPROTOOPT"}, {uv.ENOSPC, "ENOSPC"},
	{uv.ENOSYS, "ENOSYS"}, {uv.ENOTCONN, "ENOTCONN"}, {uv.ENOTDIR, "ENOTDIR"}, {uv.ENOTEMPTY, "ENOTEMPTY"},
	{uv.ENOTSOCK, "ENOTSOCK"}, {uv.ENOTSUP, "ENOTSUP"}, {uv.ENOTTY, "ENOTTY"}, {uv.ENXIO, "ENXIO"}, {uv.EOF, "EOF"},
	{uv.EOVERFLOW, "EOVERFLOW"}, {uv.EPERM, "EPERM"}, {uv.EPIPE, "EPIPE"}, {uv.EPROTO, "EPROTO"},
	{uv.EPROTONOSUPPORT, "EPROTONOSUPPORT"}, {uv.EPROTOTYPE, "EPROTOTYPE"}, {uv.ERANGE, "ERANGE"},
	{uv.EREMOTEIO, "EREMOTEIO"}, {uv.EROFS, "EROFS"}, {uv.ESHUTDOWN, "ESHUTDOWN"},
	{uv.ESOCKTNOSUPPORT, "ESOCKTNOSUPPORT"}, {uv.ESPIPE, "ESPIPE"}, {uv.ESRCH, "ESRCH"}, {uv.ETIMEDOUT, "ETIMEDOUT"},
	{uv.ETXTBSY, "ETXTBSY"}, {uv.EUNATCH, "EUNATCH"}, {uv.EXDEV, "EXDEV"}, {uv.UNKNOWN, "UNKNOWN"},
}

// since returns the version of libuv from which on it knows a code.
func since(name string) uint {
	switch name {
	case "ENODATA":
		return 0x012d00
	case "EUNATCH":
		return 0x012e00
	case "ENOEXEC":
		return 0x013200
	}
	return 0
}

func TestErrno_EveryConstant(t *testing.T) {
	t.Parallel()
	values := map[uv.Errno]string{}
	for _, e := range everyErrno {
		assert.Negative(t, int(e.errno), e.name)
		assert.Empty(t, values[e.errno], "%s and another have the same value", e.name)
		values[e.errno] = e.name
		if uv.Version() < since(e.name) {
			assert.Contains(t, e.errno.Name(), "Unknown system error")
			continue
		}
		assert.Equal(t, e.name, e.errno.Name())
		assert.NotEmpty(t, e.errno.Error(), e.name)
		assert.NotContains(t, e.errno.Error(), "Unknown system error", e.name)
		assert.Equal(t, e.errno.Error(), fmt.Sprint(error(e.errno)), "prints as uv_strerror does")
	}
	assert.Len(t, everyErrno, 85)
}

// The system's codes are the system's numbers, negative.
func TestErrno_System(t *testing.T) {
	t.Parallel()
	for errno, system := range map[uv.Errno]syscall.Errno{
		uv.E2BIG: syscall.E2BIG, uv.EACCES: syscall.EACCES, uv.EADDRINUSE: syscall.EADDRINUSE, uv.EAGAIN: syscall.EAGAIN,
		uv.EBADF: syscall.EBADF, uv.EBUSY: syscall.EBUSY, uv.ECANCELED: syscall.ECANCELED, uv.ECONNREFUSED: syscall.ECONNREFUSED,
		uv.ECONNRESET: syscall.ECONNRESET, uv.EEXIST: syscall.EEXIST, uv.EINTR: syscall.EINTR, uv.EINVAL: syscall.EINVAL,
		uv.EMFILE: syscall.EMFILE, uv.ENAMETOOLONG: syscall.ENAMETOOLONG, uv.ENOENT: syscall.ENOENT, uv.ENOEXEC: syscall.ENOEXEC,
		uv.ENOMEM: syscall.ENOMEM, uv.ENOSYS: syscall.ENOSYS, uv.ENOTCONN: syscall.ENOTCONN, uv.ENOTDIR: syscall.ENOTDIR,
		uv.ENOTSUP: syscall.ENOTSUP, uv.EPERM: syscall.EPERM, uv.EPIPE: syscall.EPIPE, uv.ESRCH: syscall.ESRCH,
		uv.ETIMEDOUT: syscall.ETIMEDOUT, uv.ETXTBSY: syscall.ETXTBSY, uv.EXDEV: syscall.EXDEV,
	} {
		assert.Equal(t, -int(system), int(errno), errno.Name())
		assert.ErrorIs(t, errno, system)
		assert.NotErrorIs(t, errno, syscall.ENOTBLK, "another")
		assert.Equal(t, errno, uv.TranslateSysError(int(system)))
	}
}

func TestErrno_Is(t *testing.T) {
	t.Parallel()
	kinds := []error{io.EOF, fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, errors.ErrUnsupported}
	for errno, kind := range map[uv.Errno]error{
		uv.EOF:    io.EOF,
		uv.ENOENT: fs.ErrNotExist,
		uv.EEXIST: fs.ErrExist, uv.ENOTEMPTY: fs.ErrExist,
		uv.EACCES: fs.ErrPermission, uv.EPERM: fs.ErrPermission,
		uv.ENOSYS: errors.ErrUnsupported, uv.ENOTSUP: errors.ErrUnsupported,
		uv.EINVAL: nil, uv.EAI_FAIL: nil, uv.UNKNOWN: nil, uv.ECHARSET: nil,
	} {
		for _, other := range kinds {
			assert.Equal(t, other == kind, errors.Is(errno, other), "%s is %v", errno.Name(), other)
		}
		assert.ErrorIs(t, errno, errno)
		assert.ErrorIs(t, fmt.Errorf("wrapped: %w", errno), errno)
	}
	assert.NotErrorIs(t, uv.ENOENT, uv.EACCES)
	assert.NotErrorIs(t, uv.EOF, syscall.Errno(-int(uv.EOF)))
	assert.NotErrorIs(t, uv.EAI_FAIL, syscall.Errno(-int(uv.EAI_FAIL)), "not the system's")
	assert.NotErrorIs(t, uv.UNKNOWN, syscall.Errno(-int(uv.UNKNOWN)))
	assert.NotErrorIs(t, uv.Errno(0), syscall.Errno(0))
}

func TestErrno_Comparable(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var err error = loop.FsUnlink(nil, "/nowhere/at/all", nil)
	assert.True(t, err == uv.ENOENT)
	assert.False(t, err == uv.EOF)
	var errno uv.Errno
	require.ErrorAs(t, err, &errno)
	assert.Equal(t, uv.ENOENT, errno)
	assert.Equal(t, "no such file or directory", err.Error())
	assert.Equal(t, "ENOENT", errno.Name())
	assert.Equal(t, "end of file", uv.EOF.Error())
}

func TestErrno_Unknown(t *testing.T) {
	t.Parallel()
	for _, unknown := range []uv.Errno{0, 1337, -1337, -1 << 30, 1} {
		text := fmt.Sprintf("Unknown system error %d", int(unknown))
		assert.Equal(t, text, unknown.Error())
		assert.Equal(t, text, unknown.Name())
	}
}

// The errors of the busy paths cost no garbage.
func TestErrno_DoesNotAllocate(t *testing.T) {
	loop := newLoop(t)
	client, server := new(uv.TCP), new(uv.TCP)
	require.NoError(t, client.Init(loop))
	require.NoError(t, server.Init(loop))
	addr := listenTCP(t, loop, localhost)
	require.NoError(t, client.Connect(nil, addr, nil))
	require.NoError(t, server.Bind(localhost, 0))
	require.NoError(t, server.Listen(1, func(uv.Stream, error) {}))
	accepted := new(uv.TCP)
	require.NoError(t, accepted.Init(loop))
	bufs := [][]byte{[]byte("x")}
	timer := newTimer(t, loop)

	var err error
	for _, c := range []struct {
		name string
		want uv.Errno
		call func()
	}{
		{"TryWrite", uv.EAGAIN, func() { _, err = client.TryWrite(bufs) }}, // connecting
		{"Accept", uv.EAGAIN, func() { err = server.Accept(accepted) }},
		{"Fileno", uv.EINVAL, func() { _, err = timer.Fileno() }},
		{"Again", uv.EINVAL, func() { err = timer.Again() }},
		{"Close", uv.EBUSY, func() { err = loop.Close() }},
	} {
		assert.Zero(t, testing.AllocsPerRun(100, c.call), c.name)
		assert.Equal(t, c.want, err, c.name)
	}
	closeAll(t, loop)
}
