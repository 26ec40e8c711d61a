//go:build linux

package uv_test

import (
	"bytes"
	"fmt"
	"math"
	"net/netip"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"libuv/uv"
)

// FuzzCalls takes its input for a program of a small machine, whose operations
// are the calls of this package: with two loops, eight handles and four requests
// of each kind, in any order, from inside callbacks too, with any arguments. Each
// operation reads its arguments from the program; each callback runs the next few
// operations of it. What may happen is a result, an error code, or a panic that
// tells of a misuse ("uv: …") where the machine knows that it is one. Whatever
// else happens is a finding: another panic, an abort, a hang, a callback that does
// not come, comes twice or too late, a descriptor or a child that is left.
//
// Left out: SetBlocking(true) and descriptors shared as a child's 0 to 2, which
// turn blocking (both hang, as in C), descriptors 0 to 2 of our own, signals that
// would end us, runtime.Goexit, which leaks by design.
func FuzzCalls(f *testing.F) {
	for _, program := range fuzzSeeds() {
		f.Add(program)
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		fuzzWarmUp(t)
		m := newMachine(t, program)
		m.interpret()
		if m.failure != "" {
			t.Fatalf("%s\n\nthe calls:\n%s", m.failure, strings.Join(m.trace, "\n"))
		}
	})
}

var fuzzWarm sync.Once

// fuzzWarmUp makes what is made once in a process and stays, descriptors of
// os/signal's for example, and closes what earlier tests have left to the
// garbage collector.
func fuzzWarmUp(t testing.TB) {
	fuzzWarm.Do(func() {
		collect()
		newMachine(t, fuzzSeeds()[0]).interpret()
	})
}

// TestFuzzCalls_Seeds shows that the seeds reach every operation.
func TestFuzzCalls_Seeds(t *testing.T) {
	fuzzWarmUp(t)
	reached := map[string]int{}
	for _, program := range fuzzSeeds() {
		m := newMachine(t, program)
		m.interpret()
		require.Empty(t, m.failure)
		for name, n := range m.reached {
			reached[name] += n
		}
	}
	for _, o := range fuzzOps {
		require.NotZero(t, reached[o.name], o.name)
	}
}

const (
	fuzzSlots    = 8
	fuzzRequests = 4
	fuzzMaxOps   = 200
	fuzzMaxDepth = 4
	fuzzSpawns   = 3
	fuzzLimit    = 15 * time.Second // a program that takes longer hangs
)

type fuzzState int

const (
	fuzzNone fuzzState = iota
	fuzzOpen
	fuzzClosing
	fuzzClosed
)

// fuzzLife is a handle from one Init to its close callback.
type fuzzLife struct {
	name       string
	h          uv.Handle
	loop       *fuzzLoop
	state      fuzzState
	closeCB    bool // Close was given a callback
	start      int  // counts the calls that set a callback or take it away
	once       bool // what was started last calls back once
	fired      bool // and has
	allocating int
	pid        int
	exited     bool
	requests   []*fuzzToken
}

// fuzzToken is a request on its way: its callback comes once.
type fuzzToken struct {
	name     string
	accepted bool
	fired    bool
}

type fuzzSlot struct {
	h    uv.Handle // the program's variable
	life *fuzzLife // its last life, nil before the first Init
}

func (s *fuzzSlot) open() bool { return s.life != nil && s.life.state == fuzzOpen }

// known reports whether libuv knows the handle.
func (s *fuzzSlot) known() bool { return s.open() || s.life != nil && s.life.state == fuzzClosing }

type fuzzLoop struct {
	name      string
	loop      *uv.Loop
	up        bool
	limit     *uv.Timer // ends Run; nil before it is needed
	limits    int       // of these, how many are not closed yet
	running   bool
	walking   int
	anonymous int // requests without a callback, so that nobody knows when they are done
	tokens    []*fuzzToken
}

// fuzzReq is a request of the program's.
type fuzzReq[T any] struct {
	req   *T
	token *fuzzToken
}

func (r *fuzzReq[T]) inUse() bool { return r != nil && r.token != nil && !r.token.fired }

// fuzzFrame is a Run or a Walk that is under way.
type fuzzFrame struct {
	loop   *fuzzLoop
	thrown []any
}

type fuzzThrown struct{ n int }

type machine struct {
	t       testing.TB
	program []byte
	ops     int
	depth   int
	over    bool // the program is; nothing is called from callbacks any more
	spawns  int
	thrown  int

	loops     [2]*fuzzLoop
	slots     [fuzzSlots]*fuzzSlot
	lives     []*fuzzLife
	writes    [fuzzRequests]*fuzzReq[uv.WriteReq]
	connects  [fuzzRequests]*fuzzReq[uv.ConnectReq]
	shutdowns [fuzzRequests]*fuzzReq[uv.ShutdownReq]
	fses      [fuzzRequests]*fuzzReq[uv.FsReq]
	frames    []*fuzzFrame

	dir     string
	raw     []int // descriptors of the machine's own
	failure string
	trace   []string
	reached map[string]int
}

func newMachine(t testing.TB, program []byte) *machine {
	m := &machine{t: t, program: program, reached: map[string]int{}}
	for i := range m.loops {
		m.loops[i] = &fuzzLoop{name: fmt.Sprint("loop", i), loop: new(uv.Loop)}
	}
	for i := range m.slots {
		m.slots[i] = &fuzzSlot{h: fuzzNew(i)}
	}
	for i := range fuzzRequests {
		m.writes[i] = &fuzzReq[uv.WriteReq]{req: new(uv.WriteReq)}
		m.connects[i] = &fuzzReq[uv.ConnectReq]{req: new(uv.ConnectReq)}
		m.shutdowns[i] = &fuzzReq[uv.ShutdownReq]{req: new(uv.ShutdownReq)}
		m.fses[i] = &fuzzReq[uv.FsReq]{req: new(uv.FsReq)}
	}
	return m
}

const fuzzKinds = 9

func fuzzNew(kind int) uv.Handle {
	switch kind % fuzzKinds {
	case 0:
		return new(uv.Pipe)
	case 1:
		return new(uv.TCP)
	case 2:
		return new(uv.Timer)
	case 3:
		return new(uv.Signal)
	case 4:
		return new(uv.Process)
	case 5:
		return new(uv.Async)
	case 6:
		return new(uv.Idle)
	case 7:
		return new(uv.Prepare)
	}
	return new(uv.Check)
}

// byte reads an argument from the program.
func (m *machine) byte() int {
	if len(m.program) == 0 {
		return 0
	}
	b := m.program[0]
	m.program = m.program[1:]
	return int(b)
}

func (m *machine) bool() bool { return m.byte()&1 != 0 }

func pick[T any](m *machine, from ...T) T { return from[m.byte()%len(from)] }

func (m *machine) note(format string, args ...any) {
	if len(m.trace) < 2000 {
		m.trace = append(m.trace, strings.Repeat("    ", m.depth)+fmt.Sprintf(format, args...))
	}
}

// fail notes a finding. The first one counts.
func (m *machine) fail(format string, args ...any) {
	m.note("FINDING: "+format, args...)
	if m.failure == "" {
		m.failure = fmt.Sprintf(format, args...)
	}
}

// interpret runs the program, and then ends everything.
func (m *machine) interpret() {
	runtime.LockOSThread() // signals are raised on it
	defer runtime.UnlockOSThread()
	hang := time.AfterFunc(fuzzLimit, func() {
		panic("hangs; the calls so far:\n" + strings.Join(m.trace, "\n"))
	})
	defer hang.Stop()
	childless := noChildren()

	// Not t.TempDir(): its name is long and gets longer.
	dir, err := os.MkdirTemp("", "fuzz")
	require.NoError(m.t, err)
	defer os.RemoveAll(dir)
	m.dir = dir
	before := descriptors()
	for _, l := range m.loops {
		m.initLoop(l)
	}
	for len(m.program) > 0 && m.step() {
	}
	m.finish()
	if after := descriptors(); m.failure == "" && !reflect.DeepEqual(before, after) {
		m.fail("descriptors before: %v, after: %v", before, after)
	}
	if m.failure == "" && childless && !noChildren() {
		m.fail("a child is left")
	}
}

// step runs the next operation. It returns false when the program is over.
func (m *machine) step() bool {
	if m.over || m.failure != "" || m.ops >= fuzzMaxOps || len(m.program) == 0 {
		return false
	}
	m.ops++
	o := fuzzOps[m.byte()%len(fuzzOps)]
	m.reached[o.name]++
	m.note("%s", o.name)
	o.run(m)
	return true
}

// nested runs the next few operations inside a callback.
func (m *machine) nested() {
	m.depth++
	defer func() { m.depth-- }()
	if m.depth > fuzzMaxDepth {
		return
	}
	for n := m.byte() % 4; n > 0 && m.step(); n-- {
	}
	if !m.over && m.failure == "" && len(m.program) > 0 && m.program[0] == 0xff {
		m.byte()
		m.thrown++
		m.note("panic(%d)", m.thrown)
		frame := m.frames[len(m.frames)-1]
		frame.thrown = append(frame.thrown, fuzzThrown{m.thrown})
		panic(fuzzThrown{m.thrown})
	}
}

