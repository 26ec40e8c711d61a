package uvtest

import (
	"os"
	"syscall"
)

// Signals are SIGUSR1, SIGUSR2, SIGWINCH and SIGCHLD: Go ignores them where
// nobody watches, so a candidate that lets one slip lives to see the next
// scenario.

var signalScenarios = []scenario{
	{name: "signal_once", run: signalOnce, from: "signal: uv_signal_start",
		shows: "a watcher is called with the signal's number"},
	{name: "signal_again_and_again", run: signalAgainAndAgain, from: "test-signal.c: we_get_signals",
		shows: "each signal that is raised after the last was handled is called back"},
	{name: "signal_before_run", run: signalBeforeRun, from: "signal: uv_signal_start",
		shows: "a signal that is raised between Start and Run is called back in Run"},
	{name: "signal_different", run: signalDifferent, from: "test-signal.c: we_get_signals_mixed",
		shows: "watchers of different signals get their own"},
	{name: "signal_several_watchers", run: signalSeveralWatchers, from: "test-signal.c: we_get_signals",
		shows: "each of several watchers of a signal is called"},
	{name: "signal_two_loops", run: signalTwoLoops, from: "test-signal-multiple-loops.c",
		shows: "watchers of one signal in two loops: each loop gets it"},
	{name: "signal_two_loops_one_stopped", run: signalTwoLoopsOneStopped, from: "test-signal-multiple-loops.c",
		shows: "stopping the watcher of one loop leaves the other's in place"},
	{name: "signal_oneshot", run: signalOneshot, from: "test-signal.c: we_get_signal_one_shot",
		shows: "a oneshot watcher is stopped after its callback and keeps the loop no more"},
	{name: "signal_oneshot_and_regular", run: signalOneshotAndRegular, from: "test-signal.c: we_get_signals_mixed",
		shows: "a oneshot watcher beside a regular one: one call for it, each for the other"},
	{name: "signal_oneshot_started_again", run: signalOneshotStartedAgain, from: "signal: uv_signal_start_oneshot",
		shows: "a oneshot watcher that is started again in its callback, which libuv stops right after it"},
	{name: "signal_stop_in_callback", run: signalStopInCallback, from: "signal: uv_signal_stop",
		shows: "a watcher that stops itself is not called any more, and the loop ends"},
	{name: "signal_stops_other", run: signalStopsOther, from: "signal: uv_signal_stop",
		shows: "of two watchers that have both caught a signal the one that is stopped by the other is not called"},
	{name: "signal_stopped_before_run", run: signalStoppedBeforeRun, from: "signal: uv_signal_stop",
		shows: "a watcher that is stopped before the loop runs is not called for what was raised before"},
	{name: "signal_new_callback", run: signalNewCallback, from: "signal: uv_signal_start",
		shows: "Start with the same signal changes only the callback"},
	{name: "signal_other_number", run: signalOtherNumber, from: "signal: uv_signal_start",
		shows: "Start with another signal stops watching the first"},
	{name: "signal_errors", run: signalErrors, from: "signal: uv_signal_start",
		shows: "EINVAL for 0, -1, SIGKILL, SIGSTOP, and without a callback"},
	{name: "signal_error_stops", run: signalErrorStops, from: "signal: uv_signal_start",
		shows: "a Start that fails for its signal stops the watcher, one for a missing callback does not"},
	{name: "signal_closed_while_pending", run: signalClosedWhilePending, from: "test-signal-pending-on-close.c: signal_pending_on_close",
		shows: "a watcher closed with a signal caught: no signal callback, but the close callback"},
	{name: "signal_close_in_callback", run: signalCloseInCallback, from: "test-signal-pending-on-close.c: signal_close_loop_alive",
		shows: "a watcher closed in its callback: the loop stays until the close callback"},
	{name: "signal_unref", run: signalUnref, from: "handle: Reference counting",
		shows: "an unreferenced watcher does not keep Run, and still gets its signal"},
	{name: "signal_states", run: signalStates, from: "handle: uv_is_active",
		shows: "a watcher is active from Start to Stop"},
	{name: "signal_child", run: signalChild, from: "process: uv_spawn",
		shows: "a watcher of SIGCHLD is called although libuv itself waits for children"},
	{name: "kill_probe", run: killProbe, from: "test-signal.c: kill_invalid_signum",
		shows: "uv_kill with 0 finds this process; EINVAL for a signal that there is none; ESRCH for nobody"},
	{name: "kill_self", run: killSelf, from: "process: uv_kill",
		shows: "a signal that the process sends to itself with uv_kill reaches its watcher"},
}

