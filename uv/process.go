package uv

// #include <stdlib.h>
// #include "../uv.h"
import "C"

import (
	"syscall"
	"unsafe"
)

// Process is a child process. [Loop.Spawn] starts it and initialises the
// handle.
//
// Mirrors uv_process_t.
type Process struct {
	handle
	cb     ExitCB
	pid    int32
	watch  bool // SIGCHLD is owned for it
	failed bool // its options were refused: libuv does not know the handle
	gone   bool // it had exited when it was closed, or never was
}

// ExitCB is called once when a process has exited: with its exit status, or
// with the signal that ended it and a status of 0. Output of the process may
// still arrive afterwards, or all of it may have arrived before: the two have
// no order.
//
// Mirrors uv_exit_cb.
type ExitCB func(p *Process, exitStatus int64, termSignal syscall.Signal)

// ProcessOptions says what [Loop.Spawn] spawns, and how. Spawn is done with it,
// and with what it points to, when it returns.
//
// Mirrors uv_process_options_t.
type ProcessOptions struct {
	// ExitCB is called when the process has exited. It may be nil.
	ExitCB ExitCB
	// File is the program. Without a slash in it, it is searched in the PATH of
	// Env (of the parent, where Env is nil); a relative path starts in Cwd.
	File string
	// Args are the arguments, the program's name first. Nil or empty stands for
	// File alone.
	Args []string
	// Env is the environment, as key=value. Nil inherits the parent's as it is
	// now, os.Setenv's changes included; an empty slice is an empty environment.
	Env []string
	// Cwd is the working directory, "" for the parent's.
	Cwd string
	// Flags are the options that are on or off.
	Flags ProcessFlags
	// Stdio says what the child's descriptors 0, 1, 2, … are. Those of 0 to 2
	// that are missing are /dev/null. A descriptor of the parent's that is not
	// close-on-exec is inherited in any case; Go's are.
	Stdio []StdioContainer
	// UID is the child's user, with ProcessSetuid.
	UID uint32
	// GID is the child's group, with ProcessSetgid.
	GID uint32
}

// ProcessFlags are options of [ProcessOptions].
//
// Mirrors uv_process_flags.
type ProcessFlags uint32

const (
	ProcessSetuid                   ProcessFlags = C.UV_PROCESS_SETUID                       // run as UID, without the parent's supplementary groups
	ProcessSetgid                   ProcessFlags = C.UV_PROCESS_SETGID                       // run as GID, likewise
	ProcessWindowsVerbatimArguments ProcessFlags = C.UV_PROCESS_WINDOWS_VERBATIM_ARGUMENTS   // do not quote arguments; nothing on Unix
	ProcessDetached                 ProcessFlags = C.UV_PROCESS_DETACHED                     // in a session of its own; it still keeps the loop alive until Unref
	ProcessWindowsHide              ProcessFlags = C.UV_PROCESS_WINDOWS_HIDE                 // hide console and window; nothing on Unix
	ProcessWindowsHideConsole       ProcessFlags = C.UV_PROCESS_WINDOWS_HIDE_CONSOLE         // hide the console; nothing on Unix
	ProcessWindowsHideGUI           ProcessFlags = C.UV_PROCESS_WINDOWS_HIDE_GUI             // hide the window; nothing on Unix
	ProcessWindowsFilePathExactName ProcessFlags = C.UV_PROCESS_WINDOWS_FILE_PATH_EXACT_NAME // do not try other extensions; nothing on Unix, since libuv 1.48
	allProcessFlags                              = ProcessSetuid | ProcessSetgid | ProcessWindowsVerbatimArguments | ProcessDetached |
		ProcessWindowsHide | ProcessWindowsHideConsole | ProcessWindowsHideGUI | ProcessWindowsFilePathExactName
)