// callback is called by each callback of a handle.
func (m *machine) callback(l *fuzzLife, what string) {
	m.note("-> %s %s", l.name, what)
	switch {
	case l.state != fuzzOpen:
		m.fail("%s of %s, which is closed", what, l.name)
	case !l.loop.running:
		m.fail("%s of %s outside Run", what, l.name)
	}
	m.nested()
}

// started is callback for what a Start set; start is what the life's was then.
func (m *machine) started(l *fuzzLife, start int, what string) {
	switch {
	case l.start != start:
		m.fail("%s of %s after it was stopped or started anew", what, l.name)
	case l.once && l.fired:
		m.fail("%s of %s twice", what, l.name)
	}
	l.fired = true
	m.callback(l, what)
}

// requested is called by each request's callback.
func (m *machine) requested(l *fuzzLife, token *fuzzToken, err error) {
	m.note("-> %s: %v", token.name, err)
	switch {
	case token.fired:
		m.fail("%s calls back twice", token.name)
	case !token.accepted:
		m.fail("%s calls back before it was accepted", token.name)
	case l != nil && l.state == fuzzClosed:
		m.fail("%s calls back after the handle's close callback", token.name)
	}
	token.fired = true
	m.nested()
}

// accept notes a request that was accepted.
func (m *machine) accept(l *fuzzLife, loop *fuzzLoop, token *fuzzToken, withCB bool) {
	token.accepted = true
	if !withCB {
		loop.anonymous++
		return
	}
	loop.tokens = append(loop.tokens, token)
	if l != nil {
		l.requests = append(l.requests, token)
	}
}

// call makes a call. Usable says whether it may be made; if not, it must panic
// with a text that begins with "uv: ". Otherwise it may only panic with one of
// the texts. It returns false when it panicked.
func (m *machine) call(name string, usable bool, do func() error, texts ...string) (err error, returned bool) {
	defer func() {
		if returned {
			return
		}
		value := recover()
		text, _ := value.(string)
		m.note("   %s: panic: %v", name, value)
		if !strings.HasPrefix(text, "uv: ") {
			m.fail("%s: panic: %v\n%s", name, value, debug.Stack())
			return
		}
		for _, t := range texts {
			usable = usable && !strings.Contains(text, t)
		}
		if usable {
			m.fail("%s: panic: %s", name, text)
		}
	}()
	err = do()
	returned = true
	m.note("   %s: %v", name, err)
	if !usable {
		m.fail("%s: no panic, but %v", name, err)
	}
	if _, ok := err.(uv.Errno); err != nil && !ok {
		m.fail("%s: %T %v", name, err, err)
	}
	return err, returned
}

// callKnown is call for what may also be called between Close and the close
// callback. It then returns what libuv says, which is one of late where there are
// any, and has no effect.
func (m *machine) callKnown(name string, s *fuzzSlot, late []error, do func() error, texts ...string) (err error, returned bool) {
	if s.open() || !s.known() {
		return m.call(name, s.open(), do, texts...)
	}
	if !s.life.closeCB { // nobody knows
		texts = append(texts, "the handle is closed")
	}
	err, returned = m.call(name, true, do, texts...)
	if returned && late != nil && !slices.Contains(late, err) {
		m.fail("%s while closing: %v", name, err)
	}
	return err, false
}

// tryKnown is callKnown for what returns nothing.
func (m *machine) tryKnown(name string, s *fuzzSlot, do func()) bool {
	_, returned := m.callKnown(name, s, nil, func() error { do(); return nil })
	return returned
}

// try is call for what returns nothing.
func (m *machine) try(name string, usable bool, do func(), texts ...string) bool {
	_, returned := m.call(name, usable, func() error { do(); return nil }, texts...)
	return returned
}

func (m *machine) expect(name string, err, want error) {
	if err != want {
		m.fail("%s: %v instead of %v", name, err, want)
	}
}

// Slots

func (m *machine) slot() *fuzzSlot { return m.slots[m.byte()%fuzzSlots] }

// slotOf returns the next slot that has a T, nil where none does.
func slotOf[T any](m *machine) (*fuzzSlot, T) {
	from := m.byte()
	for i := range fuzzSlots {
		s := m.slots[(from+i)%fuzzSlots]
		if h, ok := s.h.(T); ok {
			return s, h
		}
	}
	var none T
	return nil, none
}

func (m *machine) anyLoop() *fuzzLoop { return m.loops[m.byte()%2] }

// born notes that a handle was initialised.
func (m *machine) born(s *fuzzSlot, loop *fuzzLoop) *fuzzLife {
	s.life = &fuzzLife{name: fmt.Sprintf("%s#%d", strings.TrimPrefix(fmt.Sprintf("%T", s.h), "*uv."), len(m.lives)), h: s.h, loop: loop, state: fuzzOpen}
	m.lives = append(m.lives, s.life)
	m.note("   it is %s of %s", s.life.name, loop.name)
	return s.life
}

// init initialises a slot, as a kind where it may change it.
func (m *machine) init(s *fuzzSlot, kind int, loop *fuzzLoop, flags int) {
	if s.known() {
		if s.life.state == fuzzClosing && !s.life.closeCB {
			return // nobody knows whether it is closed
		}
		kind = -1
	} else if fresh := fuzzNew(kind); reflect.TypeOf(fresh) != reflect.TypeOf(s.h) {
		s.h, s.life = fresh, nil
	}
	usable := !s.known() && loop != nil && loop.up
	var l *uv.Loop
	if loop != nil {
		l = loop.loop
	}
	var life *fuzzLife
	err, ok := m.call(fmt.Sprintf("%T.Init", s.h), usable, func() error {
		switch h := s.h.(type) {
		case *uv.Pipe:
			return h.Init(l, flags&1 != 0)
		case *uv.TCP:
			switch flags % 6 {
			case 1:
				return h.InitEx(l, syscall.AF_INET)
			case 2:
				return h.InitEx(l, syscall.AF_INET6)
			case 3:
				return h.InitEx(l, 200)
			case 4:
				return h.InitEx(l, 1<<8)
			}
			return h.Init(l)
		case *uv.Timer:
			return h.Init(l)
		case *uv.Signal:
			return h.Init(l)
		case *uv.Process:
			if usable { // Spawn does it
				return uv.EINVAL
			}
			return l.Spawn(h, &uv.ProcessOptions{File: "true"})
		case *uv.Async:
			if flags&1 != 0 {
				return h.Init(l, nil)
			}
			return h.Init(l, func(*uv.Async) { m.callback(life, "async callback") })
		case *uv.Idle:
			return h.Init(l)
		case *uv.Prepare:
			return h.Init(l)
		case *uv.Check:
			return h.Init(l)
		}
		return nil
	})
	switch {
	case ok && err == nil:
		life = m.born(s, loop)
	case ok && s.open(): // a Process that Spawn refused, which does so again
	case ok:
		s.life = nil
	}
}

// close closes a slot's handle.
func (m *machine) close(s *fuzzSlot, withCB bool) bool {
	life := s.life
	err, ok := m.call("Close", s.open(), func() error {
		s.h.Close(m.closeCB(life, withCB))
		return nil
	}, "AllocCB")
	m.closed(life, withCB, ok && err == nil)
	return ok
}

func (m *machine) closeCB(life *fuzzLife, withCB bool) uv.CloseCB {
	if !withCB {
		return nil
	}
	return func(h uv.Handle) {
		m.note("-> %s close callback", life.name)
		switch {
		case h != life.h:
			m.fail("the close callback of %s gets another handle", life.name)
		case life.state != fuzzClosing:
			m.fail("%s: close callback in state %d", life.name, life.state)
		case !life.loop.running:
			m.fail("%s: close callback outside Run", life.name)
		}
		for _, r := range life.requests {
			if !r.fired {
				m.fail("%s has not called back when the handle closes", r.name)
			}
		}
		life.state = fuzzClosed
		m.nested()
	}
}

// closed notes that a handle was closed, if it was.
func (m *machine) closed(life *fuzzLife, withCB, ok bool) {
	if !ok || life == nil {
		return
	}
	if life.allocating > 0 {
		m.fail("%s closed in its AllocCB", life.name)
	}
	life.state, life.closeCB = fuzzClosing, withCB
	life.start++
	m.note("   closing %s", life.name)
}

// settle takes notice of handles whose closing nobody was told of: Run has
// returned, and whatever was closing before is closed when the loop does not
// know it any more.
func (m *machine) settle(l *fuzzLoop) {
	if !l.up || l.walking > 0 {
		return
	}
	known := map[uv.Handle]bool{}
	for _, o := range l.loop.OpenHandles() {
		known[o.Handle] = true
	}
	for _, life := range m.lives {
		if life.loop == l && life.state == fuzzClosing && !life.closeCB && !known[life.h] {
			life.state = fuzzClosed
		}
	}
}

// Loops

func (m *machine) initLoop(l *fuzzLoop) {
	err, ok := m.call(l.name+".Init", !l.up, l.loop.Init)
	if ok {
		m.expect("Loop.Init", err, nil)
		l.up, l.tokens, l.anonymous = true, nil, 0
	}
}

