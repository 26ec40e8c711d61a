package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"libuv/ci/internal/source"
)

// accessor is what Go may answer by itself.
var accessor = regexp.MustCompile(`_[gs]et_|uv_is_closing`)

// functionTable has every public function of libuv. It fails where one is
// neither bound nor left out for a reason, and where one is said to be bound and
// is never called.
func functionTable(skips skips) (*table, error) {
	dir, err := source.Dir(functionsOf)
	if err != nil {
		return nil, err
	}
	names, err := declared("-I", filepath.Join(dir, "include"))
	if err != nil {
		return nil, err
	}
	pkgConfig := os.Getenv("PKG_CONFIG")
	if pkgConfig == "" {
		pkgConfig = "pkg-config"
	}
	flags, err := output(pkgConfig, "--cflags", "libuv")
	if err != nil {
		return nil, err
	}
	installed, err := declared(strings.Fields(flags)...)
	if err != nil {
		return nil, err
	}
	bound, err := documented()
	if err != nil {
		return nil, err
	}
	called, err := calls()
	if err != nil {
		return nil, err
	}
	t := &table{title: "Functions", what: "functions", done: "bound", release: functionsOf}
	for _, name := range names {
		e := entry{name: name, here: bound[name]}
		// The variant that does not leak, and the one that does more, will do.
		e.uncalled = e.here != "" && !called[name] && !called[name+"_r"] && !called[name+"2"]
		switch {
		case e.uncalled && !accessor.MatchString(name):
			return nil, fmt.Errorf("%s says that it binds %s, which is never called", e.here, name)
		case e.here == "":
			if e.skip = skips.of(name); e.skip == nil {
				return nil, fmt.Errorf("%s is not bound, and skips.txt does not say why", name)
			}
		}
		t.entries = append(t.entries, e)
	}
	for _, name := range installed {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("the installed libuv has %s, which %s has not", name, functionsOf)
		}
	}
	for name, by := range bound {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("%s says that it binds %s, which libuv has not", by, name)
		}
	}
	return t, nil
}

func output(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	if exit, ok := err.(*exec.ExitError); ok {
		err = fmt.Errorf("%s: %w\n%s", name, err, exit.Stderr)
	}
	return string(out), err
}

// exported is a public function as the preprocessor leaves it.
var exported = regexp.MustCompile(`(?s)visibility\("default"\)\s*\)\s*\)[^;]*?\b(uv_\w+)\s*\(`)

// preprocess returns what the preprocessor makes of its arguments.
func preprocess(args ...string) (string, error) {
	cc, err := output("go", "env", "CC")
	if err != nil {
		return "", err
	}
	fields := strings.Fields(cc)
	return output(fields[0], slices.Concat(fields[1:], []string{"-E", "-P"}, args)...)
}

// declared returns the public functions of a uv.h.
func declared(flags ...string) ([]string, error) {
	header, err := preprocess(append(flags, "-include", "uv.h", "-x", "c", os.DevNull)...)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range exported.FindAllStringSubmatch(header, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) < 200 {
		return nil, fmt.Errorf("uv.h declares only %d functions", len(names))
	}
	return names, nil
}

var (
	binds     = regexp.MustCompile(`\b(?:Binds|it calls)\s([^.;]*)`)
	cFunction = regexp.MustCompile(`\buv_\w+`)
)

// documented returns which function of Go's says that it binds which of C's.
func documented() (map[string]string, error) {
	bound := map[string]string{}
	err := eachFile("uv/*.go", func(file *ast.File, _ string) error {
		add := func(name string, doc *ast.CommentGroup) error {
			for _, m := range binds.FindAllStringSubmatch(doc.Text(), -1) {
				for _, f := range cFunction.FindAllString(m[1], -1) {
					if bound[f] != "" && bound[f] != name {
						return fmt.Errorf("%s and %s both say that they bind %s", bound[f], name, f)
					}
					bound[f] = name
				}
			}
			return nil
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if !decl.Name.IsExported() {
					continue
				}
				name := decl.Name.Name
				if decl.Recv != nil {
					name = receiver(decl.Recv.List[0].Type) + "." + name
				}
				if err := add(name, decl.Doc); err != nil {
					return err
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					t, ok := spec.(*ast.TypeSpec)
					if !ok {
						continue
					}
					methods, ok := t.Type.(*ast.InterfaceType)
					if !ok {
						continue
					}
					for _, m := range methods.Methods.List {
						if len(m.Names) == 0 {
							continue
						}
						if err := add(t.Name.Name+"."+m.Names[0].Name, m.Doc); err != nil {
							return err
						}
					}
				}
			}
		}
		return nil
	})
	return bound, err
}

func receiver(t ast.Expr) string {
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	return t.(*ast.Ident).Name
}

// calls returns the functions of libuv's that the binding calls, from Go or from
// its C half.
func calls() (map[string]bool, error) {
	called := map[string]bool{}
	paths, err := filepath.Glob("uv/*.go")
	if err != nil {
		return nil, err
	}
	fromGo, fromC := regexp.MustCompile(`\bC\.(uv_\w+)`), regexp.MustCompile(`\b(uv_\w+)\(`)
	for _, path := range append(paths, "uv_cgo.c") {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		call := fromGo
		if filepath.Ext(path) == ".c" {
			call = fromC
		}
		for _, m := range call.FindAllSubmatch(text, -1) {
			called[string(m[1])] = true
		}
	}
	return called, nil
}

// eachFile parses Go files; those of tests only where the pattern asks for them.
func eachFile(pattern string, do func(file *ast.File, path string) error) error {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(pattern, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if err := do(file, path); err != nil {
			return err
		}
	}
	return nil
}
