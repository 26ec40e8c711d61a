//go:build cgo

package uvtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"libuv/uv"
)

// The real libuv leaves the traces that were recorded.
func TestBinding(t *testing.T) {
	if *update {
		record(t)
	}
	Run(t, binding())
}

// The scenarios leave neither descriptors nor children.
func TestNothingIsLeft(t *testing.T) {
	descriptors := func() int {
		entries, err := os.ReadDir("/dev/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(entries)
	}
	Check(binding()) // what stays open for the whole process is open then
	before := descriptors()
	Check(binding())
	if after := descriptors(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Errorf("there is a child left: %d, %v", pid, err)
	}
}

// record writes the traces of this release of libuv where they are missing or
// others. What an older release does otherwise than the one recorded is not
// written: the scenario has to say which release changed it.
func record(t *testing.T) {
	release := uv.VersionString()
	for _, area := range areas {
		path := filepath.Join("traces", area.name+".txt")
		text, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		before := parseTraces(string(text))
		var out strings.Builder
		for i := range area.scenarios {
			s := &area.scenarios[i]
			r := perform(binding(), s)
			now := recorded{release, r.trace()}
			now.lines = slices.Clone(now.lines)
			headings := []string{s.name}
			for _, changed := range slices.Backward(s.changed) {
				headings = append(headings, s.name+" before "+changed)
			}
			for _, heading := range headings {
				old, found := before[heading]
				if heading == s.heading(release) {
					switch {
					case r.missing != "":
					case r.reason != "":
						t.Errorf("%s: %s\n%s", s.name, r.reason, strings.Join(now.lines, "\n"))
					case !found, !slices.Equal(old.lines, now.lines) && !older(release, old.release):
						old, found = now, true
					case !slices.Equal(old.lines, now.lines):
						t.Errorf("%s: %s differs from %s:\n%s", s.name, release, old.release, strings.Join(diff(old.lines, now.lines), "\n"))
					}
				}
				if found {
					fmt.Fprintf(&out, "-- %s --\n%s%s\n%s\n\n", heading, recordedOn, old.release, strings.Join(old.lines, "\n"))
					golden[heading] = old
				}
			}
		}
		if err := os.WriteFile(path, []byte(strings.TrimSuffix(out.String(), "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
