// Package uvtest is a yardstick for implementations of libuv's semantics in Go.
//
// It has over two hundred small programs, the scenarios, on loops, processes,
// stdio, signals, pipes, TCP and timers. Each leaves a trace: the callbacks in
// their order, with their arguments, and what calls returned. The traces of the
// real libuv come with the package. An implementation is run through the
// scenarios and must leave the same traces.
//
//	func TestMain(m *testing.M) {
//		uvtest.Main() // the scenarios' children are this program
//		os.Exit(m.Run())
//	}
//
//	func TestLikeLibuv(t *testing.T) {
//		uvtest.Run(t, uvtest.Implementation{NewLoop: newLoop})
//	}
//
// [Loop] is where to begin: it makes everything else. The package needs neither
// cgo nor libuv. It is for Unix systems; the traces were recorded on Linux.
//
// docs/yardstick.md shows what a failure looks like and how the suite itself is
// tested.
//
// # What is common to all methods
//
// The names are those of package uv, which binds the real libuv, and so is the
// meaning, unless the comment says otherwise: Timer.DueIn is
// uv_timer_get_due_in, and libuv's documentation has the last word.
//
// Callbacks run on the goroutine that called [Loop.Run], from inside it, never
// from inside another method. A callback may be nil wherever its method does not
// say otherwise. Callbacks may call any method but Run and Close of the loop.
// The scenarios call every method of a loop and of what belongs to it on one
// goroutine, except [Async.Send].
//
// An error is named as libuv names it. Whatever error is returned or passed is
// looked at in this order: a method Name() string anywhere in its chain, which
// gives the name; [io.EOF]; a [syscall.Errno] in the chain;
// [errors.ErrUnsupported], [os/exec.ErrNotFound] and the errors of io/fs.
//
// A method that is not offered returns an error that is named ENOSYS or
// ENOTSUP, such as errors.ErrUnsupported. The scenario is then skipped.
package uvtest

import (
	"net/netip"
	"syscall"
	"time"
)

// Implementation is what is measured.
type Implementation struct {
	// NewLoop returns a new loop, as uv_loop_init makes it.
	NewLoop func() (Loop, error)
	// Kill sends a signal to a process by its id, as uv_kill does: signal 0 only
	// asks, 0 and negative ids name groups. Nil says that it is not offered.
	Kill func(pid int, signum syscall.Signal) error
	// Release is the release of libuv that the implementation follows, such as
	// "1.44.2", for what differs between releases. "" is the newest one that
	// was recorded.
	Release string
	// Limit is how long a scenario may take before it counts as hung. 0 is ten
	// seconds.
	Limit time.Duration
}

// RunMode says how long [Loop.Run] runs.
type RunMode int

// The run modes.
const (
	RunDefault RunMode = iota // until nothing active and referenced is left
	RunOnce                   // one iteration, waiting for an event if there is none
	RunNowait                 // one iteration, without waiting
)

// Loop is an event loop, uv_loop_t.
type Loop interface {
	// Run runs the loop and returns true where uv_run returns non-zero: active
	// and referenced handles, active requests or closing handles are left.
	Run(mode RunMode) bool
	// Stop makes Run return after its present iteration, or the next Run at
	// once when none is on.
	Stop()
	// Alive is uv_loop_alive.
	Alive() bool
	// Close is uv_loop_close: EBUSY while a handle is open or a request active.
	Close() error
	// Now is the loop's time in milliseconds, taken once an iteration.
	Now() uint64
	// UpdateTime takes the loop's time anew.
	UpdateTime()
	// Walk calls cb, which is never nil, for every handle that is not closed yet,
	// also those that are closing, with what the methods below returned.
	Walk(cb func(h Handle))

	// NewTimer is uv_timer_init.
	NewTimer() (Timer, error)
	// NewIdle is uv_idle_init. Started, its callback is called once an
	// iteration, after the timers', and the loop does not wait.
	NewIdle() (Watcher, error)
	// NewPrepare is uv_prepare_init. Its callback comes right before the loop
	// waits for events.
	NewPrepare() (Watcher, error)
	// NewCheck is uv_check_init. Its callback comes right after the events'.
	NewCheck() (Watcher, error)
	// NewAsync is uv_async_init. The handle is active from the start.
	NewAsync(cb func()) (Async, error)
	// NewSignal is uv_signal_init.
	NewSignal() (Signal, error)
	// NewPipe is uv_pipe_init.
	NewPipe(ipc bool) (Pipe, error)
	// NewTCP is uv_tcp_init.
	NewTCP() (TCP, error)
	// Spawn is uv_spawn. It returns a handle with an error too, since that must
	// be closed as well; only where it is not offered the handle may be nil.
	Spawn(options *ProcessOptions) (Process, error)
}

