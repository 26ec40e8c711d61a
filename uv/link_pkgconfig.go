//go:build !libuv_static

package uv

// #cgo pkg-config: libuv
import "C"
