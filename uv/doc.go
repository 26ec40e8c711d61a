// Package uv is libuv in Go: the real C library, call by call.
//
// What libuv returns, this package returns; what libuv calls back, it calls
// back, in the same order, on the same thread. What libuv aborts on, or leaves
// undefined, is an error or a panic that names the mistake.
//
//	var child uv.Process
//	loop := uv.DefaultLoop()
//	err := loop.Spawn(&child, &uv.ProcessOptions{
//		File:   "ls",
//		ExitCB: func(p *uv.Process, exitStatus int64, termSignal syscall.Signal) { p.Close(nil) },
//	})
//	…
//	loop.Run(uv.RunDefault)
//
// # Names
//
// A name is found by rule. uv_pipe_bind(&server, name) is server.Bind(name):
// a function is a method of its first handle argument, without the type in its
// name. Without a handle it is a function of the package: [Kill], [Exepath].
// get_ and set_ follow Go: [Process.PID], [Timer.SetRepeat]. Types lose uv_ and
// _t; requests end in Req, callbacks in CB. Constants lose UV_ and are in Go's
// case: [RunDefault], [ProcessDetached]; error codes keep their names: [ENOENT],
// [EOF].
//
// The exceptions:
//
//   - Handle and request types have a prefix, since the Go types have their
//     names: UV_TCP is [HandleTypeTCP], UV_WRITE is [ReqTypeWrite].
//   - uv_handle_type_name and uv_req_type_name are [HandleType.Name] and
//     [ReqType.Name], uv_err_name is [Errno.Name], uv_strerror [Errno.Error].
//   - uv_pipe is [MakePipe], since Pipe is the handle; uv_fs_req_cleanup is
//     [FsReq.Cleanup].
//   - uv_cpu_info_t is [CPU], since CPUInfo is the function.
//   - UV_LOOP_USE_IO_URING_SQPOLL is [LoopUseIOUringSqpoll], UV_LOOP_BLOCK_SIGNAL
//     [LoopBlockSignal], UV_PIPE_NO_TRUNCATE [PipeNoTruncate], UV_TCP_IPV6ONLY
//     [TCPIPv6Only].
//   - uv_buf_t is a []byte, an array of them a [][]byte; uv_buf_init(base, n) is
//     base[:n].
//   - uv_free_cpu_info, uv_os_free_environ, uv_os_free_passwd and
//     uv_os_free_group have no counterpart: what Go gets is Go's.
//   - uv_setup_args has none: it has been called when the program starts.
//
// Not bound, of what libuv's pages on loops, processes and streams have:
//
//   - uv_loop_new and uv_loop_delete, which libuv deprecates: [Loop.Init] and
//     [Loop.Close].
//   - uv_loop_fork: a Go process cannot go on after fork without exec.
//
// Of the helpers, docs/coverage.md lists what is bound.
//
// # Goroutines
//
// A loop, with all its handles and requests, is one goroutine's at a time:
// while [Loop.Run] runs, that of its caller, which callbacks run on too. Only
// [Async.Send] may be called by others. A call that breaks this panics where
// it can be noticed, and the race detector sees the rest.
//
// # Lifetime
//
// Handles and requests are the program's variables, as in C, but what libuv
// works on lives in C's memory, and the binding keeps the Go value alive for as
// long as libuv knows it. A handle that is dropped while it is open goes on
// working.
//
// docs/porting.md goes through the calls of C, docs/design.md tells how it is
// done.
package uv
