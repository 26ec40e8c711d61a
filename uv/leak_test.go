//go:build linux

package uv_test

import (
	"bufio"
	"encoding/json"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// Each thing that must not leak is done n times, to fill caches and pools, and
// then 3n times, in a helper process of its own. All that malloc gives out
// there lies in the heap segment (MALLOC_ARENA_MAX=1), where Go has nothing.

// usage is what a process holds.
type usage struct {
	Descriptors int
	Children    bool
	Objects     int // in Go's heap
	Heap        int // kilobytes of C's heap in use, -1 where they cannot be told
}

func measure() (u usage) {
	collect()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.Objects = int(m.HeapObjects)
	fds, err := os.ReadDir("/proc/self/fd")
	must(err)
	u.Descriptors = len(fds)
	_, err = syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
	u.Children = err != syscall.ECHILD
	u.Heap = heapInUse()
	return u
}

func heapInUse() int {
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return -1
	}
	defer smaps.Close()
	inHeap := false
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasSuffix(line, "[heap]"):
			inHeap = true
		case inHeap && strings.HasPrefix(line, "Rss:"):
			n, err := strconv.Atoi(strings.Fields(line)[1])
			must(err)
			return n
		}
	}
	return -1
}

var much = make([]byte, 1<<19)

// rounds holds what is done again and again.
var rounds = map[string]func(loop *uv.Loop){
	"spawn": func(loop *uv.Loop) {
		var p uv.Process
		must(loop.Spawn(&p, &uv.ProcessOptions{
			File:   "true",
			Args:   []string{"true", "some", "arguments"},
			ExitCB: func(*uv.Process, int64, syscall.Signal) { p.Close(nil) },
		}))
		loop.Run(uv.RunDefault)
	},
	"spawn with pipes": func(loop *uv.Loop) {
		var in, out uv.Pipe
		must(in.Init(loop, false))
		must(out.Init(loop, false))
		must(loop.Spawn(new(uv.Process), &uv.ProcessOptions{
			File: "cat",
			Env:  os.Environ(),
			Cwd:  "/",
			Stdio: []uv.StdioContainer{
				{Flags: uv.CreatePipe | uv.ReadablePipe, Stream: &in},
				{Flags: uv.CreatePipe | uv.WritablePipe, Stream: &out},
			},
			ExitCB: func(p *uv.Process, _ int64, _ syscall.Signal) { p.Close(nil) },
		}))
		must(in.Write(nil, buffers("a", "few", "words", "to", "write"), func(*uv.WriteReq, error) { in.Close(nil) }))
		must(out.ReadStart(nil, func(_ uv.Stream, _ []byte, err error) {
			if err != nil {
				out.Close(nil)
			}
		}))
		loop.Run(uv.RunDefault)
	},
	"failed spawn": func(loop *uv.Loop) {
		var p, q uv.Process
		var pipe uv.Pipe
		must(pipe.Init(loop, false))
		options := &uv.ProcessOptions{
			File:  "uv-no-such-program",
			Stdio: []uv.StdioContainer{{Flags: uv.CreatePipe | uv.ReadablePipe, Stream: &pipe}},
		}
		if loop.Spawn(&p, options) != uv.ENOENT {
			panic("the spawn did not fail")
		}
		options.File = ""
		if loop.Spawn(&q, options) != uv.EINVAL {
			panic("the options were not refused")
		}
		p.Close(nil)
		q.Close(nil)
		pipe.Close(nil)
		loop.Run(uv.RunDefault)
	},
	"pipe": func(loop *uv.Loop) {
		path := os.Args[3]
		var server, client, accepted uv.Pipe
		must(server.Init(loop, false))
		must(server.Bind(path))
		must(server.Listen(1, func(uv.Stream, error) {
			must(accepted.Init(loop, false))
			must(server.Accept(&accepted))
			must(accepted.ReadStart(nil, func(_ uv.Stream, buf []byte, err error) {
				if err != nil {
					accepted.Close(nil)
					return
				}
				must(accepted.Write(nil, [][]byte{append([]byte(nil), buf...)}, nil))
			}))
			server.Close(nil)
		}))
		must(client.Init(loop, false))
		must(client.Connect(nil, path, func(_ *uv.ConnectReq, err error) {
			must(err)
			must(client.Write(new(uv.WriteReq), buffers("a", "few", "words", "to", "write"), nil))
			must(client.ReadStart(func(uv.Handle, int) []byte { return make([]byte, 100) },
				func(uv.Stream, []byte, error) { client.Close(nil) }))
		}))
		loop.Run(uv.RunDefault)
	},
	"send a handle": func(loop *uv.Loop) {
		fds, err := socketPair()
		must(err)
		var a, b, sent uv.Pipe
		for i, p := range []*uv.Pipe{&a, &b} {
			must(p.Init(loop, true))
			must(p.Open(fds[i]))
		}
		pipe, err := uv.MakePipe(0, 0)
		must(err)
		must(sent.Init(loop, false))
		must(sent.Open(pipe[0]))
		must(syscall.Close(pipe[1]))
		must(a.Write2(nil, buffers("x"), &sent, func(*uv.WriteReq, error) { sent.Close(nil) }))
		must(a.Write2(nil, buffers("x"), &sent, nil))
		must(b.ReadStart(nil, func(uv.Stream, []byte, error) {
			a.Close(nil)
			b.Close(nil)
		}))
		loop.Run(uv.RunDefault)
	},
	"cancelled write": func(loop *uv.Loop) {
		fds, err := socketPair()
		must(err)
		var a uv.Pipe
		must(a.Init(loop, false))
		must(a.Open(fds[0]))
		for range 3 {
			must(a.Write(nil, [][]byte{much}, nil))
		}
		must(a.Shutdown(nil, nil))
		a.Close(nil)
		loop.Run(uv.RunDefault)
		must(syscall.Close(fds[1]))
	},
	"timer": func(loop *uv.Loop) {
		for range 10 {
			t := new(uv.Timer)
			must(t.Init(loop))
			must(t.Start(func(t *uv.Timer) { t.Close(nil) }, 0, 0))
		}
		loop.Run(uv.RunDefault)
	},
	"loop": func(*uv.Loop) {
		var loop uv.Loop
		must(loop.Init())
		var p uv.Pipe
		must(p.Init(&loop, false))
		p.Close(nil)
		loop.Run(uv.RunDefault)
		must(loop.Close())
	},
}

