package main

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"
)

// panel is one of the two plots, on a logarithmic axis: what is compared differs by
// orders of magnitude.
type panel struct {
	top         int // in the drawing
	title       string
	of          func(outcome) []float64
	least, most float64 // the axis's ends, powers of ten
}

const (
	plotWidth, panelHeight = 640, 170
	plotLeft, plotRight    = 70, 20
)

var colors = []string{"#c0392b", "#1b6ac9"} // of bare, litefwd

// plot draws reads and lag over the time of one run as an SVG: the one whose ratio of
// reads is the median.
func plot(o options, results []*result) error {
	r := results[slices.IndexFunc(results, func(r *result) bool { return r.Case == plotted })]
	run := r.medianRun()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d 470" font-family="sans-serif" font-size="12">`+"\n", plotWidth)
	fmt.Fprintf(&b, `<rect width="%d" height="470" fill="white"/>`+"\n", plotWidth)
	fmt.Fprintf(&b, `<text x="%d" y="20" font-size="14">16 goroutines read on a LiteFS replica, %d commits/s on the primary</text>`+"\n",
		plotLeft, commitRate)
	for i, s := range r.Sides {
		fmt.Fprintf(&b, `<text x="%d" y="40" fill="%s">%s</text>`+"\n", plotLeft+i*160, colors[i],
			map[string]string{"bare": "the driver by itself", "litefwd": "litefwd"}[s.Name])
	}
	fmt.Fprintf(&b, `<text x="%d" y="40" text-anchor="end">%s, %s</text>`+"\n", plotWidth-plotRight, o.Driver, o.Journal)
	for _, p := range []panel{
		{top: 70, title: "reads per second (log scale)", of: readSeries},
		{top: 280, title: "replication lag, ms (log scale): the age of the oldest commit that is not here", of: func(o outcome) []float64 {
			ms := make([]float64, len(o.Lag))
			for i, d := range o.Lag {
				ms[i] = d.Seconds() * 1e3
			}
			return ms
		}},
	} {
		p.fit(r, run)
		p.frame(&b)
		for i, s := range r.Sides {
			p.line(&b, p.of(s.Runs[run]), colors[i])
		}
	}
	for n := range 5 {
		part := float64(n) / 4
		fmt.Fprintf(&b, `<text x="%.0f" y="%d" text-anchor="middle">%.3g s</text>`+"\n",
			plotLeft+part*(plotWidth-plotLeft-plotRight), 280+panelHeight+16, part*o.Each.Seconds())
	}
	b.WriteString("</svg>\n")
	return os.WriteFile(o.SVG, []byte(b.String()), 0o644)
}

// readSeries are the reads per second.
func readSeries(o outcome) []float64 {
	all := make([]float64, len(o.Series))
	for i, n := range o.Series {
		all[i] = float64(n) * float64(time.Second/slice)
	}
	return all
}

// medianRun is the run whose ratio of reads is the median.
func (r *result) medianRun() int {
	ratio := func(i int) float64 { return r.last().Runs[i].Rate / r.Sides[0].Runs[i].Rate }
	runs := make([]int, len(r.last().Runs))
	for i := range runs {
		runs[i] = i
	}
	slices.SortFunc(runs, func(a, b int) int {
		if ratio(a) < ratio(b) {
			return -1
		}
		return 1
	})
	return runs[len(runs)/2]
}

// fit makes the axis as long as the values need.
func (p *panel) fit(r *result, run int) {
	least, most := math.Inf(1), 1.0
	for _, s := range r.Sides {
		for _, v := range p.of(s.Runs[run]) {
			if v > 0 {
				least, most = min(least, v), max(most, v)
			}
		}
	}
	p.least = max(math.Floor(math.Log10(min(least, most))), 0)
	p.most = max(math.Ceil(math.Log10(most)), p.least+1)
}

func (p panel) y(v float64) float64 {
	at := math.Log10(max(v, math.Pow(10, p.least)))
	return float64(p.top+panelHeight) - (at-p.least)/(p.most-p.least)*panelHeight
}

func (p panel) frame(b *strings.Builder) {
	fmt.Fprintf(b, `<text x="%d" y="%d" font-size="13">%s</text>`+"\n", plotLeft, p.top-8, p.title)
	for e := p.least; e <= p.most; e++ {
		at := p.y(math.Pow(10, e))
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.0f</text>`+"\n",
			plotLeft, plotWidth-plotRight, at, at, plotLeft-8, at+4, math.Pow(10, e))
	}
}

func (p panel) line(b *strings.Builder, values []float64, color string) {
	points := make([]string, len(values))
	for i, v := range values {
		x := plotLeft + (float64(i)+0.5)/float64(len(values))*(plotWidth-plotLeft-plotRight)
		points[i] = fmt.Sprintf("%.1f,%.1f", x, p.y(v))
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", strings.Join(points, " "), color)
}