// HandleType is the name of a handle's type, as uv_handle_type_name has it.
type HandleType string

// The types of handles that are used here.
const (
	HandleTypeUnknown   HandleType = ""
	HandleTypeAsync     HandleType = "async"
	HandleTypeCheck     HandleType = "check"
	HandleTypeIdle      HandleType = "idle"
	HandleTypeNamedPipe HandleType = "pipe"
	HandleTypePrepare   HandleType = "prepare"
	HandleTypeProcess   HandleType = "process"
	HandleTypeSignal    HandleType = "signal"
	HandleTypeTCP       HandleType = "tcp"
	HandleTypeTimer     HandleType = "timer"
)

// Handle is what all handles have in common, uv_handle_t.
type Handle interface {
	// Type is uv_handle_get_type.
	Type() HandleType
	// IsActive is uv_is_active. It is false after Close.
	IsActive() bool
	// IsClosing is uv_is_closing.
	IsClosing() bool
	// HasRef is uv_has_ref. It is not asked after Close.
	HasRef() bool
	// Ref and Unref are uv_ref and uv_unref: an active handle keeps Run from
	// returning only while it is referenced, which it is from the start.
	Ref()
	// Unref is the opposite of Ref.
	Unref()
	// Close is uv_close: the handle stops at once, cb comes from the loop when
	// it has let go of it, after the callbacks of its requests, which get
	// ECANCELED.
	Close(cb func())
}

// Timer is uv_timer_t. Times are in milliseconds.
type Timer interface {
	Handle
	// Start calls cb after timeout, and then every repeat unless that is 0. A
	// nil cb is EINVAL.
	Start(cb func(), timeout, repeat uint64) error
	// Stop stops it.
	Stop() error
	// Again starts a repeating timer anew; EINVAL if it was never started.
	Again() error
	// SetRepeat is uv_timer_set_repeat.
	SetRepeat(repeat uint64)
	// Repeat is uv_timer_get_repeat.
	Repeat() uint64
	// DueIn is uv_timer_get_due_in.
	DueIn() uint64
}

// Watcher is uv_idle_t, uv_prepare_t or uv_check_t.
type Watcher interface {
	Handle
	// Start makes cb be called in every iteration. A nil cb is EINVAL; a watcher
	// that is active keeps the callback it has.
	Start(cb func()) error
	// Stop stops it.
	Stop() error
}

// Async is uv_async_t.
type Async interface {
	Handle
	// Send makes the loop call the handle's callback, once for all Sends before
	// that. Any goroutine may call it.
	Send() error
}

// Signal is uv_signal_t.
type Signal interface {
	Handle
	// Start makes cb be called for each signum that the process gets. An active
	// watcher of signum only changes its callback. A nil cb, and a signal that
	// cannot be watched, is EINVAL.
	Start(cb func(signum syscall.Signal), signum syscall.Signal) error
	// StartOneshot is Start for one signal, after which the watcher stops.
	StartOneshot(cb func(signum syscall.Signal), signum syscall.Signal) error
	// Stop stops it; signals that were caught before do not reach it any more.
	Stop() error
}

// Stream is uv_stream_t: a Pipe or a TCP.
type Stream interface {
	Handle
	// Listen calls cb, which is never nil, for every connection that came in, for
	// Accept.
	Listen(backlog int, cb func(err error)) error
	// Accept opens client, which is fresh from NewPipe or NewTCP, with what the
	// stream has for it: a connection, or a handle received over an ipc pipe.
	Accept(client Stream) error
	// ReadStart calls read with what arrives, in buffers of alloc's. A nil alloc
	// leaves them to the implementation, and buf is good until read returns. An
	// empty buffer of alloc's is ENOBUFS for read. The end is EOF, and no bytes.
	// A nil read is EINVAL. After ReadStop and Close, whoever calls them, there is
	// no read any more, also where something waits.
	ReadStart(alloc func(suggested int) []byte, read func(buf []byte, err error)) error
	// ReadStop stops reading.
	ReadStop() error
	// Write writes bufs, which stay unchanged until cb, in the order of the
	// calls.
	Write(bufs [][]byte, cb func(err error)) error
	// TryWrite writes what can be written at once, EAGAIN for nothing.
	TryWrite(bufs [][]byte) (int, error)
	// Shutdown ends the writing side after what is queued.
	Shutdown(cb func(err error)) error
	// WriteQueueSize is uv_stream_get_write_queue_size.
	WriteQueueSize() int
	// IsReadable is uv_is_readable.
	IsReadable() bool
	// IsWritable is uv_is_writable.
	IsWritable() bool
}

