package move_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPage(t *testing.T) {
	root := t.TempDir()
	p := openPlace(t, filepath.Join(root, "godwit.db"), filepath.Join(root, "files"))
	s := small()
	s.bad = 3
	s.name = "<i>hq</i>"
	j := job(t, s, p.target)
	r := importAll(t, j)
	html, err := os.ReadFile(filepath.Join(j.Dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"custom emoticons", "3 quarantined", "record 2", "Level L2", "A move of 2018", "not needed", "&lt;i&gt;hq", "<main>"} {
		if !bytes.Contains(html, []byte(want)) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, not := range []string{"<script", "http://", "https://", "<i>hq</i>", "ZgotmplZ"} {
		if bytes.Contains(html, []byte(not)) {
			t.Errorf("the page has %q", not)
		}
	}
	if save := os.Getenv("GODWIT_TEST_PAGE"); save != "" {
		if err := r.Save(save); err != nil {
			t.Error(err)
		}
	}
	var text strings.Builder
	if err := r.WriteText(&text); err != nil || !strings.Contains(text.String(), "3 quarantined") {
		t.Errorf("as text: %v\n%s", err, text.String())
	}
}