// run runs a loop for a few milliseconds at most.
func (m *machine) run(l *fuzzLoop, mode uv.RunMode, limit uint64) {
	usable := l.up && !l.running && mode <= uv.RunNowait
	if usable && limit > 0 {
		if l.limit == nil {
			l.limit = new(uv.Timer)
			require.NoError(m.t, l.limit.Init(l.loop))
			l.limits++
			l.limit.Unref()
		}
		l.loop.UpdateTime()
		require.NoError(m.t, l.limit.Start(func(*uv.Timer) { l.loop.Stop() }, limit, 1))
	}
	frame := &fuzzFrame{loop: l}
	m.frames = append(m.frames, frame)
	was := l.running
	l.running = true
	m.called(fmt.Sprintf("%s.Run(%d)", l.name, mode), usable, frame, func() { l.loop.Run(mode) })
	l.running = was
	m.frames = m.frames[:len(m.frames)-1]
	if usable && limit > 0 && l.limit != nil {
		require.NoError(m.t, l.limit.Stop())
	}
	if usable {
		m.settle(l)
	}
}

// called makes a call that passes on what callbacks panic with.
func (m *machine) called(name string, usable bool, frame *fuzzFrame, do func()) {
	returned := false
	defer func() {
		if returned {
			m.note("   %s returned", name)
			switch {
			case len(frame.thrown) > 0:
				m.fail("%s: the panic %v is lost", name, frame.thrown[0])
			case !usable:
				m.fail("%s: no panic", name)
			}
			return
		}
		value := recover()
		m.note("   %s: panic: %v", name, value)
		text, _ := value.(string)
		switch {
		case len(frame.thrown) > 0:
			if value != frame.thrown[0] {
				m.fail("%s: panic: %v instead of %v\n%s", name, value, frame.thrown[0], debug.Stack())
			}
		case usable || !strings.HasPrefix(text, "uv: "):
			m.fail("%s: panic: %v\n%s", name, value, debug.Stack())
		}
	}()
	do()
	returned = true
}

// unlimit closes the timer that ends Run.
func (m *machine) unlimit(l *fuzzLoop) {
	l.limit.Close(func(uv.Handle) { l.limits-- })
	l.limit = nil
}

func (m *machine) walk(l *fuzzLoop) {
	frame := &fuzzFrame{loop: l}
	m.frames = append(m.frames, frame)
	l.walking++
	m.called(l.name+".Walk", l.up, frame, func() {
		l.loop.Walk(func(h uv.Handle) {
			m.note("-> walk: %v", h.Type())
			m.nested()
		})
	})
	l.walking--
	m.frames = m.frames[:len(m.frames)-1]
}

// pending reports what keeps a loop from being closed.
func (m *machine) pending(l *fuzzLoop) bool {
	for _, life := range m.lives {
		if life.loop == l && (life.state == fuzzOpen || life.state == fuzzClosing) {
			return true
		}
	}
	for _, token := range l.tokens {
		if !token.fired {
			return true
		}
	}
	return false
}

func (m *machine) closeLoop(l *fuzzLoop) {
	if l.up && !l.running && l.limit != nil && l.walking == 0 {
		m.unlimit(l)
		m.run(l, uv.RunNowait, 0)
	}
	if !l.up { // a callback of that Run closed it
		m.try(l.name+".Close", false, func() { l.loop.Close() })
		return
	}
	pending := m.pending(l)
	err, ok := m.call(l.name+".Close", l.up, l.loop.Close)
	switch {
	case !ok:
	case err == nil:
		l.up = false
		if pending || l.running || l.walking > 0 {
			m.fail("%s.Close: nil, with something pending (running %v, walking %v)", l.name, l.running, l.walking)
		}
	case err != uv.EBUSY:
		m.fail("%s.Close: %v", l.name, err)
	case !pending && !l.running && l.walking == 0 && l.anonymous == 0 && l.limits == 0:
		m.fail("%s.Close: %v, with nothing pending", l.name, err)
	}
}

// finish ends everything.
func (m *machine) finish() {
	m.over = true
	m.depth = 0
	m.note("the program is over")
	if m.failure != "" { // leave as little as can be
		defer func() { recover() }()
	}
	for round := 0; ; round++ {
		for _, life := range m.lives {
			if life.pid != 0 && !life.exited && life.state == fuzzOpen {
				life.h.(*uv.Process).Kill(syscall.SIGKILL)
			}
		}
		left := false
		for _, life := range m.lives {
			if life.state == fuzzOpen {
				s := &fuzzSlot{life.h, life}
				if m.close(s, true) {
					continue
				}
				left = true
				if stream, ok := life.h.(uv.Stream); ok && round > 0 { // two that send each other
					if fd, err := stream.Fileno(); err == nil {
						syscall.Shutdown(fd, syscall.SHUT_RDWR)
					}
				}
			}
		}
		if !left {
			break
		}
		if round > 5 {
			m.fail("a handle cannot be closed")
			break
		}
		for _, l := range m.loops {
			if l.up {
				m.run(l, uv.RunDefault, 5)
			}
		}
	}
	for _, l := range m.loops {
		if !l.up {
			continue
		}
		if l.limit != nil {
			m.unlimit(l)
		}
		for i := 0; l.loop.Alive() && i < 10; i++ { // Stop may have been called
			m.run(l, uv.RunDefault, 0)
		}
		for _, token := range l.tokens {
			if !token.fired {
				m.fail("%s never calls back", token.name)
			}
		}
		for _, life := range m.lives {
			if life.loop == l && life.state != fuzzClosed {
				m.fail("%s is never closed (state %d)", life.name, life.state)
			}
		}
		err, ok := m.call(l.name+".Close", true, l.loop.Close)
		if ok {
			m.expect(l.name+".Close", err, nil)
		}
		l.up = false
	}
	for _, fd := range m.raw {
		syscall.Close(fd)
	}
	for _, life := range m.lives {
		if life.pid != 0 && !life.exited {
			// The handle was closed before its child exited (or has no callback).
			if pid, _ := syscall.Wait4(life.pid, nil, syscall.WNOHANG, nil); pid == 0 {
				syscall.Kill(life.pid, syscall.SIGKILL)
				syscall.Wait4(life.pid, nil, 0, nil)
			}
		}
	}
	uv.TraceHandles(false)
}

// descriptors lists the descriptors of the process, with what they are. Those of
// the system's own files are left out: Go's runtime and the C library open some
// for a moment, to count processors.
func descriptors() map[string]string {
	list := map[string]string{}
	dir, err := os.Open("/proc/self/fd")
	must(err)
	names, err := dir.Readdirnames(-1)
	must(err)
	dir.Close()
	for _, name := range names {
		if target, err := os.Readlink("/proc/self/fd/" + name); err == nil && !strings.HasPrefix(target, "/sys/") {
			list[name] = target
		}
	}
	return list
}

func noChildren() bool {
	// WNOWAIT: whoever has a child here shall get it.
	const pAll, wNoWait = 0, 0x1000000
	var info [128]byte
	_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pAll, 0, uintptr(unsafe.Pointer(&info)),
		syscall.WEXITED|syscall.WNOHANG|wNoWait, 0, 0)
	return errno == syscall.ECHILD
}

// Arguments

var fuzzMuch = make([]byte, 1<<20)

func (m *machine) bufs() [][]byte {
	switch m.byte() % 10 {
	case 0:
		return nil
	case 1:
		return [][]byte{nil}
	case 2:
		return [][]byte{{}, []byte("x")}
	case 3:
		return [][]byte{[]byte("a"), []byte("b"), nil, []byte("c"), []byte("d"), {}}
	case 4:
		return [][]byte{fuzzMuch}
	case 5:
		return [][]byte{fuzzMuch[:100], fuzzMuch[:1<<18], nil}
	case 6:
		return make([][]byte, 2000)
	}
	return [][]byte{[]byte("hello")}
}

func holdsByte(bufs [][]byte) bool { return len(bytes.Join(bufs, nil)) > 0 }

func (m *machine) path() string {
	switch m.byte() % 8 {
	case 0:
		return ""
	case 1:
		return m.dir + "/" + strings.Repeat("x", 107-len(m.dir)-1)
	case 2:
		return m.dir + "/" + strings.Repeat("x", 5000)
	case 3:
		return m.dir + "/nul\x00x"
	case 4:
		return m.dir + "/missing/socket"
	case 5:
		return m.dir + "/b"
	}
	return m.dir + "/a"
}

// addr returns an address, that of a slot where it has one.
func (m *machine) addr() netip.AddrPort {
	switch m.byte() % 9 {
	case 0:
		return netip.AddrPort{}
	case 1:
		return netip.MustParseAddrPort("127.0.0.1:1")
	case 2:
		return netip.MustParseAddrPort("[::1]:0")
	case 3:
		return netip.MustParseAddrPort("127.0.0.1:0")
	case 4:
		return netip.MustParseAddrPort("[fe80::1%nowhere]:1")
	case 5:
		return netip.MustParseAddrPort("255.255.255.255:9")
	}
	if s, tcp := slotOf[*uv.TCP](m); s != nil && s.open() {
		if addr, err := tcp.Getsockname(); err == nil && addr.IsValid() {
			return addr
		}
	}
	return netip.MustParseAddrPort("127.0.0.1:0")
}

