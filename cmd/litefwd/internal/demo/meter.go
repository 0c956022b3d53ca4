package demo

import "time"

// meterSpan is the time over which a rate is measured.
const meterSpan = time.Second

// meter turns a growing count into a rate. It is used by one goroutine.
type meter struct{ samples []sample }

type sample struct {
	at    time.Time
	count int
}

// rate returns the growth per second over the last meterSpan.
func (m *meter) rate(now time.Time, count int) float64 {
	m.samples = append(m.samples, sample{now, count})
	for len(m.samples) > 2 && now.Sub(m.samples[1].at) >= meterSpan {
		m.samples = m.samples[1:]
	}
	first := m.samples[0]
	elapsed := now.Sub(first.at).Seconds()
	if elapsed <= 0 {
		return 0
	}
	return float64(count-first.count) / elapsed
}
