package litefwd

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseDSN(t *testing.T) {
	got, err := ParseDSN("file:/data/my%3Fapp.db?engine=shared&driver=sqlite&driver_dsn=file%3A%7Bpath%7D%3Fx%3D1&listen=127.0.0.1:0" +
		"&await=none&await_timeout=2s&strict=1&tx_mode=exclusive&max_message=1024&secret=0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Path: "/data/my?app.db", Engine: "shared", Driver: "sqlite", DriverDSN: "file:{path}?x=1",
		Listen: "127.0.0.1:0", Await: AwaitNone, AwaitTimeout: 2 * time.Second, Strict: true,
		TxMode: TxExclusive, MaxMessage: 1024, Secret: "0123456789abcdef",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestParseDSNErrorsNameTheKey(t *testing.T) {
	for _, tt := range []struct{ dsn, key string }{
		{"", "path"},
		{"?engine=shared", "path"},
		{"%zz", "path"},
		{"/a.db?enigne=shared", "enigne"},
		{"/a.db?engine=shared&engine=litefs", "engine"},
		{"/a.db?await_timeout=5", "await_timeout"},
		{"/a.db?strict=perhaps", "strict"},
		{"/a.db?max_message=big", "max_message"},
		{"/a.db?a=%zz", "dsn"},
		{"/a.db?_pragma=foreign_keys(1)", "_pragma"},
	} {
		_, err := ParseDSN(tt.dsn)
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), tt.key+":") {
			t.Errorf("ParseDSN(%q) = %v, want a configuration error that names %q", tt.dsn, err, tt.key)
		}
	}
}

func TestConfigErrorsNameTheKey(t *testing.T) {
	dir := t.TempDir()
	valid := Config{Path: dir + "/app.db", Engine: "shared", Driver: "sqlite", Listen: "127.0.0.1:0"}
	for _, tt := range []struct {
		name   string
		change func(*Config)
		key    string
	}{
		{"no path", func(c *Config) { c.Path = "" }, "path"},
		{"in memory", func(c *Config) { c.Path = ":memory:" }, "path"},
		{"a URI", func(c *Config) { c.Path = "file:" + c.Path }, "path"},
		{"a directory", func(c *Config) { c.Path = dir }, "path"},
		{"litefwd itself", func(c *Config) { c.Driver = "litefwd" }, "driver"},
		{"DSN of another file", func(c *Config) { c.DriverDSN = "file:other.db" }, "driver_dsn"},
		{"directory missing", func(c *Config) { c.Path = dir + "/none/app.db" }, "path"},
		{"no engine", func(c *Config) { c.Engine = "" }, "engine"},
		{"unknown engine", func(c *Config) { c.Engine = "etcd" }, "engine"},
		{"no driver", func(c *Config) { c.Driver = "" }, "driver"},
		{"listen without port", func(c *Config) { c.Listen = "127.0.0.1" }, "listen"},
		{"wildcard without advertise", func(c *Config) { c.Listen = ":7020" }, "advertise"},
		{"client with advertise", func(c *Config) { c.Listen, c.Advertise = "", "a:1" }, "advertise"},
		{"short secret", func(c *Config) { c.Secret = "short" }, "secret"},
		{"secret and insecure", func(c *Config) { c.Secret, c.Insecure = "0123456789abcdef", true }, "secret"},
		{"half of the certificates", func(c *Config) { c.CertFile = "c.pem" }, "cert"},
		{"insecure off loopback", func(c *Config) { c.Listen, c.Insecure = "192.0.2.1:0", true }, "insecure"},
		{"negative duration", func(c *Config) { c.BusyTimeout = -1 }, "busy_timeout"},
		{"negative size", func(c *Config) { c.MaxResult = -1 }, "max_result"},
		{"unknown await", func(c *Config) { c.Await = "all" }, "await"},
		{"useless tx mode", func(c *Config) { c.TxMode = "deferred" }, "tx_mode"},
		{"unknown tx mode", func(c *Config) { c.TxMode = "lazy" }, "tx_mode"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := valid
			tt.change(&c)
			_, err := c.normalize()
			if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), " "+tt.key+":") {
				t.Errorf("normalize = %v, want a configuration error that names %q", err, tt.key)
			}
		})
	}
	if _, err := valid.normalize(); err != nil {
		t.Errorf("normalize of a valid Config: %v", err)
	}
}

func FuzzDSN(f *testing.F) {
	f.Add("/data/app.db?engine=shared&driver=sqlite&listen=127.0.0.1:0&await_timeout=2s&strict=true")
	f.Add("file:a%3Fb%25.db?secret=%00%ff")
	f.Add("a?max_message=-3&tx_idle_limit=1h2m3s")
	f.Fuzz(func(t *testing.T, dsn string) {
		c, err := ParseDSN(dsn)
		if err != nil {
			return
		}
		again, err := ParseDSN(c.DSN())
		if err != nil {
			t.Fatalf("%q → %q: %v", dsn, c.DSN(), err)
		}
		if !reflect.DeepEqual(c, again) {
			t.Fatalf("%q → %q:\ngot  %+v\nwant %+v", dsn, c.DSN(), again, c)
		}
	})
}
