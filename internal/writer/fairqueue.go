package writer

import "container/list"

// fairQueue is first come first served among the requests of one node, and the
// nodes take turns: one that sends thousands of writes delays its own.
type fairQueue struct {
	lines  map[string]*line // of the nodes that wait
	turns  list.List        // of the same lines; the front one is next
	length int
}

// line is the queue of one node.
type line struct {
	from     string
	requests list.List
	turn     *list.Element // in fairQueue.turns
}

// place is where a request waits.
type place struct {
	line *line
	at   *list.Element // in line.requests
}

// taken reports whether the request waits.
func (p place) taken() bool { return p.line != nil }

func (f *fairQueue) push(r *request) {
	l := f.lines[r.from]
	if l == nil {
		l = &line{from: r.from}
		l.turn = f.turns.PushBack(l)
		if f.lines == nil {
			f.lines = map[string]*line{}
		}
		f.lines[r.from] = l
	}
	r.place = place{l, l.requests.PushBack(r)}
	f.length++
}

// pop takes the next request, nil if there is none.
func (f *fairQueue) pop() *request {
	front := f.turns.Front()
	if front == nil {
		return nil
	}
	f.turns.MoveToBack(front)
	r := front.Value.(*line).requests.Front().Value.(*request)
	f.remove(r)
	return r
}

// remove takes r, which waits, out.
func (f *fairQueue) remove(r *request) {
	l := r.place.line
	l.requests.Remove(r.place.at)
	r.place = place{}
	f.length--
	if l.requests.Len() == 0 {
		f.turns.Remove(l.turn)
		delete(f.lines, l.from)
	}
}