// stream returns any stream, and its slot where it has one.
func (m *machine) stream() (*fuzzSlot, uv.Stream) {
	switch b := m.byte(); b % 16 {
	case 0:
		return nil, nil
	case 1:
		return nil, (*uv.Pipe)(nil)
	case 2:
		return nil, (*uv.TCP)(nil)
	case 3:
		return nil, new(uv.Pipe)
	}
	s, h := slotOf[uv.Stream](m)
	if s == nil {
		return nil, nil
	}
	return s, h
}

// descriptor returns some descriptor and whether it is the machine's to close.
func (m *machine) descriptor(l *fuzzLoop) (fd int, own bool) {
	opened := func(fd int, err error) (int, bool) {
		if err != nil {
			return -1, false
		}
		syscall.CloseOnExec(fd)
		return fd, true
	}
	switch b := m.byte() % 20; b {
	case 0:
		return -1, false
	case 1:
		return 1 << 20, false
	case 2:
		return math.MinInt32, false
	case 3:
		return opened(syscall.Open("/dev/null", syscall.O_RDWR, 0))
	case 4:
		return opened(syscall.Open(m.dir+"/file", syscall.O_RDWR|syscall.O_CREAT, 0o600))
	case 5:
		return opened(syscall.Open(m.dir, syscall.O_RDONLY|syscall.O_DIRECTORY, 0))
	case 6:
		const oPath = 0x200000
		return opened(syscall.Open("/dev/null", oPath, 0))
	case 7:
		if l.up {
			return opened(syscall.Dup(l.loop.BackendFD()))
		}
		return -1, false
	case 8:
		return opened(syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0))
	case 9:
		return opened(syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0))
	case 10:
		return opened(syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0))
	case 11:
		fd, own = opened(syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0))
		syscall.Listen(fd, 5)
		return fd, own
	case 12:
		fd, own = opened(syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0))
		syscall.Bind(fd, &syscall.SockaddrUnix{Name: m.dir + "/a"})
		syscall.Listen(fd, 5)
		return fd, own
	case 13, 14:
		fds, err := uv.MakePipe(0, uv.NonblockPipe)
		if err != nil {
			return -1, false
		}
		m.raw = append(m.raw, fds[1-b%2])
		return fds[b%2], true
	case 15:
		if len(m.raw) > 0 {
			i := m.byte() % len(m.raw)
			return opened(syscall.Dup(m.raw[i]))
		}
	case 16:
		if s, h := slotOf[uv.Stream](m); s != nil && s.open() { // somebody's
			if fd, err := h.Fileno(); err == nil {
				return opened(syscall.Dup(fd))
			}
		}
	case 17:
		if s, h := slotOf[uv.Stream](m); s != nil && s.open() && s.life.loop == l { // not for two
			if fd, err := h.Fileno(); err == nil {
				return fd, false
			}
		}
	}
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, false
	}
	m.raw = append(m.raw, fds[1])
	return fds[0], true
}

func (m *machine) signum() syscall.Signal {
	return pick[syscall.Signal](m, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGCHLD, syscall.SIGUSR1, syscall.SIGUSR2,
		0, -1, 9, 19, 32, 33, 34, 64, 65, 1000, math.MaxInt32, math.MinInt32, syscall.SIGSEGV, syscall.SIGPROF, syscall.SIGURG,
		syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGCONT, syscall.SIGTSTP, syscall.SIGPIPE,
		syscall.SIGALRM, syscall.SIGSTKFLT)
}

func (m *machine) uint64() uint64 { return pick[uint64](m, 0, 0, 1, 2, 1000, math.MaxUint64) }

// request picks a request, which is nil now and then.
func request[T any](m *machine, from []*fuzzReq[T]) (*fuzzReq[T], *T) {
	b := m.byte() % (len(from) + 1)
	if b == len(from) {
		return nil, nil
	}
	return from[b], from[b].req
}

// The operations

type fuzzOp struct {
	name string
	run  func(m *machine)
}

// streamOp is an operation of a stream.
func streamOp(name string, do func(m *machine, s *fuzzSlot, h uv.Stream)) fuzzOp {
	return fuzzOp{name, func(m *machine) {
		if s, h := slotOf[uv.Stream](m); s != nil {
			do(m, s, h)
		}
	}}
}

// handleOp is an operation of a T.
func handleOp[T any](name string, do func(m *machine, s *fuzzSlot, h T)) fuzzOp {
	return fuzzOp{name, func(m *machine) {
		if s, h := slotOf[T](m); s != nil {
			do(m, s, h)
		}
	}}
}

// simple is an operation without arguments that must panic for a handle that
// libuv does not know.
func simple[T any](name string, do func(h T) error) fuzzOp {
	return handleOp(name, func(m *machine, s *fuzzSlot, h T) {
		m.callKnown(name, s, nil, func() error { return do(h) })
	})
}

// looking is simple for what may be called after the close callback, too.
func looking[T any](name string, do func(h T) error) fuzzOp {
	return handleOp(name, func(m *machine, s *fuzzSlot, h T) {
		m.call(name, true, func() error { return do(h) }, "not initialised")
	})
}

// stopping is simple for what ends callbacks.
func stopping[T any](name string, do func(h T) error) fuzzOp {
	return handleOp(name, func(m *machine, s *fuzzSlot, h T) {
		err, ok := m.callKnown(name, s, []error{nil}, func() error { return do(h) })
		m.stopped(name, s, err, ok)
	})
}

func (m *machine) stopped(name string, s *fuzzSlot, err error, ok bool) {
	if ok {
		m.expect(name, err, nil)
		s.life.start++
	}
}

// starting is an operation of a handle that calls back while it is started. An
// active one keeps its callback.
func starting[T uv.Handle](name string, start func(h T, cb func()) error) fuzzOp {
	return handleOp(name, func(m *machine, s *fuzzSlot, h T) {
		life, withCB := s.life, m.byte()%8 != 0
		active := s.open() && h.IsActive()
		var cb func()
		if withCB {
			n := 0
			if life != nil {
				n = life.start + 1
			}
			cb = func() { m.started(life, n, name) }
		}
		err, ok := m.call(name, s.open(), func() error { return start(h, cb) })
		switch {
		case !ok:
		case active:
			m.expect(name, err, nil)
		case !withCB:
			m.expect(name, err, uv.EINVAL)
		default:
			m.expect(name, err, nil)
			life.start++
		}
	})
}

var fuzzOps []fuzzOp

