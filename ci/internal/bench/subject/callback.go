package main

import (
	"time"

	"libuv/uv"
)

// callback KIND MS: what a callback costs that does nothing but count. There are
// a hundred handles of a kind, so that the rest of an iteration hardly counts.
func callback(args []string) {
	const handles, batch = 100, 10 * 100
	count, limit := 0, 0
	counted := func() {
		if count++; count == limit {
			loop.Stop()
		}
	}
	onIdle := func(*uv.Idle) { counted() }
	onCheck := func(*uv.Check) { counted() }
	onAsync := func(*uv.Async) { counted() }
	onTimer := func(*uv.Timer) { counted() }
	var onRestart func(t *uv.Timer)
	onRestart = func(t *uv.Timer) {
		if counted(); count == limit {
			t.Stop()
		} else {
			t.Start(onRestart, 0, 0)
		}
	}

	step := batch
	var timers [handles]uv.Timer
	var asyncs [handles]uv.Async
	before := func() {}
	switch kind := args[0]; kind {
	case "idle":
		var idles [handles]uv.Idle
		for i := range idles {
			must(idles[i].Init(loop))
			must(idles[i].Start(onIdle))
		}
	case "check":
		var checks [handles]uv.Check
		for i := range checks {
			must(checks[i].Init(loop))
			must(checks[i].Start(onCheck))
		}
		var other uv.Idle // something must keep the loop from waiting
		must(other.Init(loop))
		must(other.Start(func(*uv.Idle) {}))
	case "timer", "restart":
		for i := range timers {
			must(timers[i].Init(loop))
		}
		before = func() { timers[0].Start(onRestart, 0, 0) }
		if kind == "timer" {
			step = handles
			before = func() {
				for i := range timers {
					timers[i].Start(onTimer, 0, 0)
				}
			}
		}
	case "async":
		for i := range asyncs {
			must(asyncs[i].Init(loop, onAsync))
		}
		step = handles
		before = func() {
			for i := range asyncs {
				asyncs[i].Send()
			}
		}
	default:
		panic(kind)
	}

	costs := newBatches()
	for deadline := inMS(args[1]); time.Now().Before(deadline); {
		first := count
		limit = count + step
		before()
		began := time.Now()
		loop.Run(uv.RunDefault)
		costs.add(time.Since(began), count-first)
	}
	costs.report("callback")
}
