package uvtest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Scenario is one of the suite's programs.
type Scenario struct {
	Name  string // such as "spawn_exit_code"
	Shows string // what it shows, in a line
	From  string // the page of libuv's documentation, or libuv's test, that it is about
	s     *scenario
}

// scenario is an entry of a table.
type scenario struct {
	name, shows, from string
	run               func(t *tester)
	changed           []string // the releases of libuv that changed what is seen, ascending
}

// areas are the tables, by the name of the file with their traces.
var areas = []struct {
	name      string
	scenarios []scenario
}{
	{"loop", loopScenarios},
	{"timer", timerScenarios},
	{"watcher", watcherScenarios},
	{"signal", signalScenarios},
	{"process", processScenarios},
	{"stdio", stdioScenarios},
	{"stream", streamScenarios},
	{"pipe", pipeScenarios},
	{"tcp", tcpScenarios},
	{"ipc", ipcScenarios},
}

// Scenarios returns all scenarios, in the order in which they are run.
func Scenarios() []Scenario {
	var all []Scenario
	for _, area := range areas {
		for i := range area.scenarios {
			s := &area.scenarios[i]
			all = append(all, Scenario{s.name, s.shows, s.from, s})
		}
	}
	return all
}

// Outcome says how an implementation fared in a scenario.
type Outcome int

// The outcomes.
const (
	Passed     Outcome = iota // the same trace as libuv
	Failed                    // another trace, a panic, or no end
	NotOffered                // a method said ENOSYS or ENOTSUP
)

// String returns the outcome as a word.
func (o Outcome) String() string {
	switch o {
	case Passed:
		return "passed"
	case Failed:
		return "failed"
	case NotOffered:
		return "not offered"
	}
	return fmt.Sprintf("Outcome(%d)", int(o))
}

// Result is what came of a scenario.
type Result struct {
	Scenario Scenario
	Outcome  Outcome
	// Reason says why it failed where that is more than another trace: it hung,
	// it panicked, libuv has no trace. Where a part is not offered it is that
	// part, such as "Loop.NewPipe".
	Reason string
	// Release is the libuv whose trace it is compared with.
	Release string
	// Want is libuv's trace and Got the implementation's, as far as it came.
	Want, Got []string
}

// String returns a report for people: a line, or for a failure the two traces,
// compared line by line.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", r.Scenario.Name, r.Outcome)
	if r.Reason != "" {
		fmt.Fprintf(&b, ": %s", r.Reason)
	}
	if r.Outcome != Failed {
		return b.String()
	}
	fmt.Fprintf(&b, "\n  shows: %s\n  from:  %s\n", r.Scenario.Shows, r.Scenario.From)
	if r.Release != "" {
		fmt.Fprintf(&b, "  - libuv %s\n", r.Release)
	}
	b.WriteString("  + this implementation\n")
	for _, l := range diff(r.Want, r.Got) {
		fmt.Fprintf(&b, "    %s\n", l)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Run runs every scenario as a subtest, which is skipped where a part is not
// offered. Scenarios change what belongs to the whole process (signals,
// environment), so nothing may run in parallel to them.
func Run(t *testing.T, impl Implementation) {
	t.Helper()
	for _, s := range Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			switch r := s.Check(impl); r.Outcome {
			case Failed:
				t.Error(r)
			case NotOffered:
				t.Skip("not offered: " + r.Reason)
			}
		})
	}
}

// Check runs every scenario and returns what came of each, for those who want
// to do something else with it than [Run] does.
func Check(impl Implementation) []Result {
	var results []Result
	for _, s := range Scenarios() {
		results = append(results, s.Check(impl))
	}
	return results
}

// Check runs the scenario.
func (s Scenario) Check(impl Implementation) Result {
	want := golden[s.s.heading(impl.Release)]
	r := Result{Scenario: s, Release: want.release, Want: want.lines}
	if !mainCalled {
		r.Outcome, r.Reason = Failed, "TestMain must call uvtest.Main"
		return r
	}
	t := perform(impl, s.s)
	r.Got = t.trace()
	switch {
	case t.missing != "":
		r.Outcome, r.Reason = NotOffered, t.missing
	case t.reason != "":
		r.Outcome, r.Reason = Failed, t.reason
	case want.release == "":
		r.Outcome, r.Reason = Failed, "there is no trace of libuv's"
	case !slices.Equal(r.Want, r.Got):
		r.Outcome = Failed
	}
	return r
}