// StdioContainer is one descriptor of a child.
//
// Mirrors uv_stdio_container_t.
type StdioContainer struct {
	// Flags says where the descriptor comes from: one of Ignore, CreatePipe,
	// InheritFD, InheritStream, and for CreatePipe more.
	Flags StdioFlags
	// Stream is the parent's end for CreatePipe, a *Pipe that is initialised and
	// not open, and for InheritStream the stream whose descriptor is inherited.
	Stream Stream
	// FD is the descriptor that InheritFD inherits. As 0, 1 or 2 of the child it
	// becomes a blocking one, and a stream's with InheritStream likewise. So it
	// does for the parent, as in C: what both have is one open file. A stream
	// that was lent to a child like that may hold the loop up in a Write.
	FD int
}

// StdioFlags are options of [StdioContainer].
//
// Mirrors uv_stdio_flags.
type StdioFlags uint32

const (
	Ignore         StdioFlags = C.UV_IGNORE          // nothing, /dev/null for descriptors 0 to 2
	CreatePipe     StdioFlags = C.UV_CREATE_PIPE     // a new socket pair, whose other end is opened in Stream
	InheritFD      StdioFlags = C.UV_INHERIT_FD      // the parent's descriptor FD
	InheritStream  StdioFlags = C.UV_INHERIT_STREAM  // the descriptor of the parent's Stream
	ReadablePipe   StdioFlags = C.UV_READABLE_PIPE   // with CreatePipe: the child reads, the parent writes
	WritablePipe   StdioFlags = C.UV_WRITABLE_PIPE   // with CreatePipe: the child writes, the parent reads
	NonblockPipe   StdioFlags = C.UV_NONBLOCK_PIPE   // with CreatePipe: the child's end does not block; only Windows heeds it
	OverlappedPipe StdioFlags = C.UV_OVERLAPPED_PIPE // the old name of NonblockPipe

	stdioSource = CreatePipe | InheritFD | InheritStream
	allStdio    = stdioSource | ReadablePipe | WritablePipe | NonblockPipe
)

func (p *Process) raw() *C.uv_process_t { return (*C.uv_process_t)(unsafe.Pointer(p.c)) }

// Spawn starts a process, and returns when the program runs in it, or with the
// reason why it does not: ENOENT and EACCES for the program or the working
// directory, EPERM for a user or group, EMFILE, EAGAIN, ENOMEM and so on. As in
// C, p must be closed after an error too, and so must be the pipes.
//
// EINVAL is returned, with nothing spawned and p not initialised (though it may
// be closed), for what makes C abort or go wrong: nil options, an empty File, a
// NUL byte in a string, unknown flags, several sources for one descriptor, a
// stream that is not initialised, is closed, or belongs to another loop, for
// CreatePipe one that is not a *Pipe, is open already or is named twice. So is
// EBADF for a descriptor 0 to 2 to be inherited that the parent has closed.
//
// A process that is closed before it has exited is not waited for: it stays a
// zombie until the parent exits or waits for its PID, as in C. A program must not
// wait for any child itself (syscall.Wait4 with -1): it may take an exit from
// libuv, and the callback never comes; and that of a child which could not execute
// its program, on which libuv aborts.
//
// Binds uv_spawn. Unlike in C, in a program that Go built, the child's soft
// limit of open files must be lowered to what the parent started with, since Go
// raises it; that is done here.
func (l *Loop) Spawn(p *Process, options *ProcessOptions) error {
	l.enter("Loop.Spawn")
	if p == nil {
		panic("uv: Loop.Spawn: the process handle is nil")
	}
	if p.id != 0 {
		panic("uv: Loop.Spawn: the process handle is open already")
	}
	var err error = EINVAL
	if options != nil && options.valid(l) {
		err = options.inheritable()
	}
	if err == nil {
		err = signals.own(C.int(syscall.SIGCHLD))
	}
	if err != nil {
		p.failed, p.pid, p.kind, p.loop, p.closing = true, 0, C.UV_PROCESS, l, false
		return err
	}

	args := options.Args
	if len(args) == 0 {
		args = []string{options.File}
	}
	var c C.uv_process_options_t
	c.file = C.CString(options.File)
	defer C.free(unsafe.Pointer(c.file))
	c.args = newStrings(args)
	defer C.free(unsafe.Pointer(c.args))
	if options.Env != nil {
		c.env = newStrings(options.Env)
		defer C.free(unsafe.Pointer(c.env))
	}
	if options.Cwd != "" {
		c.cwd = C.CString(options.Cwd)
		defer C.free(unsafe.Pointer(c.cwd))
	}
	c.flags = C.uint(options.Flags)
	c.uid, c.gid = C.uv_uid_t(options.UID), C.uv_gid_t(options.GID)
	if n := len(options.Stdio); n > 0 {
		c.stdio = (*C.uv_stdio_container_t)(C.calloc(C.size_t(n), C.sizeof_uv_stdio_container_t))
		defer C.free(unsafe.Pointer(c.stdio))
		c.stdio_count = C.int(n)
		for i := range options.Stdio {
			if moved := options.Stdio[i].put(&unsafe.Slice(c.stdio, n)[i], i, n); moved >= 0 {
				defer syscall.Close(moved)
			}
		}
	}
	if options.ExitCB != nil {
		c.exit_cb = C.uv_exit_cb(C.gouv_exit_cb)
	}

	p.create(l, HandleTypeProcess, "Loop.Spawn")
	p.cb, p.pid, p.watch, p.failed = options.ExitCB, 0, true, false
	r := p.fork(&c)
	for i := range options.Stdio {
		if s := &options.Stdio[i]; s.Flags&CreatePipe != 0 {
			_ = streamOf(s.Stream).opened(0)
		}
	}
	if r == 0 {
		p.pid = int32(C.uv_process_get_pid(p.raw()))
	}
	return result(r)
}

