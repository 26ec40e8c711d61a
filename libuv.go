// Package libuv is the front door of a Go binding of libuv, the C library.
//
// The binding itself is package [libuv/uv]; import that one:
//
//	import "libuv/uv"
//
// This package holds the binding's C half, uv.h and uv_cgo.c, which package uv
// compiles. It embeds both, so that an edit of either rebuilds package uv and
// so that vendoring copies them.
package libuv

import _ "embed"

// Header is the C half's header, uv.h.
//
//go:embed uv.h
var Header string

// Source is the C half, uv_cgo.c.
//
//go:embed uv_cgo.c
var Source string
