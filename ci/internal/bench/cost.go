//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Where a message's time goes: perf samples the servers under load, and each
// sample is counted for one of these. The rest is what is nobody's.
var costs = []string{
	"kernel: read",
	"kernel: write",
	"kernel: epoll_wait",
	"kernel: threads that sleep and wake",
	"kernel: other calls",
	"kernel: interrupts, faults, rest",
	"libuv",
	"C library: malloc, free",
	"C library: rest",
	"from C to Go",
	"from Go to C",
	"binding",
	"Go's memory: allocation, pinning, collection",
	"Go's runtime: rest",
	"program",
	"rest",
}

var costCell = echoCell{transport: "unix", connections: 50, size: 64, depth: 1}

var costPrograms = []string{"C guide", "Go guide", "C tuned", "Go tuned"}

func measureCost(b *bench) error {
	if _, err := exec.LookPath("perf"); err != nil {
		b.skip("where a message's time goes: perf is not installed")
		return nil
	}
	b.log("cost")
	for _, style := range styles {
		if !slices.Contains(costPrograms, style.program) {
			continue
		}
		if err := b.profile(style.program, style.command(b), style.style); err != nil {
			return b.skipNoPerf(err)
		}
	}
	for _, program := range spawnCostPrograms {
		if err := b.profileSpawn(program, map[string]command{"C": b.c, "cgo alone": b.bare, "Go": b.goProgram}[program]); err != nil {
			return b.skipNoPerf(err)
		}
	}
	return nil
}

// profile has perf sample a server under load.
func (b *bench) profile(program string, c command, style string) error {
	e, ms := costCell, pick(b, 2000, 500)
	path := filepath.Join(b.temp, "echo.sock")
	defer os.Remove(path)
	s, err := c.with("echo", style, e.transport, path).serve(measured)
	if err != nil {
		return err
	}
	defer s.stop()
	pid := s.cmd.Process.Pid
	type profile struct {
		samples []sample
		err     error
	}
	profiled := make(chan profile, 1)
	go func() {
		_, samples, err := b.perf(loading, "-p", fmt.Sprint(pid), "--", "sleep", fmt.Sprint(float64(ms)/1000))
		profiled <- profile{samples, err}
	}()
	got, err := b.c.with("load", e.transport, s.address, e.connections, e.size, e.depth, 100, ms, pid).run(loading, nil)
	p := <-profiled
	if err != nil {
		return err
	}
	if p.err != nil {
		return p.err
	}
	b.share(e.String(), program, got["cpu"], costs, p.samples, func(s sample) string { return costOf(s.frames) })
	return nil
}

// Where a spawn's time goes, all on one processor.
var spawnCosts = []string{
	"parent: fork",
	"parent: page faults",
	"parent: threads that sleep and wake",
	"parent: rest",
	"child: page faults",
	"child: execve",
	"child: rest",
	"/bin/true",
}

var spawnCostPrograms = []string{"C", "cgo alone", "Go"}

// profileSpawn has perf sample a program that spawns, with all that it spawns.
func (b *bench) profileSpawn(program string, c command) error {
	got, samples, err := b.perf(measured, append(command{"--"}, c.with("spawn", 0, pick(b, 4000, 500))...)...)
	if err != nil {
		return err
	}
	each := 2e9 / (got["sequential"] + got["parallel"]) // it did both for the same time
	b.share("spawn", program, each, spawnCosts, samples, func(s sample) string { return spawnCostOf(s, samples[0].pid) })
	return nil
}

// spawnCostOf says what a sample is counted for.
func spawnCostOf(s sample, parent string) string {
	inside := func(functions ...string) bool {
		return slices.ContainsFunc(s.frames, func(f frame) bool { return slices.Contains(functions, f.function) })
	}
	faults := inside("asm_exc_page_fault", "exc_page_fault")
	switch {
	case s.program == "true":
		return "/bin/true"
	case s.pid == parent && inside("_Fork", "kernel_clone", "__do_sys_clone"):
		return "parent: fork"
	case s.pid == parent && faults:
		return "parent: page faults"
	case s.pid == parent && costOf(s.frames) == "kernel: threads that sleep and wake":
		return "parent: threads that sleep and wake"
	case s.pid == parent:
		return "parent: rest"
	case faults:
		return "child: page faults"
	case inside("__x64_sys_execve", "__arm64_sys_execve", "do_execveat_common.isra.0"):
		return "child: execve"
	}
	return "child: rest"
}

