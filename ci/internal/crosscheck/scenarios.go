package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What the programs have one of.
const (
	port     = "port 7000"
	socket   = "the socket"
	echoSock = "/tmp/echo.sock"
)

var scenarios = []scenario{
	{name: "spawn/fresh", run: spawnFresh},
	{name: "spawn/again", run: spawnAgain},
	{name: "spawn/no-mkdir", run: spawnNoMkdir},
	{name: "detach", run: detach},
	{name: "child/plain", run: child("plain")},
	{name: "child/given", run: child("given")},
	{name: "child/limit", run: child("limit")},
	{name: "signal/usr1", run: signalUSR1},
	{name: "signal/usr2", run: signalUSR2,
		differs: "a signal that nobody watches kills C; Go's runtime catches it",
		want: map[string]string{
			// The PID is in the buffer of C's stdout, and is lost with it.
			"C": "signal's stdout:\nsignal's stderr:\nsignal killed by signal 12\n",
			"Go": "signal's stdout:\nPID <signal's pid>\n" + strings.Repeat("Signal received: 10\n", 4) +
				"signal's stderr:\nsignal exited with status 0\n",
		}},
	{name: "proc-streams", run: procStreams},
	{name: "proc-streams/no-test", run: procStreamsNoTest},
	{name: "cgi/client", uses: port, run: cgiClient},
	{name: "cgi/hang-up", uses: port, run: cgiHangUp},
	{name: "cgi/no-tick", uses: port, run: cgiNoTick},
	{name: "cgi/two-clients", uses: port, run: cgiTwoClients,
		differs: "undefined in C, where it is not tried; Go serves both",
		want: map[string]string{
			"Go": "cgi's stdout:\ncgi's stderr:\n" + strings.Repeat("Process exited with status 0, signal 13\n", 2) +
				"cgi killed by signal 15\n",
		}},
	{name: "pipe-echo-server/clients", uses: socket, run: pipeClients},
	{name: "pipe-echo-server/sigint", uses: socket, run: pipeSIGINT},
	{name: "pipe-echo-server/stale", uses: socket, run: pipeStale},
	{name: "pipe-echo-server/socat", uses: socket, run: pipeSocat},
	{name: "multi-echo-server/clients", uses: port, run: multiClients},
	{name: "multi-echo-server/worker-killed", uses: port, run: multiWorkerKilled},
	{name: "multi-echo-server/dead-worker", uses: port, run: multiDeadWorker,
		differs: "writing to nobody kills C by SIGPIPE; Go gets EPIPE, loses the connection and lives",
		want: map[string]string{
			"C":  "the server was killed by signal 13\n",
			"Go": "the server serves on\n",
		}},
	{name: "multi-echo-server/sigterm", uses: port, run: multiSIGTERM},
}

func spawnFresh(r *run) {
	r.start("spawn", nil).finish()
	r.noteDir()
}

func spawnAgain(r *run) {
	r.check(os.Mkdir(filepath.Join(r.dir, "test-dir"), 0o777))
	r.start("spawn", nil).finish()
	r.noteDir()
}

func spawnNoMkdir(r *run) {
	r.start("spawn", []string{"PATH=" + filepath.Join(r.dir, "nowhere")}).finish()
	r.noteDir()
}

// noteDir notes what is in the working folder.
func (r *run) noteDir() {
	entries, err := os.ReadDir(r.dir)
	r.check(err)
	for _, e := range entries {
		info, err := e.Info()
		r.check(err)
		r.note("there is %v %s", info.Mode(), e.Name())
	}
}

