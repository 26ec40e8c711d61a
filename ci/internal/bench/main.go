//go:build linux

// Bench measures the binding beside C: programs over libuv and over the binding
// that do the same take turns, and what counts is the ratio of neighbours.
//
// Run it by ci/bench, in the project's folder.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

type bench struct {
	quick     bool
	temp      string
	c         command // the programs of c/
	goProgram command // the programs of subject/
	bare      command // those of bare/
	osexec    command
	peers     []peer // echo servers
	files     uint64 // how many a process may have open
	figures   figures
	hotPaths  []string // what allocations has figures of
	skipped   []string
}

// peer is an echo server of another making.
type peer struct {
	name    string
	command command
	version string
}

func main() {
	began := time.Now()
	temp, err := os.MkdirTemp("", "bench")
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	cleanup := sync.OnceFunc(func() {
		killAll()
		os.RemoveAll(temp)
	})
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	go func() {
		<-interrupted
		cleanup()
		os.Exit(130)
	}()

	b := &bench{temp: temp, figures: figures{}}
	err = b.run(os.Args[1:])
	cleanup()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	b.log("%.0f s", time.Since(began).Seconds())
}

func (b *bench) log(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

func (b *bench) run(args []string) error {
	b.quick = len(args) > 0 && args[0] == "quick"
	if b.quick {
		args = args[1:]
	}
	chosen := slices.DeleteFunc(slices.Clone(jobs), func(j job) bool { return b.quick && j.slow })
	if len(args) > 0 {
		chosen = nil
		for _, name := range args {
			at := slices.IndexFunc(jobs, func(j job) bool { return j.name == name })
			if at < 0 {
				return fmt.Errorf("there is no job %q, but %s", name, jobNames())
			}
			chosen = append(chosen, jobs[at])
		}
	}
	b.raiseFiles()
	if err := b.build(); err != nil {
		return err
	}
	b.findPeers()
	if measured == loading {
		b.skip("a processor for the load: there is only one, and it is shared")
	}
	for _, j := range chosen {
		began := time.Now()
		if err := b.measure(j); err != nil {
			return err
		}
		b.log("%s: %.0f s", j.name, time.Since(began).Seconds())
	}
	return b.report(chosen, !b.quick && len(args) == 0)
}

func jobNames() string {
	var names []string
	for _, j := range jobs {
		names = append(names, j.name)
	}
	return strings.Join(names, ", ")
}

// raiseFiles lets the programs open as many files as they may.
func (b *bench) raiseFiles() {
	var files syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files)
	files.Cur = files.Max
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &files)
	b.files = files.Cur
}

// build compiles the programs of C and Go.
func (b *bench) build() error {
	const source = "./ci/internal/bench"
	bin := func(name string) string { return filepath.Join(b.temp, name) }
	b.c, b.goProgram, b.bare, b.osexec = command{bin("c")}, command{bin("go")}, command{bin("bare")}, command{bin("osexec")}

	for name, folder := range map[string]string{"go": "/subject", "bare": "/bare", "gonet": "/peers/gonet", "osexec": "/peers/osexec"} {
		if _, err := output("go", "build", "-o", bin(name), source+folder); err != nil {
			return err
		}
	}
	// As cgo finds libuv and the compiler.
	pkgConfig := os.Getenv("PKG_CONFIG")
	if pkgConfig == "" {
		pkgConfig = "pkg-config"
	}
	flags, err := output(pkgConfig, "--cflags", "--libs", "libuv")
	if err != nil {
		return err
	}
	env, err := output("go", "env", "CC", "CGO_CFLAGS", "CGO_LDFLAGS")
	if err != nil {
		return err
	}
	settings := append(strings.Split(env, "\n"), "", "")
	files, err := filepath.Glob(source + "/c/*.c")
	if err != nil {
		return err
	}
	cc := strings.Fields(settings[0])
	_, err = output(cc[0], slices.Concat(cc[1:], strings.Fields(settings[1]),
		[]string{"-O2", "-std=gnu11", "-Wall", "-Wextra", "-o", bin("c")}, files,
		strings.Fields(settings[2]), strings.Fields(flags))...)
	return err
}

// findPeers looks which other echo servers this system can run.
func (b *bench) findPeers() {
	const source = "ci/internal/bench/peers/"
	b.peers = []peer{{"Go net", command{filepath.Join(b.temp, "gonet")}, runtime.Version()}}
	find := func(name, missing, script, flag, version string, interpreters ...string) {
		for _, interpreter := range interpreters {
			if _, err := exec.LookPath(interpreter); err != nil {
				continue
			}
			if found, err := output(interpreter, flag, version); err == nil {
				b.peers = append(b.peers, peer{name, command{interpreter, source + script}, found})
				return
			}
		}
		b.skip("%s: %s is not installed", name, missing)
	}
	// The system's own Python, besides the one that comes first, since that is
	// who has the system's packages.
	find("uvloop", "python3 with uvloop", "echo.py", "-c",
		`import uvloop, sys; print("uvloop", uvloop.__version__, "on Python", sys.version.split()[0])`, "python3", "/usr/bin/python3")
	find("luv", "a Lua with luv", "echo.lua", "-e",
		`print("luv on " .. (jit and jit.version or _VERSION) .. " with libuv " .. require("luv").version_string())`,
		"luajit", "lua5.4", "lua5.3", "lua5.1", "lua")
	find("Node", "node", "echo.js", "-p", `"Node " + process.version + " with libuv " + process.versions.uv`, "node", "nodejs")
}

// availableMiB is how much memory there is to use.
func availableMiB() int {
	text, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemAvailable:" {
			kib, _ := strconv.Atoi(fields[1])
			return kib / 1024
		}
	}
	return 0
}
