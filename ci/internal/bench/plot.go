//go:build linux

package main

import (
	"fmt"
	"os/exec"
	"strings"
)

// draw has gnuplot draw the most telling of the figures.
func (b *bench) draw() error {
	if _, err := exec.LookPath("gnuplot"); err != nil {
		b.log("the plot is as it was: gnuplot is not installed")
		return nil
	}
	c := exec.Command("gnuplot")
	c.Stdin = strings.NewReader(b.plotScript())
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("gnuplot: %w\n%s", err, out)
	}
	return nil
}

func (b *bench) plotScript() string {
	var s strings.Builder
	block := func(name string, rows [][]string) {
		fmt.Fprintf(&s, "$%s << END\n", name)
		for _, row := range rows {
			fmt.Fprintf(&s, "%s\n", strings.Join(row, "\t"))
		}
		s.WriteString("END\n")
	}
	// gnuplot writes NaN as Go does, and leaves it out.
	number := func(s series) string { return fmt.Sprintf("%g", s.median()) }

	servers := []string{"C guide", "Go guide", "C tuned", "Go tuned"}
	for _, p := range b.peers {
		servers = append(servers, p.name)
	}
	var echo [][]string
	for _, c := range allEchoCells(b) {
		if c.connections != 50 {
			continue
		}
		row := []string{fmt.Sprintf("%q", c.transport+", "+c.message())}
		for _, server := range servers {
			row = append(row, number(b.of("echo", c.String(), server, "rate").over(b.of("echo", c.String(), "C guide", "rate"))))
		}
		echo = append(echo, row)
	}
	block("echo", echo)

	var spawn [][]string
	for _, mib := range spawnHeaps(b) {
		row := []string{fmt.Sprintf("%g", float64(mib)/1024)}
		for _, program := range []string{"C", "Go", "os/exec"} {
			row = append(row, fmt.Sprintf("%g", 1000/b.of("spawn", fmt.Sprint(mib), program, "sequential").median()))
		}
		spawn = append(spawn, row)
	}
	block("spawn", spawn)

	var flat [][]string
	for _, count := range flatCounts {
		row := []string{fmt.Sprint(count)}
		for _, kind := range memoryKinds {
			for _, program := range []string{"C", "Go"} {
				row = append(row, number(b.of("flat", fmt.Sprint(kind, " ", count), program, "event")))
			}
		}
		flat = append(flat, row)
	}
	block("flat", flat)

	fmt.Fprintf(&s, `set terminal svg size 900,1100 dynamic font "sans-serif,12" background "white"
set output %q
set datafile separator "\t"
set datafile missing "NaN"
set multiplot
set grid ytics linecolor "#dddddd"
set border 3
set tics nomirror
set origin 0,0.5
set size 1,0.5
set title "Echo, 50 connections: messages a second, as multiples of the guide's C server"
set key outside top center horizontal
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 border rgb "white"
set yrange [0:*]
plot`, plot)
	colours := []string{"#9aa5b1", "#8fd3e8", "#52606d", "#00a0c6", "#e0b04c", "#7fb069", "#b58db6", "#d1766c"}
	for i, server := range servers {
		if i > 0 {
			s.WriteString(",")
		}
		fmt.Fprintf(&s, " $echo using %d:xtic(1) title %q linecolor rgb %q", i+2, server, colours[i%len(colours)])
	}
	s.WriteString(`
set style data linespoints
set key inside top left vertical
set origin 0,0
set size 0.5,0.48
set title "Spawn, one at a time: ms a process"
set xlabel "memory in use, GiB"
set logscale y
set yrange [*:*]
plot $spawn using 1:2 title "C" lw 2 pt 7 lc rgb "#52606d", $spawn using 1:3 title "Go" lw 2 pt 7 lc rgb "#00a0c6", \
  $spawn using 1:4 title "os/exec" lw 2 pt 7 lc rgb "#e0b04c"
set origin 0.5,0
set title "An event: ns"
set xlabel "handles"
set logscale x
plot $flat using 1:2 title "timer, C" lw 2 pt 7 lc rgb "#9aa5b1", $flat using 1:3 title "timer, Go" lw 2 pt 7 lc rgb "#8fd3e8", \
  $flat using 1:4 title "pipe, C" lw 2 pt 7 lc rgb "#52606d", $flat using 1:5 title "pipe, Go" lw 2 pt 7 lc rgb "#00a0c6"
unset multiplot
`)
	return s.String()
}
