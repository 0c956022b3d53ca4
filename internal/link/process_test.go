package link_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/link"
	"github.com/litefwd/litefwd/internal/secure"
	"github.com/litefwd/litefwd/internal/serve"
)

// echoEnv makes this test binary a server for BenchmarkExecOtherProcess.
const echoEnv = "LITEFWD_LINK_TEST_ECHO"

func TestMain(m *testing.M) {
	if os.Getenv(echoEnv) != "" {
		if err := echo(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// echo serves a fake target, prints its address and stops with its input.
func echo() error {
	credentials, err := secure.Secret(testSecret)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	target := &fakeTarget{}
	s := serve.New(serve.Options{Credentials: credentials, Resolve: func(context.Context, string) (forward.Target, error) {
		return target, nil
	}})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		s.Stop(context.Background())
	}()
	return s.Serve(listener)
}

// Two processes, as in real life: a wake-up across processes costs more than
// one between goroutines.
func BenchmarkExecOtherProcess(b *testing.B) {
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), echoEnv+"=1")
	server.Stderr = os.Stderr
	stdin, err := server.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	defer server.Wait()
	defer stdin.Close()
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	peer, err := link.Dial(link.Options{Addr: strings.TrimSpace(addr), Credentials: secret(b, testSecret)})
	if err != nil {
		b.Fatal(err)
	}
	defer peer.Close()
	db, ctx := peer.Database("x"), context.Background()
	st := forward.Statement{ID: forward.NewID(), SQL: "INSERT INTO t VALUES (1)"}
	if _, err := db.Exec(ctx, st); err != nil {
		b.Fatal(err)
	}
	var all []time.Duration
	for b.Loop() {
		began := time.Now()
		if _, err := db.Exec(ctx, st); err != nil {
			b.Fatal(err)
		}
		all = append(all, time.Since(began))
	}
	report(b, all)
}