// detach looks at what the sleep inherited: everything that may differ between
// a child of a C program and one of a Go program.
func detach(r *run) {
	p := r.start("detach", nil)
	p.finish()
	match := regexp.MustCompile(`PID (\d+)`).FindStringSubmatch(p.stderr.String())
	if match == nil {
		r.fail("no PID in %q", p.stderr.String())
	}
	pid, err := strconv.Atoi(match[1])
	r.check(err)
	defer syscall.Kill(pid, syscall.SIGKILL)

	r.note("the sleep lives: %v", syscall.Kill(pid, 0) == nil)
	proc := fmt.Sprintf("/proc/%d/", pid)
	stat, err := os.ReadFile(proc + "stat")
	if errors.Is(err, os.ErrNotExist) {
		return // a system without /proc
	}
	r.check(err)
	// pid (name) state ppid pgrp session …
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	r.note("its parent is detach: %v", fields[1] == fmt.Sprint(p.cmd.Process.Pid))
	r.note("its parent is process %s", fields[1])
	r.note("it has a process group of its own: %v", fields[2] == match[1])
	r.note("it has a session of its own: %v", fields[3] == match[1])

	// While it starts it has files of its own open, the dynamic linker's. What is
	// there after a while was inherited.
	fds := descriptors(pid)
	for deadline := time.Now().Add(5 * time.Second); len(fds) > 3 && time.Now().Before(deadline); fds = descriptors(pid) {
		time.Sleep(5 * time.Millisecond)
	}
	for _, fd := range fds {
		target, err := os.Readlink(proc + "fd/" + fd)
		r.check(err)
		info, err := os.ReadFile(proc + "fdinfo/" + fd)
		r.check(err)
		r.note("its descriptor %s is %s, %q", fd, target, regexp.MustCompile(`flags:\s*\d+`).Find(info))
	}
	status, err := os.ReadFile(proc + "status")
	r.check(err)
	for _, line := range regexp.MustCompile(`(?m)^(Name|Umask|SigBlk|SigIgn|SigCgt):.*`).FindAll(status, -1) {
		r.note("%s", line)
	}
	limits, err := os.ReadFile(proc + "limits")
	r.check(err)
	r.note("%s", bytes.TrimSpace(limits))
}

// child has the same probe spawned by a C program and by a Go program, which have
// done the same to what children inherit, and notes what the probe sees.
func child(mode string) func(*run) {
	return func(r *run) {
		if _, err := os.Stat("/proc/self/status"); err != nil {
			r.skip("needs /proc")
		}
		probe := filepath.Join(filepath.Dir(r.bin), "C", "probe")
		r.start("parent", []string{"PARENT_UNSET=1"}, probe, mode).finish()
		text := strings.ReplaceAll(r.notes[len(r.notes)-1], probe, "<probe>")
		// What no two processes have in common.
		text = regexp.MustCompile(`(?m)^/proc/self/status: (Pid|PPid|Tgid|NSpid|NSpgid|NSsid|NStgid|Vm\w+|Rss\w+|FDSize|SigQ|\w*ctxt_switches|State):.*\n`).
			ReplaceAllString(text, "")
		r.notes[len(r.notes)-1] = regexp.MustCompile(`(pipe|socket):\[\d+\]`).ReplaceAllString(text, "$1")
	}
}

// descriptors returns the numbers of a process's descriptors, nil on a system
// without /proc.
func descriptors(pid int) []string {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	var fds []string
	for _, e := range entries {
		fds = append(fds, e.Name())
	}
	return fds
}

// sockets returns how many sockets each process has, none on a system without
// /proc. Of other descriptors Go's runtime opens some when it first needs them.
func sockets(pids ...int) []int {
	counts := make([]int, len(pids))
	for i, pid := range pids {
		for _, fd := range descriptors(pid) {
			if target, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, fd)); strings.HasPrefix(target, "socket:") {
				counts[i]++
			}
		}
	}
	return counts
}

func signalUSR1(r *run) {
	p := r.start("signal", nil)
	p.awaitWatchers()
	p.end(syscall.SIGUSR1)
}

// signalUSR2 ends C by the first signal; Go needs the second.
func signalUSR2(r *run) {
	p := r.start("signal", nil)
	p.awaitWatchers()
	p.signal(syscall.SIGUSR2)
	p.end(syscall.SIGUSR1)
}

// awaitWatchers waits until all watchers of the program signal have started. It
// does not tell, so this looks: a loop that runs waits for the pipe that libuv
// passes signals through, and it runs when its thread's watchers have started.
// Two loops do so, as the second thread's second loop only runs when its first
// one is done. Go's own poller does not count: it waits for edges, libuv does
// not, which eight digits of events tell.
func (p *program) awaitWatchers() {
	proc := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	if _, err := os.Stat(proc); err != nil {
		p.r.skip("needs /proc")
	}
	waitsFor := regexp.MustCompile(`(?m)^tfd:\s*(\d+)\s+events:\s+[0-9a-f]{1,7}\s`)
	p.poll("started its watchers", func() bool {
		loops := 0
		for _, fd := range descriptors(p.cmd.Process.Pid) {
			info, _ := os.ReadFile(proc + "fdinfo/" + fd)
			for _, match := range waitsFor.FindAllSubmatch(info, -1) {
				if target, _ := os.Readlink(proc + "fd/" + string(match[1])); strings.HasPrefix(target, "pipe:") {
					loops++
				}
			}
		}
		return loops == 2
	})
}