func init() {
	fuzzOps = []fuzzOp{
		// The ones that others need come first and more than once.
		{"Init", func(m *machine) {
			s, kind, flags := m.slot(), m.byte(), m.byte()
			switch b := m.byte(); b % 16 {
			case 15:
				m.init(s, kind, nil, flags)
			case 14:
				m.init(s, kind, &fuzzLoop{name: "no loop", loop: new(uv.Loop)}, flags)
			default:
				m.init(s, kind, m.loops[b%2], flags)
			}
		}},
		{"pair", func(m *machine) { // two pipes that are connected with each other
			a, b, ipc := m.slot(), m.slot(), m.byte()
			if a == b || a.known() || b.known() {
				return
			}
			l := m.anyLoop()
			m.init(a, 0, l, ipc)
			m.init(b, 0, l, ipc)
			if !a.open() || !b.open() {
				return
			}
			fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
			require.NoError(m.t, err)
			for i, s := range []*fuzzSlot{a, b} {
				err, ok := m.call("Pipe.Open", true, func() error { return s.h.(*uv.Pipe).Open(fds[i]) })
				if !ok || err != nil {
					m.fail("a new pair cannot be opened")
				}
			}
		}},
		{"server", func(m *machine) { // a stream that listens
			s, l := m.slot(), m.anyLoop()
			if s.known() {
				return
			}
			kind := m.byte() % 2
			m.init(s, kind, l, 0)
			if !s.open() {
				return
			}
			m.call("Bind", true, func() error {
				if kind == 0 {
					return s.h.(*uv.Pipe).Bind(m.dir + "/a")
				}
				return s.h.(*uv.TCP).Bind(netip.MustParseAddrPort("127.0.0.1:0"), 0)
			})
			m.listen(s, s.h.(uv.Stream), pick(m, 5, 1, 0))
		}},
		{"client", func(m *machine) { // a stream that connects to one
			server, _ := slotOf[uv.Stream](m)
			s := m.slot()
			if server == nil || !server.open() || s.known() {
				return
			}
			kind := 0
			if server.h.Type() == uv.HandleTypeTCP {
				kind = 1
			}
			m.init(s, kind, m.anyLoop(), 0)
			if !s.open() {
				return
			}
			switch h := s.h.(type) {
			case *uv.Pipe:
				if name, err := server.h.(*uv.Pipe).Getsockname(); err == nil {
					m.connect(s, "Pipe.Connect", func(req *uv.ConnectReq, cb uv.ConnectCB) error { return h.Connect(req, name, cb) })
				}
			case *uv.TCP:
				if addr, err := server.h.(*uv.TCP).Getsockname(); err == nil && addr.IsValid() {
					m.connect(s, "TCP.Connect", func(req *uv.ConnectReq, cb uv.ConnectCB) error { return h.Connect(req, addr, cb) })
				}
			}
		}},

		// Loop
		{"Run", func(m *machine) {
			l, mode := m.anyLoop(), pick(m, uv.RunDefault, uv.RunOnce, uv.RunNowait, uv.RunNowait, uv.RunOnce, uv.RunNowait, 77)
			m.run(l, mode, 3)
		}},
		{"Run", func(m *machine) { m.run(m.anyLoop(), uv.RunNowait, 3) }},
		{"Run", func(m *machine) { m.run(m.anyLoop(), uv.RunOnce, 2) }},
		{"Walk", func(m *machine) { m.walk(m.anyLoop()) }},
		{"Loop.Close", func(m *machine) { m.closeLoop(m.anyLoop()) }},
		{"Loop.Init", func(m *machine) { m.initLoop(m.anyLoop()) }},
		{"Loop", func(m *machine) {
			l := m.anyLoop()
			switch m.byte() % 8 {
			case 0:
				m.try("Loop.Stop", l.up, l.loop.Stop)
			case 1:
				m.try("Loop.Alive", l.up, func() { l.loop.Alive() })
			case 2:
				m.call("Loop.Configure", l.up, func() error {
					return l.loop.Configure(pick(m, uv.MetricsIdleTime, uv.LoopUseIOUringSqpoll, uv.LoopBlockSignal, 99))
				})
			case 3:
				m.call("Loop.Configure", l.up, func() error { return l.loop.Configure(uv.LoopBlockSignal, m.signum()) })
			case 4:
				m.try("Loop.Now", l.up, func() { l.loop.Now() })
			case 5:
				m.try("Loop.UpdateTime", l.up, l.loop.UpdateTime)
			case 6:
				m.try("Loop.BackendFD", l.up, func() { l.loop.BackendFD() })
			case 7:
				m.try("Loop.BackendTimeout", l.up, func() { l.loop.BackendTimeout() })
			}
		}},
		{"OpenHandles", func(m *machine) {
			l := m.anyLoop()
			var open []uv.OpenHandle
			if !m.try("OpenHandles", l.up, func() { open = l.loop.OpenHandles() }) || l.walking > 0 || l.running {
				return
			}
			m.settle(l)
			known := l.limits
			for _, life := range m.lives {
				if life.loop == l && (life.state == fuzzOpen || life.state == fuzzClosing) {
					known++
				}
			}
			for _, o := range open {
				_ = o.String()
			}
			if known != len(open) {
				m.fail("%s has %d handles, not %d: %v", l.name, len(open), known, open)
			}
		}},
		{"TraceHandles", func(m *machine) { uv.TraceHandles(m.bool()) }},
		{"FsUnlink", func(m *machine) {
			l, withCB := m.anyLoop(), m.bool()
			r, req := request(m, m.fses[:])
			path := m.path()
			token := &fuzzToken{name: fmt.Sprint("FsUnlink#", m.ops)}
			var cb uv.FsCB
			if withCB {
				cb = func(got *uv.FsReq) {
					if req != nil && got != req {
						m.fail("%s calls back with another request", token.name)
					}
					m.requested(nil, token, nil)
				}
			}
			inUse := r.inUse()
			err, ok := m.call("FsUnlink", l.up && (!inUse || strings.Contains(path, "\x00")), func() error { return l.loop.FsUnlink(req, path, cb) })
			switch {
			case !ok:
			case strings.Contains(path, "\x00"):
				m.expect("FsUnlink", err, uv.EINVAL)
			case withCB && err == nil:
				m.accept(nil, l, token, true)
				if r != nil {
					r.token = token
				}
			}
		}},
		{"Cancel", func(m *machine) {
			var req uv.Req
			switch m.byte() % 4 {
			case 0:
				_, r := request(m, m.writes[:fuzzRequests-1])
				req = r
				if r == nil {
					return
				}
			case 1:
				req = m.connects[m.byte()%fuzzRequests].req
			case 2:
				req = m.shutdowns[m.byte()%fuzzRequests].req
			case 3:
				req = m.fses[m.byte()%fuzzRequests].req
			}
			m.call("Cancel", true, req.Cancel)
			req.Type()
			req.SetData(req.Data())
		}},

		// Handle
		{"Close", func(m *machine) { m.close(m.slot(), m.byte()%4 != 0) }},
		{"Close", func(m *machine) { m.close(m.slot(), true) }},
		{"CloseReset", func(m *machine) {
			s, h := slotOf[*uv.TCP](m)
			if s == nil {
				return
			}
			life, withCB := s.life, m.byte()%4 != 0
			err, ok := m.callKnown("CloseReset", s, []error{uv.EBADF, uv.EINVAL}, func() error { return h.CloseReset(m.closeCB(life, withCB)) }, "AllocCB")
			m.closed(life, withCB, ok && err == nil)
		}},
		{"Ref", func(m *machine) {
			s := m.slot()
			if m.bool() {
				m.tryKnown("Ref", s, s.h.Ref)
			} else {
				m.tryKnown("Unref", s, s.h.Unref)
			}
		}},
		{"looking", func(m *machine) { // what may be called at any time
			s := m.slot()
			m.try("looking", true, func() {
				s.h.HasRef()
				s.h.IsActive()
				_ = s.h.Type().Name()
				s.h.SetData(s.h.Data())
				s.h.Loop()
				if closing := s.h.IsClosing(); s.open() && closing || s.life != nil && s.life.state >= fuzzClosing && !closing {
					if p, ok := s.h.(*uv.Process); !ok || p.PID() != 0 { // one that Spawn refused is to be closed anew
						m.fail("%s: IsClosing is %v in state %d", s.life.name, closing, s.life.state)
					}
				}
			})
		}},
		{"Fileno", func(m *machine) {
			s := m.slot()
			m.call("Fileno", true, func() error { _, err := s.h.Fileno(); return err }, "not initialised")
		}},
		{"BufferSize", func(m *machine) {
			s, size := m.slot(), pick(m, 0, 1, 4096, -1, 1<<30, math.MinInt32)
			m.callKnown("SendBufferSize", s, nil, func() error { _, err := s.h.SendBufferSize(size); return err })
			m.callKnown("RecvBufferSize", s, nil, func() error { _, err := s.h.RecvBufferSize(size); return err })
		}},
		{"copy", func(m *machine) { // a copy of a handle that libuv knows is of no use
			s := m.slot()
			if !s.known() || !s.open() && !s.life.closeCB {
				return
			}
			copied := reflect.New(reflect.TypeOf(s.h).Elem())
			copied.Elem().Set(reflect.ValueOf(s.h).Elem())
			h := copied.Interface().(uv.Handle)
			m.try("copy: Close", false, func() { h.Close(nil) })
			m.try("copy: Ref", false, h.Ref)
			m.try("copy: Fileno", false, func() { h.Fileno() })
			if timer, ok := h.(*uv.Timer); ok {
				m.try("copy: Init", false, func() { timer.Init(s.life.loop.loop) })
			}
		}},

		// Timer
		handleOp("Timer.Start", func(m *machine, s *fuzzSlot, h *uv.Timer) {
			life, withCB, timeout, repeat := s.life, m.byte()%8 != 0, m.uint64(), m.uint64()
			var cb uv.TimerCB
			if withCB {
				n := 0
				if life != nil {
					n = life.start + 1
				}
				cb = func(got *uv.Timer) {
					if got != h {
						m.fail("a timer's callback gets another timer")
					}
					m.started(life, n, "timer callback")
				}
			}
			err, ok := m.callKnown("Timer.Start", s, []error{uv.EINVAL}, func() error { return h.Start(cb, timeout, repeat) })
			switch {
			case !ok:
			case !withCB:
				m.expect("Timer.Start", err, uv.EINVAL)
			default:
				m.expect("Timer.Start", err, nil)
				life.start++
				life.once, life.fired = repeat == 0, false
			}
		}),
		handleOp("Timer.Stop", func(m *machine, s *fuzzSlot, h *uv.Timer) {
			if _, ok := m.callKnown("Timer.Stop", s, []error{nil}, h.Stop); ok {
				s.life.once, s.life.fired = true, true // until Again
			}
		}),
		handleOp("Timer.Again", func(m *machine, s *fuzzSlot, h *uv.Timer) {
			err, ok := m.callKnown("Timer.Again", s, []error{nil, uv.EINVAL}, h.Again)
			if ok && err == nil && h.Repeat() != 0 {
				s.life.once, s.life.fired = false, false
			}
		}),
		handleOp("Timer.SetRepeat", func(m *machine, s *fuzzSlot, h *uv.Timer) {
			repeat := m.uint64()
			if m.tryKnown("Timer.SetRepeat", s, func() { h.SetRepeat(repeat) }) && s.open() && h.IsActive() && repeat != 0 {
				s.life.once = false
			}
		}),
		looking("Timer.Repeat", func(h *uv.Timer) error { h.Repeat(); h.DueIn(); return nil }),

		// Prepare, Check, Idle, Async
		starting("Prepare.Start", func(h *uv.Prepare, cb func()) error {
			if cb == nil {
				return h.Start(nil)
			}
			return h.Start(func(*uv.Prepare) { cb() })
		}),
		stopping("Prepare.Stop", (*uv.Prepare).Stop),
		starting("Check.Start", func(h *uv.Check, cb func()) error {
			if cb == nil {
				return h.Start(nil)
			}
			return h.Start(func(*uv.Check) { cb() })
		}),
		stopping("Check.Stop", (*uv.Check).Stop),
		starting("Idle.Start", func(h *uv.Idle, cb func()) error {
			if cb == nil {
				return h.Start(nil)
			}
			return h.Start(func(*uv.Idle) { cb() })
		}),
		stopping("Idle.Stop", (*uv.Idle).Stop),
		simple("Async.Send", (*uv.Async).Send),

		// Signal
		handleOp("Signal.Start", func(m *machine, s *fuzzSlot, h *uv.Signal) {
			life, withCB, oneshot, signum := s.life, m.byte()%8 != 0, m.bool(), m.signum()
			var cb uv.SignalCB
			start := h.Start
			if oneshot {
				start = h.StartOneshot
			}
			if withCB {
				n := 0
				if life != nil {
					n = life.start + 1
				}
				cb = func(got *uv.Signal, caught syscall.Signal) {
					if got != h || caught != signum {
						m.fail("%s: callback for signal %d, not %d", life.name, caught, signum)
					}
					m.started(life, n, "signal callback")
				}
			}
			same := s.open() && signum != 0 && h.Signum() == signum
			err, ok := m.call(fmt.Sprintf("Signal.Start(%d, oneshot %v)", int(signum), oneshot), s.open(), func() error { return start(cb, signum) })
			switch {
			case !ok:
			case !withCB:
				m.expect("Signal.Start", err, uv.EINVAL)
			case err == nil && same: // only the callback is another one
				life.start++
			case err == nil:
				life.start++
				life.once, life.fired = life.once || oneshot, false // once oneshot, always oneshot
			case signum != 0: // stopped
				life.start++
			}
		}),
		handleOp("Signal.Stop", func(m *machine, s *fuzzSlot, h *uv.Signal) {
			err, ok := m.call("Signal.Stop", s.open(), h.Stop)
			m.stopped("Signal.Stop", s, err, ok)
		}),
		looking("Signal.Signum", func(h *uv.Signal) error { h.Signum(); return nil }),
		{"raise", func(m *machine) {
			signum := pick(m, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGWINCH, syscall.SIGCHLD)
			require.NoError(m.t, syscall.Tgkill(os.Getpid(), syscall.Gettid(), signum))
		}},

		// Process
		{"Spawn", (*machine).spawn},
		handleOp("Process.Kill", func(m *machine, s *fuzzSlot, h *uv.Process) {
			signum := pick[syscall.Signal](m, syscall.SIGKILL, 0, syscall.SIGTERM, syscall.SIGUSR1, 1000, -1, syscall.SIGSTOP)
			refused := s.life != nil && s.open() && s.life.pid == 0
			err, ok := m.callKnown("Process.Kill", s, nil, func() error { return h.Kill(signum) })
			if ok && refused {
				m.expect("Process.Kill", err, uv.ESRCH)
			}
			h.PID()
		}),
		{"Kill", func(m *machine) {
			pid := pick(m, os.Getpid(), 0, 1<<30, os.Getpid())
			signum := pick[syscall.Signal](m, 0, 0, 1000, -1)
			m.call("Kill", true, func() error { return uv.Kill(pid, signum) })
		}},

		// Pipe
		handleOp("Pipe.Open", func(m *machine, s *fuzzSlot, h *uv.Pipe) { m.open(s, h.Open) }),
		handleOp("Pipe.Bind", func(m *machine, s *fuzzSlot, h *uv.Pipe) {
			path := m.path()
			err, ok := m.callKnown("Pipe.Bind", s, []error{uv.EINVAL, uv.ENAMETOOLONG}, func() error { return h.Bind(path) })
			if ok && strings.Contains(path, "\x00") {
				m.expect("Pipe.Bind", err, uv.EINVAL)
			}
		}),
		handleOp("Pipe.Bind2", func(m *machine, s *fuzzSlot, h *uv.Pipe) {
			path, flags := m.path(), pick[uint](m, 0, uv.PipeNoTruncate, math.MaxUint32)
			m.callKnown("Pipe.Bind2", s, nil, func() error { return h.Bind2(path, flags) })
		}),
		handleOp("Pipe.Connect", func(m *machine, s *fuzzSlot, h *uv.Pipe) {
			path := m.path()
			m.connect(s, "Pipe.Connect", func(req *uv.ConnectReq, cb uv.ConnectCB) error { return h.Connect(req, path, cb) })
		}),
		handleOp("Pipe.Connect2", func(m *machine, s *fuzzSlot, h *uv.Pipe) {
			path, flags := m.path(), pick[uint](m, 0, uv.PipeNoTruncate, math.MaxUint32)
			m.connect(s, "Pipe.Connect2", func(req *uv.ConnectReq, cb uv.ConnectCB) error { return h.Connect2(req, path, flags, cb) })
		}),
		looking("Pipe.Getsockname", func(h *uv.Pipe) error { _, err := h.Getsockname(); return err }),
		looking("Pipe.Getpeername", func(h *uv.Pipe) error { _, err := h.Getpeername(); return err }),
		looking("Pipe.PendingCount", func(h *uv.Pipe) error { h.PendingCount(); return nil }),
		looking("Pipe.PendingType", func(h *uv.Pipe) error { h.PendingType(); return nil }),
		simple("Pipe.PendingInstances", func(h *uv.Pipe) error { h.PendingInstances(3); return nil }),
		handleOp("Pipe.Chmod", func(m *machine, s *fuzzSlot, h *uv.Pipe) {
			mode := pick(m, uv.Readable, uv.Writable, uv.Readable|uv.Writable, 0, 99)
			if s.open() {
				if name, err := h.Getsockname(); err == nil && !strings.HasPrefix(name, m.dir) {
					return // a file of others
				}
			}
			m.callKnown("Pipe.Chmod", s, []error{uv.EBADF, uv.EINVAL}, func() error { return h.Chmod(mode) })
		}),

		// TCP
		handleOp("TCP.Open", func(m *machine, s *fuzzSlot, h *uv.TCP) { m.open(s, h.Open) }),
		handleOp("TCP.Bind", func(m *machine, s *fuzzSlot, h *uv.TCP) {
			addr, flags := m.addr(), pick[uv.TCPFlags](m, 0, 0, uv.TCPIPv6Only, uv.TCPReuseport, math.MaxUint32)
			err, ok := m.callKnown("TCP.Bind", s, []error{uv.EINVAL, uv.ENOTSUP}, func() error { return h.Bind(addr, flags) })
			if ok && !addr.IsValid() && flags&uv.TCPReuseport == 0 {
				m.expect("TCP.Bind", err, uv.EINVAL)
			}
		}),
		handleOp("TCP.Connect", func(m *machine, s *fuzzSlot, h *uv.TCP) {
			addr := m.addr()
			m.connect(s, "TCP.Connect", func(req *uv.ConnectReq, cb uv.ConnectCB) error { return h.Connect(req, addr, cb) })
		}),
		handleOp("TCP.Nodelay", func(m *machine, s *fuzzSlot, h *uv.TCP) {
			on := m.bool()
			m.callKnown("TCP.Nodelay", s, []error{nil}, func() error { return h.Nodelay(on) })
		}),
		handleOp("TCP.Keepalive", func(m *machine, s *fuzzSlot, h *uv.TCP) {
			on, delay := m.bool(), pick[uint](m, 60, 0, math.MaxUint32)
			m.callKnown("TCP.Keepalive", s, []error{nil, uv.EINVAL}, func() error { return h.Keepalive(on, delay) })
		}),
		looking("TCP.Getsockname", func(h *uv.TCP) error { _, err := h.Getsockname(); return err }),
		looking("TCP.Getpeername", func(h *uv.TCP) error { _, err := h.Getpeername(); return err }),

		// Stream
		streamOp("Listen", func(m *machine, s *fuzzSlot, h uv.Stream) {
			m.listen(s, h, pick(m, 5, 1, 0, -1, math.MinInt32))
		}),
		streamOp("Accept", func(m *machine, s *fuzzSlot, h uv.Stream) { m.acceptOp(s, h) }),
		streamOp("Accept", func(m *machine, s *fuzzSlot, h uv.Stream) { // into a new one
			c := m.slot()
			if s.open() && !c.known() {
				m.init(c, m.byte(), s.life.loop, 0)
			}
			if client, ok := c.h.(uv.Stream); ok {
				m.callKnown("Accept", s, []error{uv.EAGAIN, uv.EINVAL, uv.EBUSY}, func() error { return h.Accept(client) })
			}
		}),
		streamOp("ReadStart", (*machine).readStart),
		streamOp("ReadStart", (*machine).readStart),
		streamOp("ReadStop", func(m *machine, s *fuzzSlot, h uv.Stream) {
			err, ok := m.call("ReadStop", true, h.ReadStop, "AllocCB", "not initialised")
			if !ok || s.life == nil {
				return
			}
			m.expect("ReadStop", err, nil)
			s.life.start++
			if s.life.allocating > 0 {
				m.fail("ReadStop of %s in its AllocCB", s.life.name)
			}
		}),
		streamOp("Write", func(m *machine, s *fuzzSlot, h uv.Stream) { m.write(s, h, false) }),
		streamOp("Write", func(m *machine, s *fuzzSlot, h uv.Stream) { m.write(s, h, false) }),
		streamOp("Write2", func(m *machine, s *fuzzSlot, h uv.Stream) { m.write(s, h, true) }),
		streamOp("Write2", func(m *machine, s *fuzzSlot, h uv.Stream) { m.write(s, h, true) }),
		streamOp("TryWrite", func(m *machine, s *fuzzSlot, h uv.Stream) {
			bufs := m.bufs()
			err, ok := m.callKnown("TryWrite", s, []error{uv.EBADF, uv.EINVAL, uv.EAGAIN}, func() error { _, err := h.TryWrite(bufs); return err })
			if ok && len(bufs) == 0 && err != uv.EINVAL && err != uv.EPIPE {
				m.fail("TryWrite without a buffer: %v", err)
			}
		}),
		streamOp("TryWrite2", func(m *machine, s *fuzzSlot, h uv.Stream) {
			bufs := m.bufs()
			sent, send := m.stream()
			err, ok := m.callKnown("TryWrite2", s, []error{uv.EBADF, uv.EINVAL, uv.EAGAIN}, func() error { _, err := h.TryWrite2(bufs, send); return err })
			if ok {
				m.sending("TryWrite2", s, sent, bufs, err)
			}
		}),
		streamOp("Shutdown", func(m *machine, s *fuzzSlot, h uv.Stream) {
			life, withCB := s.life, m.byte()%8 != 0
			r, req := request(m, m.shutdowns[:])
			token := &fuzzToken{name: fmt.Sprint("Shutdown#", m.ops)}
			var cb uv.ShutdownCB
			if withCB {
				cb = func(got *uv.ShutdownReq, err error) {
					if req != nil && got != req || got.Handle() != h {
						m.fail("%s calls back with another request", token.name)
					}
					m.requested(life, token, err)
				}
			}
			inUse := r.inUse()
			err, ok := m.callKnown("Shutdown", s, []error{uv.ENOTCONN}, func() error { return h.Shutdown(req, cb) }, "still in use")
			m.issued(r, life, token, withCB, inUse, ok && err == nil)
		}),
		looking("IsReadable", func(h uv.Stream) error { h.IsReadable(); h.IsWritable(); return nil }),
		simple("SetBlocking", func(h uv.Stream) error { return h.SetBlocking(false) }),
		looking("WriteQueueSize", func(h uv.Stream) error { h.WriteQueueSize(); return nil }),

		// The other ends of what was opened
		{"raw", func(m *machine) {
			if len(m.raw) == 0 {
				return
			}
			i := m.byte() % len(m.raw)
			switch m.byte() % 5 {
			case 0:
				syscall.Write(m.raw[i], []byte("hello from outside"))
			case 1:
				syscall.SetNonblock(m.raw[i], true)
				syscall.Write(m.raw[i], fuzzMuch)
			case 2:
				syscall.SetNonblock(m.raw[i], true)
				syscall.Read(m.raw[i], make([]byte, 1<<16))
			case 3:
				syscall.Close(m.raw[i])
				m.raw = append(m.raw[:i], m.raw[i+1:]...)
			case 4:
				syscall.Shutdown(m.raw[i], syscall.SHUT_WR)
			}
		}},
	}
}

