package promote

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd/internal/secure"
)

// SecretEnv names the variable with the secret.
const SecretEnv = "LITEFWD_SECRET"

// Options say which node is asked, and how.
type Options struct {
	// Addr is host:port of the node's litefwd port.
	Addr string
	// Credentials are those of the nodes.
	Credentials credentials.TransportCredentials
	// Timeout bounds everything.
	Timeout time.Duration
	// JSON prints the outcome as JSON.
	JSON bool
}

// ErrUsage is returned by ParseOptions after it has told the user what is
// wrong with the arguments.
var ErrUsage = errors.New("usage")

// Summary is the one line that "litefwd help" shows.
const Summary = "make a node the primary, without losing a write"

const usage = `litefwd promote NODE_ADDR: ` + Summary + `

NODE_ADDR is host:port of that node's litefwd port. The present primary
finishes the writes that run, the node catches up, and then the role moves;
writes wait meanwhile. Engine "shared" cannot move the role.

The nodes' secret comes from -secret-file or from ` + SecretEnv + `; nodes with
certificates want -cert, -key and -ca instead.

Exit codes: 0 the node is primary; 1 it is not, and the text says whether the
role certainly stays where it was or may still move; 2 wrong arguments; 130 it
was interrupted.

Flags:
`

// keys are the flags that say how nodes prove who they are.
type keys struct {
	secretFile, cert, key, ca string
	insecure                  bool
}

// ParseOptions reads the arguments after "promote", and the files that they
// name. For -h it prints the help to stdout and returns flag.ErrHelp.
func ParseOptions(args []string, stdout, stderr io.Writer) (Options, error) {
	var o Options
	var k keys
	flags := flag.NewFlagSet("litefwd promote", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are printed below, once
	flags.Usage = func() {}
	flags.StringVar(&k.secretFile, "secret-file", "", "read the nodes' secret from this `file`")
	flags.StringVar(&k.cert, "cert", "", "PEM `file` with a certificate of the nodes' authority")
	flags.StringVar(&k.key, "key", "", "PEM `file` with its key")
	flags.StringVar(&k.ca, "ca", "", "PEM `file` with the nodes' authority")
	flags.BoolVar(&k.insecure, "insecure", false, "no encryption, no authentication; on loopback only")
	flags.DurationVar(&o.Timeout, "timeout", 30*time.Second, "give up after this `time`")
	flags.BoolVar(&o.JSON, "json", false, "print the outcome as JSON, also when it failed")

	err := parse(flags, args, &o.Addr)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return o, err
	}
	if err == nil {
		err = o.check()
	}
	if err == nil {
		o.Credentials, err = k.credentials()
	}
	if err != nil {
		fmt.Fprintf(stderr, "litefwd promote: %v\nRun \"litefwd promote -h\" for the flags.\n", err)
		return o, ErrUsage
	}
	return o, nil
}

// parse takes flags before and after the address.
func parse(flags *flag.FlagSet, args []string, addr *string) error {
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
		return err
	}
	*addr = flags.Arg(0)
	if err := flags.Parse(flags.Args()[1:]); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return nil
}

func (o *Options) check() error {
	switch {
	case o.Addr == "":
		return errors.New("no node is named; name the host:port of the one that is to be primary")
	case o.Timeout <= 0:
		return fmt.Errorf("-timeout %v is not positive", o.Timeout)
	}
	if _, _, err := net.SplitHostPort(o.Addr); err != nil {
		return fmt.Errorf("%q is not host:port: %w", o.Addr, err)
	}
	return nil
}

// credentials makes of the flags what a node makes of its Config. The secret in
// the environment is for when no flag says otherwise.
func (k keys) credentials() (credentials.TransportCredentials, error) {
	files := k.cert != "" || k.key != "" || k.ca != ""
	ways := 0
	for _, named := range []bool{k.secretFile != "", files, k.insecure} {
		if named {
			ways++
		}
	}
	secret := os.Getenv(SecretEnv)
	switch {
	case ways > 1:
		return nil, errors.New("more than one of -secret-file, certificates and -insecure is given; choose one")
	case k.insecure:
		return secure.Insecure(), nil
	case files:
		if k.cert == "" || k.key == "" || k.ca == "" {
			return nil, errors.New("certificates need all of -cert, -key and -ca")
		}
		cfg, err := secure.LoadCertificates(k.cert, k.key, k.ca)
		if err != nil {
			return nil, err
		}
		return secure.Certificates(cfg)
	case k.secretFile != "":
		data, err := os.ReadFile(k.secretFile)
		if err != nil {
			return nil, fmt.Errorf("the secret: %w", err)
		}
		secret = strings.TrimRight(string(data), "\r\n")
	case secret == "":
		return nil, errors.New("the nodes want proof of who asks: name their secret's file by -secret-file, " +
			"set " + SecretEnv + ", or give -cert, -key and -ca; -insecure is for nodes that were opened with Insecure")
	}
	creds, err := secure.Secret([]byte(secret))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cmp.Or(k.secretFile, SecretEnv), err)
	}
	return creds, nil
}
