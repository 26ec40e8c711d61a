package uvtest

import "math"

var timerScenarios = []scenario{
	{name: "timer_once", run: timerOnce, from: "test-timer.c: timer",
		shows: "a timer without repeat is called once and is not active in its callback"},
	{name: "timer_zero", run: timerZero, from: "timer: uv_timer_start",
		shows: "a timeout of 0 is called back in the next iteration, not by Start"},
	{name: "timer_zero_run_once", run: timerZeroRunOnce, from: "loop: uv_run",
		shows: "RunOnce calls a timer that is due, and returns false"},
	{name: "timer_order", run: timerOrder, from: "test-timer.c: timer_order",
		shows: "timers are called in the order of their deadlines, those of one deadline in the order of their starts"},
	{name: "timer_start_moves", run: timerStartMoves, from: "test-timer.c: timer_order",
		shows: "a timer that is started again comes last of those of its deadline"},
	{name: "timer_restart_replaces", run: timerRestartReplaces, from: "test-timer.c: timer_start_twice",
		shows: "starting an active timer replaces its timeout and its callback"},
	{name: "timer_repeat", run: timerRepeat, from: "timer: uv_timer_start",
		shows: "a repeating timer is active in its callback, and called until it is stopped"},
	{name: "timer_repeat_close", run: timerRepeatClose, from: "handle: uv_close",
		shows: "a repeating timer that is closed in its callback is not called again"},
	{name: "timer_set_repeat_in_callback", run: timerSetRepeatInCallback, from: "timer: uv_timer_set_repeat",
		shows: "a repeat set to 0 in the callback still leaves the start that was made before it"},
	{name: "timer_again", run: timerAgain, from: "test-timer-again.c: timer_again",
		shows: "Again: EINVAL if never started, nothing without a repeat, else a start with the repeat as timeout"},
	{name: "timer_again_after_stop", run: timerAgainAfterStop, from: "timer: uv_timer_again",
		shows: "Again starts a stopped timer that repeats"},
	{name: "timer_due_in", run: timerDueIn, from: "test-timer-again.c: timer_again",
		shows: "DueIn counts from the loop's time, 0 for a timer that was not started or is due"},
	{name: "timer_nil_callback", run: timerNilCallback, from: "test-timer.c: timer_null_callback",
		shows: "Start without a callback is EINVAL and leaves the timer inactive"},
	{name: "timer_huge", run: timerHuge, from: "test-timer.c: timer_huge_timeout",
		shows: "timeouts up to the largest number do not overflow"},
	{name: "timer_stops_other", run: timerStopsOther, from: "timer: uv_timer_stop",
		shows: "a timer that is stopped by one of the same deadline is not called"},
	{name: "timer_closes_other", run: timerClosesOther, from: "handle: uv_close",
		shows: "a timer that is closed by one of the same deadline is not called"},
	{name: "timer_starts_timer", run: timerStartsTimer, from: "timer: uv_timer_start", changed: []string{"1.48"},
		shows: "when a timeout of 0, started in a timer's callback, is called"},
	{name: "timer_from_check", run: timerFromCheck, from: "test-timer-from-check.c: timer_from_check", changed: []string{"1.45"},
		shows: "in which RunNowait a timer of 0 started in check runs: the next one before 1.45, the same since"},
	{name: "timer_stop_inactive", run: timerStopInactive, from: "timer: uv_timer_stop",
		shows: "stopping a timer that is not active is no error"},
}

func timerOnce(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	timer.Start(1, 0, timer.State)
	timer.State()
	l.Run(RunDefault)
	l.Run(RunDefault)
}

func timerZero(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	timer.Start(0, 0, nil)
	t.Log("started")
	l.Run(RunDefault)
}

func timerZeroRunOnce(t *tester) {
	l := t.Loop()
	l.Timer("timer").Start(0, 0, nil)
	l.Run(RunOnce)
}

func timerOrder(t *tester) {
	l := t.Loop()
	l.Timer("20 first").Start(20, 0, nil)
	l.Timer("10 first").Start(10, 0, nil)
	l.Timer("20 second").Start(20, 0, nil)
	l.Timer("10 second").Start(10, 0, nil)
	l.Timer("15").Start(15, 0, nil)
	l.Timer("10 third").Start(10, 0, nil)
	l.Run(RunDefault)
}

