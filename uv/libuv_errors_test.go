package uv_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"libuv/uv"
)

// Errors of libuv's own have messages, and numbers that are none are in theirs.
func TestLibuv_error_message(t *testing.T) {
	t.Parallel()
	assert.NotContains(t, uv.EINVAL.Error(), "Success")
	assert.Contains(t, uv.Errno(1337).Error(), "1337")
	assert.Contains(t, uv.Errno(-1337).Error(), "-1337")
	assert.True(t, strings.HasPrefix(uv.Errno(1337).Error(), "Unknown"))
}

// The system's errors become libuv's, and libuv's stay what they are.
func TestLibuv_sys_error(t *testing.T) {
	t.Parallel()
	assert.Equal(t, uv.EPERM, uv.TranslateSysError(int(syscall.EPERM)))
	assert.Equal(t, uv.EPIPE, uv.TranslateSysError(int(syscall.EPIPE)))
	assert.Equal(t, uv.EINVAL, uv.TranslateSysError(int(syscall.EINVAL)))

	assert.Equal(t, uv.EINVAL, uv.TranslateSysError(int(uv.EINVAL)))
	assert.Equal(t, uv.ERANGE, uv.TranslateSysError(int(uv.ERANGE)))
	assert.Equal(t, uv.EACCES, uv.TranslateSysError(int(uv.EACCES)))
	assert.Zero(t, uv.TranslateSysError(0))
}
