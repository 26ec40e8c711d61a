package goroutine

import (
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestID(t *testing.T) {
	if !Known {
		assert.Zero(t, ID())
		return
	}
	mine := ID()
	assert.NotZero(t, mine)

	// Goroutines that live at the same time have ids of their own, wherever they
	// run and wherever their stacks are moved to.
	const n = 100
	ids := make([]uintptr, n)
	var all, done sync.WaitGroup
	all.Add(n)
	for i := range ids {
		done.Go(func() {
			ids[i] = ID()
			all.Done()
			all.Wait()
			for range 10 {
				runtime.Gosched()
				assert.Equal(t, ids[i], grown(i))
			}
		})
	}
	done.Wait()
	seen := map[uintptr]bool{mine: true}
	for _, id := range ids {
		assert.False(t, seen[id])
		seen[id] = true
	}
	assert.Equal(t, mine, ID())
}

// grown is ID from further up the stack.
func grown(n int) uintptr {
	if n == 0 {
		return ID()
	}
	var large [1024]byte
	large[n] = 1
	runtime.KeepAlive(&large)
	return grown(n - 1)
}
