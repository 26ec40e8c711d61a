package uvtest

import (
	"slices"
	"strings"
	"syscall"
	"time"
)

var loopScenarios = []scenario{
	{name: "run_empty", run: runEmpty, from: "loop: uv_run",
		shows: "running a loop without handles returns false at once, in every mode"},
	{name: "run_nowait_alive", run: runNowaitAlive, from: "test-run-nowait.c: run_nowait",
		shows: "RunNowait does not wait for a timer and returns true while it is active"},
	{name: "run_once_iteration", run: runOnceIteration, from: "test-run-once.c: run_once",
		shows: "RunOnce runs one iteration a call, and the last one returns false"},
	{name: "run_once_waits_timer", run: runOnceWaitsTimer, from: "loop: UV_RUN_ONCE",
		shows: "RunOnce waits for a timer that is not due yet: a few Runs, which signals may cut short, are enough"},
	{name: "run_once_waits_child", run: runOnceWaitsChild, from: "loop: UV_RUN_ONCE",
		shows: "RunOnce waits for what a child writes and returns true; a later timer is left alone"},
	{name: "run_default_again", run: runDefaultAgain, from: "loop: uv_run",
		shows: "a loop that has run to its end runs again when there is something new"},
	{name: "stop_in_callback", run: stopInCallback, from: "test-loop-stop.c: loop_stop",
		shows: "Stop makes Run return, true while something is active; the next Run goes on"},
	{name: "stop_in_one_iteration", run: stopInOneIteration, from: "loop: uv_stop",
		shows: "Stop in a callback of RunOnce or RunNowait ends with that Run: the next one runs"},
	{name: "stop_before_run", run: stopBeforeRun, from: "test-loop-stop.c: loop_stop_before_run",
		shows: "Stop before Run: that Run calls nothing back, the next one does"},
	{name: "stop_ends_iteration", run: stopEndsIteration, from: "loop: uv_stop",
		shows: "after Stop the present iteration goes on to its end, without waiting"},
	{name: "stop_with_closing", run: stopWithClosing, from: "loop: uv_stop",
		shows: "the iteration that Stop ends still calls close callbacks"},
	{name: "phases", run: phases, from: "design: The I/O loop",
		shows: "the order within an iteration: idle, prepare, poll, check, closing"},
	{name: "phases_with_timer", run: phasesWithTimer, from: "design: The I/O loop", changed: []string{"1.45"},
		shows: "where a due timer comes in an iteration of RunNowait: first before 1.45, last since"},
	{name: "phases_default_with_timer", run: phasesDefaultWithTimer, from: "design: The I/O loop",
		shows: "with RunDefault a timer that is due at the start comes first in every release"},
	{name: "close_in_prepare", run: closeInPrepare, from: "handle: uv_close",
		shows: "a handle closed in prepare is called back after check, in the same iteration"},
	{name: "close_is_not_synchronous", run: closeIsNotSynchronous, from: "handle: uv_close",
		shows: "Close returns before the close callback, outside of Run and inside callbacks"},
	{name: "close_in_close_callback", run: closeInCloseCallback, from: "handle: uv_close",
		shows: "a handle closed in a close callback is called back in a later iteration"},
	{name: "close_nil_callback", run: closeNilCallback, from: "handle: uv_close",
		shows: "Close without a callback closes all the same"},
	{name: "close_states", run: closeStates, from: "handle: uv_is_closing",
		shows: "what a handle says of itself before, during and after being started and closed"},
	{name: "close_many", run: closeMany, from: "test-close-order.c: close_order",
		shows: "handles of all types closed at once: each close callback comes once, in any order"},
	{name: "loop_close_busy", run: loopCloseBusy, from: "test-loop-close.c: loop_close",
		shows: "a loop with an open handle, active or not, or a closing one, is EBUSY"},
	{name: "loop_close_empty", run: loopCloseEmpty, from: "loop: uv_loop_close",
		shows: "a loop that was never run can be closed"},
	{name: "walk", run: walk, from: "test-walk-handles.c: walk_handles",
		shows: "Walk goes through handles of every type, active or not"},
	{name: "walk_closing", run: walkClosing, from: "loop: uv_walk",
		shows: "Walk shows handles that are closing, and not those that are closed"},
	{name: "walk_and_close", run: walkAndClose, from: "loop: uv_walk",
		shows: "closing all that Walk finds lets the loop end"},
	{name: "alive", run: alive, from: "test-loop-alive.c: loop_alive",
		shows: "a loop is alive with active and referenced handles, and with closing ones"},
	{name: "now_is_kept", run: nowIsKept, from: "loop: uv_now",
		shows: "the loop's time stands still within a callback, until UpdateTime"},
	{name: "two_loops", run: twoLoops, from: "loop: uv_loop_t",
		shows: "two loops do not know each other: running one leaves the other's timer alone"},
	{name: "unref_timer", run: unrefTimer, from: "test-ref.c: timer_ref",
		shows: "an unreferenced timer does not keep Run, though it stays active"},
	{name: "unref_is_no_count", run: unrefIsNoCount, from: "handle: uv_ref",
		shows: "Ref and Unref are a switch: what is called twice needs to be undone once"},
	{name: "unref_still_called", run: unrefStillCalled, from: "handle: Reference counting",
		shows: "an unreferenced timer is called back as long as something else keeps the loop"},
	{name: "unref_closing", run: unrefClosing, from: "handle: uv_close",
		shows: "the close callback of an unreferenced handle keeps the loop alive"},
	{name: "unref_all", run: unrefAll, from: "test-ref.c: unref_in_prepare_cb",
		shows: "no type of active handle keeps Run when it is unreferenced"},
}

