package uv

// #include "../uv.h"
import "C"

import "unsafe"

// Req is what all requests have in common: *ConnectReq, *FsReq, *ShutdownReq
// and *WriteReq.
//
// A request is the caller's: new(uv.WriteReq), or a field of a larger struct.
// From the call that takes it to its callback it is in use and kept from the
// garbage collector; then it can be used again. Using one that is in use
// panics. A nil request stands for one of the binding's own (those for writes
// come from a pool), which is the callback's until it returns.
//
// Mirrors uv_req_t.
type Req interface {
	// Cancel asks to cancel a pending request. Of those here only a file
	// system request can be, while it waits for a thread: its callback then
	// gets ECANCELED. It returns EBUSY where it is too late and EINVAL where
	// the request is of another kind or not in use. Binds uv_cancel.
	Cancel() error
	// Type returns the request's type. Binds uv_req_get_type.
	Type() ReqType
	// Data returns what SetData was given. Binds uv_req_get_data.
	Data() any
	// SetData attaches any value to the request. Binds uv_req_set_data.
	SetData(data any)

	asRequest() *request
}

// ReqType is the type of a request.
//
// Mirrors uv_req_type.
type ReqType int

const (
	ReqTypeUnknown     ReqType = C.UV_UNKNOWN_REQ
	ReqTypeReq         ReqType = C.UV_REQ
	ReqTypeConnect     ReqType = C.UV_CONNECT
	ReqTypeWrite       ReqType = C.UV_WRITE
	ReqTypeShutdown    ReqType = C.UV_SHUTDOWN
	ReqTypeUDPSend     ReqType = C.UV_UDP_SEND
	ReqTypeFs          ReqType = C.UV_FS
	ReqTypeWork        ReqType = C.UV_WORK
	ReqTypeGetaddrinfo ReqType = C.UV_GETADDRINFO
	ReqTypeGetnameinfo ReqType = C.UV_GETNAMEINFO
	ReqTypeRandom      ReqType = C.UV_RANDOM
	ReqTypeMax         ReqType = C.UV_REQ_TYPE_MAX
)

// Name returns libuv's name of the type, such as "write", "" for one that is
// none.
//
// Binds uv_req_type_name.
func (t ReqType) Name() string {
	if !fits(int(t)) {
		return ""
	}
	return C.GoString(C.uv_req_type_name(C.uv_req_type(t)))
}

// String returns Name.
func (t ReqType) String() string { return t.Name() }

// ReqSize returns the size of C's struct for a type of request, in bytes, -1
// for a type that is none.
//
// Binds uv_req_size.
func ReqSize(t ReqType) int {
	if !fits(int(t)) {
		return -1
	}
	return int(int64(C.uv_req_size(C.uv_req_type(t))))
}

// request is the part of every request that the types embed, at offset 0.
type request struct {
	_    noCopy
	c    *C.uv_req_t // nil unless in use
	id   uintptr     // its slot in requests, which C's data holds too
	loop *Loop
	data any
	kind uint8 // the ReqType
}

// requests roots the requests that libuv knows.
var requests slots[request]

var reqSizes = func() (sizes [C.UV_REQ_TYPE_MAX]C.size_t) {
	for t := range sizes {
		sizes[t] = C.uv_req_size(C.uv_req_type(t))
	}
	return
}()

// begin gives the request its C struct, for the call of h's that takes it, or of
// the loop's where h is nil.
func (r *request) begin(l *Loop, h *handle, kind ReqType, method string) *C.uv_req_t {
	if r.id != 0 {
		panic("uv: " + h.methodOf(method) + ": the request is still in use")
	}
	c, id := acquire(&requests, &l.spareReqs[kind], reqSizes[kind], r)
	if c == nil {
		panic("uv: " + h.methodOf(method) + ": out of memory")
	}
	r.c, r.id = (*C.uv_req_t)(c), id
	r.loop, r.kind = l, uint8(kind)
	*(*uintptr)(unsafe.Pointer(&r.c.data)) = r.id
	return r.c
}

// end takes the request back when libuv is done with it.
func (r *request) end() {
	release(&requests, &r.loop.spareReqs[r.kind], unsafe.Pointer(r.c), r.id)
	r.c, r.id = nil, 0
}

func (r *request) asRequest() *request { return r }

// Cancel implements [Req].
func (r *request) Cancel() error {
	if r.id == 0 || !requests.holds(r.id, r) {
		return EINVAL
	}
	r.loop.enter("Req.Cancel")
	return result(C.uv_cancel(r.c))
}

// Type implements [Req].
func (r *request) Type() ReqType { return ReqType(r.kind) }

// Data implements [Req].
func (r *request) Data() any { return r.data }

// SetData implements [Req].
func (r *request) SetData(data any) { r.data = data }
