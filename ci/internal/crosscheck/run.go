package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"libuv/ci/internal/unixsocket"
)

// limit is how long anything may take before it counts as hung.
const limit = 30 * time.Second

// run is a scenario under way in one language.
type run struct {
	bin     string // where the language's programs are
	dir     string // an empty folder to work in
	uses    string // as the scenario says
	err     error  // why the run failed
	skipped string // why the run cannot be done here

	notes    []string
	programs []*program
	pids     map[string]string // of programs, and what they are called in notes
}

// stopped is what a run panics with to give up.
type stopped struct{}

// do runs a scenario, and kills what is left of it.
func (r *run) do(scenario func(*run)) {
	if r.err != nil {
		return
	}
	r.pids = map[string]string{}
	defer func() {
		for _, p := range r.programs {
			p.kill()
		}
		if value := recover(); value != nil && value != (stopped{}) {
			panic(value)
		}
	}()
	r.checkFree()
	scenario(r)
}

// checkFree sees to it that nobody has what the scenario uses.
func (r *run) checkFree() {
	switch r.uses {
	case port:
		l, err := net.Listen("tcp", "0.0.0.0:7000")
		if err != nil {
			r.fail("the programs need port 7000: %v", err)
		}
		l.Close()
	case socket:
		if err := unixsocket.Free(echoSock); err != nil {
			r.fail("the programs need %s: %v", echoSock, err)
		}
	}
}

// fail gives up.
func (r *run) fail(format string, args ...any) {
	r.err = fmt.Errorf(format, args...)
	panic(stopped{})
}

func (r *run) check(err error) {
	if err != nil {
		r.fail("%w", err)
	}
}

// skip gives up where a scenario cannot be done.
func (r *run) skip(why string) {
	r.skipped = why
	panic(stopped{})
}

// note keeps something for the comparison.
func (r *run) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// String returns the notes with what two runs cannot have in common replaced:
// folders, process ids (by numbers, in order of appearance) and descriptors.
func (r *run) String() string {
	text := strings.Join(r.notes, "\n") + "\n"
	text = strings.ReplaceAll(text, r.bin+string(filepath.Separator), "<bin>/")
	text = strings.ReplaceAll(text, r.dir, "<dir>")
	text = pidWord.ReplaceAllStringFunc(text, func(match string) string {
		word, pid, _ := strings.Cut(match, " ")
		if r.pids[pid] == "" {
			r.pids[pid] = fmt.Sprintf("<pid %d>", len(r.pids)+1)
		}
		return word + " " + r.pids[pid]
	})
	return fdWord.ReplaceAllString(text, "$1 <fd>")
}

// Process ids and descriptors follow a word in all that the programs write. A
// process id of 0 is none, and stays.
var (
	pidWord = regexp.MustCompile(`\b(ID|PID|worker|Worker) [1-9][0-9]*\b`)
	fdWord  = regexp.MustCompile(`\b(fd) [0-9]+\b`)
)

// program is one that was started.
type program struct {
	r              *run
	name           string
	cmd            *exec.Cmd
	stdout, stderr output
	exited         chan struct{} // closed when it has exited
	finished       bool          // its children are gone too
}

