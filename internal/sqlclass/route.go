package sqlclass

// Route says how a driver runs a whole text.
type Route uint8

const (
	// RouteLocal: the text runs as it is on the local connection.
	RouteLocal Route = iota
	// RouteForward: the text runs as it is on the primary.
	RouteForward
	// RouteSteps: each statement runs by its own class, after those before
	// it, and is classified again when its turn comes if one of them had
	// TempSchema.
	RouteSteps
	// RouteRefuse: one is Unsupported, so that nothing should be run.
	RouteRefuse
)

// RouteOf sums a text's statements up.
//
//	statements                              | route
//	one is Unsupported                      | RouteRefuse
//	Empty, Read and Local only              | RouteLocal
//	Write and Unsure, perhaps with Reads    | RouteForward
//	that any node can run                   |
//	all others                              | RouteSteps
//
// A single statement that is none of these is RouteSteps too: its Kind says
// what to do. In a text with TempSchema before its last statement, the
// classes of what follows are provisional, so it goes by steps, and is not
// refused beforehand.
func RouteOf(stmts []Statement) Route {
	local, forward := true, true
	for i := range stmts {
		s := &stmts[i]
		switch {
		case s.TempSchema && i < len(stmts)-1:
			return RouteSteps
		case s.Kind == Unsupported:
			return RouteRefuse
		case s.TempSchema || s.Alone && len(stmts) > 1:
			local, forward = false, false
		case s.Kind == Empty:
		case s.Kind == Read:
			forward = forward && !s.LocalOnly
		case s.Kind == Local:
			forward = false
		case s.Kind == Write || s.Kind == Unsure:
			local = false
		default:
			local, forward = false, false
		}
	}
	switch {
	case local:
		return RouteLocal
	case forward:
		return RouteForward
	}
	return RouteSteps
}
