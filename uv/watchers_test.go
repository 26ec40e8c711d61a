package uv_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// watcher is what Prepare, Check and Idle have in common.
type watcher struct {
	uv.Handle
	start func(cb func(uv.Handle)) error
	stop  func() error
}

func newWatchers(t *testing.T, loop *uv.Loop) map[string]watcher {
	t.Helper()
	prepare, check, idle := new(uv.Prepare), new(uv.Check), new(uv.Idle)
	require.NoError(t, prepare.Init(loop))
	require.NoError(t, check.Init(loop))
	require.NoError(t, idle.Init(loop))
	return map[string]watcher{
		"Prepare": {prepare, func(cb func(uv.Handle)) error {
			if cb == nil {
				return prepare.Start(nil)
			}
			return prepare.Start(func(h *uv.Prepare) { cb(h) })
		}, prepare.Stop},
		"Check": {check, func(cb func(uv.Handle)) error {
			if cb == nil {
				return check.Start(nil)
			}
			return check.Start(func(h *uv.Check) { cb(h) })
		}, check.Stop},
		"Idle": {idle, func(cb func(uv.Handle)) error {
			if cb == nil {
				return idle.Start(nil)
			}
			return idle.Start(func(h *uv.Idle) { cb(h) })
		}, idle.Stop},
	}
}

// eachWatcher runs a test for each kind of watcher, with a loop of its own that
// never waits.
func eachWatcher(t *testing.T, test func(t *testing.T, loop *uv.Loop, w watcher)) {
	for _, name := range []string{"Prepare", "Check", "Idle"} {
		t.Run(name, func(t *testing.T) {
			loop := newLoop(t)
			test(t, loop, newWatchers(t, loop)[name])
			closeAll(t, loop)
		})
	}
}

func TestWatchers_OnceAnIteration(t *testing.T) {
	t.Parallel()
	eachWatcher(t, func(t *testing.T, loop *uv.Loop, w watcher) {
		calls := 0
		require.NoError(t, w.start(func(h uv.Handle) {
			calls++
			assert.Same(t, w.Handle, h)
			assert.True(t, h.IsActive())
		}))
		assert.True(t, w.IsActive())
		assert.Equal(t, 0, calls)
		for i := range 5 {
			assert.True(t, runMode(t, loop, uv.RunNowait))
			assert.Equal(t, i+1, calls)
		}
		require.NoError(t, w.stop())
		assert.False(t, w.IsActive())
		assert.False(t, runMode(t, loop, uv.RunNowait))
		assert.Equal(t, 5, calls)
	})
}

func TestWatchers_StartTwiceKeepsTheFirstCallback(t *testing.T) {
	t.Parallel()
	eachWatcher(t, func(t *testing.T, loop *uv.Loop, w watcher) {
		called := counts{}
		require.NoError(t, w.start(func(uv.Handle) { called["first"]++ }))
		require.NoError(t, w.start(func(uv.Handle) { called["second"]++ }))
		require.NoError(t, w.start(nil), "as in C it does not look at the callback then")
		runMode(t, loop, uv.RunNowait)
		assert.Equal(t, counts{"first": 1}, called)

		require.NoError(t, w.stop())
		require.NoError(t, w.start(func(uv.Handle) { called["second"]++ }))
		runMode(t, loop, uv.RunNowait)
		assert.Equal(t, counts{"first": 1, "second": 1}, called)
	})
}

func TestWatchers_NilCallback(t *testing.T) {
	t.Parallel()
	eachWatcher(t, func(t *testing.T, loop *uv.Loop, w watcher) {
		assert.Equal(t, uv.EINVAL, w.start(nil))
		assert.False(t, w.IsActive())
		run(t, loop)
	})
}

func TestWatchers_StopTwice(t *testing.T) {
	t.Parallel()
	eachWatcher(t, func(t *testing.T, loop *uv.Loop, w watcher) {
		assert.NoError(t, w.stop(), "never started")
		require.NoError(t, w.start(func(uv.Handle) { assert.Fail(t, "called") }))
		assert.NoError(t, w.stop())
		assert.NoError(t, w.stop())
		run(t, loop)
	})
}

func TestWatchers_StopInCallback(t *testing.T) {
	t.Parallel()
	eachWatcher(t, func(t *testing.T, loop *uv.Loop, w watcher) {
		idle := new(uv.Idle) // so that the loop does not wait
		require.NoError(t, idle.Init(loop))
		require.NoError(t, idle.Start(func(*uv.Idle) {}))
		calls := 0
		require.NoError(t, w.start(func(uv.Handle) {
			if calls++; calls == 3 {
				assert.NoError(t, w.stop())
				assert.NoError(t, idle.Stop())
			}
		}))
		run(t, loop)
		assert.Equal(t, 3, calls)
	})
}

func TestWatchers_CloseInCallback(t *testing.T) {
	t.Parallel()
	eachWatcher(t, func(t *testing.T, loop *uv.Loop, w watcher) {
		called := counts{}
		require.NoError(t, newTimer(t, loop).Start(func(timer *uv.Timer) { timer.Close(nil) }, 0, 0)) // ends the wait
		require.NoError(t, w.start(func(h uv.Handle) {
			called["call"]++
			h.Close(func(uv.Handle) { called["close"]++ })
		}))
		run(t, loop)
		assert.Equal(t, counts{"call": 1, "close": 1}, called)
	})
}

// Idle, prepare, (the wait,) check: the order within an iteration.
func TestWatchers_Order(t *testing.T) {
	t.Parallel()
	loop := newLoop(t)
	var order []string
	for name, w := range newWatchers(t, loop) { // in any order
		require.NoError(t, w.start(func(uv.Handle) { order = append(order, name) }))
	}
	for range 3 {
		order = nil
		runMode(t, loop, uv.RunNowait)
		assert.Equal(t, []string{"Idle", "Prepare", "Check"}, order)
	}
	closeAll(t, loop)
}