func timerStartMoves(t *tester) {
	l := t.Loop()
	a, b, c := l.Timer("a"), l.Timer("b"), l.Timer("c")
	a.Start(5, 0, nil)
	b.Start(5, 0, nil)
	c.Start(5, 0, nil)
	a.Start(5, 0, nil)
	l.Run(RunDefault)
}

func timerRestartReplaces(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	timer.Start(far, 0, func() { t.Log("the first callback") })
	timer.Start(1, 0, func() { t.Log("the second callback") })
	l.Run(RunDefault)
}

func timerRepeat(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	n := 0
	timer.Start(2, 1, func() {
		timer.Log("repeats every %d", timer.inner.Repeat())
		timer.State()
		if n++; n == 3 {
			timer.Stop()
			timer.State()
		}
	})
	l.Run(RunDefault)
}

func timerRepeatClose(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	timer.Start(1, 1, func() { timer.Close() })
	l.Run(RunDefault)
}

func timerSetRepeatInCallback(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	timer.Start(1, 1, func() {
		timer.inner.SetRepeat(0)
		timer.State()
	})
	l.Run(RunDefault)
}

func timerAgain(t *tester) {
	l := t.Loop()
	never, once, repeating := l.Timer("never started"), l.Timer("once"), l.Timer("repeating")
	never.Again()
	once.Start(far, 0, nil)
	once.Again()
	once.Log("due in %d", once.inner.DueIn())
	once.Stop()
	repeating.Start(far, 2, func() { repeating.Stop() })
	repeating.Again()
	repeating.Log("due in %d", repeating.inner.DueIn())
	l.Run(RunDefault)
}

func timerAgainAfterStop(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	timer.Start(far, 1, func() { timer.Stop() })
	timer.Stop()
	timer.Again()
	timer.State()
	l.Run(RunDefault)
}

func timerDueIn(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	say := func() { timer.Log("due in %d", timer.inner.DueIn()) }
	say()
	timer.Start(123456, 0, nil)
	say()
	timer.Start(1, 0, say)
	say()
	l.Run(RunDefault)
}

func timerNilCallback(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	timer.check("Timer.Start", timer.inner.Start(nil, 1, 1))
	timer.State()
	l.Run(RunDefault)
}

func timerHuge(t *tester) {
	l := t.Loop()
	tiny, huge, repeating := l.Timer("tiny"), l.Timer("huge"), l.Timer("huge repeat")
	huge.Start(math.MaxUint64, 0, nil)
	repeating.Start(math.MaxUint64-1, math.MaxUint64-1, nil)
	tiny.Start(1, 0, func() {
		huge.State()
		repeating.State()
		huge.Stop()
		repeating.Stop()
	})
	l.Run(RunDefault)
}

func timerStopsOther(t *tester) {
	l := t.Loop()
	a, b, c := l.Timer("a"), l.Timer("b"), l.Timer("c")
	a.Start(5, 0, func() { b.Stop() })
	b.Start(5, 0, nil)
	c.Start(5, 0, nil)
	l.Run(RunDefault)
}

func timerClosesOther(t *tester) {
	l := t.Loop()
	a, b, c := l.Timer("a"), l.Timer("b"), l.Timer("c")
	a.Start(5, 0, func() { b.Close() })
	b.Start(5, 0, nil)
	c.Start(5, 0, nil)
	l.Run(RunDefault)
}

func timerStartsTimer(t *tester) {
	l := t.Loop()
	a, b, idle := l.Timer("a"), l.Timer("b"), l.Idle("idle")
	a.Start(0, 0, func() {
		idle.Start(nil)
		b.Start(0, 0, func() { idle.Stop() })
	})
	l.Run(RunDefault)
}

func timerFromCheck(t *tester) {
	l := t.Loop()
	timer, check, idle := l.Timer("timer"), l.Check("check"), l.Idle("idle")
	idle.Start(nil)
	check.Start(func() { timer.Start(0, 0, nil) })
	l.Run(RunNowait)
	l.Run(RunNowait)
}

func timerStopInactive(t *tester) {
	l := t.Loop()
	timer := l.Timer("timer")
	timer.Stop()
	timer.Start(1, 0, nil)
	l.Run(RunDefault)
	timer.Stop()
	t.Log("stopped")
}
