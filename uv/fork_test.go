package uv_test

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// notForked reports whether the memory at an address is kept from children.
func notForked(address uintptr) bool {
	maps, err := os.Open("/proc/self/smaps")
	must(err)
	defer maps.Close()
	inside := false
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var start, end uintptr
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x ", &start, &end); err == nil {
			inside = start <= address && address < end
		} else if flags, ok := strings.CutPrefix(lines.Text(), "VmFlags:"); ok && inside {
			return strings.Contains(flags+" ", " dc ")
		}
	}
	return false
}

// Go's heap is kept from a child while it is forked, and only then, also where
// it has grown since the last one. Not parallel: other tests spawn, too.
func TestSpawn_HeapStaysBehind(t *testing.T) {
	if runtime.GOOS != "linux" || unsafe.Sizeof(uintptr(0)) < 8 {
		t.Skip("Linux on 64 bits only")
	}
	loop := newLoop(t)
	c := counts{}
	spawn := func() {
		var p uv.Process
		c["spawn"]++
		require.NoError(t, loop.Spawn(&p, &uv.ProcessOptions{
			File: "true",
			ExitCB: func(p *uv.Process, status int64, _ syscall.Signal) {
				c["exit"]++
				assert.Zero(t, status)
				p.Close(nil)
			},
		}))
		run(t, loop)
	}
	spawn()
	object := make([]byte, 80<<20) // more than an arena has room for
	address := uintptr(unsafe.Pointer(&object[len(object)-1]))
	require.False(t, notForked(address))

	var seen, done atomic.Bool
	looked := make(chan bool)
	go func() {
		defer close(looked)
		for !seen.Load() && !done.Load() {
			seen.Store(notForked(address))
		}
	}()
	for end := time.Now().Add(timeLimit / 2); !seen.Load() && time.Now().Before(end); {
		spawn()
	}
	done.Store(true)
	<-looked
	assert.True(t, seen.Load(), "never kept from %d children", c["spawn"])
	assert.Equal(t, c["spawn"], c["exit"])
	assert.False(t, notForked(address))

	var p uv.Process
	assert.Equal(t, uv.ENOENT, loop.Spawn(&p, &uv.ProcessOptions{File: "no such program"}))
	assert.False(t, notForked(address), "nor after a spawn that failed")
	p.Close(nil)
	run(t, loop)
	runtime.KeepAlive(object)
}
