package litefstest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// BinaryEnv names the variable with the path of the litefs program.
const BinaryEnv = "LITEFS_BIN"

// Find returns the litefs program: LITEFS_BIN, or else litefs in PATH.
func Find() (string, error) {
	if path := os.Getenv(BinaryEnv); path != "" {
		if _, err := exec.LookPath(path); err != nil {
			return "", fmt.Errorf("%s: %w", BinaryEnv, err)
		}
		return path, nil
	}
	path, err := exec.LookPath("litefs")
	if err != nil {
		return "", errors.New("no litefs program: build it with " +
			"\"cd e2e/litefs && go build -o /tmp/litefs github.com/superfly/litefs/cmd/litefs\" and set " + BinaryEnv + "=/tmp/litefs")
	}
	return path, nil
}