func signalOnce(t *tester) {
	l := t.Loop()
	s, idle := l.Signal("signal"), l.Idle("")
	s.Start(syscall.SIGUSR1, func() { s.Close() })
	idle.inner.Start(func() {
		idle.Drop()
		t.Raise(syscall.SIGUSR1)
	})
	l.Run(RunDefault)
}

func signalAgainAndAgain(t *tester) {
	l := t.Loop()
	s := l.Signal("signal")
	n := 0
	s.Start(syscall.SIGUSR1, func() {
		if n++; n == 4 {
			s.Close()
			return
		}
		t.Raise(syscall.SIGUSR1)
	})
	t.Raise(syscall.SIGUSR1)
	l.Run(RunDefault)
}

func signalBeforeRun(t *tester) {
	l := t.Loop()
	s := l.Signal("signal")
	s.Start(syscall.SIGUSR2, func() { s.Close() })
	t.Raise(syscall.SIGUSR2)
	t.Log("raised")
	l.Run(RunDefault)
}

func signalDifferent(t *tester) {
	l := t.Loop()
	a, b := l.Signal("first"), l.Signal("second")
	a.Start(syscall.SIGUSR1, func() {
		a.Stop()
		t.Raise(syscall.SIGUSR2)
	})
	b.Start(syscall.SIGUSR2, func() {
		b.Stop()
	})
	t.Raise(syscall.SIGUSR1)
	l.Run(RunDefault)
}

func signalSeveralWatchers(t *tester) {
	l := t.Loop()
	for _, name := range []string{"a", "b", "c"} {
		s := l.Signal(name)
		s.Start(syscall.SIGUSR1, func() { s.Stop() })
	}
	t.Raise(syscall.SIGUSR1)
	l.RunSet(RunDefault)
}

func signalTwoLoops(t *tester) {
	a, b := t.Loop(), t.Loop()
	x, y := a.Signal("x"), b.Signal("y")
	x.Start(syscall.SIGUSR1, func() { x.Close() })
	y.Start(syscall.SIGUSR1, func() { y.Close() })
	t.Raise(syscall.SIGUSR1)
	b.Run(RunDefault)
	a.Run(RunDefault)
}

func signalTwoLoopsOneStopped(t *tester) {
	a, b := t.Loop(), t.Loop()
	x, y := a.Signal("x"), b.Signal("y")
	x.Start(syscall.SIGUSR1, nil)
	y.Start(syscall.SIGUSR1, func() { y.Close() })
	x.Stop()
	t.Raise(syscall.SIGUSR1)
	b.Run(RunDefault)
	a.Run(RunDefault)
}

func signalOneshot(t *tester) {
	l := t.Loop()
	s := l.Signal("signal")
	s.StartOneshot(syscall.SIGUSR1, s.State)
	s.State()
	t.Raise(syscall.SIGUSR1)
	l.Run(RunDefault)
	s.State()
}

func signalOneshotAndRegular(t *tester) {
	l := t.Loop()
	once, regular := l.Signal("oneshot"), l.Signal("regular")
	// The second signal is raised when both have had the first. If the oneshot
	// watcher were to get it, it would before the regular one has had its third.
	n := 0
	both := after(2, func() { t.Raise(syscall.SIGUSR1) })
	once.StartOneshot(syscall.SIGUSR1, both)
	regular.Start(syscall.SIGUSR1, func() {
		switch n++; n {
		case 1:
			both()
		case 2:
			t.Raise(syscall.SIGUSR1)
		default:
			regular.Stop()
		}
	})
	t.Raise(syscall.SIGUSR1)
	l.RunSet(RunDefault)
	once.State()
}

func signalOneshotStartedAgain(t *tester) {
	l := t.Loop()
	s := l.Signal("signal")
	s.StartOneshot(syscall.SIGUSR1, func() { s.StartOneshot(syscall.SIGUSR2, nil) })
	t.Raise(syscall.SIGUSR1)
	l.Run(RunDefault)
	s.State()
}

func signalStopInCallback(t *tester) {
	l := t.Loop()
	s := l.Signal("signal")
	s.Start(syscall.SIGUSR1, func() { s.Stop() })
	t.Raise(syscall.SIGUSR1)
	l.Run(RunDefault)
	s.State()
}

func signalStopsOther(t *tester) {
	l := t.Loop()
	a, b := l.Signal("one of the two"), l.Signal("one of the two")
	stop := func() {
		a.Stop()
		b.Stop()
	}
	a.Start(syscall.SIGUSR1, stop)
	b.Start(syscall.SIGUSR1, stop)
	t.Raise(syscall.SIGUSR1)
	l.Run(RunDefault)
}

