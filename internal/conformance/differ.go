package conformance

// differs are the ways that rightly give something else, for one reason.
func differs(reason string, ways ...string) []Difference {
	out := make([]Difference, len(ways))
	for i, w := range ways {
		out[i] = Difference{Way: w, Reason: reason}
	}
	return out
}