// issued notes a request that was taken, if it was.
func (m *machine) issued(r interface{ use(*fuzzToken) }, life *fuzzLife, token *fuzzToken, withCB, inUse, ok bool) {
	if !ok {
		return
	}
	if inUse {
		m.fail("%s takes a request that is in use", token.name)
	}
	m.accept(life, life.loop, token, withCB)
	if withCB {
		r.use(token)
	}
}

func (r *fuzzReq[T]) use(token *fuzzToken) {
	if r != nil {
		r.token = token
	}
}

func (m *machine) listen(s *fuzzSlot, h uv.Stream, backlog int) {
	life, withCB := s.life, m.byte()%8 != 7
	var cb uv.ConnectionCB
	if withCB {
		cb = func(got uv.Stream, err error) {
			if got != h {
				m.fail("a connection callback gets another stream")
			}
			m.callback(life, fmt.Sprintf("connection callback: %v", err))
		}
	}
	err, ok := m.callKnown("Listen", s, []error{uv.EINVAL, uv.EBUSY}, func() error { return h.Listen(backlog, cb) })
	if ok && !withCB {
		m.expect("Listen", err, uv.EINVAL)
	}
}

func (m *machine) acceptOp(s *fuzzSlot, h uv.Stream) {
	c, client := m.stream()
	err, ok := m.callKnown("Accept", s, []error{uv.EAGAIN, uv.EINVAL, uv.EBUSY}, func() error { return h.Accept(client) })
	if ok && (c == nil || !c.open() || c.life.loop != s.life.loop) {
		m.expect("Accept", err, uv.EINVAL)
	}
}

