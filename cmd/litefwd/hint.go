package main

// hint suggests a command for a mistyped one, or returns "".
func hint(typed string) string {
	for _, c := range commands() {
		if c.summary != "" && distance(typed, c.name) <= 2 {
			return "; did you mean \"" + c.name + "\"?"
		}
	}
	return ""
}

// distance is how many letters must be added, removed or changed to turn a
// into b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