// perf samples what its arguments say, and returns what the program that it runs
// has printed, and the samples.
func (b *bench) perf(cpu int, args ...string) (map[string]float64, []sample, error) {
	data := filepath.Join(b.temp, "perf.data")
	got, err := append(command{"perf", "record", "-q", "-e", "cpu-clock", "-F", "4999", "-g", "-o", data}, args...).run(cpu, nil)
	if err != nil {
		return nil, nil, errNoPerf{err}
	}
	text, err := output("perf", "script", "-i", data, "-F", "comm,pid,ip,sym,dso")
	if err != nil {
		return nil, nil, err
	}
	samples := parseSamples(text)
	if len(samples) == 0 {
		return nil, nil, fmt.Errorf("cost: perf took no samples (%s)", strings.Join(args, " "))
	}
	return got, samples, nil
}

// errNoPerf is why perf may not sample.
type errNoPerf struct{ error }

func (b *bench) skipNoPerf(err error) error {
	var noPerf errNoPerf
	if !errors.As(err, &noPerf) {
		return err
	}
	b.skip("where time goes: perf may not sample here (%s)", strings.Join(strings.Fields(err.Error()), " "))
	return nil
}

// share divides what something costs by where it was sampled.
func (b *bench) share(cell, program string, all float64, names []string, samples []sample, of func(sample) string) {
	counts := map[string]int{}
	for _, s := range samples {
		counts[of(s)]++
	}
	for _, name := range names {
		b.figures[figure{"cost", cell, program, name}] = series{all * float64(counts[name]) / float64(len(samples))}
	}
	b.figures[figure{"cost", cell, program, "all"}] = series{all}
}

// sample is what a process was doing: its program's name, its id, and the frames
// of its stack, the innermost first.
type sample struct {
	program, pid string
	frames       []frame
}

// frame is a line of a sample: the function and the file that it is in.
type frame struct{ function, file string }

var (
	sampleLine = regexp.MustCompile(`^(.+?)\s+(\d+)$`)
	frameLine  = regexp.MustCompile(`^[0-9a-f]+ (.*) \((.*)\)$`)
)

// parseSamples reads samples, between which perf leaves an empty line.
func parseSamples(text string) (samples []sample) {
	for part := range strings.SplitSeq(text, "\n\n") {
		var s sample
		for line := range strings.Lines(part) {
			line = strings.TrimSpace(line)
			if m := frameLine.FindStringSubmatch(line); m != nil {
				s.frames = append(s.frames, frame{m[1], m[2]})
			} else if m := sampleLine.FindStringSubmatch(line); m != nil {
				s.program, s.pid = m[1], m[2]
			}
		}
		if len(s.frames) > 0 {
			samples = append(samples, s)
		}
	}
	return samples
}

// What a system call is in the kernel. The compiler leaves out the outermost
// function of some.
var systemCall = regexp.MustCompile(`^(?:__(?:x64|arm64)_sys_|ksys_)(\w+)$`)

// costOf says what a sample is counted for.
func costOf(frames []frame) string {
	if strings.HasPrefix(frames[0].file, "[") { // the kernel's names are in brackets
		for _, f := range frames {
			m := systemCall.FindStringSubmatch(f.function)
			if m == nil {
				continue
			}
			switch m[1] {
			case "read", "readv", "recvfrom", "recvmsg":
				return "kernel: read"
			case "write", "writev", "sendto", "sendmsg":
				return "kernel: write"
			case "epoll_wait", "epoll_pwait", "epoll_pwait2":
				return "kernel: epoll_wait"
			case "futex", "nanosleep", "clock_nanosleep", "sched_yield":
				return "kernel: threads that sleep and wake"
			}
			return "kernel: other calls"
		}
		return "kernel: interrupts, faults, rest"
	}
	function, file := frames[0].function, filepath.Base(frames[0].file)
	switch {
	case strings.HasPrefix(file, "libuv"):
		return "libuv"
	case strings.HasPrefix(file, "libc.") || strings.HasPrefix(file, "libc-") || strings.HasPrefix(file, "ld-"):
		for _, name := range []string{"malloc", "free", "calloc", "brk", "morecore", "consolidate", "sysmalloc", "unlink_chunk"} {
			if strings.Contains(function, name) {
				return "C library: malloc, free"
			}
		}
		return "C library: rest"
	case strings.HasPrefix(function, "runtime.") || strings.HasPrefix(function, "internal/runtime/"):
		return runtimeCost(frames)
	case strings.HasPrefix(function, "_cgoexp_") || strings.HasPrefix(function, "crosscall") || strings.HasPrefix(function, "gouvOn") ||
		strings.HasPrefix(function, "_cgo_release_context") || strings.HasPrefix(function, "_cgo_wait"):
		return "from C to Go"
	case strings.HasPrefix(function, "_cgo_") || strings.Contains(function, "._Cfunc_") || strings.Contains(function, "_cgo_topofstack"):
		return "from Go to C"
	case strings.HasPrefix(function, "libuv/uv.") || strings.HasPrefix(function, "gouv_") || strings.HasPrefix(function, "sync") ||
		strings.HasPrefix(function, "internal/sync"):
		return "binding"
	case file == "c" || strings.HasPrefix(function, "main."):
		return "program"
	}
	return "rest"
}

