package uvtest

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// line is one line of a trace.
type line struct {
	depth int
	lane  string // what a set is sorted by: the lines of a lane keep their order
	text  string
}

// lane returns the lane of a handle's lines. What a stream reads has one of its
// own, since it has no order with what it writes. That it is connected comes
// first in a set, for whoever reads it.
func lane(name, text string) string {
	switch {
	case strings.HasPrefix(text, "connect:"), text == "connect":
		return name + "\x00"
	case strings.HasPrefix(text, "read"):
		return name + "\x01"
	}
	return name + "\x02"
}

// longest is how many lines a trace may have. libuv's have less than a hundred.
const longest = 300

// Log adds a line to the trace.
func (t *tester) Log(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.log("", fmt.Sprintf(format, args...))
}

// log adds a line about a handle, whose name is the line's lane, or about the
// scenario itself.
func (t *tester) log(name, text string) {
	if t.over {
		return
	}
	if len(t.lines) == longest {
		t.over, t.tooLong = true, true
		return
	}
	in := text
	if name != "" {
		in, text = lane(name, text), name+": "+text
	}
	text = strings.ReplaceAll(text, t.dir, "$DIR")
	t.lines = append(t.lines, line{t.depth, in, text})
}

// Set runs f. For the lines that it leaves libuv promises no order, except for
// those of one handle: in the trace they are sorted by the handles' names.
func (t *tester) Set(f func()) {
	t.mu.Lock()
	t.set, t.setDepth = len(t.lines), t.depth
	t.mu.Unlock()
	f()
	t.mu.Lock()
	t.sortSet()
	t.mu.Unlock()
}

// sortSet ends a set.
func (t *tester) sortSet() {
	if t.set < 0 {
		return
	}
	lines := t.lines[t.set:]
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.lane, b.lane) })
	for i := range lines {
		lines[i].depth = t.setDepth
	}
	t.set = -1
}

// trace returns the lines so far.
func (t *tester) trace() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sortSet()
	lines := make([]string, len(t.lines))
	for i, l := range t.lines {
		lines[i] = strings.Repeat("  ", l.depth) + l.text
	}
	return lines
}

// callback is what every callback goes through: it logs the line and then runs
// f. The trace shows where a callback comes that should not.
func (t *tester) callback(name, text string, f func()) {
	here := goroutine() == t.goroutine
	t.mu.Lock()
	if t.over {
		t.mu.Unlock()
		if here {
			runtime.Goexit() // so that a loop that never ends does
		}
		return
	}
	switch {
	case !here:
		text += " (on another goroutine)"
	case t.running == 0:
		text += " (outside of run)"
	case t.inside > 0:
		text += " (inside another callback)"
	}
	if text != silent {
		t.log(name, text)
	}
	t.inside++
	t.depth++
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		t.inside--
		t.depth--
		t.mu.Unlock()
	}()
	if f != nil {
		f()
	}
}

// silent is the text of a callback that is not to be seen, unless it comes
// where it should not.
const silent = ""

// goroutine returns the id of the calling goroutine.
func goroutine() int {
	var buf [64]byte
	fields := bytes.Fields(buf[:runtime.Stack(buf[:], false)])
	id, _ := strconv.Atoi(string(fields[1]))
	return id
}

// The traces of libuv. Each file has those of an area, one after the other:
//
//	-- name --
//	recorded on 1.52.1
//	the lines
//
// Where libuv changed, a second one is headed "-- name before 1.45 --".
//
//go:embed traces/*.txt
var traceFiles embed.FS

// recorded is one trace of libuv's.
type recorded struct {
	release string // what it was recorded on
	lines   []string
}

const recordedOn = "recorded on "

// parseTraces reads a file of traces, by heading.
func parseTraces(text string) map[string]recorded {
	found := map[string]recorded{}
	heading := ""
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		r := found[heading]
		switch {
		case strings.HasPrefix(l, "-- ") && strings.HasSuffix(l, " --"):
			heading = l[3 : len(l)-3]
			continue
		case heading == "" || l == "":
			continue
		case strings.HasPrefix(l, recordedOn):
			r.release = l[len(recordedOn):]
		default:
			r.lines = append(r.lines, l)
		}
		found[heading] = r
	}
	return found
}

// golden has all of libuv's traces.
var golden = func() map[string]recorded {
	all := map[string]recorded{}
	entries, err := traceFiles.ReadDir("traces")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		text, err := traceFiles.ReadFile(path.Join("traces", e.Name()))
		if err != nil {
			panic(err)
		}
		for heading, r := range parseTraces(string(text)) {
			all[heading] = r
		}
	}
	return all
}()

// heading returns which of a scenario's traces holds for a release, "" being
// the newest.
func (s *scenario) heading(release string) string {
	for _, changed := range s.changed {
		if release != "" && older(release, changed) {
			return s.name + " before " + changed
		}
	}
	return s.name
}

// older reports whether release a came before b.
func older(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		var m, n int
		if i < len(x) {
			m, _ = strconv.Atoi(x[i])
		}
		if i < len(y) {
			n, _ = strconv.Atoi(y[i])
		}
		if m != n {
			return m < n
		}
	}
	return false
}

// diff compares two traces, line by line: what is in both, what only libuv has
// (-), what only the implementation has (+).
func diff(libuv, own []string) []string {
	common := make([][]int, len(libuv)+1) // lengths of the longest common rest
	for i := range common {
		common[i] = make([]int, len(own)+1)
	}
	for i := len(libuv) - 1; i >= 0; i-- {
		for j := len(own) - 1; j >= 0; j-- {
			if libuv[i] == own[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []string
	i, j := 0, 0
	for i < len(libuv) || j < len(own) {
		switch {
		case i < len(libuv) && j < len(own) && libuv[i] == own[j]:
			out = append(out, "  "+libuv[i])
			i, j = i+1, j+1
		case j == len(own) || i < len(libuv) && common[i+1][j] >= common[i][j+1]:
			out = append(out, "- "+libuv[i])
			i++
		default:
			out = append(out, "+ "+own[j])
			j++
		}
	}
	return out
}
