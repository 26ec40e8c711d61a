package uvtest

import (
	"errors"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "record libuv's traces, and the table of faults, anew")

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

// Every scenario says what it is, and has the traces that it needs; there are no
// other traces.
func TestScenarios(t *testing.T) {
	unknown := map[string]bool{}
	for heading := range golden {
		unknown[heading] = true
	}
	seen := map[string]bool{}
	for _, s := range Scenarios() {
		if seen[s.Name] || s.Name == "" || s.Shows == "" || s.From == "" {
			t.Errorf("scenario %q: two of the name, or something is missing", s.Name)
		}
		seen[s.Name] = true
		headings := []string{s.Name}
		for _, changed := range s.s.changed {
			headings = append(headings, s.Name+" before "+changed)
		}
		for _, heading := range headings {
			if golden[heading].release == "" {
				t.Errorf("%s has no trace", heading)
			}
			delete(unknown, heading)
		}
	}
	text, err := os.ReadFile("../../docs/yardstick.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range Scenarios() {
		for _, changed := range s.s.changed {
			if !regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(changed) + ` \|.*` + "`" + s.Name + "`").Match(text) {
				t.Errorf("docs/yardstick.md does not say that %s changed in %s", s.Name, changed)
			}
		}
	}
	for heading := range unknown {
		t.Errorf("there is a trace for %s, which is no scenario", heading)
	}
	if len(seen) < 200 {
		t.Errorf("only %d scenarios", len(seen))
	}
}

// Whoever imports the package needs the standard library alone.
func TestImports(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil || len(paths) == 0 {
		t.Fatal(err, paths)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			name := strings.Trim(spec.Path.Value, `"`)
			if first, _, _ := strings.Cut(name, "/"); name == "C" || first == "libuv" || strings.Contains(first, ".") {
				t.Errorf("%s imports %s", path, name)
			}
		}
	}
}

// A trace is found by the release that is followed.
func TestHeading(t *testing.T) {
	s := &scenario{name: "x", changed: []string{"1.45", "1.48"}}
	for release, want := range map[string]string{
		"": "x", "1.52.1": "x", "1.48": "x", "1.48.0": "x", "1.47.9": "x before 1.48", "1.45.0": "x before 1.48", "1.44.2": "x before 1.45", "1.5": "x before 1.45",
	} {
		if got := s.heading(release); got != want {
			t.Errorf("%q: %q, not %q", release, got, want)
		}
	}
}

type namedError struct{ error }

func (namedError) Name() string { return "ECANCELED" }

func TestErrorName(t *testing.T) {
	_, notFound := exec.LookPath("no-such-program-anywhere")
	_, missing := os.Open("no such file")
	_, refused := net.Dial("unix", "no such socket")
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{io.EOF, "EOF"},
		{fmt.Errorf("reading: %w", io.EOF), "EOF"},
		{namedError{io.EOF}, "ECANCELED"},
		{fmt.Errorf("wrapped: %w", namedError{io.EOF}), "ECANCELED"},
		{syscall.EPIPE, "EPIPE"},
		{os.NewSyscallError("write", syscall.ECONNRESET), "ECONNRESET"},
		{errors.ErrUnsupported, "ENOSYS"},
		{syscall.ENOSYS, "ENOSYS"},
		{notFound, "ENOENT"},
		{missing, "ENOENT"},
		{refused, "ENOENT"},
		{fs.ErrPermission, "EACCES"},
		{errors.New("strange"), `unknown error "strange"`},
	} {
		if got := errorName(c.err); got != c.want {
			t.Errorf("%v: %q, not %q", c.err, got, c.want)
		}
	}
}