var helperLeak = helper("leak", func() {
	runtime.LockOSThread() // malloc keeps something for each thread
	round := rounds[os.Args[1]]
	n, err := strconv.Atoi(os.Args[2])
	must(err)
	loop := new(uv.Loop)
	must(loop.Init())
	var before, after usage
	for range n {
		round(loop)
	}
	measure() // whatever the first one needs itself
	before = measure()
	for range 3 * n {
		round(loop)
	}
	after = measure()
	must(loop.Close())
	must(json.NewEncoder(os.Stdout).Encode([]usage{before, after}))
})

func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	const n = 250 // and 750 more
	for name := range rounds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := helperOptions(helperLeak, name, strconv.Itoa(n), socketPath(t))
			options.Env = append(options.Env, "MALLOC_ARENA_MAX=1")
			options.Stdio = []uv.StdioContainer{{}, {}, {Flags: uv.InheritFD, FD: 2}}
			out, exit := outputOf(t, options)
			require.Equal(t, exitOf{}, exit)
			var u []usage
			require.NoError(t, json.Unmarshal([]byte(out), &u))
			t.Logf("%+v", u)
			before, after := u[0], u[1]
			assert.Equal(t, before.Descriptors, after.Descriptors)
			assert.False(t, after.Children, "a child is left, or a zombie")
			assert.LessOrEqual(t, after.Objects, before.Objects+n, "in Go's heap")
			assert.LessOrEqual(t, after.Heap, before.Heap+12, "kilobytes in C's heap") // the smallest malloc in each round would be 24
		})
	}
}