// runtimeCost goes up the runtime's own frames to see what it was asked for.
func runtimeCost(frames []frame) string {
	for _, f := range frames {
		name, ok := strings.CutPrefix(f.function, "runtime.")
		if !ok && !strings.HasPrefix(f.function, "internal/runtime/") {
			break
		}
		name = strings.ToLower(name)
		switch {
		case strings.Contains(name, "cgocallback"):
			return "from C to Go"
		case strings.HasPrefix(name, "cgocall") || strings.HasPrefix(name, "asmcgocall") || strings.HasPrefix(name, "cgocheck"):
			return "from Go to C"
		case strings.Contains(name, "malloc") || strings.Contains(name, "pinne") || strings.HasPrefix(name, "gc") ||
			strings.Contains(name, "bgsweep") || strings.HasPrefix(name, "wb") || strings.Contains(name, "newobject") ||
			strings.Contains(name, "growslice"):
			return "Go's memory: allocation, pinning, collection"
		}
	}
	// What both ways across are made of, where the frames above are missing.
	for _, name := range []string{"runtime.reentersyscall", "runtime.entersyscall", "runtime.exitsyscall", "runtime.save"} {
		if strings.HasPrefix(frames[0].function, name) {
			return "from Go to C"
		}
	}
	return "Go's runtime: rest"
}

func costTables(b *bench) []table {
	rows := [][]string{append([]string{"ns a message"}, costPrograms...)}
	for _, name := range append(slices.Clone(costs), "all") {
		row := []string{name}
		worth := false
		for _, program := range costPrograms {
			s := b.of("cost", costCell.String(), program, name)
			row = append(row, s.short("%.0f"))
			worth = worth || s.median() >= 0.5
		}
		if worth {
			rows = append(rows, row)
		}
	}
	if len(rows) == 1 {
		return nil
	}
	tables := []table{{fmt.Sprintf("The server's processor time for a message (%s):", costCell), rows}}
	rows = [][]string{append([]string{"µs a process"}, spawnCostPrograms...)}
	for _, name := range append(slices.Clone(spawnCosts), "all") {
		row := []string{name}
		for _, program := range spawnCostPrograms {
			s := b.of("cost", "spawn", program, name)
			row = append(row, series{s.median() / 1000}.short("%.0f"))
		}
		rows = append(rows, row)
	}
	return append(tables, table{"A process from spawn to close, with nothing on the heap:", rows})
}

// The allocations are what Go's own benchmarks of the package report.

var benchmarkLine = regexp.MustCompile(`^BenchmarkHotPath/(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

func measureAllocations(b *bench) error {
	b.log("allocations")
	text, err := output("go", "test", "./uv", "-run", "^$", "-bench", "^BenchmarkHotPath$", "-benchtime", pick(b, "5000x", "500x"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(text) {
		m := benchmarkLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		path := strings.ReplaceAll(m[1], "_", " ")
		b.hotPaths = append(b.hotPaths, path)
		fields := strings.Fields(m[2])
		for i := 0; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return fmt.Errorf("allocations: %q: %w", line, err)
			}
			b.figures[figure{"allocations", path, "Go", fields[i+1]}] = series{value}
		}
	}
	if len(b.hotPaths) == 0 {
		return fmt.Errorf("allocations: no benchmark was run:\n%s", text)
	}
	return nil
}

func allocationsTables(b *bench) []table {
	rows := [][]string{{"from the call to the callback", "allocations", "bytes", "ns"}}
	for _, path := range b.hotPaths {
		of := func(name string) string { return b.of("allocations", path, "Go", name).short("%.0f") }
		rows = append(rows, []string{path, of("allocs/op"), of("B/op"), of("ns/op")})
	}
	return []table{{rows: rows}}
}