func (m *machine) readStart(s *fuzzSlot, h uv.Stream) {
	life, kind, withCB := s.life, m.byte()%8, m.byte()%8 != 7
	n := 0
	if life != nil {
		n = life.start + 1
	}
	var given []byte
	var alloc uv.AllocCB
	if kind > 1 {
		size := pick(m, 65536, 1, 100, 0)
		alloc = func(got uv.Handle, suggested int) []byte {
			given = nil
			life.allocating++
			defer func() { life.allocating-- }()
			if got != life.h || suggested <= 0 {
				m.fail("an AllocCB gets another handle, or a size of %d", suggested)
			}
			if kind == 2 && !m.over {
				m.close(s, true)
			}
			if kind == 3 && !m.over {
				m.call("ReadStop", false, h.ReadStop)
			}
			m.started(life, n, "alloc callback")
			given = make([]byte, size)
			return given
		}
	}
	var read uv.ReadCB
	if withCB {
		read = func(got uv.Stream, buf []byte, err error) {
			if got != h {
				m.fail("a read callback gets another stream")
			}
			if alloc != nil && len(buf) > 0 && &buf[0] != unsafe.SliceData(given) {
				m.fail("a read callback gets another buffer")
			}
			m.started(life, n, fmt.Sprintf("read callback: %d bytes, %v", len(buf), err))
		}
	}
	err, ok := m.callKnown("ReadStart", s, []error{uv.EINVAL}, func() error { return h.ReadStart(alloc, read) })
	switch {
	case !ok:
	case !withCB:
		m.expect("ReadStart", err, uv.EINVAL)
	case err == nil:
		life.start++
		life.once = false
	}
}

// sending checks what Write2 and TryWrite2 return for a handle that cannot be
// sent, or without a byte to go with it.
func (m *machine) sending(name string, s, sent *fuzzSlot, bufs [][]byte, err error) {
	switch {
	case sent == nil:
	case !sent.open() || sent.life.loop != s.life.loop:
		m.expect(name, err, uv.EINVAL)
	case !holdsByte(bufs) && err != uv.EINVAL && err != uv.EBADF:
		m.fail("%s without a byte: %v", name, err)
	}
}

func (m *machine) write(s *fuzzSlot, h uv.Stream, two bool) {
	life, bufs, withCB := s.life, m.bufs(), m.byte()%8 != 0
	r, req := request(m, m.writes[:])
	var send uv.Stream
	var sent *fuzzSlot
	if two {
		sent, send = m.stream()
	}
	token := &fuzzToken{name: fmt.Sprint("Write#", m.ops)}
	var cb uv.WriteCB
	if withCB {
		cb = func(got *uv.WriteReq, err error) {
			if req != nil && got != req || got.Handle() != h {
				m.fail("%s calls back with another request", token.name)
			}
			if sent != nil && got.SendHandle() != send {
				m.fail("%s calls back with another handle sent", token.name)
			}
			m.requested(life, token, err)
		}
	}
	inUse := r.inUse()
	err, ok := m.callKnown("Write", s, []error{uv.EBADF, uv.EINVAL}, func() error {
		if two {
			return h.Write2(req, bufs, send, cb)
		}
		return h.Write(req, bufs, cb)
	}, "still in use")
	if ok && len(bufs) == 0 && sent == nil {
		m.expect("Write", err, uv.EINVAL)
	}
	if ok {
		m.sending("Write2", s, sent, bufs, err)
	}
	m.issued(r, life, token, withCB, inUse, ok && err == nil)
}

func (m *machine) connect(s *fuzzSlot, name string, connect func(req *uv.ConnectReq, cb uv.ConnectCB) error) {
	life, withCB := s.life, m.byte()%8 != 7
	r, req := request(m, m.connects[:])
	token := &fuzzToken{name: fmt.Sprint(name, "#", m.ops)}
	var cb uv.ConnectCB
	if withCB {
		cb = func(got *uv.ConnectReq, err error) {
			if req != nil && got != req || uv.Handle(got.Handle()) != life.h {
				m.fail("%s calls back with another request", token.name)
			}
			m.requested(life, token, err)
		}
	}
	inUse := r.inUse()
	err, ok := m.call(name, s.open(), func() error { return connect(req, cb) }, "still in use")
	m.issued(r, life, token, withCB, inUse, ok && err == nil)
}

