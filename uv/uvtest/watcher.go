package uvtest

var watcherScenarios = []scenario{
	{name: "idle_prevents_waiting", run: idlePreventsWaiting, from: "idle: uv_idle_t",
		shows: "with an active idle handle the loop does not wait: RunOnce returns without an event"},
	{name: "watchers_each_iteration", run: watchersEachIteration, from: "test-loop-handles.c: loop_handles",
		shows: "idle, prepare and check are called once in every iteration"},
	{name: "watcher_nil_callback", run: watcherNilCallback, from: "idle: uv_idle_start",
		shows: "Start without a callback is EINVAL, for idle, prepare and check"},
	{name: "watcher_start_twice", run: watcherStartTwice, from: "check: uv_check_start",
		shows: "starting an active watcher is no error and keeps its first callback"},
	{name: "watcher_stop_in_callback", run: watcherStopInCallback, from: "prepare: uv_prepare_stop",
		shows: "watchers that stop themselves are called once, and the loop ends"},
	{name: "watcher_started_in_callback", run: watcherStartedInCallback, from: "design: The I/O loop",
		shows: "a watcher started in an earlier phase is called in the same iteration, in a later one in the next"},
	{name: "watcher_restart", run: watcherRestart, from: "check: uv_check_start",
		shows: "a watcher that is stopped and started again has its new callback"},
	{name: "check_without_events", run: checkWithoutEvents, from: "check: uv_check_t",
		shows: "check is called also when there was no event"},
	{name: "async_coalesce", run: asyncCoalesce, from: "async: uv_async_send",
		shows: "Sends before the callback share one call; a later one gets its own"},
	{name: "async_from_goroutine", run: asyncFromGoroutine, from: "test-async.c: async",
		shows: "a Send from another goroutine wakes the loop, the callback runs on the loop's"},
	{name: "async_send_in_callback", run: asyncSendInCallback, from: "async: uv_async_send",
		shows: "a Send in the callback makes for another call in a later iteration"},
	{name: "async_keeps_loop", run: asyncKeepsLoop, from: "async: uv_async_init",
		shows: "an async handle is active and referenced from the start"},
	{name: "async_closed_with_send", run: asyncClosedWithSend, from: "handle: uv_close",
		shows: "after Close an async handle is not called, although something was sent before"},
	{name: "async_many", run: asyncMany, from: "async: uv_async_send",
		shows: "of several async handles all that were sent are called once, the others are not"},
	{name: "async_nil_callback", run: asyncNilCallback, from: "test-async-null-cb.c: async_null_cb",
		shows: "an async handle without a callback wakes the loop"},
}

func idlePreventsWaiting(t *tester) {
	l := t.Loop()
	timer, idle := l.Timer("timer"), l.Idle("idle")
	timer.Start(far, 0, nil)
	idle.Start(nil)
	l.Run(RunOnce)
	l.Run(RunOnce)
}

// three returns a watcher of each kind.
func three(l *loop) []*watcher {
	return []*watcher{l.Idle("idle"), l.Prepare("prepare"), l.Check("check")}
}

func watchersEachIteration(t *tester) {
	l := t.Loop()
	for _, w := range three(l) {
		w.Start(nil)
	}
	for range 3 {
		l.Run(RunNowait)
	}
}

func watcherNilCallback(t *tester) {
	l := t.Loop()
	for _, w := range three(l) {
		w.check("Watcher.Start", w.inner.Start(nil))
		w.State()
	}
	l.Run(RunDefault)
}

func watcherStartTwice(t *tester) {
	l := t.Loop()
	for _, w := range three(l) {
		w.Start(func() { t.Log("the first callback") })
		w.Start(func() { t.Log("the second callback") })
	}
	l.Run(RunNowait)
}

func watcherStopInCallback(t *tester) {
	l := t.Loop()
	for _, w := range three(l) {
		w.Start(func() {
			w.Stop()
			w.State()
		})
	}
	// Idle keeps the loop from waiting, the others would not.
	l.Run(RunNowait)
	l.Run(RunDefault)
}

func watcherStartedInCallback(t *tester) {
	l := t.Loop()
	idle, prepare, check := l.Idle("idle"), l.Prepare("prepare"), l.Check("check")
	prepare.Start(func() {
		prepare.Stop()
		idle.Start(nil)
		check.Start(nil)
	})
	l.Run(RunNowait)
	l.Run(RunNowait)
}

func watcherRestart(t *tester) {
	l := t.Loop()
	for _, w := range three(l) {
		w.Start(func() { t.Log("the first callback") })
		w.Stop()
		w.Stop()
		w.Start(func() { t.Log("the second callback") })
	}
	l.Run(RunNowait)
}

func checkWithoutEvents(t *tester) {
	l := t.Loop()
	check := l.Check("check")
	check.Start(nil)
	l.Run(RunNowait)
	l.Run(RunNowait)
}

func asyncCoalesce(t *tester) {
	l := t.Loop()
	n := 0
	var a *async
	a = l.Async("async", func() {
		if n++; n == 2 {
			a.Close()
		}
	})
	for range 5 {
		a.Send()
	}
	l.Run(RunOnce)
	a.Send()
	a.Send()
	l.Run(RunDefault)
}

func asyncFromGoroutine(t *tester) {
	l := t.Loop()
	var a *async
	a = l.Async("async", func() { a.Close() })
	go a.Send()
	l.Run(RunDefault)
}

func asyncSendInCallback(t *tester) {
	l := t.Loop()
	prepare := l.Prepare("prepare")
	prepare.Start(nil)
	prepare.inner.Unref()
	n := 0
	var a *async
	a = l.Async("async", func() {
		if n++; n == 3 {
			a.Close()
			return
		}
		a.Send()
	})
	a.Send()
	l.Run(RunDefault)
}

func asyncKeepsLoop(t *tester) {
	l := t.Loop()
	a := l.Async("async", nil)
	a.State()
	l.Run(RunNowait)
	a.inner.Unref()
	l.Run(RunDefault)
}

func asyncClosedWithSend(t *tester) {
	l := t.Loop()
	a := l.Async("async", nil)
	a.Send()
	a.Close()
	l.Run(RunDefault)
}

func asyncMany(t *tester) {
	l := t.Loop()
	a, b, c := l.Async("a", nil), l.Async("b", nil), l.Async("c", nil)
	b.Send()
	a.Send()
	b.Send()
	l.RunSet(RunOnce)
	c.Send()
	l.RunSet(RunOnce)
}

func asyncNilCallback(t *tester) {
	l := t.Loop()
	inner, err := l.inner.NewAsync(nil)
	h := l.newHandle("async", "NewAsync", inner, err)
	check := l.Check("check")
	check.Start(func() {
		check.Stop()
		h.Close()
	})
	check.inner.Unref()
	a := &async{h, inner}
	a.Send()
	l.Run(RunDefault)
}