// fork is uv_spawn, while nobody changes the environment or makes descriptors
// that are not close-on-exec yet.
func (p *Process) fork(options *C.uv_process_options_t) C.int {
	environment.RLock()
	defer environment.RUnlock()
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()
	return C.gouv_spawn(p.loop.c, p.raw(), options)
}

// valid reports whether libuv can be given the options.
func (o *ProcessOptions) valid(l *Loop) bool {
	if o.File == "" || hasNUL(o.File, o.Cwd) || hasNUL(o.Args...) || hasNUL(o.Env...) || o.Flags&^allProcessFlags != 0 {
		return false
	}
	for i := range o.Stdio {
		s := &o.Stdio[i]
		if s.Flags&^allStdio != 0 {
			return false
		}
		switch s.Flags & stdioSource {
		case Ignore:
		case InheritFD:
			if s.FD < 0 || !fits(s.FD) {
				return false
			}
		case InheritStream:
			if h := streamOf(s.Stream); !h.usable(l) || !h.isOpen() {
				return false
			}
		case CreatePipe:
			h := streamOf(s.Stream)
			if !h.usable(l) || h.kind != C.UV_NAMED_PIPE || h.isOpen() || h.connecting {
				return false
			}
			for _, other := range o.Stdio[:i] {
				if other.Flags&CreatePipe != 0 && streamOf(other.Stream) == h {
					return false
				}
			}
		default:
			return false
		}
	}
	return true
}

// inheritable returns EBADF for a descriptor 0 to 2 to be inherited that is
// closed, in whose place there is another while libuv spawns. It finds the rest.
func (o *ProcessOptions) inheritable() error {
	for _, s := range o.Stdio {
		if s.Flags&InheritFD != 0 && s.FD <= 2 && C.gouv_is_open(C.int(s.FD)) == 0 {
			return EBADF
		}
	}
	return nil
}