func runEmpty(t *tester) {
	l := t.Loop()
	l.Run(RunDefault)
	l.Run(RunOnce)
	l.Run(RunNowait)
}

// far is a timeout that no scenario waits for.
const far = 1000 * 1000

func runNowaitAlive(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	timer.Start(far, 0, nil)
	l.Run(RunNowait)
	timer.Stop()
	l.Run(RunNowait)
}

func runOnceIteration(t *tester) {
	l := t.Loop()
	idle := l.Idle("idle")
	n := 0
	idle.Start(func() {
		if n++; n == 3 {
			idle.Stop()
		}
	})
	for l.Run(RunOnce) {
	}
}

func runOnceWaitsTimer(t *tester) {
	l := t.Loop()
	l.Timer("timer").Start(50, 0, nil)
	l.RunTimes(RunOnce, 10)
}

func runOnceWaitsChild(t *tester) {
	l := t.Loop()
	l.Timer("timer").Start(far, 0, nil)
	in, out := l.Pipe("in", false), l.Pipe("out", false)
	options := program("ignore")
	options.Stdio = []StdioContainer{reads(in), writes(out)}
	l.Spawn("child", options, nil)
	out.ReadEach(len("ready\n"), nil)
	l.Run(RunOnce)
}

func runDefaultAgain(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	timer.Start(1, 0, nil)
	l.Run(RunDefault)
	l.Run(RunDefault)
	timer.Start(1, 0, nil)
	l.Run(RunDefault)
}

func stopInCallback(t *tester) {
	l := t.Loop()
	idle := l.Idle("idle")
	n := 0
	idle.Start(func() {
		if n++; n == 2 {
			idle.Stop()
		}
		l.Stop()
	})
	l.Run(RunDefault)
	l.Run(RunDefault)
	l.Run(RunDefault)
}

func stopInOneIteration(t *tester) {
	l := t.Loop()
	idle := l.Idle("idle")
	n := 0
	idle.Start(func() {
		if n++; n == 5 {
			idle.Stop()
			return
		}
		l.Stop()
	})
	for _, mode := range []RunMode{RunOnce, RunOnce, RunNowait, RunNowait, RunDefault} {
		l.Run(mode)
	}
}

func stopBeforeRun(t *tester) {
	l := t.Loop()
	idle := l.Idle("idle")
	idle.Start(func() { idle.Stop() })
	l.Stop()
	l.Run(RunDefault)
	l.Run(RunDefault)
}

func stopEndsIteration(t *tester) {
	l := t.Loop()
	idle, prepare, check := l.Idle("idle"), l.Prepare("prepare"), l.Check("check")
	idle.Start(func() {
		idle.Stop() // so that the loop would wait
		l.Stop()
	})
	prepare.Start(nil)
	check.Start(nil)
	l.Run(RunDefault)
}

