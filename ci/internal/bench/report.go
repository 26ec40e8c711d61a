//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

const document, plot = "docs/benchmarks.md", "docs/benchmarks.svg"

// report prints what was measured, and writes it into the documentation where
// that is wanted.
func (b *bench) report(chosen []job, write bool) error {
	sections := map[string]string{}
	for _, j := range chosen {
		var tables []string
		for _, t := range j.tables(b) {
			tables = append(tables, t.String())
		}
		if len(tables) == 0 {
			tables = []string{"Not measured.\n"}
		}
		sections[j.name] = strings.Join(tables, "\n")
		fmt.Printf("## %s\n\n%s\n", j.title, sections[j.name])
	}
	sections["goals"] = b.goals().String()
	fmt.Printf("## Goals\n\n%s\n", sections["goals"])
	machine, err := b.machine()
	if err != nil {
		return err
	}
	sections["machine"] = machine
	fmt.Printf("## Machine\n\n%s\n", machine)
	if !write {
		return nil
	}
	if err := b.draw(); err != nil {
		return err
	}
	return fill(document, sections)
}

// fill puts the sections into a document, each between its markers.
func fill(path string, sections map[string]string) error {
	was, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := string(was)
	for name, section := range sections {
		begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, ok := strings.Cut(text, begin)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			return fmt.Errorf("%s: there is no %q with a %q after it", path, strings.TrimSpace(begin), end)
		}
		text = before + begin + "\n" + section + "\n" + end + after
	}
	return os.WriteFile(path, []byte(text), 0o666)
}

// machine says what was measured on, and what was left out.
func (b *bench) machine() (string, error) {
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "", err
	}
	libuv, err := output(b.c[0], "version")
	if err != nil {
		return "", err
	}
	model := "unknown"
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	rows := [][]string{
		{"day", time.Now().UTC().Format(time.DateOnly)},
		{"processor", fmt.Sprintf("%s, %d cores", model, runtime.NumCPU())},
		{"kernel", strings.TrimSpace(string(kernel)) + ", " + runtime.GOOS + "/" + runtime.GOARCH},
		{"libuv", libuv},
		{"Go", runtime.Version()},
	}
	for _, p := range b.peers {
		if p.name != "Go net" {
			rows = append(rows, []string{p.name, p.version})
		}
	}
	for _, line := range b.skipped {
		rows = append(rows, []string{"left out", line})
	}
	var list strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&list, "- %s: %s\n", row[0], row[1])
	}
	return list.String(), nil
}