func TestDiff(t *testing.T) {
	got := diff([]string{"a", "b", "c", "d"}, []string{"a", "x", "c", "d", "e"})
	if want := []string{"  a", "- b", "+ x", "  c", "  d", "+ e"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// stub is a loop that does what a test says, for one timer.
type stub struct {
	Loop
	run func(l *stub)
	cb  func()
}

func (l *stub) Run(RunMode) bool {
	l.run(l)
	return false
}
func (l *stub) Close() error             { return nil }
func (l *stub) NewTimer() (Timer, error) { return stubTimer{loop: l}, nil }
func (l *stub) NewPipe(bool) (Pipe, error) {
	return nil, fmt.Errorf("not yet: %w", errors.ErrUnsupported)
}

type stubTimer struct {
	Timer
	loop *stub
}

func (h stubTimer) Start(cb func(), _, _ uint64) error {
	h.loop.cb = cb
	return nil
}
func (h stubTimer) Close(func()) {}

func stubbed(run func(l *stub)) Implementation {
	return Implementation{NewLoop: func() (Loop, error) { return &stub{run: run}, nil }}
}

// startsATimer is a scenario that a stub can be in.
var startsATimer = Scenario{Name: "starts_a_timer", Shows: "how a stub fares", From: "nowhere", s: &scenario{
	name: "starts_a_timer",
	run: func(t *tester) {
		l := t.Loop()
		timer := l.Timer("timer")
		timer.Start(1, 0, nil)
		l.Run(RunDefault)
	},
}}

func TestFailures(t *testing.T) {
	trace := []string{"run default {", "  timer: timeout", "} false"}
	golden["starts_a_timer"] = recorded{"1.0", trace}
	defer delete(golden, "starts_a_timer")
	hang := make(chan struct{})
	defer close(hang)
	once := func(f func(l *stub)) func(l *stub) {
		done := false
		return func(l *stub) {
			if !done {
				done = true
				f(l)
			}
		}
	}
	for _, c := range []struct {
		name    string
		run     func(l *stub)
		outcome Outcome
		reason  string
		got     []string
	}{
		{"right", once(func(l *stub) { l.cb() }), Passed, "", trace},
		{"nothing", func(*stub) {}, Failed, "", []string{"run default {", "} false"}},
		{"twice", once(func(l *stub) { l.cb(); l.cb() }), Failed, "", []string{"run default {", "  timer: timeout", "  timer: timeout", "} false"}},
		{"hangs", once(func(l *stub) { l.cb(); <-hang }), Failed, "it hangs: no end after 50ms", trace[:2]},
		{"never ends", func(l *stub) {
			for {
				l.cb()
			}
		}, Failed, "its trace does not end, at 300 lines", nil},
		{"panics", once(func(l *stub) { l.cb(); panic("the loop is upset") }), Failed, "panic: the loop is upset", trace[:2]},
		{"goes", once(func(l *stub) { l.cb(); runtime.Goexit() }), Failed, "it called runtime.Goexit", trace[:2]},
		{"elsewhere", once(func(l *stub) {
			done := make(chan struct{})
			go func() {
				l.cb()
				close(done)
			}()
			<-done
		}), Failed, "", []string{"run default {", "  timer: timeout (on another goroutine)", "} false"}},
	} {
		impl := stubbed(c.run)
		if c.name == "hangs" {
			impl.Limit = 50 * time.Millisecond
		}
		r := startsATimer.Check(impl)
		if r.Outcome != c.outcome || !strings.HasPrefix(r.Reason, c.reason) || c.reason == "" && r.Reason != "" {
			t.Errorf("%s: %v", c.name, r)
		}
		if c.got != nil && !slices.Equal(r.Got, c.got) {
			t.Errorf("%s: the trace is %q", c.name, r.Got)
		}
		if c.outcome == Failed && !strings.Contains(r.String(), "shows: how a stub fares\n  from:  nowhere\n  - libuv 1.0\n  + this implementation\n") {
			t.Errorf("%s: %v", c.name, r)
		}
	}
}

// A callback where none may be shows in the trace.
func TestMisplacedCallbacks(t *testing.T) {
	s := startsATimer
	s.s = &scenario{name: "misplaced", run: func(t *tester) {
		l := t.Loop()
		timer := l.Timer("timer")
		timer.Start(1, 0, func() {
			timer.Log("inside")
			l.inner.(*stub).cb = func() {}
		})
		l.inner.(*stub).cb()
		timer.Start(1, 0, func() {
			inner := l.inner.(*stub).cb
			timer.Start(1, 0, nil)
			l.inner.(*stub).cb()
			l.inner.(*stub).cb = inner
		})
		l.Run(RunDefault)
	}}
	done := false
	r := s.Check(stubbed(func(l *stub) {
		if !done {
			done = true
			l.cb()
		}
	}))
	want := []string{
		"timer: timeout (outside of run)", "  timer: inside",
		"run default {", "  timer: timeout", "    timer: timeout (inside another callback)", "} false",
	}
	if !slices.Equal(r.Got, want) {
		t.Errorf("%q", r.Got)
	}
}

// What is not offered is neither passed nor failed.
func TestNotOffered(t *testing.T) {
	s := startsATimer
	s.s = &scenario{name: "starts_a_timer", run: func(t *tester) { t.Loop().Pipe("pipe", false) }}
	r := s.Check(stubbed(func(*stub) {}))
	if r.Outcome != NotOffered || r.Reason != "Loop.NewPipe" || r.String() != "starts_a_timer: not offered: Loop.NewPipe" {
		t.Errorf("%v", r)
	}
}

// Without Main the children would be tests, with children of their own.
func TestMainMustBeCalled(t *testing.T) {
	mainCalled = false
	defer func() { mainCalled = true }()
	for _, r := range Check(Implementation{}) {
		if r.Outcome != Failed || r.Reason != "TestMain must call uvtest.Main" {
			t.Errorf("%v", r)
		}
	}
}

// In a set only the order within a handle counts.
func TestSet(t *testing.T) {
	trace := func(order ...string) []string {
		x := &tester{set: -1}
		x.Log("before")
		x.Set(func() {
			for _, name := range order {
				x.mu.Lock()
				x.log(name[:1], name[1:])
				x.mu.Unlock()
			}
		})
		x.Log("after")
		return x.trace()
	}
	a := trace("a one", "b one", "a two", "bread x", "b two")
	for _, other := range [][]string{
		trace("b one", "b two", "bread x", "a one", "a two"),
		trace("bread x", "a one", "a two", "b one", "b two"),
	} {
		if !slices.Equal(a, other) {
			t.Errorf("%q and %q", a, other)
		}
	}
	if slices.Equal(a, trace("a two", "b one", "a one", "bread x", "b two")) {
		t.Error("the order of a's lines is lost")
	}
}