func stopWithClosing(t *tester) {
	l := t.Loop()
	idle, other := l.Idle("idle"), l.Timer("timer")
	idle.Start(func() {
		other.Close()
		l.Stop()
	})
	l.Run(RunDefault)
}

func phases(t *tester) {
	l := t.Loop()
	idle, prepare, check := l.Idle("idle"), l.Prepare("prepare"), l.Check("check")
	event := l.Async("event", nil)
	timer := l.Timer("timer")
	idle.Start(func() {
		if !timer.closing {
			timer.Close()
		}
	})
	prepare.Start(nil)
	check.Start(nil)
	event.Send()
	l.Run(RunNowait)
	l.Run(RunNowait)
}

func phasesWithTimer(t *tester) {
	l := t.Loop()
	startPhases(l, 1)
	l.Run(RunNowait)
}

func phasesDefaultWithTimer(t *tester) {
	l := t.Loop()
	startPhases(l, 1)
	l.Run(RunDefault)
}

// startPhases starts something for every phase, which stops after so many calls.
func startPhases(l *loop, times int) {
	timer, idle, prepare, check := l.Timer("timer"), l.Idle("idle"), l.Prepare("prepare"), l.Check("check")
	timer.Start(0, 0, nil)
	n := 0
	idle.Start(nil)
	prepare.Start(nil)
	check.Start(func() {
		if n++; n == times {
			idle.Stop()
			prepare.Stop()
			check.Stop()
		}
	})
}

func closeInPrepare(t *tester) {
	l := t.Loop()
	prepare, check := l.Prepare("prepare"), l.Check("check")
	prepare.Start(func() { prepare.Close() })
	check.Start(nil)
	l.Run(RunNowait)
}

func closeIsNotSynchronous(t *tester) {
	l := t.Loop()
	a, b := l.Timer("a"), l.Timer("b")
	a.Close()
	t.Log("a.Close has returned")
	b.Start(0, 0, func() {
		b.Close()
		t.Log("b.Close has returned")
	})
	l.RunSet(RunDefault)
}

func closeInCloseCallback(t *tester) {
	l := t.Loop()
	a, b, check := l.Timer("a"), l.Timer("b"), l.Check("check")
	check.Start(nil)
	check.inner.Unref()
	a.CloseThen(func() { b.Close() })
	l.Run(RunDefault)
}

func closeNilCallback(t *tester) {
	l := t.Loop()
	for _, h := range everything(l) {
		h.Drop()
	}
	l.Run(RunDefault)
	l.Close()
}

func closeStates(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	timer.State()
	timer.Start(far, 0, nil)
	timer.State()
	timer.Stop()
	timer.State()
	timer.Start(far, 0, nil)
	timer.CloseThen(timer.State)
	timer.State()
	l.Run(RunDefault)
}

// everything makes a handle of each type but a process.
func everything(l *loop) []*handle {
	return []*handle{
		l.Timer("timer").handle, l.Idle("idle").handle, l.Prepare("prepare").handle, l.Check("check").handle,
		l.Async("async", nil).handle, l.Signal("signal").handle, l.Pipe("pipe", false).handle, l.TCP("tcp").handle,
	}
}

func closeMany(t *tester) {
	l := t.Loop()
	for _, h := range everything(l) {
		h.Close()
	}
	l.RunSet(RunDefault)
}

func loopCloseBusy(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	l.Close()
	timer.Start(far, 0, nil)
	l.Close()
	timer.Close()
	l.Close()
	l.Run(RunDefault)
	l.Close()
	t.Log("closed: %v", l.closed)
}

func loopCloseEmpty(t *tester) {
	l := t.Loop()
	l.Close()
	t.Log("closed: %v", l.closed)
}

// types walks a loop and logs the types of what is found.
func types(l *loop) {
	var found []string
	l.inner.Walk(func(h Handle) {
		text := string(h.Type())
		if h.IsClosing() {
			text += " (closing)"
		}
		found = append(found, text)
	})
	slices.Sort(found)
	l.t.Log("walk: %s", strings.Join(found, ", "))
}

