package main

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// label stands at the end of a line.
type label struct {
	y           float64
	text, color string
}

// plot draws writes per second by callers as an SVG, on logarithmic axes.
func plot(o rig.Options, results []*result) error {
	const width, height, left, bottom = 640, 400, 70, 50
	most := 1.0
	for _, r := range results {
		most = max(most, rig.Median(rig.Each(r.Reports, report.rate)))
	}
	top := math.Ceil(math.Log10(most))
	x := func(callers float64) float64 { return left + math.Log2(callers)/8*(width-left-150) }
	y := func(rate float64) float64 {
		return height - bottom - (math.Log10(max(rate, 100))-2)/(top-2)*(height-bottom-40)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="%d" y="20" font-size="14">Writes per second on LiteFS, %s, %s: medians of %d runs</text>`+"\n", left, o.Driver, o.Journal, o.Runs)
	for e := 2.0; e <= top; e++ {
		at := y(math.Pow(10, e))
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.0f" y2="%.0f" stroke="#ddd"/><text x="%d" y="%.0f" text-anchor="end">%.0f</text>`+"\n",
			left, width-140, at, at, left-8, at+4, math.Pow(10, e))
	}
	for _, n := range []float64{1, 16, 64, 256} {
		fmt.Fprintf(&b, `<text x="%.0f" y="%d" text-anchor="middle">%.0f</text>`+"\n", x(n), height-bottom+20, n)
	}
	fmt.Fprintf(&b, `<text x="%.0f" y="%d" text-anchor="middle">callers on the replica (log scale; the dashed lines are one caller)</text>`+"\n", x(16), height-10)
	var labels []label
	for _, l := range []struct{ name, in, color string }{
		{"Await: none", "Await: none", "#1b6ac9"},
		{"Await: local", "Await: local", "#2e9e5b"},
	} {
		var points []string
		last := 0.0
		for _, r := range results {
			var n float64
			if !strings.HasPrefix(r.Case, "replica, ") || !strings.Contains(r.Case, l.in) {
				continue
			}
			if _, err := fmt.Sscanf(r.Case, "replica, %f caller", &n); err != nil {
				continue
			}
			last = y(rig.Median(rig.Each(r.Reports, report.rate)))
			points = append(points, fmt.Sprintf("%.0f,%.0f", x(n), last))
			fmt.Fprintf(&b, `<circle cx="%.0f" cy="%.0f" r="3" fill="%s"/>`+"\n", x(n), last, l.color)
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), l.color)
		labels = append(labels, label{last + 4, l.name, l.color})
	}
	for _, r := range results {
		name := map[bool]string{true: "raw, on the primary", false: "LiteFS's HALT"}[r.Case == rawCase]
		if r.Case != rawCase && !strings.Contains(r.Case, "HALT") {
			continue
		}
		at := y(rig.Median(rig.Each(r.Reports, report.rate)))
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.0f" y2="%.0f" stroke="#c0392b" stroke-dasharray="5 4"/>`+"\n",
			left, width-145, at, at)
		labels = append(labels, label{at + 4, name, "#c0392b"})
	}
	slices.SortFunc(labels, func(a, b label) int { return cmp.Compare(a.y, b.y) })
	for i, l := range labels {
		if i > 0 { // they do not overlap
			l.y = max(l.y, labels[i-1].y+14)
			labels[i] = l
		}
		fmt.Fprintf(&b, `<text x="%d" y="%.0f" fill="%s">%s</text>`+"\n", width-140, l.y, l.color, l.text)
	}
	b.WriteString("</svg>\n")
	return os.WriteFile(o.SVG, []byte(b.String()), 0o644)
}
