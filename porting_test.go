package libuv_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const porting = "docs/porting.md"

// api is what package uv says of itself.
type api struct {
	binds     map[string]string // C's function to Go's, as it is called
	also      map[string]bool   // functions that a doc comment names beside
	types     map[string]string // C's type to Go's
	callbacks []string
	constants []string
}

var (
	bindsName  = regexp.MustCompile(`\bBinds (uv_[a-z0-9_]+)`)
	mirrors    = regexp.MustCompile(`^Mirrors (uv_[a-z0-9_]+)`)
	cFunction  = regexp.MustCompile(`\buv_[a-z0-9_]+`)
	callInC    = regexp.MustCompile(`\b(uv_[a-z0-9_]+)\(`)
	exceptions = regexp.MustCompile(`(?s)The exceptions:(.*?)# Goroutines`)
)

// paragraphs returns a doc comment's paragraphs, each in one line.
func paragraphs(doc *ast.CommentGroup) []string {
	list := strings.Split(strings.TrimSpace(doc.Text()), "\n\n")
	for i, p := range list {
		list[i] = strings.Join(strings.Fields(p), " ")
	}
	return list
}

func parseAPI(t *testing.T) *api {
	t.Helper()
	a := &api{binds: map[string]string{}, also: map[string]bool{}, types: map[string]string{}}
	paths, err := filepath.Glob("uv/*.go")
	require.NoError(t, err)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		require.NoError(t, err)
		if m := exceptions.FindStringSubmatch(file.Doc.Text()); m != nil {
			for _, f := range cFunction.FindAllString(m[1], -1) {
				a.also[f] = true
			}
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				call := "uv." + decl.Name.Name + "("
				if decl.Recv != nil {
					call = "." + decl.Name.Name + "("
				}
				if decl.Name.IsExported() {
					a.function(t, call, decl.Doc)
				}
			case *ast.GenDecl:
				a.declared(t, decl)
			}
		}
	}
	require.NotEmpty(t, a.binds)
	return a
}

func (a *api) function(t *testing.T, call string, doc *ast.CommentGroup) {
	for _, p := range paragraphs(doc) {
		m := bindsName.FindStringSubmatchIndex(p)
		if m == nil {
			continue
		}
		name := p[m[2]:m[3]]
		assert.Empty(t, a.binds[name], "%s is bound twice", name)
		a.binds[name] = call
		for _, f := range cFunction.FindAllString(p[m[1]:], -1) {
			a.also[f] = true
		}
	}
}

func (a *api) declared(t *testing.T, decl *ast.GenDecl) {
	kind := ""
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.ValueSpec:
			if id, ok := spec.Type.(*ast.Ident); ok {
				kind = id.Name
			}
			for _, name := range spec.Names {
				if decl.Tok == token.CONST && name.IsExported() && kind != "Errno" && kind != "HandleType" && kind != "ReqType" {
					a.constants = append(a.constants, name.Name)
				}
			}
		case *ast.TypeSpec:
			if !spec.Name.IsExported() {
				continue
			}
			for _, p := range paragraphs(decl.Doc) {
				if m := mirrors.FindStringSubmatch(p); m != nil {
					a.types[m[1]] = spec.Name.Name
				}
			}
			switch declared := spec.Type.(type) {
			case *ast.FuncType:
				a.callbacks = append(a.callbacks, spec.Name.Name)
			case *ast.InterfaceType:
				for _, m := range declared.Methods.List {
					if len(m.Names) == 1 && m.Names[0].IsExported() {
						a.function(t, "."+m.Names[0].Name+"(", m.Doc)
					}
				}
			}
		}
	}
}

// rows returns the cells of a page's tables.
func rows(page string) [][]string {
	var found [][]string
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "| ") {
			found = append(found, strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | "))
		}
	}
	return found
}

func TestPortingNamesEveryFunctionBound(t *testing.T) {
	a, page := parseAPI(t), read(t, porting)
	inGo := map[string]string{}
	for _, row := range rows(page) {
		if m := callInC.FindStringSubmatch(row[0]); m != nil && len(row) == 3 {
			assert.Empty(t, inGo[m[1]], "%s has two rows", m[1])
			inGo[m[1]] = row[1]
		}
	}
	for name, call := range a.binds {
		if assert.NotEmpty(t, inGo[name], "no row for %s", name) {
			assert.Contains(t, inGo[name], call, "the row for %s", name)
		}
	}
	for _, m := range callInC.FindAllStringSubmatch(page, -1) {
		assert.True(t, a.binds[m[1]] != "" || a.also[m[1]], "%s is not bound", m[1])
	}
}

func TestPortingNamesEveryTypeAndConstant(t *testing.T) {
	a, page := parseAPI(t), read(t, porting)
	for inC, inGo := range a.types {
		named(t, page, inC)
		named(t, page, inGo)
	}
	for _, name := range append(a.callbacks, a.constants...) {
		named(t, page, name)
	}
}

func named(t *testing.T, page, name string) {
	t.Helper()
	assert.True(t, strings.Contains(page, "`"+name+"`"), "%s is not named", name)
}

// The program of the page, in C and in Go, says the same, with sort(1) and
// without.
func TestPortingProgram(t *testing.T) {
	page := read(t, porting)
	inC, inGo := blocks(page, "c"), blocks(page, "go")
	require.Len(t, inC, 1)
	require.Len(t, inGo, 1)
	require.True(t, isProgram(inGo[0]))
	programs := map[string]string{"C": buildC(t, inC[0]), "Go": buildGo(t, inGo[0])}

	for language, program := range programs {
		stdout, stderr, code := outcome(t, program, os.Environ())
		assert.Equal(t, "apple\nfig\npear\nstatus 0, signal 0\n", stdout, language)
		assert.Empty(t, stderr, language)
		assert.Zero(t, code, language)

		stdout, stderr, code = outcome(t, program, []string{"PATH=/nonexistent"})
		assert.Empty(t, stdout, language)
		assert.Equal(t, "no such file or directory\n", stderr, language)
		assert.Equal(t, 1, code, language)
	}
}

func buildC(t *testing.T, code string) string {
	t.Helper()
	dir := t.TempDir()
	source, program := filepath.Join(dir, "main.c"), filepath.Join(dir, "c-program")
	require.NoError(t, os.WriteFile(source, []byte(code), 0o644))
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "libuv").Output()
	require.NoError(t, err)
	cc, err := exec.Command("go", "env", "CC").Output()
	require.NoError(t, err)
	args := append(strings.Fields(string(cc)), "-std=gnu11", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-o", program, source)
	args = append(args, strings.Fields(string(flags))...)
	require.NoError(t, command(args[0], args[1:]...))
	return program
}

func outcome(t *testing.T, program string, env []string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs strings.Builder
	cmd := exec.Command(program)
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &errs, env
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); !exited {
		require.NoError(t, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
