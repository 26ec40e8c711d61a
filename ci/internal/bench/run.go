//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// Programs of the benchmark run pinned: what is measured on one processor, its
// load on another.
var measured, loading = processors()

func processors() (first, second int) {
	var mask [16]uint64
	n, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask)))
	var allowed []int
	for cpu := 0; errno == 0 && cpu < int(n)*8; cpu++ {
		if mask[cpu/64]&(1<<(cpu%64)) != 0 {
			allowed = append(allowed, cpu)
		}
	}
	if len(allowed) == 0 {
		return 0, 0
	}
	return allowed[0], allowed[len(allowed)-1]
}

func setAffinity(cpus ...int) error {
	var mask [16]uint64
	for _, cpu := range cpus {
		mask[cpu/64] |= 1 << (cpu % 64)
	}
	_, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask)))
	if errno != 0 {
		return errno
	}
	return nil
}

// children are the programs that run, for killAll.
var children = struct {
	sync.Mutex
	over    bool // nothing is started any more
	running map[*exec.Cmd]bool
}{running: map[*exec.Cmd]bool{}}

// start starts a program on a processor, in a process group of its own.
func start(c *exec.Cmd, cpu int) error {
	children.Lock()
	defer children.Unlock()
	if children.over {
		return errors.New("interrupted")
	}
	// A child has the affinity of the thread that starts it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before [16]uint64
	syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(before), uintptr(unsafe.Pointer(&before)))
	if err := setAffinity(cpu); err != nil {
		return fmt.Errorf("pinning to processor %d: %w", cpu, err)
	}
	defer syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(before), uintptr(unsafe.Pointer(&before)))
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		return err
	}
	children.running[c] = true
	return nil
}

// finish waits for a program that was started.
func finish(c *exec.Cmd) error {
	err := c.Wait()
	children.Lock()
	defer children.Unlock()
	delete(children.running, c)
	return err
}

func kill(c *exec.Cmd) { syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }

func killAll() {
	children.Lock()
	defer children.Unlock()
	children.over = true
	for c := range children.running {
		kill(c)
	}
}

// timeLimit is how long a program may take beyond what it was told to measure.
const timeLimit = 60 * time.Second

// command is a program with its arguments.
type command []string

func (c command) with(args ...any) command {
	all := append(command{}, c...)
	for _, arg := range args {
		all = append(all, fmt.Sprint(arg))
	}
	return all
}

// run runs a program to its end and returns the figures that it prints.
func (c command) run(cpu int, stdin *os.File) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.Command(c[0], c[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if stdin != nil {
		cmd.Stdin = stdin
	}
	cmd.WaitDelay = time.Second
	if err := start(cmd, cpu); err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { kill(cmd) })()
	if err := finish(cmd); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(c, " "), err, errs.String())
	}
	return parse(out.String())
}

// parse reads lines of the form "name value unit".
func parse(text string) (map[string]float64, error) {
	figures := map[string]float64{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, fmt.Errorf("not a figure: %q", line)
		}
		value, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			return nil, err
		}
		figures[fields[0]] = value
	}
	return figures, nil
}

// server is a program that says where it can be reached, and runs until it is
// killed.
type server struct {
	cmd     *exec.Cmd
	address string
	errs    bytes.Buffer
}

func (c command) serve(cpu int) (*server, error) {
	s := &server{cmd: exec.Command(c[0], c[1:]...)}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	s.cmd.Stdout, s.cmd.Stderr = in, &s.errs
	err = start(s.cmd, cpu)
	in.Close()
	if err != nil {
		return nil, err
	}
	out.SetReadDeadline(time.Now().Add(timeLimit))
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ready := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if !ready {
		if err == nil || err == io.EOF {
			err = fmt.Errorf("it says %q", line)
		}
		s.stop()
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(c, " "), err, s.errs.String())
	}
	s.address = address
	return s, nil
}

func (s *server) stop() {
	kill(s.cmd)
	finish(s.cmd)
}

// output runs a program that is no benchmark and returns what it prints.
func output(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*timeLimit)
	defer cancel()
	var errs bytes.Buffer
	c := exec.CommandContext(ctx, name, args...)
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, out, errs.String())
	}
	return strings.TrimSpace(string(out)), nil
}
