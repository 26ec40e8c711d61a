//go:build !asan

package uv_test

const asan = false
