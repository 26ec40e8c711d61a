package main

import (
	"fmt"
	"path"
	"strings"
)

// skip is a reason to leave something out.
type skip struct {
	family   bool // it belongs to what the binding is for
	reason   string
	patterns []string
	used     map[string]bool // the patterns that something matched
}

type skips []*skip

func parseSkips(text string) (skips, error) {
	var list skips
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == ' ' && len(list) > 0:
			last := list[len(list)-1]
			last.patterns = append(last.patterns, strings.Fields(line)...)
		default:
			kind, reason, ok := strings.Cut(line, ": ")
			if !ok || kind != "family" && kind != "outside" {
				return nil, fmt.Errorf("skips.txt: %q", line)
			}
			list = append(list, &skip{family: kind == "family", reason: reason, used: map[string]bool{}})
		}
	}
	return list, nil
}

// of returns why something is left out, nil for something that is not.
func (s skips) of(name string) *skip {
	for _, skip := range s {
		for _, pattern := range skip.patterns {
			if ok, _ := path.Match(pattern, name); ok {
				skip.used[pattern] = true
				return skip
			}
		}
	}
	return nil
}

func (s skips) unused() []string {
	var names []string
	for _, skip := range s {
		for _, pattern := range skip.patterns {
			if !skip.used[pattern] {
				names = append(names, pattern)
			}
		}
	}
	return names
}

// entry is a function or a test of libuv's.
type entry struct {
	name     string
	file     string // of libuv's tests
	here     string // where the binding has it, "" where it does not
	uncalled bool   // Go has the answer, and does not ask C
	skip     *skip  // why it is not here
}

// table is all functions, or all tests.
type table struct {
	title, what, done string // "Functions", "functions", "bound"
	release           string
	entries           []entry
}

// counts returns how many entries the binding has, how many belong to what it is
// for but have no place in Go, and how many do not belong to that.
func (t *table) counts() (here, excused, outside int) {
	for _, e := range t.entries {
		switch {
		case e.here != "":
			here++
		case e.skip.family:
			excused++
		default:
			outside++
		}
	}
	return
}

func percent(n, of int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of)) }

func (t *table) summary() string {
	here, excused, outside := t.counts()
	all := here + excused + outside
	return fmt.Sprintf("%s of libuv %s: %d\n", t.title, t.release, all) +
		fmt.Sprintf("  %-31s %4d\n", t.done, here) +
		fmt.Sprintf("  %-31s %4d\n", "have no place in Go", excused) +
		fmt.Sprintf("  %-31s %4d\n", "not what the binding is for", outside) +
		fmt.Sprintf("  %s of what the binding is for, %s of all\n", percent(here, here+excused), percent(here, all))
}

// reasons lists what is left out, by reason.
func (t *table) reasons() string {
	var text strings.Builder
	seen := map[*skip]bool{}
	for _, family := range []bool{true, false} {
		if family {
			text.WriteString("Without a place in Go:\n\n")
		} else {
			text.WriteString("\nNot what the binding is for:\n\n")
		}
		for _, e := range t.entries {
			if e.here != "" || e.skip.family != family || seen[e.skip] {
				continue
			}
			seen[e.skip] = true
			var names []string
			for _, other := range t.entries {
				if other.here == "" && other.skip == e.skip {
					names = append(names, "`"+other.name+"`")
				}
			}
			fmt.Fprintf(&text, "- %s (%d): %s\n", e.skip.reason, len(names), strings.Join(names, ", "))
		}
	}
	return text.String()
}
