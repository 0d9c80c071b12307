package hipchat_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/hipchat"
	"github.com/godwit-chat/godwit/internal/testkit"
)

func password(string) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) { return []byte("correct horse"), nil }
}

var withPassword = connect.Options{Password: password("")}

// write makes a sample in a directory of its own.
func write(t testing.TB, name string, o hipchat.SampleOptions) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	o.Password = []byte("correct horse")
	if err := hipchat.Sample(t.Context(), path, o); err != nil {
		t.Fatal(err)
	}
	return path
}

// small is an export with everything in it.
func small(flavour string) hipchat.SampleOptions {
	return hipchat.SampleOptions{Seed: 7, Users: 12, Rooms: 9, Messages: 1500, Files: 40, Flavour: flavour, Traps: true}
}

func TestSource(t *testing.T) {
	for _, flavour := range []string{"B", "C"} {
		for _, name := range []string{"x.tar.gz.aes", "x.tar.gz", "x.tar", "x"} {
			t.Run(strings.Join([]string{"flavour", flavour, "as", name}, " "), func(t *testing.T) {
				testkit.CheckSource(t, "hipchat:"+write(t, name, small(flavour)), hipchat.Connector, withPassword)
			})
		}
	}
}