func procStreams(r *run)       { r.start("proc-streams", nil).finish() }
func procStreamsNoTest(r *run) { r.startAlone("proc-streams").finish() }

func cgiClient(r *run) {
	p := r.start("cgi", nil)
	conn := p.dial("tcp", "127.0.0.1:7000")
	defer conn.Close()
	lines := bufio.NewReader(conn)
	first, err := lines.ReadString('\n')
	r.check(err)
	began := time.Now()
	rest, err := io.ReadAll(lines)
	r.check(err)
	r.note("the client gets %q", first+string(rest))
	r.note("the ticks come as they are made: %v", time.Since(began) > 5*time.Second)
	p.await("Process exited")
	p.end(syscall.SIGTERM)
}

func cgiHangUp(r *run) {
	p := r.start("cgi", nil)
	readLine(r, p.dial("tcp", "127.0.0.1:7000")).Close()
	p.await("Process exited")
	p.end(syscall.SIGTERM)
}

func cgiNoTick(r *run) {
	p := r.startAlone("cgi")
	conn := p.dial("tcp", "127.0.0.1:7000")
	defer conn.Close()
	p.await("\n")
	p.end(syscall.SIGTERM)
}

func cgiTwoClients(r *run) {
	p := r.start("cgi", nil)
	one := readLine(r, p.dial("tcp", "127.0.0.1:7000"))
	two := readLine(r, p.dial("tcp", "127.0.0.1:7000"))
	one.Close()
	two.Close()
	p.await("Process exited with status 0, signal 13\nProcess exited with status 0, signal 13\n")
	p.end(syscall.SIGTERM)
}

// readLine reads a line from a client and returns it.
func readLine(r *run, conn net.Conn) net.Conn {
	_, err := bufio.NewReader(conn).ReadString('\n')
	r.check(err)
	return conn
}

func pipeClients(r *run) {
	const clients, size = 20, 1 << 20
	p := r.start("pipe-echo-server", nil)
	conns := make([]net.Conn, clients)
	for i := range conns {
		conns[i] = p.dial("unix", echoSock)
		defer conns[i].Close()
	}
	r.together(clients, func(i int) error { return echo(conns[i], noise(i, size)) })
	r.note("%d clients get their %d bytes back", clients, size)
	r.noteSocket()
	p.end(syscall.SIGTERM)
	r.noteSocket()
	os.Remove(echoSock)
}

// noise returns bytes that are another client's with another seed.
func noise(seed, size int) []byte {
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(seed)}).Read(data)
	return data
}

func pipeSIGINT(r *run) {
	p := r.start("pipe-echo-server", nil)
	conn := p.dial("unix", echoSock)
	defer conn.Close()
	r.check(echo(conn, []byte("hello")))
	p.end(syscall.SIGINT)
	r.noteSocket()
}

func pipeStale(r *run) {
	p := r.start("pipe-echo-server", nil)
	p.dial("unix", echoSock).Close()
	r.start("pipe-echo-server", nil).finish() // beside one that lives
	p.end(syscall.SIGKILL)
	r.noteSocket()
	r.start("pipe-echo-server", nil).finish()
	r.noteSocket()
	os.Remove(echoSock)
}

func pipeSocat(r *run) {
	if _, err := exec.LookPath("socat"); err != nil {
		r.skip("socat is not installed")
	}
	p := r.start("pipe-echo-server", nil)
	p.dial("unix", echoSock).Close()
	socat := exec.Command("socat", "-", "UNIX-CONNECT:"+echoSock)
	socat.Stdin = strings.NewReader("hello from socat\n")
	out, err := socat.Output()
	r.check(err)
	r.note("socat gets %q", out)
	p.end(syscall.SIGINT)
}

// noteSocket notes whether the socket is there.
func (r *run) noteSocket() {
	info, err := os.Lstat(echoSock)
	if errors.Is(err, os.ErrNotExist) {
		r.note("the socket is gone")
		return
	}
	r.check(err)
	r.note("the socket is there: %v", info.Mode())
}

