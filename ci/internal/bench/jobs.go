//go:build linux

package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// job is something to compare. Its cells are the circumstances under which it is
// done; in each, all programs take turns, and that for a number of rounds.
type job struct {
	name, title string
	rounds      [2]int // in the full benchmark and in the quick one
	cells       func(b *bench) []cell
	tables      func(b *bench) []table
	measure     func(b *bench) error // where there are no cells
	slow        bool                 // the quick benchmark leaves it out unless it is asked for
}

type cell struct {
	name string
	runs []run
}

// run is a program's turn in a cell.
type run struct {
	program string
	peer    bool // it has fewer turns
	measure func() (map[string]float64, error)
}

var jobs = []job{
	{name: "callback", title: "Callbacks", rounds: [2]int{15, 5}, cells: callbackCells, tables: callbackTables},
	{name: "echo", title: "Echo servers", rounds: [2]int{7, 3}, cells: echoCells, tables: echoTables},
	{name: "spawn", title: "Spawn, exit, close", rounds: [2]int{5, 2}, cells: spawnCells, tables: spawnTables},
	{name: "write2", title: "Handles handed over", rounds: [2]int{7, 3}, cells: write2Cells, tables: write2Tables},
	{name: "signals", title: "Signals", rounds: [2]int{9, 3}, cells: signalsCells, tables: signalsTables},
	{name: "memory", title: "Memory of a handle", rounds: [2]int{5, 2}, cells: memoryCells, tables: memoryTables},
	{name: "flat", title: "From one handle to ten thousand", rounds: [2]int{7, 2}, cells: flatCells, tables: flatTables},
	{name: "allocations", title: "Allocations", measure: measureAllocations, tables: allocationsTables},
	{name: "cost", title: "Where a message's time goes", slow: true, measure: measureCost, tables: costTables},
}

// pick returns the one for the full benchmark or the one for the quick one.
func pick[T any](b *bench, full, quick T) T {
	if b.quick {
		return quick
	}
	return full
}

// alone is a program's turn that has the processor to itself.
func (b *bench) alone(program string, c command) run {
	return run{program: program, measure: func() (map[string]float64, error) { return c.run(measured, nil) }}
}

// cThread is the C program with a thread that does nothing beside its loop.
func (b *bench) cThread() command { return append(command{"env", "BENCH_THREAD=1"}, b.c...) }

// both are the turns of C and Go with the same arguments.
func (b *bench) both(args ...any) []run {
	return []run{b.alone("C", b.c.with(args...)), b.alone("Go", b.goProgram.with(args...))}
}

func (b *bench) measure(j job) error {
	if j.measure != nil {
		return j.measure(b)
	}
	cells := j.cells(b)
	rounds := pick(b, j.rounds[0], j.rounds[1])
	for round := range rounds {
		b.log("%s: round %d of %d", j.name, round+1, rounds)
		for _, c := range cells {
			for _, r := range c.runs {
				if r.peer && round >= pick(b, (rounds+1)/2, 1) {
					continue
				}
				got, err := r.measure()
				if err != nil {
					return fmt.Errorf("%s, %s, %s: %w", j.name, c.name, r.program, err)
				}
				for name, value := range got {
					key := figure{j.name, c.name, r.program, name}
					if b.figures[key] == nil {
						b.figures[key] = slices.Repeat(series{math.NaN()}, rounds)
					}
					b.figures[key][round] = value
				}
			}
		}
	}
	return nil
}

// skip notes once that something is left out, and why.
func (b *bench) skip(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if !slices.Contains(b.skipped, line) {
		b.skipped = append(b.skipped, line)
		b.log("skipped: %s", line)
	}
}

// The kinds of callbacks, by the name that the programs know.
var callbackKinds = [][2]string{
	{"idle", "idle"},
	{"check", "check"},
	{"timer", "timer"},
	{"restart", "timer that starts itself again"},
	{"async", "async"},
}

func callbackCells(b *bench) (cells []cell) {
	for _, kind := range callbackKinds {
		cells = append(cells, cell{kind[1], b.both("callback", kind[0], pick(b, 100, 60))})
	}
	return cells
}

// The echo servers that are the same in C and Go, by program.
var styles = []struct {
	program string
	command func(b *bench) command
	style   string
}{
	{"C guide", func(b *bench) command { return b.c }, "guide"},
	{"Go guide", func(b *bench) command { return b.goProgram }, "guide"},
	{"C tuned", func(b *bench) command { return b.c }, "tuned"},
	{"Go tuned", func(b *bench) command { return b.goProgram }, "tuned"},
	{"C tuned, thread", (*bench).cThread, "tuned"},
	{"cgo alone", func(b *bench) command { return b.bare }, "tuned"},
	{"Go guide, make", func(b *bench) command { return b.goProgram }, "make"},
}

type echoCell struct {
	transport   string
	connections int
	size, depth int
	awake       bool // the processors have something to do besides, so that they do not sleep
}

func (c echoCell) message() string {
	switch {
	case c.depth > 1:
		return fmt.Sprintf("%d B, %d at a time", c.size, c.depth)
	case c.size >= 1024:
		return fmt.Sprintf("%d KiB", c.size/1024)
	}
	return fmt.Sprintf("%d B", c.size)
}

func (c echoCell) String() string {
	name := fmt.Sprintf("%s, %d, %s", c.transport, c.connections, c.message())
	if c.awake {
		name += ", awake"
	}
	return name
}