func signalStoppedBeforeRun(t *tester) {
	l := t.Loop()
	a, b := l.Signal("stopped"), l.Signal("other")
	a.Start(syscall.SIGUSR1, nil)
	b.Start(syscall.SIGUSR1, func() { b.Stop() })
	t.Raise(syscall.SIGUSR1)
	a.Stop()
	l.Run(RunDefault)
}

func signalNewCallback(t *tester) {
	l := t.Loop()
	s := l.Signal("signal")
	s.Start(syscall.SIGUSR1, func() { t.Log("the first callback") })
	s.Start(syscall.SIGUSR1, func() {
		t.Log("the second callback")
		s.Stop()
	})
	t.Raise(syscall.SIGUSR1)
	l.Run(RunDefault)
}

func signalOtherNumber(t *tester) {
	l := t.Loop()
	s, witness := l.Signal("signal"), l.Signal("witness")
	s.Start(syscall.SIGUSR1, nil)
	s.Start(syscall.SIGUSR2, func() { s.Stop() })
	witness.Start(syscall.SIGUSR1, func() {
		witness.Stop()
		t.Raise(syscall.SIGUSR2)
	})
	t.Raise(syscall.SIGUSR1)
	l.Run(RunDefault)
}

func signalErrors(t *tester) {
	l := t.Loop()
	s := l.Signal("signal")
	for _, signum := range []syscall.Signal{0, -1, syscall.SIGKILL, syscall.SIGSTOP, 1000} {
		t.Log("%s", signalName(signum))
		s.Start(signum, nil)
		s.StartOneshot(signum, nil)
	}
	t.Log("no callback")
	s.check("Signal.Start", s.inner.Start(nil, syscall.SIGUSR1))
	s.State()
	l.Run(RunDefault)
}

func signalErrorStops(t *tester) {
	l := t.Loop()
	s := l.Signal("signal")
	s.Start(syscall.SIGUSR1, nil)
	s.check("Signal.Start", s.inner.Start(nil, syscall.SIGUSR2))
	s.State()
	s.Start(0, nil)
	s.State()
	s.Start(syscall.SIGKILL, nil)
	s.State()
}

func signalClosedWhilePending(t *tester) {
	l := t.Loop()
	s, witness := l.Signal("signal"), l.Signal("witness")
	s.Start(syscall.SIGUSR1, nil)
	witness.Start(syscall.SIGUSR1, func() { witness.Close() })
	t.Raise(syscall.SIGUSR1)
	s.Close()
	l.RunSet(RunDefault)
}

func signalCloseInCallback(t *tester) {
	l := t.Loop()
	s := l.Signal("signal")
	s.Start(syscall.SIGUSR1, func() {
		s.Close()
		t.Log("alive %v", l.inner.Alive())
	})
	t.Raise(syscall.SIGUSR1)
	l.Run(RunDefault)
	t.Log("alive %v", l.inner.Alive())
}

func signalUnref(t *tester) {
	l := t.Loop()
	s := l.Signal("signal")
	s.Start(syscall.SIGUSR1, func() { s.Close() })
	s.inner.Unref()
	l.Run(RunDefault)
	t.Raise(syscall.SIGUSR1)
	s.inner.Ref()
	l.Run(RunDefault)
}

func signalStates(t *tester) {
	l := t.Loop()
	s := l.Signal("signal")
	s.State()
	s.Start(syscall.SIGUSR1, nil)
	s.State()
	s.Stop()
	s.State()
	s.Stop()
	l.Run(RunDefault)
}

func signalChild(t *tester) {
	l := t.Loop()
	s := l.Signal("watcher")
	s.Start(syscall.SIGCHLD, func() { s.Close() })
	var p *process
	p = l.Spawn("child", program("exit", "5"), func() { p.Close() })
	l.RunSet(RunDefault)
}

// kill is uv_kill.
func (t *tester) kill(pid int, signum syscall.Signal) {
	if t.impl.Kill == nil {
		t.notOffered("Kill")
		return
	}
	t.check("", "Kill", t.impl.Kill(pid, signum))
}

func killProbe(t *tester) {
	t.Log("this process")
	t.kill(os.Getpid(), 0)
	t.Log("no such signal")
	t.kill(os.Getpid(), 1000)
	t.kill(os.Getpid(), -1)
	t.Log("no such process")
	t.kill(1<<30, 0)
}

func killSelf(t *tester) {
	l := t.Loop()
	s := l.Signal("signal")
	s.Start(syscall.SIGWINCH, func() { s.Close() })
	t.kill(os.Getpid(), syscall.SIGWINCH)
	l.Run(RunDefault)
}