// multiClients connects one client after the other, so that the order in which
// the workers write is known, and then keeps all of them busy at once.
func multiClients(r *run) {
	const clients, size = 200, 1 << 14
	p := r.start("multi-echo-server", nil)
	conns := make([]net.Conn, clients)
	var workers, before, first []int
	for i := range conns {
		conns[i] = p.dial("tcp", "127.0.0.1:7000")
		defer conns[i].Close()
		r.check(echo(conns[i], []byte("hello")))
		if i == 0 {
			before = sockets(p.cmd.Process.Pid)
			workers = p.workers()
			workers = workers[:min(len(workers), clients)]
		}
		if i == len(workers)-1 {
			first = sockets(workers...) // each has one client
		}
	}
	r.together(clients, func(i int) error { return echo(conns[i], noise(i, size)) })
	r.note("%d clients get their bytes back", clients)
	r.note("the server keeps %d sockets for the %d clients after the first",
		sockets(p.cmd.Process.Pid)[0]-before[0], clients-1)
	r.note("its workers have %v sockets with a client each, and %v with all", first, sockets(workers...))
	for _, conn := range conns[len(workers):] {
		conn.Close()
	}
	p.poll("had its workers close the sockets of clients that hung up", func() bool {
		return slices.Equal(sockets(workers...), first)
	})
	for _, conn := range conns[:len(workers)] {
		conn.Close()
	}
	p.end(syscall.SIGTERM)
}

// workers returns the process ids of the server's workers, in the order of
// their turns: the last to be started comes first. One must have a client.
func (p *program) workers() []int {
	p.await("Accepted fd") // which they write after the server wrote of them
	var pids []int
	for _, match := range regexp.MustCompile(`Started worker (\d+)`).FindAllStringSubmatch(p.stderr.String(), -1) {
		pid, err := strconv.Atoi(match[1])
		p.r.check(err)
		pids = append([]int{pid}, pids...)
	}
	if len(pids) == 0 || pids[0] == 0 {
		p.r.fail("the server started no workers: %q", p.stderr.String())
	}
	return pids
}

// killFirstWorker waits for the server and kills the worker that gets the first
// connection, after it got it. It returns how many workers there were.
func (p *program) killFirstWorker() int {
	conn := p.dial("tcp", "127.0.0.1:7000")
	defer conn.Close()
	p.r.check(echo(conn, []byte("hello")))
	workers := p.workers()
	syscall.Kill(workers[0], syscall.SIGTERM)
	p.await("Process exited with status 0, signal 15")
	return len(workers)
}

// multiWorkerKilled lets every worker that lives have a connection, and stops
// before the dead one's turn.
func multiWorkerKilled(r *run) {
	p := r.start("multi-echo-server", nil)
	for range p.killFirstWorker() - 1 {
		conn := p.dial("tcp", "127.0.0.1:7000")
		defer conn.Close()
		r.check(echo(conn, []byte("hello")))
		conn.Close()
	}
	p.end(syscall.SIGTERM)
}

// multiDeadWorker goes on to the dead one's turn.
func multiDeadWorker(r *run) {
	p := r.start("multi-echo-server", nil)
	workers := p.killFirstWorker()
	for range workers {
		conn := p.dial("tcp", "127.0.0.1:7000")
		defer conn.Close()
	}
	// Where the server lives, the next connection has a turn again. With no other
	// worker than the dead one nobody answers, which is all there is to see.
	if conn, err := net.Dial("tcp", "127.0.0.1:7000"); err == nil {
		defer conn.Close()
		patience := limit
		if workers == 1 {
			patience = 2 * time.Second
		}
		conn.SetDeadline(time.Now().Add(patience))
		if err := echo(conn, []byte("hello")); err == nil || workers == 1 && errors.Is(err, os.ErrDeadlineExceeded) {
			r.note("the server serves on")
			p.signal(syscall.SIGTERM)
			p.wait()
			return
		}
	}
	r.note("the server was %s", p.wait())
}

// multiSIGTERM ends the server while a client is connected: its worker serves
// on until it hangs up.
func multiSIGTERM(r *run) {
	p := r.start("multi-echo-server", nil)
	conn := p.dial("tcp", "127.0.0.1:7000")
	defer conn.Close()
	r.check(echo(conn, []byte("hello")))
	p.signal(syscall.SIGTERM)
	r.note("the server was %s", p.wait())
	r.check(echo(conn, []byte("still there?")))
	r.note("the worker serves on")
	conn.Close()
	p.finish()
}