// open opens a slot's stream with some descriptor.
func (m *machine) open(s *fuzzSlot, open func(fd int) error) {
	l := m.loops[0]
	if s.life != nil {
		l = s.life.loop
	}
	fd, own := m.descriptor(l)
	target, _ := os.Readlink(fmt.Sprint("/proc/self/fd/", fd))
	err, ok := m.call(fmt.Sprintf("Open(%d, %s)", fd, target), s.open(), func() error { return open(fd) })
	if ok && err == nil && !own {
		m.fail("Open(%d): nil", fd)
	}
	if own && (!ok || err != nil) {
		syscall.Close(fd)
	}
}

func (m *machine) spawn() {
	s, p := slotOf[*uv.Process](m)
	if s == nil {
		s = m.slot()
		if s.known() {
			return
		}
		p = new(uv.Process)
		s.h, s.life = p, nil
	}
	l, kind := m.anyLoop(), m.byte()%20
	a, first := m.stream()
	b, second := m.stream()
	var life *fuzzLife
	exits := 0
	o := &uv.ProcessOptions{File: "true", ExitCB: func(got *uv.Process, _ int64, _ syscall.Signal) {
		if exits++; exits > 1 || got != p {
			m.fail("an exit callback comes twice, or for another process")
		}
		life.exited = true
		m.callback(life, "exit callback")
	}}
	refused, fails := false, false
	switch kind {
	case 0, 1:
	case 2:
		o.File, o.Stdio = "cat", []uv.StdioContainer{
			{Flags: uv.CreatePipe | uv.ReadablePipe, Stream: first},
			{Flags: uv.CreatePipe | uv.WritablePipe, Stream: second},
		}
		refused = a == nil || b == nil || !a.open() || !b.open() || a == b
	case 3:
		o.File, fails = m.dir+"/missing", true
	case 4:
		o.File, refused = "", true
	case 5:
		o.Args, refused = []string{"true", "a\x00b"}, true
	case 6:
		o.Flags, refused = 1<<20, true
	case 7:
		o.Stdio, refused = []uv.StdioContainer{{Flags: uv.CreatePipe | uv.InheritFD, Stream: first}}, true
	case 8: // not as 0 to 2: that would make the description block
		o.Stdio = []uv.StdioContainer{{}, {}, {}, {Flags: uv.InheritStream, Stream: first}, {Flags: uv.InheritStream, Stream: second}}
		refused = a == nil || b == nil || !a.open() || !b.open()
	case 9:
		o.Stdio, refused = []uv.StdioContainer{{}, {Flags: uv.InheritFD, FD: -1}}, true
	case 10:
		o.Stdio, fails = []uv.StdioContainer{{}, {}, {}, {Flags: uv.InheritFD, FD: 1 << 20}}, true
	case 11:
		o, refused = nil, true
	case 12:
		o.File, o.Args = "sleep", []string{"sleep", "100"}
		o.Flags = uv.ProcessDetached
	case 13:
		o.Cwd, fails = m.dir+"/missing", true
	case 14:
		o.Stdio = make([]uv.StdioContainer, 12)
		o.Stdio[11] = uv.StdioContainer{Flags: uv.CreatePipe | uv.ReadablePipe | uv.WritablePipe, Stream: first}
		refused = a == nil || !a.open()
	case 15:
		o.Stdio, refused = []uv.StdioContainer{{Flags: uv.CreatePipe, Stream: first}, {Flags: uv.CreatePipe, Stream: first}}, true
	case 16:
		o.Env, o.File, fails = []string{}, "missing-program", true
	case 17:
		o.ExitCB = nil
	case 18:
		o.Stdio, refused = []uv.StdioContainer{{Flags: 1 << 30}}, true
	case 19:
		o.File, o.Stdio, fails = m.dir, []uv.StdioContainer{{Flags: uv.CreatePipe | uv.ReadablePipe, Stream: first}}, true
	}
	if !refused {
		if m.spawns >= fuzzSpawns {
			return
		}
		m.spawns++
	}
	if s.open() && s.life.pid == 0 || s.known() && !s.open() && !s.life.closeCB {
		return // one that failed, which can be spawned again if libuv never saw it, or one that may be closed
	}
	usable := l.up && !s.known()
	err, ok := m.call(fmt.Sprintf("Spawn(%d)", kind), usable, func() error { return l.loop.Spawn(p, o) })
	if !ok {
		return
	}
	if refused {
		m.expect("Spawn", err, uv.EINVAL)
	}
	if fails && err == nil {
		m.fail("Spawn(%d): nil", kind)
	}
	if s.life = m.born(s, l); err == uv.EINVAL {
		// It is not in the loop, and need not be closed.
		if m.bool() {
			m.close(s, true)
		} else {
			m.lives, s.life = m.lives[:len(m.lives)-1], nil
			s.h = new(uv.Process)
		}
		return
	}
	life = s.life
	if err == nil {
		life.pid = p.PID()
	}
}

// Seeds

// fuzzSeeds returns programs that are made by hand: each operation is called in a
// world where there is a handle of each kind.
func fuzzSeeds() [][]byte {
	index := map[string]byte{}
	for i := len(fuzzOps) - 1; i >= 0; i-- {
		index[fuzzOps[i].name] = byte(i)
	}
	op := func(name string, args ...byte) []byte { return append([]byte{index[name]}, args...) }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

	// Slots 0 and 1 are ipc pipes, 2 a listening TCP handle, 3 its client, 4 a
	// timer, 5 a signal watcher, 6 what the operation wants.
	world := join(
		op("pair", 0, 1, 1, 0),
		op("server", 2, 0, 1, 0, 0),
		op("client", 2, 3, 0, 0, 0),
		op("Init", 4, 2, 0, 0),
		op("Timer.Start", 4, 1, 0, 0),
		op("Init", 5, 3, 0, 0),
		op("Signal.Start", 5, 1, 0, 0),
		op("ReadStart", 1, 0, 0),
		op("raise", 0),
	)
	run := op("Run", 0, 2)
	var seeds [][]byte
	all := join(world)
	for _, sig := range []byte{21, 22, 23, 24, 25, 26} { // what makes descriptors that stay
		all = join(all, op("Signal.Start", 5, 1, 0, sig))
	}
	all = join(all, op("FsUnlink", 0, 1, 0, 5), run)
	seeds = append(seeds, all)
	kinds := map[string]byte{"Prepare": 7, "Check": 8, "Idle": 6, "Async": 5, "Timer": 2, "Signal": 3, "TCP": 1, "CloseReset": 1}
	for _, o := range fuzzOps {
		kind := kinds[strings.SplitN(o.name, ".", 2)[0]]
		init := op("Init", 6, kind, 0, 0)
		seeds = append(seeds,
			join(world, init, op(o.name, 6, 1, 1, 7, 0), run, op(o.name, 1, 2, 3, 4, 5), run),
			join(world, op(o.name, 0, 9, 5, 0, 1, 1), op(o.name, 3, 7, 1), run, op("Close", 6, 0), op(o.name, 6)),
			// From inside callbacks.
			join(world, op("Write", 0, 7, 1, 0), op("Run", 0, 2, 2), op(o.name, 1, 1, 1, 1), op(o.name, 0, 7, 0, 0), run, op("Walk", 0, 1), op(o.name, 3)),
		)
	}
	for kind := range byte(20) {
		seeds = append(seeds, join(op("pair", 0, 1, 0, 0), op("Init", 2, 0, 0, 0), op("Init", 3, 0, 0, 0),
			op("Spawn", 6, 0, kind, 4, 2, 4, 3), op("Process.Kill", 6, 1), run, op("Run", 0, 0)))
		for pipe := range byte(2) {
			seeds = append(seeds, join(op("Init", 0, pipe, 0, 0), op([]string{"Pipe.Open", "TCP.Open"}[pipe], 0, kind, 0),
				op("ReadStart", 0, 0, 1), op("Write", 0, 7, 1, 0), run, op("Close", 0, 1), run))
		}
	}
	return append(seeds,
		// A handle that is sent, and accepted.
		join(op("pair", 0, 1, 1, 0), op("pair", 2, 3, 0, 0), op("Write2", 0, 7, 1, 0, 4, 2), op("ReadStart", 1, 0, 0), op("Run", 0, 2), []byte{1},
			op("Accept", 1, 6, 0), op("Pipe.PendingCount", 1), run, op("Close", 2, 1)),
		// Callbacks that panic.
		join(world, op("Run", 0, 2), []byte{0, 0xff, 0, 0xff, 0, 0xff}, run, op("Walk", 0, 0, 0xff), run),
		// A loop that is closed and used again.
		join(op("Init", 0, 2, 0, 0), op("Close", 0, 1), run, op("Loop.Close", 0), op("Timer.Start", 0, 1, 0, 0), op("Init", 0, 2, 0, 0),
			op("Loop.Init", 0), op("Init", 0, 2, 0, 0), run),
	)
}