func walk(t *tester) {
	l := t.Loop()
	types(l)
	everything(l)
	l.Timer("another").Start(far, 0, nil)
	types(l)
	in := l.Pipe("in", false)
	options := program("wait")
	options.Stdio = []StdioContainer{reads(in)}
	var p *process
	p = l.Spawn("child", options, func() { p.Close() })
	types(l)
	for _, h := range l.handles {
		if h != p.handle {
			h.Drop()
		}
	}
	l.Run(RunDefault)
	types(l)
}

func walkClosing(t *tester) {
	l := t.Loop()
	a, b := l.Timer("a"), l.Pipe("b", false)
	a.CloseThen(func() { types(l) })
	types(l)
	l.Run(RunDefault)
	b.Close()
	l.Run(RunDefault)
	types(l)
}

func walkAndClose(t *tester) {
	l := t.Loop()
	handles := everything(l)
	n := 0
	l.inner.Walk(func(h Handle) {
		n++
		h.Close(nil)
	})
	for _, h := range handles {
		h.closing = true
	}
	t.Log("walked: %d", n)
	l.Run(RunDefault)
	l.Close()
	t.Log("closed: %v", l.closed)
}

func alive(t *tester) {
	l := t.Loop()
	say := func(when string) { t.Log("%s: alive %v", when, l.inner.Alive()) }
	say("empty")
	timer := l.Timer("timer")
	say("with an inactive timer")
	timer.Start(far, 0, nil)
	say("with an active timer")
	timer.inner.Unref()
	say("with an unreferenced timer")
	timer.inner.Ref()
	timer.Stop()
	say("with a stopped timer")
	timer.Close()
	say("with a closing timer")
	l.Run(RunDefault)
	say("with a closed timer")
}

func nowIsKept(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	timer.Start(1, 0, func() {
		before := l.inner.Now()
		for start := time.Now(); time.Since(start) < 3*time.Millisecond; {
		}
		t.Log("later: the same time %v", l.inner.Now() == before)
		l.inner.UpdateTime()
		t.Log("after UpdateTime: a later one %v", l.inner.Now() >= before+2)
	})
	l.Run(RunDefault)
}

func twoLoops(t *tester) {
	a, b := t.Loop(), t.Loop()
	x, y := a.Timer("x"), b.Timer("y")
	x.Start(1, 0, nil)
	y.Start(1, 0, nil)
	a.Run(RunDefault)
	b.Run(RunDefault)
}

func unrefTimer(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	timer.Start(far, 0, nil)
	timer.inner.Unref()
	timer.State()
	l.Run(RunDefault)
	timer.inner.Ref()
	timer.State()
	l.Run(RunNowait)
}

func unrefIsNoCount(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	timer.Start(far, 0, nil)
	timer.inner.Unref()
	timer.inner.Unref()
	timer.inner.Ref()
	timer.State()
	l.Run(RunNowait)
	timer.inner.Ref()
	timer.inner.Ref()
	timer.inner.Unref()
	timer.State()
	l.Run(RunDefault)
}

func unrefStillCalled(t *tester) {
	l := t.Loop()
	a, b := l.Timer("unreferenced"), l.Timer("referenced")
	a.Start(1, 0, nil)
	a.inner.Unref()
	b.Start(2, 0, nil)
	l.Run(RunDefault)
}

func unrefClosing(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	timer.inner.Unref()
	timer.Close()
	t.Log("alive %v", l.inner.Alive())
	l.Run(RunDefault)
}

func unrefAll(t *tester) {
	l := t.Loop()
	timer, idle, prepare, check := l.Timer("timer"), l.Idle("idle"), l.Prepare("prepare"), l.Check("check")
	event, sig := l.Async("async", nil), l.Signal("signal")
	server, reader := l.Pipe("server", false), l.TCP("tcp")
	timer.Start(far, 0, nil)
	idle.Start(nil)
	prepare.Start(nil)
	check.Start(nil)
	sig.Start(syscall.SIGUSR1, nil)
	server.Bind(t.Path("server"))
	server.Listen(nil)
	reader.Bind(localhost)
	reader.Listen(nil)
	for _, h := range []*handle{timer.handle, idle.handle, prepare.handle, check.handle, event.handle, sig.handle, server.handle, reader.handle} {
		h.inner.Unref()
		h.State()
	}
	t.Log("alive %v", l.inner.Alive())
	l.Run(RunDefault)
}
