//go:build linux

package main

import (
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
			return err
		}
	}
	for _, program := range spawnCostPrograms {
		if err := b.profileSpawn(program, map[string]command{"C": b.c, "cgo alone": b.bare, "Go": b.goProgram}[program]); err != nil {
			return err
		}
	}
	return nil
}

// profile has perf sample a server under load.
func (b *bench) profile(program string, c command, style string) error {
	e, ms := costCell, pick(b, 2000, 500)
	path, samples := filepath.Join(b.temp, "echo.sock"), filepath.Join(b.temp, "perf.data")
	defer os.Remove(path)
	s, err := c.with("echo", style, e.transport, path).serve(measured)
	if err != nil {
		return err
	}
	defer s.stop()
	pid := s.cmd.Process.Pid
	perf := make(chan error, 1)
	go func() {
		_, err := command{"perf", "record", "-q", "-e", "cpu-clock", "-F", "4999", "-g", "-p", fmt.Sprint(pid), "-o", samples,
			"--", "sleep", fmt.Sprint(float64(ms) / 1000)}.run(loading, nil)
		perf <- err
	}()
	got, err := b.c.with("load", e.transport, s.address, e.connections, e.size, e.depth, 100, ms, pid).run(loading, nil)
	perfErr := <-perf
	if err != nil {
		return err
	}
	if perfErr != nil {
		b.skip("where a message's time goes: perf may not sample here (%s)", strings.Join(strings.Fields(perfErr.Error()), " "))
		return nil
	}
	text, err := output("perf", "script", "-i", samples, "-F", "ip,sym,dso")
	if err != nil {
		return err
	}
	total := 0
	counts := map[string]int{}
	for sample := range strings.SplitSeq(text, "\n\n") {
		if frames := parseFrames(sample); len(frames) > 0 {
			counts[costOf(frames)]++
			total++
		}
	}
	if total == 0 {
		return fmt.Errorf("cost: perf took no samples of %s", program)
	}
	for _, name := range costs {
		b.figures[figure{"cost", e.String(), program, name}] = series{got["cpu"] * float64(counts[name]) / float64(total)}
	}
	b.figures[figure{"cost", e.String(), program, "cpu"}] = series{got["cpu"]}
	return nil
}

// Where a spawn's time goes, all on one processor.
var spawnCosts = []string{
	"parent: fork",
	"parent: page faults",
	"parent: rest",
	"parent: other threads",
	"child: page faults",
	"child: execve",
	"child: rest",
	"/bin/true",
}

var spawnCostPrograms = []string{"C", "cgo alone", "Go"}

// profileSpawn has perf sample a program that spawns, with all that it spawns.
func (b *bench) profileSpawn(program string, c command) error {
	samples := filepath.Join(b.temp, "perf.data")
	ms := pick(b, 2000, 500)
	got, err := append(command{"perf", "record", "-q", "-e", "cpu-clock", "-F", "4999", "-g", "-o", samples, "--"},
		c.with("spawn", 0, ms)...).run(measured, nil)
	if err != nil {
		b.skip("where a spawn's time goes: perf may not sample here (%s)", strings.Join(strings.Fields(err.Error()), " "))
		return nil
	}
	text, err := output("perf", "script", "-i", samples, "-F", "comm,pid,tid,ip,sym,dso")
	if err != nil {
		return err
	}
	total := 0
	counts := map[string]int{}
	parent := ""
	for sample := range strings.SplitSeq(text, "\n\n") {
		header, _, _ := strings.Cut(strings.TrimLeft(sample, "\n"), "\n")
		m := sampleHeader.FindStringSubmatch(header)
		if m == nil {
			continue
		}
		if parent == "" {
			parent = m[2]
		}
		counts[spawnCostOf(m[1], m[2], m[3], parent, parseFrames(sample))]++
		total++
	}
	if total == 0 {
		return fmt.Errorf("cost: perf took no samples of %s", program)
	}
	each := 2e9 / (got["sequential"] + got["parallel"]) // it did both for the same time
	for _, name := range spawnCosts {
		b.figures[figure{"cost", "spawn", program, name}] = series{each * float64(counts[name]) / float64(total)}
	}
	b.figures[figure{"cost", "spawn", program, "all"}] = series{each}
	return nil
}

var sampleHeader = regexp.MustCompile(`^\s*(\S+)\s+(\d+)/(\d+)\s*$`)

// spawnCostOf says what a sample of a program's, process's and thread's is
// counted for.
func spawnCostOf(program, pid, tid, parent string, frames []frame) string {
	inside := func(functions ...string) bool {
		return slices.ContainsFunc(frames, func(f frame) bool { return slices.Contains(functions, f.function) })
	}
	faults := inside("asm_exc_page_fault", "exc_page_fault")
	switch {
	case program == "true":
		return "/bin/true"
	case pid == parent && tid != parent:
		return "parent: other threads"
	case pid == parent && inside("_Fork", "kernel_clone", "__do_sys_clone"):
		return "parent: fork"
	case pid == parent && faults:
		return "parent: page faults"
	case pid == parent:
		return "parent: rest"
	case faults:
		return "child: page faults"
	case inside("__x64_sys_execve", "__arm64_sys_execve", "do_execveat_common.isra.0"):
		return "child: execve"
	}
	return "child: rest"
}

// frame is a line of a sample: the function and the file that it is in.
type frame struct{ function, file string }

var frameLine = regexp.MustCompile(`^\s*[0-9a-f]+ (.*) \((.*)\)$`)

// parseFrames returns a sample's frames, the innermost first.
func parseFrames(sample string) (frames []frame) {
	for line := range strings.Lines(sample) {
		if m := frameLine.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
			frames = append(frames, frame{m[1], m[2]})
		}
	}
	return frames
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
	for _, name := range append(slices.Clone(costs), "cpu") {
		row := []string{name}
		worth := false
		for _, program := range costPrograms {
			s := b.of("cost", costCell.String(), program, name)
			row = append(row, s.short("%.0f"))
			worth = worth || s.median() >= 0.5
		}
		if name == "cpu" {
			row[0] = "all"
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
