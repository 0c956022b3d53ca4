package demoapp

import "fmt"

// Line is a line of the book, as it is written.
type Line struct {
	N    int    `json:"n"`
	Text string `json:"text"`
}

// Row is a line as it is stored. A line that was written twice has two rows.
type Row struct {
	ID   int64  `json:"id"`
	N    int    `json:"n"`
	Via  string `json:"via"` // the node that was asked to write it
	Text string `json:"text"`
}

// Status is the answer of GET /status.
type Status struct {
	Name    string `json:"name"`
	PID     int    `json:"pid"`
	Role    string `json:"role"`
	Primary string `json:"primary"`
	Rows    int    `json:"rows"`
}

// Hits is the answer of GET /search.
type Hits struct {
	// Lines are the numbers of all lines found, in order.
	Lines []int `json:"lines"`
	// First are the first few of them with their text.
	First []Line `json:"first"`
	// Micros is how long the query took on this node, without HTTP.
	Micros int64 `json:"micros"`
}

// Check is the answer of GET /check: what is wrong, empty if nothing is.
type Check struct {
	Problems []string `json:"problems"`
}

// Problem is the body of every answer that is not a success.
type Problem struct {
	Text string `json:"error"`
	// Fate says what became of the write.
	Fate Fate `json:"fate"`
}

// Error implements error.
func (p *Problem) Error() string { return fmt.Sprintf("%s (%s)", p.Text, p.Fate) }

// Fate is what became of a write that was not acknowledged.
type Fate string

const (
	// NotApplied: it is certain that nothing was written; send it again.
	NotApplied Fate = "not applied"
	// Unknown: it may or may not have been written; look before sending it
	// again.
	Unknown Fate = "unknown"
)

// Event is a line that a node's process prints on its standard output.
type Event struct {
	// Ready is the node's HTTP address, in its first event only.
	Ready string `json:"ready,omitempty"`
	// Role and Primary are the node's role and the primary's name, sent when
	// either changes.
	Role    string `json:"role,omitempty"`
	Primary string `json:"primary,omitempty"`
}