// tester is a scenario's view of the test: it makes the handles and records the
// trace.
type tester struct {
	impl      Implementation
	dir       string // a folder of its own, $DIR in traces
	goroutine int

	mu       sync.Mutex
	lines    []line
	set      int // where the open set begins in lines, -1 for none
	setDepth int
	depth    int
	running  int    // loops that run
	inside   int    // callbacks that run
	over     bool   // nothing is recorded any more
	left     bool   // the scenario ended itself early
	tooLong  bool   // the trace has no end
	missing  string // what is not offered
	reason   string // why it failed, but for the trace

	loops     []*loop
	processes []*process
	undo      []func()
}

const defaultLimit = 10 * time.Second

// perform runs a scenario to its end, or up to the time limit.
func perform(impl Implementation, s *scenario) *tester {
	t := &tester{impl: impl, set: -1}
	dir, err := newDir()
	if err != nil {
		t.reason = err.Error()
		return t
	}
	t.dir = dir
	defer os.RemoveAll(dir)

	limit := impl.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	finished := make(chan string, 1)
	go func() {
		reason := "it called runtime.Goexit"
		defer func() {
			if value := recover(); value != nil {
				reason = fmt.Sprintf("panic: %v\n%s", value, debug.Stack())
			}
			finished <- reason
		}()
		t.goroutine = goroutine()
		defer t.cleanUp(&reason)
		s.run(t)
		reason = ""
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	reason, hangs := "", false
	select {
	case reason = <-finished:
	case <-timer.C:
		hangs = true
		reason = fmt.Sprintf("it hangs: no end after %v", limit)
	}

	t.mu.Lock()
	t.over = true
	if t.tooLong {
		reason = fmt.Sprintf("its trace does not end, at %d lines", longest)
	}
	t.reason = reason
	processes, undo := t.processes, t.undo
	t.mu.Unlock()
	for _, p := range processes {
		p.end(hangs)
	}
	for _, f := range slices.Backward(undo) {
		f()
	}
	return t
}

// newDir makes a folder whose path is short enough for the name of a socket.
func newDir() (string, error) {
	parent := os.TempDir()
	if len(parent) > 40 {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "uvtest")
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

// cleanUp closes what is open when the scenario ends, without a word as long as
// all goes well, or if the scenario did not come to its end.
func (t *tester) cleanUp(reason *string) {
	t.mu.Lock()
	running := t.running
	t.over = t.over || *reason != ""
	if t.left {
		*reason = ""
	}
	t.mu.Unlock()
	if running > 0 {
		return // left from inside a callback: nothing can be done any more
	}
	for _, l := range t.loops {
		if !l.closed {
			l.closeAll()
		}
	}
}

// Undo has f called when the scenario has ended, however it ends.
func (t *tester) Undo(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.undo = append(t.undo, f)
}

// check logs what a call returned unless it is nil, and reports whether it is.
// The scenario ends here when the call is not offered.
func (t *tester) check(name, method string, err error) bool {
	if err == nil {
		return true
	}
	if notOffered(err) {
		t.notOffered(method)
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.log(name, method[strings.LastIndex(method, ".")+1:]+": "+errorName(err))
	return false
}

// need is check for what the scenario cannot go on without.
func (t *tester) need(name, method string, err error) {
	if !t.check(name, method, err) {
		t.leave()
	}
}

// notOffered ends the scenario.
func (t *tester) notOffered(method string) {
	t.mu.Lock()
	if t.missing == "" && !t.over {
		t.missing = method
	}
	t.mu.Unlock()
	t.leave()
}

// must is for what the scenario does without the implementation.
func (t *tester) must(err error) {
	if err != nil {
		panic(err)
	}
}

// leave ends the scenario from where it is.
func (t *tester) leave() {
	if goroutine() == t.goroutine {
		t.left = true
		runtime.Goexit()
	}
}

// Path returns a path in the scenario's folder.
func (t *tester) Path(name string) string { return filepath.Join(t.dir, name) }

// Raise sends this process a signal that Go ignores where nobody watches it.
func (t *tester) Raise(signum syscall.Signal) { t.must(syscall.Kill(os.Getpid(), signum)) }
