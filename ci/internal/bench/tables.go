//go:build linux

package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// table is what a job has to show. Its first row is the header.
type table struct {
	caption string
	rows    [][]string
}

// String writes it as Markdown, with columns that are even for those who read it
// in a terminal.
func (t table) String() string {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, text := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	var out strings.Builder
	if t.caption != "" {
		out.WriteString(t.caption + "\n\n")
	}
	for n, row := range t.rows {
		for i, text := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if i == 0 {
				out.WriteString("| " + text + pad)
			} else {
				out.WriteString(" | " + pad + text)
			}
		}
		out.WriteString(" |\n")
		if n > 0 {
			continue
		}
		for i, width := range widths {
			if i == 0 {
				out.WriteString("| " + strings.Repeat("-", width) + " |")
			} else {
				out.WriteString(" " + strings.Repeat("-", width-1) + ": |")
			}
		}
		out.WriteString("\n")
	}
	return out.String()
}

// of returns what was measured, a series of no figures where nothing was.
func (b *bench) of(job, cell, program, name string) series {
	return b.figures[figure{job, cell, program, name}]
}

// ratio returns a program's figures over C's.
func (b *bench) ratio(program, job, cell, name string) series {
	return b.of(job, cell, program, name).over(b.of(job, cell, "C", name))
}

func callbackTables(b *bench) []table {
	rows := [][]string{{"callback", "C, ns", "Go, ns", "difference, ns"}}
	for _, kind := range callbackKinds {
		c, g := b.of("callback", kind[1], "C", "callback"), b.of("callback", kind[1], "Go", "callback")
		rows = append(rows, []string{kind[1], c.format("%.1f"), g.format("%.1f"), g.minus(c).format("%.1f")})
	}
	return []table{{rows: rows}}
}

func echoTables(b *bench) []table {
	beside := [][]string{{"transport, connections, message", "C guide, /s", "Go guide : C guide", "C tuned, /s", "Go tuned : C tuned", "… with a thread", "cgo alone : C tuned"}}
	cost := [][]string{{"transport, connections, message", "C guide", "Go guide", "Go guide, make", "Go : C guide", "C tuned", "… with a thread", "Go tuned", "cgo alone", "Go : C tuned", "load busy"}}
	all := [][]string{{"transport, connections, message", "C tuned", "Go tuned", "Go guide", "Go guide, make"}}
	for _, p := range b.peers {
		all[0] = append(all[0], p.name)
	}
	for _, c := range allEchoCells(b) {
		name := c.String()
		rate := func(program string) series { return b.of("echo", name, program, "rate") }
		cpu := func(program string) series { return b.of("echo", name, program, "cpu") }
		beside = append(beside, []string{name,
			rate("C guide").thousands(), rate("Go guide").over(rate("C guide")).format("%.2f"),
			rate("C tuned").thousands(), rate("Go tuned").over(rate("C tuned")).format("%.2f"),
			rate("Go tuned").over(rate("C tuned, thread")).format("%.2f"), rate("cgo alone").over(rate("C tuned")).format("%.2f")})
		cost = append(cost, []string{name, cpu("C guide").short("%.0f"), cpu("Go guide").short("%.0f"), cpu("Go guide, make").short("%.0f"),
			cpu("Go guide").over(cpu("C guide")).format("%.2f"), cpu("C tuned").short("%.0f"), cpu("C tuned, thread").short("%.0f"), cpu("Go tuned").short("%.0f"), cpu("cgo alone").short("%.0f"),
			cpu("Go tuned").over(cpu("C tuned")).format("%.2f"),
			b.of("echo", name, "C tuned", "load").short("%.2f")})
		row := []string{name}
		for _, program := range all[0][1:] {
			row = append(row, rate(program).over(rate("C guide")).short("%.2f"))
		}
		all = append(all, row)
	}
	return []table{
		{"Messages a second, and how many of C's the binding does:", beside},
		{"The server's processor time for a message, in ns, and how busy the load of the tuned C server was (at 1.00 the load " +
			"is what limits the server):", cost},
		{"Messages a second of all servers, as multiples of the guide's C server:", all},
	}
}

