// Crosscheck lets C judge the examples. It builds the programs of libuv's guide
// from libuv's own source, runs each of them and its Go twin under the same
// stimuli, and compares what they write, how they end and what they leave
// behind.
//
// Run it by ci/crosscheck, in the project's folder.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// scenario is something to do to a program, in C and in Go.
type scenario struct {
	name string
	// uses names what the programs have one of on a machine, such as a port.
	// Scenarios that use the same, and their C and Go halves, take turns; all
	// others run side by side.
	uses string
	// run does it, and notes what happened.
	run func(*run)
	// differs says how C and Go differ where they are known to. They are then
	// not compared with each other but with what is wanted of each.
	differs string
	// want has what is wanted, by language; one that has nothing is not run.
	want map[string]string
}

// outcome is what came of a scenario.
type outcome struct {
	text   string // the report
	failed bool
}

var verbose = flag.Bool("v", false, "show what was compared")

func main() {
	flag.Parse()
	os.Exit(crosscheck(flag.Args()))
}

func crosscheck(names []string) int {
	began := time.Now()
	temp, err := os.MkdirTemp("", "crosscheck")
	if err == nil {
		temp, err = filepath.EvalSymlinks(temp) // as the programs see it
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "crosscheck:", err)
		return 1
	}
	cleanup := sync.OnceFunc(func() {
		killAll()
		os.RemoveAll(temp)
	})
	defer cleanup()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-interrupted
		cleanup()
		os.Exit(130)
	}()

	if err := inheritance(); err != nil {
		fmt.Fprintln(os.Stderr, "crosscheck:", err)
		return 1
	}
	if err := build(temp); err != nil {
		fmt.Fprintln(os.Stderr, "crosscheck:", err)
		return 1
	}

	chosen := scenarios
	if len(names) > 0 {
		chosen = slices.DeleteFunc(slices.Clone(scenarios), func(s scenario) bool {
			return !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(s.name, name) })
		})
	}
	outcomes := make([]chan outcome, len(chosen))
	turns := map[string]*sync.Mutex{}
	for i, s := range chosen {
		outcomes[i] = make(chan outcome, 1)
		if turns[s.uses] == nil {
			turns[s.uses] = new(sync.Mutex)
		}
		go func() {
			if s.uses != "" {
				turns[s.uses].Lock()
				defer turns[s.uses].Unlock()
			}
			outcomes[i] <- s.judge(temp)
		}()
	}
	failures := 0
	for _, o := range outcomes {
		o := <-o
		fmt.Print(o.text)
		if o.failed {
			failures++
		}
	}
	fmt.Printf("crosscheck: %d scenarios, %d differences, %.0f s\n", len(chosen), failures, time.Since(began).Seconds())
	if failures > 0 || len(chosen) == 0 {
		return 1
	}
	return 0
}

// inheritance settles what the programs inherit, so that their own children
// can show whether any of it was changed on the way: no descriptor but the
// first three, and a soft limit of descriptors that is below the hard one. Go
// raises it, for itself.
func inheritance() error {
	for _, fd := range descriptors(os.Getpid()) {
		if n, err := strconv.Atoi(fd); err == nil && n > 2 {
			syscall.CloseOnExec(n)
		}
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return err
	}
	files.Cur = min(files.Max, 1000)
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &files)
}

// judge runs the scenario in both languages and compares.
func (s scenario) judge(temp string) outcome {
	var both sync.WaitGroup
	runs := map[string]*run{}
	for _, lang := range []string{"C", "Go"} {
		if s.differs != "" && s.want[lang] == "" {
			continue
		}
		r := &run{bin: filepath.Join(temp, lang), uses: s.uses}
		r.dir, r.err = os.MkdirTemp(temp, strings.ReplaceAll(s.name, "/", "-"))
		runs[lang] = r
		if s.uses != "" {
			r.do(s.run)
		} else {
			both.Go(func() { r.do(s.run) })
		}
	}
	both.Wait()

	var text strings.Builder
	failed := false
	for _, lang := range []string{"C", "Go"} {
		r := runs[lang]
		switch {
		case r == nil:
			continue
		case r.skipped != "":
			return outcome{text: fmt.Sprintf("skip %s: %s\n", s.name, r.skipped)}
		case r.err != nil:
			failed = true
			fmt.Fprintf(&text, "FAIL %s: %s: %v\n", s.name, lang, r.err)
			if len(r.notes) > 0 {
				text.WriteString(indent(r.String()))
			}
		case s.differs != "" && r.String() != s.want[lang]:
			failed = true
			fmt.Fprintf(&text, "FAIL %s: %s is not as it is known to be (- known, + found)\n", s.name, lang)
			text.WriteString(indent(diff(s.want[lang], r.String())))
		}
	}
	if s.differs == "" && !failed && runs["C"].String() != runs["Go"].String() {
		failed = true
		fmt.Fprintf(&text, "FAIL %s: C and Go differ (- C, + Go)\n", s.name)
		text.WriteString(indent(diff(runs["C"].String(), runs["Go"].String())))
	}
	if !failed {
		fmt.Fprintf(&text, "ok %s", s.name)
		if s.differs != "" {
			fmt.Fprintf(&text, " (known to differ: %s)", s.differs)
		}
		text.WriteByte('\n')
		if *verbose {
			text.WriteString(indent(runs["Go"].String()))
		}
	}
	return outcome{text.String(), failed}
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ") + "\n"
}

// diff returns the lines of both texts, with a mark before those that only one
// has.
func diff(was, is string) string {
	a, b := strings.Split(strings.TrimSuffix(was, "\n"), "\n"), strings.Split(strings.TrimSuffix(is, "\n"), "\n")
	// common[i][j] is how many lines a[i:] and b[j:] have in common.
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var lines []string
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			lines = append(lines, "  "+a[i])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			lines = append(lines, "- "+a[i])
			i++
		default:
			lines = append(lines, "+ "+b[j])
			j++
		}
	}
	return strings.Join(abridged(lines), "\n") + "\n"
}

// abridged leaves out the lines of a diff that are far from any difference.
func abridged(lines []string) []string {
	const near = 3
	var kept []string
	for i, line := range lines {
		around := lines[max(0, i-near):min(len(lines), i+near+1)]
		switch {
		case slices.ContainsFunc(around, func(l string) bool { return l[0] != ' ' }):
			kept = append(kept, line)
		case len(kept) == 0 || kept[len(kept)-1] != "  …":
			kept = append(kept, "  …")
		}
	}
	return kept
}
