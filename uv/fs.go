package uv

// #include <stdlib.h>
// #include "../uv.h"
import "C"

import "unsafe"

// FsReq is the request of a file system operation.
//
// Mirrors uv_fs_t.
type FsReq struct {
	request
	cb     FsCB
	result int
	path   string
}

// FsCB is called when a file system operation is done; [FsReq.Result] says how
// it went.
//
// Mirrors uv_fs_cb.
type FsCB func(req *FsReq)

// Result returns what the operation returned: 0 or more, or an [Errno]'s value.
//
// Binds uv_fs_get_result.
func (r *FsReq) Result() int { return r.result }

// Path returns the path the operation works on.
//
// Binds uv_fs_get_path.
func (r *FsReq) Path() string { return r.path }

// Cleanup lets go of what the request holds. It need not be called: what
// libuv allocated is freed when the operation is done.
//
// Binds uv_fs_req_cleanup.
func (r *FsReq) Cleanup() {
	if r.id == 0 {
		r.path = ""
	}
}

// FsUnlink removes a file. With a nil cb it does so now and returns how it
// went. With a cb it does so in a thread and calls cb. A nil req stands for a new
// one. It returns EINVAL for a path with a NUL byte. Where the system does not
// give it a thread, libuv aborts.
//
// Binds uv_fs_unlink.
func (l *Loop) FsUnlink(req *FsReq, path string, cb FsCB) error {
	l.enter("Loop.FsUnlink")
	if hasNUL(path) {
		return EINVAL
	}
	if req == nil {
		req = new(FsReq)
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	c := (*C.uv_fs_t)(unsafe.Pointer(req.begin(l, nil, ReqTypeFs, "Loop.FsUnlink")))
	req.cb, req.path = cb, path
	if cb != nil {
		r := C.uv_fs_unlink(l.c, c, name, C.uv_fs_cb(C.gouv_fs_cb))
		if r != 0 {
			req.finish()
		}
		return result(r)
	}
	r := C.uv_fs_unlink(l.c, c, name, nil)
	req.finish()
	return result(r)
}

// finish takes the result and frees what libuv allocated.
func (r *FsReq) finish() {
	c := (*C.uv_fs_t)(unsafe.Pointer(r.c))
	r.result = int(C.uv_fs_get_result(c))
	C.uv_fs_req_cleanup(c)
	r.end()
}
