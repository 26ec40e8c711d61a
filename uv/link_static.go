//go:build libuv_static

package uv

// #cgo pkg-config: --static libuv-static
// #cgo LDFLAGS: -static
import "C"
