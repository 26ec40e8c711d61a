//go:build !asan

package uv

// maxSpares is how many structs of a kind a loop keeps.
const maxSpares = 1024