// output is what a program has written so far.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // gets a value after each write
	ended   chan struct{} // closed when nobody has it open any more
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// collect returns a file to write to.
func (o *output) collect() (*os.File, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	o.changed, o.ended = make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(o.ended)
		defer reader.Close()
		buf := make([]byte, 4096)
		for {
			n, err := reader.Read(buf)
			o.mu.Lock()
			o.text.Write(buf[:n])
			o.mu.Unlock()
			select {
			case o.changed <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	return writer, nil
}

// running has every program that has not been waited for.
var running = struct {
	sync.Mutex
	programs map[*program]bool
}{programs: map[*program]bool{}}

// killAll ends all programs, for good: who wants to start another one waits
// for ever.
func killAll() {
	running.Lock()
	for p := range running.programs {
		p.kill()
	}
}

// kill ends the program and its children, which are in its process group.
func (p *program) kill() {
	if !p.finished {
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	}
}

// start starts one of the language's programs, with env added to its environment.
func (r *run) start(name string, env []string, args ...string) *program {
	return r.startFile(filepath.Join(r.bin, name), env, args...)
}

// startAlone starts a copy of one of the programs that has no other beside it.
func (r *run) startAlone(name string) *program {
	content, err := os.ReadFile(filepath.Join(r.bin, name))
	r.check(err)
	alone := filepath.Join(r.dir, name)
	// No other goroutine may fork while the file is open for writing: its child
	// would have it open too, and the program could not be started.
	syscall.ForkLock.RLock()
	err = os.WriteFile(alone, content, 0o777)
	syscall.ForkLock.RUnlock()
	r.check(err)
	return r.startFile(alone, nil)
}

func (r *run) startFile(file string, env []string, args ...string) *program {
	p := &program{r: r, name: filepath.Base(file), cmd: exec.Command(file, args...), exited: make(chan struct{})}
	p.cmd.Dir = r.dir
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := p.stdout.collect()
	r.check(err)
	defer stdout.Close()
	stderr, err := p.stderr.collect()
	r.check(err)
	defer stderr.Close()
	p.cmd.Stdout, p.cmd.Stderr = stdout, stderr

	running.Lock()
	err = p.cmd.Start()
	if err == nil {
		running.programs[p] = true
	}
	running.Unlock()
	r.check(err)
	r.programs = append(r.programs, p)
	r.pids[fmt.Sprint(p.cmd.Process.Pid)] = "<" + p.name + "'s pid>"
	go func() {
		p.cmd.Wait() // how it ended is in ProcessState
		running.Lock()
		delete(running.programs, p)
		running.Unlock()
		close(p.exited)
	}()
	return p
}

// signal sends the program a signal.
func (p *program) signal(signum syscall.Signal) {
	syscall.Kill(p.cmd.Process.Pid, signum)
}

// wait waits for the program to exit and returns how it did.
func (p *program) wait() string {
	select {
	case <-p.exited:
	case <-time.After(limit):
		p.r.fail("%s does not end; it wrote %q and %q", p.name, p.stdout.String(), p.stderr.String())
	}
	status := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return fmt.Sprintf("killed by signal %d", status.Signal())
	}
	return fmt.Sprintf("exited with status %d", status.ExitStatus())
}

// finish waits for the program to exit, and for all children that write where
// it writes, and notes what came of it.
func (p *program) finish() {
	how := p.wait()
	for _, o := range []*output{&p.stdout, &p.stderr} {
		select {
		case <-o.ended:
		case <-time.After(limit):
			p.r.fail("%s has exited, but a child of its lives on", p.name)
		}
	}
	p.finished = true
	p.r.note("%s's stdout:\n%s%s's stderr:\n%s%s %s", p.name, p.stdout.String(), p.name, p.stderr.String(), p.name, how)
}

// end sends the program a signal and finishes it.
func (p *program) end(signum syscall.Signal) {
	p.signal(signum)
	p.finish()
}

// await waits until the program has written something to stderr.
func (p *program) await(text string) {
	timeout := time.After(limit)
	for !strings.Contains(p.stderr.String(), text) {
		select {
		case <-p.stderr.changed:
		case <-p.stderr.ended:
			if !strings.Contains(p.stderr.String(), text) {
				p.r.fail("%s ended without writing %q, but %q", p.name, text, p.stderr.String())
			}
		case <-timeout:
			p.r.fail("%s does not write %q, but %q", p.name, text, p.stderr.String())
		}
	}
}

// poll waits for a condition that nothing tells of.
func (p *program) poll(what string, condition func() bool) {
	for deadline := time.Now().Add(limit); !condition(); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.exited:
			p.r.fail("%s ended before it %s: it wrote %q", p.name, what, p.stderr.String())
		default:
		}
		if time.Now().After(deadline) {
			p.r.fail("%s never %s", p.name, what)
		}
	}
}

// dial connects to the program, as soon as it listens.
func (p *program) dial(network, address string) net.Conn {
	var conn net.Conn
	p.poll("listened", func() bool {
		var err error
		conn, err = net.Dial(network, address)
		if err != nil && !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, os.ErrNotExist) {
			p.r.fail("%w", err)
		}
		return err == nil
	})
	conn.SetDeadline(time.Now().Add(limit))
	return conn
}

// echo sends something and reads as much.
func echo(conn net.Conn, data []byte) error {
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(data)
		sent <- err
	}()
	got := make([]byte, len(data))
	if n, err := io.ReadFull(conn, got); err != nil {
		return fmt.Errorf("%d of %d bytes came back: %w", n, len(data), err)
	}
	if !bytes.Equal(got, data) {
		return fmt.Errorf("%d bytes came back changed", len(data))
	}
	return <-sent
}

// together calls do n times at once and fails with the first error.
func (r *run) together(n int, do func(i int) error) {
	errs := make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { errs[i] = do(i) })
	}
	wait.Wait()
	r.check(errors.Join(errs...))
}
