package uv_test

import (
	"bytes"
	"path/filepath"
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

func TestReq_Types(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	client, server := connectTCP(t, loop)
	var connect uv.ConnectReq
	var write uv.WriteReq
	var shutdown uv.ShutdownReq
	var fs uv.FsReq
	reqs := map[uv.ReqType]uv.Req{
		uv.ReqTypeConnect: &connect, uv.ReqTypeWrite: &write, uv.ReqTypeShutdown: &shutdown, uv.ReqTypeFs: &fs,
	}
	for _, req := range reqs {
		assert.Equal(t, uv.ReqTypeUnknown, req.Type())
		assert.Nil(t, req.Data())
		req.SetData(req)
	}
	called := counts{}
	other := new(uv.TCP)
	require.NoError(t, other.Init(loop))
	require.NoError(t, other.Connect(&connect, listenTCP(t, loop, localhost), func(req *uv.ConnectReq, err error) {
		called["connect"]++
		assert.NoError(t, err)
		assert.Same(t, &connect, req)
		assert.Same(t, other, req.Handle())
	}))
	require.NoError(t, client.Write(&write, [][]byte{[]byte("x")}, func(req *uv.WriteReq, err error) {
		called["write"]++
		assert.NoError(t, err)
		assert.Same(t, &write, req)
		assert.Same(t, client, req.Handle())
		assert.Nil(t, req.SendHandle())
	}))
	require.NoError(t, client.Shutdown(&shutdown, func(req *uv.ShutdownReq, err error) {
		called["shutdown"]++
		assert.NoError(t, err)
		assert.Same(t, &shutdown, req)
		assert.Same(t, client, req.Handle())
	}))
	require.NoError(t, loop.FsUnlink(&fs, filepath.Join(t.TempDir(), "missing"), func(req *uv.FsReq) {
		called["fs"]++
		assert.Same(t, &fs, req)
	}))
	for reqType, req := range reqs {
		assert.Equal(t, reqType, req.Type())
		assert.Same(t, req, req.Data())
	}
	for len(called) < 4 {
		runMode(t, loop, uv.RunOnce)
	}
	assert.Equal(t, counts{"connect": 1, "write": 1, "shutdown": 1, "fs": 1}, called)
	for reqType, req := range reqs {
		assert.Equal(t, reqType, req.Type())
		assert.Same(t, req, req.Data())
		assert.Equal(t, uv.EINVAL, req.Cancel(), "not in use")
	}
	assert.True(t, server.IsReadable())
	closeAll(t, loop)
}

func TestReq_CancelEINVAL(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	for _, req := range []uv.Req{new(uv.ConnectReq), new(uv.FsReq), new(uv.ShutdownReq), new(uv.WriteReq)} {
		assert.Equal(t, uv.EINVAL, req.Cancel(), "%T not in use", req)
	}
	client, _ := connectTCP(t, loop)
	var write uv.WriteReq
	var shutdown uv.ShutdownReq
	var connect uv.ConnectReq
	called := counts{}
	require.NoError(t, client.Write(&write, [][]byte{[]byte("x")}, func(*uv.WriteReq, error) { called["write"]++ }))
	require.NoError(t, client.Shutdown(&shutdown, func(*uv.ShutdownReq, error) { called["shutdown"]++ }))
	other := new(uv.TCP)
	require.NoError(t, other.Init(loop))
	require.NoError(t, other.Connect(&connect, listenTCP(t, loop, localhost), func(*uv.ConnectReq, error) { called["connect"]++ }))
	for _, req := range []uv.Req{&write, &shutdown, &connect} {
		assert.Equal(t, uv.EINVAL, req.Cancel(), "%T cannot be cancelled", req)
	}
	for len(called) < 3 {
		runMode(t, loop, uv.RunOnce)
	}
	assert.Equal(t, counts{"write": 1, "shutdown": 1, "connect": 1}, called)
	closeAll(t, loop)
}

func TestReq_InUsePanics(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	client, _ := connectTCP(t, loop)
	var write uv.WriteReq
	var shutdown uv.ShutdownReq
	var connect uv.ConnectReq
	var fs uv.FsReq
	bufs := [][]byte{[]byte("x")}
	path := filepath.Join(t.TempDir(), "missing")
	called := counts{}

	require.NoError(t, client.Write(&write, bufs, func(*uv.WriteReq, error) { called["write"]++ }))
	assert.Contains(t, panicText(func() { _ = client.Write(&write, bufs, nil) }), "TCP.Write: the request is still in use")

	require.NoError(t, client.Shutdown(&shutdown, func(*uv.ShutdownReq, error) { called["shutdown"]++ }))
	assert.Contains(t, panicText(func() { _ = client.Shutdown(&shutdown, nil) }), "TCP.Shutdown: the request is still in use")

	first, second := new(uv.TCP), new(uv.TCP)
	require.NoError(t, first.Init(loop))
	require.NoError(t, second.Init(loop))
	addr := listenTCP(t, loop, localhost)
	require.NoError(t, first.Connect(&connect, addr, func(*uv.ConnectReq, error) { called["connect"]++ }))
	assert.Contains(t, panicText(func() { _ = second.Connect(&connect, addr, nil) }), "TCP.Connect: the request is still in use")

	require.NoError(t, loop.FsUnlink(&fs, path, func(*uv.FsReq) { called["fs"]++ }))
	assert.Contains(t, panicText(func() { _ = loop.FsUnlink(&fs, path, nil) }), "Loop.FsUnlink: the request is still in use")

	for len(called) < 4 {
		runMode(t, loop, uv.RunOnce)
	}
	assert.Equal(t, counts{"write": 1, "shutdown": 1, "connect": 1, "fs": 1}, called)
	assert.Equal(t, uv.ENOENT, loop.FsUnlink(&fs, path, nil), "it can be used again")
	closeAll(t, loop)
}

// A request is free when its callback is called.
func TestReq_UsedAgainInItsCallback(t *testing.T) {
	t.Parallel()
	const n = 10
	loop := newLoop(t)
	client, server := connectTCP(t, loop)
	var req uv.WriteReq
	writes, got := 0, 0
	var write func()
	write = func() {
		assert.NoError(t, client.Write(&req, [][]byte{[]byte("x")}, func(r *uv.WriteReq, err error) {
			assert.NoError(t, err)
			assert.Same(t, &req, r)
			if writes++; writes < n {
				write()
			} else {
				client.Close(nil)
			}
		}))
	}
	require.NoError(t, server.ReadStart(nil, func(s uv.Stream, buf []byte, err error) {
		if got += len(buf); err != nil {
			assert.Equal(t, uv.EOF, err)
			s.Close(nil)
		}
	}))
	write()
	run(t, loop)
	assert.Equal(t, n, writes)
	assert.Equal(t, n, got)
}

func TestReq_CopyIsNotInUse(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	original, calls := new(uv.FsReq), 0
	require.NoError(t, loop.FsUnlink(original, "/nowhere/at/all", func(*uv.FsReq) { calls++ }))
	copied := shallowCopy(original)
	assert.Equal(t, uv.EINVAL, copied.Cancel())
	assert.NotEmpty(t, panicText(func() { _ = loop.FsUnlink(copied, "/nowhere/at/all", nil) }))
	run(t, loop)
	assert.Equal(t, 1, calls)
}

func TestReq_CollectedAfterCallback(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	calls := 0
	pointer := func() weak.Pointer[uv.FsReq] {
		req := new(uv.FsReq)
		require.NoError(t, loop.FsUnlink(req, "/nowhere/at/all", func(*uv.FsReq) { calls++ }))
		return weak.Make(req)
	}()
	runtime.GC()
	require.NotNil(t, pointer.Value(), "in use, it is kept")
	run(t, loop)
	require.Equal(t, 1, calls)
	for range 3 {
		runtime.GC()
	}
	assert.Nil(t, pointer.Value())
}

func TestReqSize(t *testing.T) {
	t.Parallel()
	assert.Positive(t, uv.ReqSize(uv.ReqTypeReq))
	for _, reqType := range []uv.ReqType{uv.ReqTypeConnect, uv.ReqTypeWrite, uv.ReqTypeShutdown, uv.ReqTypeFs} {
		assert.Greater(t, uv.ReqSize(reqType), uv.ReqSize(uv.ReqTypeReq), reqType)
	}
	for _, none := range []uv.ReqType{uv.ReqTypeUnknown, uv.ReqTypeMax, -1} {
		assert.Equal(t, -1, uv.ReqSize(none))
		assert.Empty(t, none.Name())
	}
}

// A request that is done with may be copied, and the copy used beside it.
func TestWriteReq_Copied(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	p, peer := pipePair(t, loop, false)
	one, other := new(uv.WriteReq), new(uv.WriteReq)
	c := counts{}
	written := func(_ *uv.WriteReq, err error) {
		c["write"]++
		assert.NoError(t, err)
	}
	for _, req := range []*uv.WriteReq{other, one} {
		require.NoError(t, p.Write(req, [][]byte{[]byte("-")}, written))
	}
	run(t, loop)
	copied := shallowCopy(one)

	const size = 4 << 20
	want := append([]byte("--"), bytes.Repeat([]byte("A"), 2*size)...)
	for _, req := range []*uv.WriteReq{one, copied} {
		require.NoError(t, p.Write(req, [][]byte{bytes.Repeat([]byte("A"), size)}, written))
	}
	var got []byte
	var garbage [][]byte
	require.NoError(t, peer.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
		assert.NoError(t, err)
		before := len(got) / size
		if got = append(got, buf...); len(got)/size != before { // the first write is over
			runtime.GC()
			for range 8 {
				garbage = append(garbage, bytes.Repeat([]byte("B"), size))
			}
		}
		if len(got) == len(want) {
			p.Close(nil)
			peer.Close(nil)
		}
	}))
	run(t, loop)
	assert.True(t, bytes.Equal(want, got))
	assert.Equal(t, counts{"write": 4}, c)
	runtime.KeepAlive(garbage)
}
