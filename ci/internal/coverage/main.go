// Coverage says how much of libuv is bound and how many of libuv's own tests are
// ported. Everything is read off sources: libuv's header and tests, and the
// binding's. What is left out needs a reason, in skips.txt.
//
// Run it by ci/coverage, in the project's folder.
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"os"
)

const (
	functionsOf = "1.52.1" // the newest release that the binding is held against
	testsOf     = "1.51.0"
	page        = "docs/coverage.md"
)

//go:embed skips.txt
var skipsText string

func main() {
	update := flag.Bool("update", false, "write "+page)
	flag.Parse()
	if err := run(*update); err != nil {
		fmt.Fprintln(os.Stderr, "coverage:", err)
		os.Exit(1)
	}
}

func run(update bool) error {
	skips, err := parseSkips(skipsText)
	if err != nil {
		return err
	}
	functions, err := functionTable(skips)
	if err != nil {
		return err
	}
	tests, err := testTable(skips)
	if err != nil {
		return err
	}
	if unused := skips.unused(); len(unused) > 0 {
		return fmt.Errorf("skips.txt names what is not there, or is not left out: %v", unused)
	}
	text := "# Coverage\n\nThis page is written by `ci/coverage -update`, from the sources of libuv and of the binding; `ci/coverage` checks that\n" +
		"it is up to date. Reasons are in `ci/internal/coverage/skips.txt`.\n\n" + functions.String() + "\n" + tests.String()
	if update {
		return os.WriteFile(page, []byte(text), 0o644)
	}
	fmt.Print(functions.summary(), "\n", tests.summary())
	if written, err := os.ReadFile(page); err != nil || string(written) != text {
		return fmt.Errorf("%s is not up to date: run ci/coverage -update", page)
	}
	return nil
}