// put writes container number i of n as C has it, where stream and descriptor
// share a place. It returns a descriptor to close after the spawn, or -1.
//
// libuv's child copies a descriptor, lest it overwrite it before it comes to use
// it, and its limit of open files, which is a lower one by then, might not let it.
// So such a copy is made here.
func (s *StdioContainer) put(c *C.uv_stdio_container_t, i, n int) (moved int) {
	c.flags = C.uv_stdio_flags(s.Flags)
	moved = -1
	fd := s.FD
	switch data := unsafe.Pointer(&c.data); s.Flags & stdioSource {
	case CreatePipe:
		*(**C.uv_stream_t)(data) = streamOf(s.Stream).raw()
	case InheritStream:
		fd = streamOf(s.Stream).fd()
		fallthrough
	case InheritFD:
		if fd < i {
			moved = int(C.gouv_move_up(C.int(fd), C.int(max(n, 3))))
		}
		c.flags = C.UV_INHERIT_FD
		*(*C.int)(data) = C.int(max(fd, moved))
	}
	return moved
}

// newStrings returns a copy of list as C has it, pointers with NULL for the
// last, in one piece of memory.
func newStrings(list []string) **C.char {
	size := (len(list) + 1) * C.sizeof_size_t
	for _, s := range list {
		size += len(s) + 1
	}
	// Zeroed: the garbage collector looks at what a pointer is written over.
	memory := C.calloc(1, C.size_t(size))
	pointers := unsafe.Slice((**C.char)(memory), len(list)+1)
	text := unsafe.Slice((*byte)(memory), size)[(len(list)+1)*C.sizeof_size_t:]
	for i, s := range list {
		pointers[i] = (*C.char)(unsafe.Pointer(&text[0]))
		n := copy(text, s)
		text[n] = 0
		text = text[n+1:]
	}
	pointers[len(list)] = nil
	return &pointers[0]
}

// PID returns the process's id, 0 where Spawn failed. After the process has
// exited the id is stale: the system may give it to another one.
//
// Binds uv_process_get_pid.
func (p *Process) PID() int { return int(p.pid) }

// Kill sends a signal to the process; 0 only asks whether it is there. It
// returns ESRCH when the loop has seen it exit, or it was never spawned. Until
// then there is at least a zombie, which takes signals and does nothing; so there
// is after Close, if the process had not exited.
//
// Binds uv_process_kill. Once the ExitCB was called, where C would signal whoever
// has the stale process id now, and when Spawn had failed, where C would signal
// the caller's own process group, it returns ESRCH.
func (p *Process) Kill(signum syscall.Signal) error {
	if p.failed && !p.closing {
		return ESRCH
	}
	p.enter("Process.Kill")
	if p.closing && p.gone || !p.closing && C.uv_is_active(p.c) == 0 {
		return ESRCH
	}
	if !fits(int(signum)) {
		return EINVAL
	}
	return result(C.uv_process_kill(p.raw(), C.int(signum)))
}

// Close implements [Handle]. It does not end the process.
func (p *Process) Close(cb CloseCB) {
	if p.failed && !p.closing {
		if p.abandoned() {
			return
		}
		p.create(p.loop, HandleTypeProcess, "Process.Close")
		p.failed, p.gone, p.closing, p.closeCB = false, true, true, cb
		C.gouv_close_unspawned(p.loop.c, p.c)
		return
	}
	if !p.abandoned() {
		p.enterOpen("Handle.Close")
		p.gone = C.uv_is_active(p.c) == 0
		p.close(cb)
	}
	if p.watch {
		p.watch = false
		signals.disown(C.int(syscall.SIGCHLD))
	}
}

// Kill sends a signal to a process; 0 only asks whether it is there. As with
// kill(2), 0 and negative ids name process groups.
//
// Binds uv_kill. Any goroutine may call it.
func Kill(pid int, signum syscall.Signal) error {
	switch {
	case !fits(int(signum)):
		return EINVAL
	case !fits(pid):
		return ESRCH
	}
	return result(C.uv_kill(C.int(pid), C.int(signum)))
}

// DisableStdioInheritance makes the descriptors that the process inherited
// close-on-exec, as far as they can be found, so that children do not get them
// by accident. Call it early.
//
// Binds uv_disable_stdio_inheritance.
func DisableStdioInheritance() { C.uv_disable_stdio_inheritance() }