func allEchoCells(b *bench) (cells []echoCell) {
	for _, transport := range []string{"unix", "tcp"} {
		for _, connections := range []int{1, 50, 1000} {
			for _, message := range [][2]int{{64, 1}, {16 * 1024, 1}, {64, 16}} {
				c := echoCell{transport: transport, connections: connections, size: message[0], depth: message[1]}
				if b.quick && (connections != 50 || transport == "tcp" && (c.size != 64 || c.depth > 1)) {
					continue
				}
				cells = append(cells, c)
				if connections == 1 && c.size == 64 && c.depth == 1 {
					c.awake = true
					cells = append(cells, c)
				}
			}
		}
	}
	return cells
}

func echoCells(b *bench) (cells []cell) {
	for _, c := range allEchoCells(b) {
		var runs []run
		for _, s := range styles {
			runs = append(runs, b.echo(s.program, s.command(b).with("echo", s.style, c.transport), c))
		}
		for _, p := range b.peers {
			r := b.echo(p.name, p.command.with(c.transport), c)
			r.peer = true
			runs = append(runs, r)
		}
		cells = append(cells, cell{c.String(), runs})
	}
	return cells
}

func (b *bench) echo(program string, c command, e echoCell) run {
	return run{program: program, measure: func() (map[string]float64, error) {
		path := filepath.Join(b.temp, "echo.sock")
		defer os.Remove(path)
		if e.awake {
			for _, cpu := range []int{measured, loading} {
				s, err := b.c.with("spin").serve(cpu)
				if err != nil {
					return nil, err
				}
				defer s.stop()
			}
		}
		s, err := c.with(path).serve(measured)
		if err != nil {
			return nil, err
		}
		defer s.stop()
		figures, err := b.c.with("load", e.transport, s.address, e.connections, e.size, e.depth,
			pick(b, 60, 40), pick(b, 250, 160), s.cmd.Process.Pid).run(loading, nil)
		if err != nil {
			err = fmt.Errorf("%w%s", err, s.errs.String())
		}
		return figures, err
	}}
}

func spawnHeaps(b *bench) []int { return pick(b, []int{0, 256, 1024, 3 * 1024}, []int{0, 1024}) }

func spawnCells(b *bench) (cells []cell) {
	for _, mib := range spawnHeaps(b) {
		if free := availableMiB(); free < mib+mib/2+256 {
			b.skip("spawn with %d MiB: there are only %d MiB of memory", mib, free)
			continue
		}
		ms := pick(b, 300, 100)
		cells = append(cells, cell{fmt.Sprint(mib), append(b.both("spawn", mib, ms),
			b.alone("C, thread", b.cThread().with("spawn", mib, ms)),
			b.alone("cgo alone", b.bare.with("spawn", mib, ms)),
			b.alone("os/exec", b.osexec.with(mib, ms)))})
	}
	return cells
}

func write2Cells(b *bench) (cells []cell) {
	ms := pick(b, 200, 100)
	for _, kind := range []string{"pipe", "tcp"} {
		for _, who := range []string{"sender", "receiver", "both"} {
			hand := func(program string, c command) run {
				sender, receiver := b.c, b.c
				if who != "receiver" {
					sender = c
				}
				if who != "sender" {
					receiver = c
				}
				return b.handOver(program, sender, receiver, kind, ms)
			}
			cells = append(cells, cell{kind + ", " + who,
				[]run{hand("C", b.c), hand("Go", b.goProgram), hand("C, thread", b.cThread()), hand("cgo alone", b.bare)}})
		}
	}
	return cells
}

// handOver has sender send handles to receiver, each on its own processor, over
// a socket pair that is descriptor 0 of both.
func (b *bench) handOver(program string, sender, receiver command, kind string, ms int) run {
	return run{program: program, measure: func() (map[string]float64, error) {
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		near, far := os.NewFile(uintptr(pair[0]), "near"), os.NewFile(uintptr(pair[1]), "far")
		defer near.Close()
		type outcome struct {
			figures map[string]float64
			err     error
		}
		received := make(chan outcome, 1)
		go func() {
			figures, err := receiver.with("write2-receive", kind).run(loading, far)
			received <- outcome{figures, err}
		}()
		_, err = sender.with("write2-send", kind, ms).run(measured, near)
		near.Close() // and far, or the receiver waits for ever
		far.Close()
		o := <-received
		if err == nil {
			err = o.err
		}
		return o.figures, err
	}}
}

func signalsCells(b *bench) (cells []cell) {
	for _, watchers := range []int{1, 16} {
		ms := pick(b, 200, 100)
		cells = append(cells, cell{fmt.Sprint(watchers), append(b.both("signals", watchers, ms),
			b.alone("C, thread", b.cThread().with("signals", watchers, ms)),
			b.alone("cgo alone", b.bare.with("signals", watchers, ms)))})
	}
	return cells
}

var memoryKinds = []string{"timer", "pipe"}

func memoryCells(b *bench) (cells []cell) {
	for _, kind := range memoryKinds {
		cells = append(cells, cell{kind, b.both("memory", kind, 10000)})
	}
	return cells
}

var flatCounts = []int{1, 10, 100, 1000, 10000}

func flatCells(b *bench) (cells []cell) {
	for _, kind := range memoryKinds {
		for _, count := range flatCounts {
			if b.quick && count != 1 && count != 10000 {
				continue
			}
			if kind == "pipe" && uint64(count+100) > b.files {
				b.skip("an event of %d pipes: a process may only have %d files open", count, b.files)
				continue
			}
			ms := pick(b, 200, 60) + count/50 // with many, each shall have its turn
			cells = append(cells, cell{fmt.Sprint(kind, " ", count), b.both("flat", kind, count, ms, filepath.Join(b.temp, "fifo"))})
		}
	}
	return cells
}
