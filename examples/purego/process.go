package purego

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"libuv/uv/uvtest"
)

type process struct {
	handle
	cmd    *exec.Cmd
	active bool
}

func (p *process) IsActive() bool { return p.active && !p.isClosing }

func (p *process) PID() int {
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

func (p *process) Kill(signum syscall.Signal) error {
	switch {
	case !p.active:
		return syscall.ESRCH
	case signum < 0 || signum > 64:
		return syscall.EINVAL
	}
	err := p.cmd.Process.Signal(signum)
	if errors.Is(err, os.ErrProcessDone) {
		return syscall.ESRCH
	}
	return err
}

// Spawn starts the child with os/exec, and a goroutine that waits for it.
func (l *loop) Spawn(options *uvtest.ProcessOptions) (uvtest.Process, error) {
	p := &process{}
	p.init(l, p, uvtest.HandleTypeProcess, func() {})
	cmd := &exec.Cmd{Path: options.File, Args: options.Args, Env: options.Env, Dir: options.Cwd}
	if !strings.Contains(options.File, "/") {
		path, err := exec.LookPath(options.File)
		if err != nil {
			return p, err
		}
		cmd.Path = path
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: options.Flags&uvtest.ProcessDetached != 0}

	var opened []*os.File // the child's ends, closed here when it has them
	defer func() {
		for _, file := range opened {
			file.Close()
		}
	}()
	for fd, s := range options.Stdio {
		file, err := childsEnd(s)
		if err != nil {
			return p, err
		}
		if file != nil {
			opened = append(opened, file)
		}
		give(cmd, fd, file)
	}
	if err := cmd.Start(); err != nil {
		return p, err
	}
	p.cmd, p.active = cmd, true
	go func() {
		cmd.Wait()
		l.post(func() { p.exited(options.ExitCB) })
	}()
	return p, nil
}

func (p *process) exited(cb func(int64, syscall.Signal)) {
	p.active = false
	if cb == nil || p.isClosing {
		return
	}
	status := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		cb(0, status.Signal())
		return
	}
	cb(int64(status.ExitStatus()), 0)
}

// give makes a file a descriptor of the child's.
func give(cmd *exec.Cmd, fd int, file *os.File) {
	switch {
	case fd > 2:
		cmd.ExtraFiles = append(cmd.ExtraFiles, file)
	case file == nil: // not an interface with a nil pointer
	case fd == 0:
		cmd.Stdin = file
	case fd == 1:
		cmd.Stdout = file
	default:
		cmd.Stderr = file
	}
}

// childsEnd returns what a child gets for a container, nil for nothing.
func childsEnd(s uvtest.StdioContainer) (*os.File, error) {
	switch {
	case s.Flags&uvtest.CreatePipe != 0:
		return createPipe(s.Stream.(*pipe), s.Flags)
	case s.Flags&uvtest.InheritFD != 0:
		if s.FD < 0 {
			return nil, syscall.EINVAL
		}
		return duplicate(s.FD)
	case s.Flags&uvtest.InheritStream != 0:
		return streamOf(s.Stream).file()
	}
	return nil, nil
}

func duplicate(fd int) (*os.File, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	copied, err := syscall.Dup(fd)
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(copied)
	return os.NewFile(uintptr(copied), "inherited"), nil
}

func createPipe(p *pipe, flags uvtest.StdioFlags) (*os.File, error) {
	fds, err := socketpair()
	if err != nil {
		return nil, err
	}
	childs := os.NewFile(uintptr(fds[1]), "the child's end")
	if err := p.Open(fds[0]); err != nil {
		childs.Close()
		return nil, err
	}
	p.readable, p.writable = flags&uvtest.WritablePipe != 0, flags&uvtest.ReadablePipe != 0
	return childs, nil
}

func socketpair() ([2]int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	return fds, err
}

// file returns a copy of a stream's descriptor. It is not the File method's of
// package net: os/exec makes that one blocking, and with it the stream, which
// shares the state; the goroutine that accepts or reads would then never end.
func (s *stream) file() (file *os.File, err error) {
	var of syscall.Conn = s.conn
	if s.conn == nil {
		listener, ok := s.listener.(syscall.Conn)
		if !ok {
			return nil, syscall.EBADF
		}
		of = listener
	}
	raw, err := of.SyscallConn()
	if err != nil {
		return nil, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { file, failed = duplicate(int(fd)) })
	if err == nil {
		err = failed
	}
	return file, err
}
