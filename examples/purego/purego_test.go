package purego

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"libuv/uv/uvtest"
)

func TestMain(m *testing.M) {
	uvtest.Main()
	os.Exit(m.Run())
}

// difference is what differences.txt says of a scenario.
type difference struct {
	reason  string
	mayPass bool
}

// differences reads differences.txt: a scenario, a colon, the reason.
func differences(t *testing.T) map[string]difference {
	t.Helper()
	found := map[string]difference{}
	for line := range strings.Lines(read(t, "differences.txt")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, _ := strings.Cut(line, ": ")
		name, mayPass := strings.CutPrefix(name, "?")
		if reason == "" || found[name].reason != "" {
			t.Errorf("differences.txt: %q has no reason, or is there twice", line)
		}
		found[name] = difference{reason, mayPass}
	}
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The scenarios in which this is not like libuv are those of differences.txt,
// and no others.
func TestLikeLibuv(t *testing.T) {
	known := differences(t)
	scenarios := uvtest.Scenarios()
	for _, s := range scenarios {
		t.Run(s.Name, func(t *testing.T) {
			r := s.Check(Implementation)
			d, isKnown := known[s.Name]
			switch {
			case r.Outcome == uvtest.Passed && isKnown && !d.mayPass:
				t.Error("it passes, but differences.txt names it")
			case r.Outcome == uvtest.Passed:
			case !isKnown:
				t.Error(r)
			case r.Outcome == uvtest.NotOffered:
				t.Skipf("%v (%s)", r, d.reason)
			default:
				t.Logf("it differs, as is known: %s\n%v", d.reason, r)
			}
		})
		delete(known, s.Name)
	}
	for name := range known {
		t.Errorf("differences.txt names %s, which is no scenario", name)
	}
	t.Logf("%d of %d scenarios are in differences.txt", len(differences(t)), len(scenarios))
}

// What docs/yardstick.md shows of this example is what comes of it.
func TestYardstickPage(t *testing.T) {
	const page = "../../docs/yardstick.md"
	text, shown := read(t, page), 0
	for _, s := range uvtest.Scenarios() {
		if !strings.Contains(text, "\n"+s.Name+": failed") {
			continue
		}
		shown++
		if r := s.Check(Implementation).String(); !strings.Contains(text, "\n"+r+"\n") {
			t.Errorf("%s shows another result for %s than this:\n%s", page, s.Name, r)
		}
	}
	if shown == 0 {
		t.Errorf("%s shows no failure", page)
	}
	all := len(uvtest.Scenarios())
	if count := fmt.Sprintf("It passes %d of the %d scenarios.", all-len(differences(t)), all); !strings.Contains(text, count) {
		t.Errorf("%s does not say: %s", page, count)
	}
}