func spawnTables(b *bench) []table {
	var tables []table
	for _, how := range [][2]string{{"sequential", "One process at a time"}, {"parallel", "32 processes at a time"}} {
		rows := [][]string{{"memory in use, MiB", "C, /s", "Go, /s", "Go : C", "… with a thread", "cgo alone : C", "os/exec, /s", "Go : os/exec"}}
		for _, mib := range spawnHeaps(b) {
			of := func(program string) series { return b.of("spawn", fmt.Sprint(mib), program, how[0]) }
			c, g, exec := of("C"), of("Go"), of("os/exec")
			rows = append(rows, []string{fmt.Sprint(mib), c.thousands(), g.thousands(), g.over(c).format("%.2f"),
				g.over(of("C, thread")).format("%.2f"), of("cgo alone").over(c).format("%.2f"), exec.thousands(), g.over(exec).format("%.2f")})
		}
		tables = append(tables, table{how[1] + ":", rows})
	}
	return tables
}

func write2Tables(b *bench) []table {
	var cells []string
	for _, kind := range []string{"pipe", "tcp"} {
		for _, who := range []string{"sender", "receiver", "both"} {
			cells = append(cells, kind+", "+who)
		}
	}
	return b.rates("handle, which is Go", "write2", cells, "received")
}

func signalsTables(b *bench) []table {
	return b.rates("watchers", "signals", []string{"1", "16"}, "signals")
}

// rates is a table of what a second brings in each cell.
func (b *bench) rates(header, job string, cells []string, name string) []table {
	rows := [][]string{{header, "C, /s", "Go, /s", "Go : C", "… with a thread", "cgo alone : C"}}
	for _, cell := range cells {
		of := func(program string) series { return b.of(job, cell, program, name) }
		rows = append(rows, []string{cell, of("C").thousands(), of("Go").thousands(), of("Go").over(of("C")).format("%.2f"),
			of("Go").over(of("C, thread")).format("%.2f"), of("cgo alone").over(of("C")).format("%.2f")})
	}
	return []table{{rows: rows}}
}

func memoryTables(b *bench) []table {
	rows := [][]string{{"handle", "libuv's struct, B", "C, B", "Go, B", "Go : libuv's struct", "C init, ns", "Go init, ns", "C close, ns", "Go close, ns"}}
	for _, kind := range memoryKinds {
		of := func(program, name string) series { return b.of("memory", kind, program, name) }
		rows = append(rows, []string{kind, of("C", "struct").short("%.0f"), of("C", "memory").short("%.0f"), of("Go", "memory").short("%.0f"),
			of("Go", "memory").over(of("Go", "struct")).format("%.2f"), of("C", "init").short("%.0f"), of("Go", "init").short("%.0f"),
			of("C", "close").short("%.0f"), of("Go", "close").short("%.0f")})
	}
	return []table{{rows: rows}}
}

func flatTables(b *bench) []table {
	rows := [][]string{{"handles", "C, ns", "Go, ns", "difference, ns", "C : C of one handle", "Go : Go of one handle"}}
	for _, kind := range memoryKinds {
		for _, count := range flatCounts {
			cell := fmt.Sprint(kind, " ", count)
			c, g := b.of("flat", cell, "C", "event"), b.of("flat", cell, "Go", "event")
			if c.missing() {
				continue
			}
			rows = append(rows, []string{cell, c.short("%.0f"), g.short("%.0f"), g.minus(c).format("%.0f"),
				b.growth(kind, "C", count).format("%.2f"), b.growth(kind, "Go", count).format("%.2f")})
		}
	}
	return []table{{rows: rows}}
}

// growth is what an event costs with so many handles, over what it costs with
// one.
func (b *bench) growth(kind, program string, count int) series {
	return b.of("flat", fmt.Sprint(kind, " ", count), program, "event").over(b.of("flat", kind+" 1", program, "event"))
}
