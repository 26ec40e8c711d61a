//go:build linux

package main

// goal is what the binding is meant to reach, and how far it has got.
type goal struct {
	text    string
	worst   func(b *bench) worst
	reached func(value float64) bool
	verb    string
}

func atLeast(limit float64) func(float64) bool {
	return func(value float64) bool { return value >= limit }
}

func atMost(limit float64) func(float64) bool {
	return func(value float64) bool { return value <= limit }
}

var goals = []goal{
	{"A callback costs at most 60 ns more than in C (ns)", worstCallback, atMost(60), "%.0f"},
	{"Tuned echo servers reach 0.95 of C's in every cell", worstEcho("Go tuned", "C tuned"), atLeast(0.95), "%.2f"},
	{"They are ahead of uvloop in every cell", worstEcho("Go tuned", "uvloop"), atLeast(1), "%.2f"},
	{"They are ahead of Go's net in every cell", worstEcho("Go tuned", "Go net"), atLeast(1), "%.2f"},
	{"They are ahead of luv in every cell", worstEcho("Go tuned", "luv"), atLeast(1), "%.2f"},
	{"They are ahead of Node in every cell", worstEcho("Go tuned", "Node"), atLeast(1), "%.2f"},
	{"Echo servers in the guide's style reach those in C in every cell", worstEcho("Go guide", "C guide"), atLeast(1), "%.2f"},
	{"Reads, writes, timers, asyncs and handles sent allocate nothing", worstAllocations, atMost(0), "%.0f"},
	{"Spawn reaches 0.95 of C's with nothing on the heap", worstSpawn, atLeast(0.95), "%.2f"},
	{"With 3 GiB on the heap it takes at most 1.5 times as long", worstHeap, atMost(1.5), "%.2f"},
	{"Handles are handed over at 0.95 of C's rate", worstRatio("write2", "received"), atLeast(0.95), "%.2f"},
	{"Signals are delivered at 0.95 of C's rate", worstRatio("signals", "signals"), atLeast(0.95), "%.2f"},
	{"A handle takes at most 1.5 times the memory of libuv's struct", worstMemory, atMost(1.5), "%.2f"},
	{"From 1 to 10 000 handles an event's cost grows as in C, within its noise", worstGrowth, atMost(1), "%.2f"},
}

func (b *bench) goals() table {
	rows := [][]string{{"goal", "worst", "where", "cgo alone there", "reached"}}
	for _, g := range goals {
		w := g.worst(b)
		if w.where == "" {
			rows = append(rows, []string{g.text, "–", "–", "–", "not measured"})
			continue
		}
		reached := "**no**"
		if g.reached(w.figure.median()) {
			reached = "yes"
		}
		rows = append(rows, []string{g.text, w.figure.format(g.verb), w.where, w.alone.format(g.verb), reached})
	}
	return table{rows: rows}
}

// worst is the largest figure that it was shown, or the smallest, and where
// that was: "" where nothing was measured. Alone is the same figure of a program
// that has cgo and no binding.
type worst struct {
	figure series
	where  string
	alone  series
}

func (w *worst) largest(figure series, where string) {
	if !figure.missing() && (w.where == "" || figure.median() > w.figure.median()) {
		*w = worst{figure: figure, where: where}
	}
}

func (w *worst) smallest(figure series, where string, alone series) {
	if !figure.missing() && (w.where == "" || figure.median() < w.figure.median()) {
		*w = worst{figure, where, alone}
	}
}

func worstCallback(b *bench) (w worst) {
	for _, kind := range callbackKinds {
		if kind[0] != "restart" { // which also has a call in it
			w.largest(b.of("callback", kind[1], "Go", "callback").minus(b.of("callback", kind[1], "C", "callback")), kind[1])
		}
	}
	return w
}

func worstEcho(program, other string) func(b *bench) worst {
	return func(b *bench) (w worst) {
		for _, c := range allEchoCells(b) {
			cell := c.String()
			rate := func(program string) series { return b.of("echo", cell, program, "rate") }
			var alone series
			if program == "Go tuned" {
				alone = rate("cgo alone").over(rate(other))
			}
			w.smallest(rate(program).over(rate(other)), cell, alone)
		}
		return w
	}
}

func worstAllocations(b *bench) (w worst) {
	for _, path := range b.hotPaths {
		if path != "spawn" {
			w.largest(b.of("allocations", path, "Go", "allocs/op"), path)
		}
	}
	return w
}

func worstSpawn(b *bench) (w worst) {
	w.smallest(b.ratio("Go", "spawn", "0", "sequential"), "one at a time", b.ratio("cgo alone", "spawn", "0", "sequential"))
	w.smallest(b.ratio("Go", "spawn", "0", "parallel"), "32 at a time", b.ratio("cgo alone", "spawn", "0", "parallel"))
	return w
}

func worstHeap(b *bench) (w worst) {
	for _, how := range [][2]string{{"sequential", "one at a time"}, {"parallel", "32 at a time"}} {
		w.largest(b.of("spawn", "0", "Go", how[0]).over(b.of("spawn", "3072", "Go", how[0])), how[1])
	}
	return w
}

func worstRatio(job, name string) func(b *bench) worst {
	return func(b *bench) (w worst) {
		for key := range b.figures {
			if key.job == job && key.program == "Go" && key.name == name {
				w.smallest(b.ratio("Go", job, key.cell, name), key.cell, b.ratio("cgo alone", job, key.cell, name))
			}
		}
		return w
	}
}

func worstMemory(b *bench) (w worst) {
	for _, kind := range memoryKinds {
		w.largest(b.of("memory", kind, "Go", "memory").over(b.of("memory", kind, "Go", "struct")), kind)
	}
	return w
}

// worstGrowth compares the lower quartile of Go's growth with the upper one of
// C's: up to 1 they overlap.
func worstGrowth(b *bench) (w worst) {
	for _, kind := range memoryKinds {
		g, c := b.growth(kind, "Go", 10000), b.growth(kind, "C", 10000)
		if !g.missing() {
			w.largest(series{g.quantile(0.25) / c.quantile(0.75)}, kind)
		}
	}
	return w
}