// Pipe is uv_pipe_t.
type Pipe interface {
	Stream
	// Open opens the pipe with a descriptor, which is the pipe's from then on:
	// a Unix domain socket's, or one end of pipe(2).
	Open(fd int) error
	// Bind binds the pipe to a path, which Close removes.
	Bind(name string) error
	// Connect connects to a path. Errors come by cb.
	Connect(name string, cb func(err error))
	// Bind2 is uv_pipe_bind2 without flags: name may be abstract. Since 1.46.
	Bind2(name string) error
	// Connect2 is uv_pipe_connect2 without flags. Since 1.46.
	Connect2(name string, cb func(err error)) error
	// Getsockname returns the name that the pipe is bound to, "" for none.
	Getsockname() (string, error)
	// Getpeername returns the name that its peer is bound to.
	Getpeername() (string, error)
	// Write2 is Write over an ipc pipe with a handle, which stays open until cb.
	Write2(bufs [][]byte, send Stream, cb func(err error)) error
	// PendingCount is how many handles have been received and wait for Accept.
	PendingCount() int
	// PendingType is the type of the next of them, HandleTypeUnknown for none.
	PendingType() HandleType
}

// TCP is uv_tcp_t.
type TCP interface {
	Stream
	// Bind binds the handle to an address; that it is in use is Listen's error.
	Bind(addr netip.AddrPort) error
	// Connect connects to an address. Errors of the network come by cb.
	Connect(addr netip.AddrPort, cb func(err error)) error
	// Getsockname returns the address that the handle is bound to.
	Getsockname() (netip.AddrPort, error)
	// Getpeername returns the address of its peer.
	Getpeername() (netip.AddrPort, error)
	// CloseReset is Close, which resets the connection.
	CloseReset(cb func()) error
}

// Process is uv_process_t.
type Process interface {
	Handle
	// PID is the process's id, 0 if it was not spawned.
	PID() int
	// Kill sends it a signal; ESRCH when it has exited.
	Kill(signum syscall.Signal) error
}

// ProcessOptions says what [Loop.Spawn] spawns, uv_process_options_t.
type ProcessOptions struct {
	// ExitCB is called once, with the exit status, or with 0 and the signal that
	// ended the process.
	ExitCB func(exitStatus int64, termSignal syscall.Signal)
	// File is the program; without a slash it is searched in the PATH of Env, or
	// of this process where Env is nil.
	File string
	// Args are the arguments, the program's name first.
	Args []string
	// Env is the environment, nil for this process's as it is now.
	Env []string
	// Cwd is the working directory, "" for this process's.
	Cwd string
	// Flags are options.
	Flags ProcessFlags
	// Stdio are the child's descriptors 0, 1, 2 and so on.
	Stdio []StdioContainer
}

// ProcessFlags are options of [ProcessOptions].
type ProcessFlags uint32

// ProcessDetached makes a process the leader of a session of its own.
const ProcessDetached ProcessFlags = 1 << 3

// StdioContainer is one descriptor of a child, uv_stdio_container_t.
type StdioContainer struct {
	// Flags says where the descriptor comes from.
	Flags StdioFlags
	// Stream is the parent's end for CreatePipe, a Pipe that is not open, and for
	// InheritStream what is inherited.
	Stream Stream
	// FD is the descriptor for InheritFD.
	FD int
}

// StdioFlags are options of [StdioContainer].
type StdioFlags uint32

// The values are libuv's.
const (
	Ignore        StdioFlags = 0x00 // nothing, which for 0, 1 and 2 is /dev/null
	CreatePipe    StdioFlags = 0x01 // a new pair of sockets, one for Stream
	InheritFD     StdioFlags = 0x02 // the descriptor FD
	InheritStream StdioFlags = 0x04 // the descriptor of Stream
	ReadablePipe  StdioFlags = 0x10 // with CreatePipe: the child reads
	WritablePipe  StdioFlags = 0x20 // with CreatePipe: the child writes
)
