package main

import (
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"libuv/ci/internal/source"
)

var (
	testEntry = regexp.MustCompile(`\bTEST_ENTRY(?:_CUSTOM)?\s*\(\s*(\w+)`)
	testImpl  = regexp.MustCompile(`(?m)^TEST_IMPL\((\w+)\)`)
)

// testTable has every test of libuv's that runs on this system. It fails where
// one is neither ported nor left out for a reason.
func testTable(skips skips) (*table, error) {
	dir, err := source.Dir(testsOf)
	if err != nil {
		return nil, err
	}
	dir = filepath.Join(dir, "test")
	list, err := preprocess("-x", "c", filepath.Join(dir, "test-list.h"))
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	paths, err := filepath.Glob(filepath.Join(dir, "*.c"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for _, m := range testImpl.FindAllSubmatch(text, -1) {
			files[string(m[1])] = filepath.Base(path)
		}
	}
	ported, err := ports()
	if err != nil {
		return nil, err
	}
	t := &table{title: "Tests", what: "tests", done: "ported", release: testsOf}
	seen := map[string]bool{}
	for _, m := range testEntry.FindAllStringSubmatch(list, -1) {
		e := entry{name: m[1], file: files[m[1]], here: ported[m[1]]}
		if seen[e.name] {
			continue
		}
		seen[e.name] = true
		if e.file == "" {
			return nil, fmt.Errorf("libuv's test %s is in no file", e.name)
		}
		if e.here == "" {
			if e.skip = skips.of(e.file + ":" + e.name); e.skip == nil {
				return nil, fmt.Errorf("libuv's test %s (%s) is not ported, and skips.txt does not say why", e.name, e.file)
			}
		}
		t.entries = append(t.entries, e)
	}
	for name, path := range ported {
		if !seen[name] {
			return nil, fmt.Errorf("%s has TestLibuv_%s, and libuv has no such test", path, name)
		}
	}
	slices.SortStableFunc(t.entries, func(a, b entry) int { return strings.Compare(a.file, b.file) })
	return t, nil
}

// ports returns which of our files has which of libuv's tests.
func ports() (map[string]string, error) {
	ported := map[string]string{}
	err := eachFile("uv/*_test.go", func(file *ast.File, path string) error {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if name, ok := strings.CutPrefix(f.Name.Name, "TestLibuv_"); ok {
				ported[name] = filepath.ToSlash(path)
			}
		}
		return nil
	})
	return ported, err
}
