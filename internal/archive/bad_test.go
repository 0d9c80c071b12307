package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/godwit-chat/godwit/internal/archive"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/testkit"
)

var connector = connect.Connector{
	Schemes: []string{"archive"},
	OpenSource: func(ctx context.Context, url string, o connect.Options) (connect.Source, error) {
		a, err := archive.Open(ctx, strings.TrimPrefix(url, "archive:"))
		if err != nil {
			return nil, err
		}
		if err := a.Unlock(ctx, archive.Opener{Password: o.Password}); err != nil {
			return nil, errors.Join(err, a.Close())
		}
		s, err := a.Source(ctx, 0, o)
		if err != nil {
			return nil, errors.Join(err, a.Close())
		}
		return s, nil
	},
}

func TestAnArchiveInATarIsASource(t *testing.T) {
	where := filepath.Join(t.TempDir(), "a.tar")
	a, err := archive.Create(t.Context(), where, archive.Creation{Keys: []archive.NewKey{{Passphrase: password}}})
	if err != nil {
		t.Fatal(err)
	}
	s := filled(300)
	s.items = slicesWithoutNonces(s)
	add(t, a, s)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(where + ".part"); err == nil {
		t.Error("the unfinished file is there yet")
	}
	testkit.CheckSource(t, "archive:"+where, connector, connect.Options{Password: func(context.Context) ([]byte, error) { return password, nil }})
}

// slicesWithoutNonces leaves out what is no object: the suite knows objects.
func slicesWithoutNonces(s *site) []chat.Incoming {
	var list []chat.Incoming
	for _, in := range s.items {
		if in.Nonce == nil {
			list = append(list, in)
		}
	}
	return list
}

// damage copies a good archive for each case, and breaks it.
func TestWhatIsDamagedIsFound(t *testing.T) {
	good := filepath.Join(t.TempDir(), "good")
	s := filled(12_000)
	a := plainly(t, good)
	add(t, a, s)
	s.put(&chat.Setting{Name: "name", Value: "changed"})
	add(t, a, s)
	seg, later := "segments/00000001.jsonl.zst", "segments/00000004.jsonl.zst"
	edit := func(name string, change func([]byte) []byte) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, change(data), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		damage func(t *testing.T, dir string)
		kind   chat.ErrorKind
	}{
		"a changed byte":  {edit(seg, func(b []byte) []byte { b[len(b)/2] ^= 1; return b }), chat.Damaged},
		"a cut piece":     {edit(seg, func(b []byte) []byte { return b[:len(b)-1] }), chat.Damaged},
		"a longer piece":  {edit(seg, func(b []byte) []byte { return append(b, 0) }), chat.Damaged},
		"a missing piece": {func(t *testing.T, dir string) { _ = os.Remove(filepath.Join(dir, seg)) }, chat.Damaged},
		"swapped pieces": {func(t *testing.T, dir string) {
			x, _ := os.ReadFile(filepath.Join(dir, seg))
			y, _ := os.ReadFile(filepath.Join(dir, later))
			_ = os.WriteFile(filepath.Join(dir, seg), y, 0o600)
			_ = os.WriteFile(filepath.Join(dir, later), x, 0o600)
		}, chat.Damaged},
		"a manifest in another's place": {func(t *testing.T, dir string) {
			x, _ := os.ReadFile(filepath.Join(dir, "manifests/00000001.json.zst"))
			_ = os.WriteFile(filepath.Join(dir, "manifests/00000002.json.zst"), x, 0o600)
		}, chat.Damaged},
		"a changed manifest":       {edit("manifests/00000002.json.zst", func(b []byte) []byte { b[len(b)-5] ^= 1; return b }), chat.Damaged},
		"a header that is none":    {edit("header.json", func([]byte) []byte { return []byte("{}") }), chat.Damaged},
		"a newer major version":    {edit("header.json", func(b []byte) []byte { return bytes.Replace(b, []byte(`"major": 1`), []byte(`"major": 2`), 1) }), chat.Invalid},
		"a bomb for a manifest":    {edit("manifests/00000002.json.zst", func([]byte) []byte { return bomb() }), chat.Damaged},
		"another archive's header": {edit("header.json", func(b []byte) []byte { return bytes.Replace(b, []byte(a.ID()), []byte("OTHER"), 1) }), chat.Damaged},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a")
			if err := os.CopyFS(dir, os.DirFS(good)); err != nil {
				t.Fatal(err)
			}
			c.damage(t, dir)
			err := readWhole(t.Context(), dir)
			if e, ok := errors.AsType[*chat.Error](err); !ok || e.Kind != c.kind || e.Hint == "" {
				t.Errorf("%v", err)
			}
		})
	}
}

