package main

// failures are the errors of one goroutine.
type failures struct {
	Errors     int
	FirstError string
}

func (f *failures) failed(err error) { f.add(failures{1, err.Error()}) }

func (f *failures) add(other failures) {
	f.Errors += other.Errors
	if f.FirstError == "" {
		f.FirstError = other.FirstError
	}
}

// tooMany: going on would measure how quickly it fails.
func (f *failures) tooMany() bool { return f.Errors > 100 }
