package uv_test

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// A thread runs what it is given, with what that closes over, once.
func TestLibuv_thread_create(t *testing.T) {
	t.Parallel()
	var thread uv.Thread
	arg, calls := 42, 0
	require.NoError(t, thread.Create(func() {
		assert.Equal(t, 42, arg)
		calls++
	}))
	require.NoError(t, thread.Join())
	assert.Equal(t, 1, calls)
}

// Threads equal themselves and nobody else, however their ids are come by.
func TestLibuv_thread_equal(t *testing.T) {
	t.Parallel()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	main := uv.ThreadSelf()
	assert.True(t, main.Equal(main))
	assert.True(t, main.Equal(uv.ThreadSelf()))
	var threads [2]uv.Thread
	var selves [2]*uv.Thread
	var running sync.WaitGroup // neither ends before both have an id
	running.Add(len(threads))
	for i := range threads {
		require.NoError(t, threads[i].Create(func() {
			selves[i] = uv.ThreadSelf()
			running.Done()
			running.Wait()
		}))
	}
	running.Wait()
	for i := range threads {
		assert.True(t, threads[i].Equal(selves[i]))
		assert.False(t, main.Equal(selves[i]))
	}
	assert.False(t, selves[0].Equal(selves[1]))
	for i := range threads {
		require.NoError(t, threads[i].Join())
		assert.False(t, threads[i].Equal(selves[i]), "it is gone")
	}
	assert.Equal(t, uv.EINVAL, main.Join(), "nobody created it")
	assert.False(t, new(uv.Thread).Equal(new(uv.Thread)))
}

// A thread's stack, C's, is as large as the limit says at the time. Not
// parallel: it changes the limit.
func TestLibuv_thread_stack_size(t *testing.T) {
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_STACK, &before))
	defer func() { assert.NoError(t, syscall.Setrlimit(syscall.RLIMIT_STACK, &before)) }()
	for _, size := range []uint64{before.Cur, 24 << 20} {
		if size > before.Max {
			continue
		}
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_STACK, &syscall.Rlimit{Cur: size, Max: before.Max}))
		if size == math.MaxUint64 {
			size = 2 << 20 // what stands for no limit
		}
		var thread uv.Thread
		id, end := make(chan int), make(chan bool)
		require.NoError(t, thread.Create(func() {
			id <- syscall.Gettid()
			<-end
		}))
		// A goroutine that waits leaves its thread on the stack that C gave it.
		assert.GreaterOrEqual(t, mappingSize(t, awaitSyscall(<-id, syscall.SYS_FUTEX)), size)
		close(end)
		require.NoError(t, thread.Join())
	}
}

// awaitSyscall waits for a thread of this process to be in a system call, and
// returns its stack pointer.
func awaitSyscall(tid, number int) (sp uint64) {
	for end := time.Now().Add(timeLimit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", tid))
		must(err)
		var in int
		var args [6]uint64
		if _, err := fmt.Sscanf(string(text), "%d %v %v %v %v %v %v %v", &in,
			&args[0], &args[1], &args[2], &args[3], &args[4], &args[5], &sp); err == nil && in == number {
			return sp
		}
	}
	panic("the thread does not come to rest")
}

// mappingSize returns the size of the mapping that an address is in.
func mappingSize(t *testing.T, addr uint64) uint64 {
	maps, err := os.Open("/proc/self/maps")
	require.NoError(t, err)
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var start, end uint64
		_, err := fmt.Sscanf(lines.Text(), "%x-%x", &start, &end)
		require.NoError(t, err)
		if start <= addr && addr < end {
			return end - start
		}
	}
	require.Fail(t, "nothing is mapped there")
	return 0
}