// readWhole reads an archive as an import does.
func readWhole(ctx context.Context, where string) error {
	s, err := connector.OpenSource(ctx, "archive:"+where, connect.Options{Password: func(context.Context) ([]byte, error) { return password, nil }})
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // only read
	for item, err := range s.Changes(ctx, "") {
		if err != nil {
			return err
		}
		if item.Bytes != nil {
			if _, err := io.Copy(io.Discard, item.Bytes); err != nil {
				return err
			}
		}
	}
	return nil
}

// bomb unpacks to a gigabyte.
func bomb() []byte {
	var out bytes.Buffer
	z, _ := zstd.NewWriter(&out)
	zeros := make([]byte, 1<<20)
	for range 1 << 10 {
		_, _ = z.Write(zeros)
	}
	_ = z.Close()
	return out.Bytes()
}

func TestAFileWithOtherBytesIsFoundByVerifyAndByReading(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	a := plainly(t, dir)
	s := filled(10)
	add(t, a, s)
	v, err := a.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil || !v.OK || v.Files != 4 {
		t.Fatalf("%+v %v", v, err)
	}
	for _, name := range v.Names {
		if strings.HasPrefix(name, "files/") {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("other"), 0o600); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	if v, err = a.Verify(t.Context(), archive.VerifyOptions{}); err != nil || v.OK || len(v.Problems) != 1 {
		t.Errorf("%+v %v", v, err)
	}
	if v, err = a.Verify(t.Context(), archive.VerifyOptions{SkipFiles: true}); err != nil || !v.OK {
		t.Errorf("%+v %v", v, err)
	}
	if err := readWhole(t.Context(), dir); !chat.IsKind(err, chat.Damaged) {
		t.Errorf("%v", err)
	}
}

func TestAHostileTarBecomesNoPath(t *testing.T) {
	for name, h := range map[string]tar.Header{
		"up":       {Name: "../../etc/passwd", Typeflag: tar.TypeReg},
		"absolute": {Name: "/etc/passwd", Typeflag: tar.TypeReg},
		"link":     {Name: "header.json", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		"device":   {Name: "header.json", Typeflag: tar.TypeChar},
		"inside":   {Name: "segments/../../x", Typeflag: tar.TypeReg},
	} {
		t.Run(name, func(t *testing.T) {
			where := filepath.Join(t.TempDir(), "a.tar")
			var out bytes.Buffer
			w := tar.NewWriter(&out)
			h.Mode = 0o600
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			_ = w.Close()
			if err := os.WriteFile(where, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := archive.Open(t.Context(), where); !chat.IsKind(err, chat.Damaged) {
				t.Errorf("%v", err)
			}
		})
	}
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte(`{"format":"godwit-archive","major":1,"id":"x","keys":[{"name":"a","wrapped":"b"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) { checkError(t, archive.ParseHeader(text)) })
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"manifest":{"archive":"X","snapshot":1,"major":1,"pieces":[{"name":"segments/00000001.jsonl.zst","type":"segment","sum":"","size":1,"raw":1,"lines":1}]},"mark":""}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		checkError(t, archive.ParseManifest(text))
		checkError(t, archive.ParseManifest(archive.Compress(string(text))))
	})
}

func FuzzLine(f *testing.F) {
	f.Add([]byte(`{"k":"message","id":"019aae3c-0000-7000-8000-000000000003","pos":3,"d":"a9eb37aceaa62f3a","o":{"text":"low"}}`))
	f.Add([]byte(`{"k":"nonce","id":"019aae3c-0000-7000-8000-000000000003","o":{"nonce":"x"}}`))
	f.Add([]byte(`{"k":"user","id":"019aae3c-0000-7000-8000-000000000003","forget":true}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := archive.ParseLine(text); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
	})
}

func FuzzTar(f *testing.F) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	_ = w.WriteHeader(&tar.Header{Name: "header.json", Mode: 0o600, Size: 2, Typeflag: tar.TypeReg})
	_, _ = w.Write([]byte("{}"))
	_ = w.Close()
	f.Add(out.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		where := filepath.Join(t.TempDir(), "a.tar")
		if err := os.WriteFile(where, data, 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := archive.Open(t.Context(), where)
		if err == nil {
			err = a.Close()
		}
		checkError(t, err)
	})
}

// checkError holds an error to be one for a person.
func checkError(t *testing.T, err error) {
	t.Helper()
	if e, ok := errors.AsType[*chat.Error](err); err != nil && (!ok || e.Kind == chat.Internal || e.Hint == "") {
		t.Errorf("%v is no error for a person with a hint", err)
	}
}
