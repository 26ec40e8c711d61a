package uv_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// newFile makes a file for the time of the test and returns its path.
func newFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte("content"), 0o600))
	return path
}

func TestFsUnlink_Sync(t *testing.T) {
	t.Parallel()
	loop, path := newLoop(t), newFile(t)
	var req uv.FsReq
	require.NoError(t, loop.FsUnlink(&req, path, nil))
	assert.NoFileExists(t, path)
	assert.Equal(t, 0, req.Result())
	assert.Equal(t, path, req.Path())
	assert.Equal(t, uv.ReqTypeFs, req.Type())
	assert.False(t, loop.Alive(), "it is done already")

	assert.Equal(t, uv.ENOENT, loop.FsUnlink(&req, path, nil), "now it is gone; the request can be used again")
	assert.Equal(t, int(uv.ENOENT), req.Result())
}

func TestFsUnlink_Async(t *testing.T) {
	t.Parallel()
	loop, path := newLoop(t), newFile(t)
	var req uv.FsReq
	calls := 0
	require.NoError(t, loop.FsUnlink(&req, path, func(r *uv.FsReq) {
		calls++
		assert.Same(t, &req, r)
		assert.Equal(t, 0, r.Result())
		assert.Equal(t, path, r.Path())
	}))
	assert.Equal(t, 0, calls, "never before it returns")
	assert.True(t, loop.Alive())
	run(t, loop)
	assert.Equal(t, 1, calls)
	assert.NoFileExists(t, path)
}

func TestFsUnlink_AsyncError(t *testing.T) {
	t.Parallel()
	loop, path := newLoop(t), filepath.Join(t.TempDir(), "missing")
	calls := 0
	require.NoError(t, loop.FsUnlink(nil, path, func(r *uv.FsReq) {
		calls++
		assert.Equal(t, uv.ENOENT, uv.Errno(r.Result()))
		assert.Equal(t, path, r.Path())
	}), "what is wrong with the file is told to the callback")
	run(t, loop)
	assert.Equal(t, 1, calls)
}

func TestFsUnlink_NilReq(t *testing.T) {
	t.Parallel()
	loop, path := newLoop(t), newFile(t)
	require.NoError(t, loop.FsUnlink(nil, path, nil))
	assert.NoFileExists(t, path)
	assert.Equal(t, uv.ENOENT, loop.FsUnlink(nil, path, nil))
}

func TestFsUnlink_Errors(t *testing.T) {
	t.Parallel()
	loop, path := newLoop(t), newFile(t)
	assert.Equal(t, uv.ENOENT, loop.FsUnlink(nil, "", nil))
	assert.Equal(t, uv.ENOTDIR, loop.FsUnlink(nil, filepath.Join(path, "below"), nil))
	assert.Equal(t, uv.EINVAL, loop.FsUnlink(nil, path+"\x00rest", nil))
	never := func(*uv.FsReq) { assert.Fail(t, "called") }
	assert.Equal(t, uv.EINVAL, loop.FsUnlink(nil, path+"\x00rest", never))
	run(t, loop)
	assert.FileExists(t, path)
}

func TestFsReq_UsedAgainInItsCallback(t *testing.T) {
	t.Parallel()
	loop, first, second := newLoop(t), newFile(t), newFile(t)
	var req uv.FsReq
	var paths []string
	require.NoError(t, loop.FsUnlink(&req, first, func(r *uv.FsReq) {
		paths = append(paths, r.Path())
		assert.NoError(t, loop.FsUnlink(r, second, func(r *uv.FsReq) { paths = append(paths, r.Path()) }))
	}))
	run(t, loop)
	assert.Equal(t, []string{first, second}, paths)
	assert.NoFileExists(t, first)
	assert.NoFileExists(t, second)
}

func TestFsReq_Cleanup(t *testing.T) {
	t.Parallel()
	loop, path := newLoop(t), newFile(t)
	var req uv.FsReq
	calls := 0
	require.NoError(t, loop.FsUnlink(&req, path, func(r *uv.FsReq) {
		calls++
		r.Cleanup()
		assert.Equal(t, "", r.Path())
		assert.Equal(t, 0, r.Result())
	}))
	req.Cleanup()
	assert.Equal(t, path, req.Path(), "in use, it keeps what it holds")
	run(t, loop)
	assert.Equal(t, 1, calls)
}

// Whether a request still waits for a thread is up to the threads, but its
// callback says the same as Cancel did.
func TestFsReq_Cancel(t *testing.T) {
	t.Parallel()
	loop, path := newLoop(t), filepath.Join(t.TempDir(), "missing")
	const n = 200
	var reqs [n]uv.FsReq
	calls, cancelled := 0, map[*uv.FsReq]bool{}
	for i := range reqs {
		require.NoError(t, loop.FsUnlink(&reqs[i], path, func(r *uv.FsReq) {
			calls++
			want := uv.ENOENT
			if cancelled[r] {
				want = uv.ECANCELED
			}
			assert.Equal(t, want, uv.Errno(r.Result()))
		}))
	}
	for i := n - 1; i >= 0; i-- {
		switch err := reqs[i].Cancel(); err {
		case nil:
			cancelled[&reqs[i]] = true
		default:
			assert.Equal(t, uv.EBUSY, err, "a thread has it, or had it")
		}
	}
	t.Logf("%d of %d were cancelled in time", len(cancelled), n)
	assert.Equal(t, 0, calls, "a cancelled request's callback comes from the loop too")
	run(t, loop)
	assert.Equal(t, n, calls)
	assert.Equal(t, uv.EINVAL, reqs[0].Cancel(), "not in use any more")
}
