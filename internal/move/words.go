package move

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

var plurals = map[chat.Kind]string{
	chat.KindUser: "people", chat.KindAudit: "audit entries", chat.KindDirectory: "directories",
	chat.KindPreferences: "preferences", chat.KindMatch: "matches", chat.KindContent: "file bytes",
}

// plural returns the word for n objects of a kind.
func plural(k chat.Kind, n int64) string {
	if n == 1 && k == chat.KindUser {
		return "person"
	}
	if n == 1 && k != chat.KindContent {
		return k.String()
	}
	if s, ok := plurals[k]; ok {
		return s
	}
	return k.String() + "s"
}

// size writes an amount of bytes for a person.
func size(n int64) string {
	const units = "kMGTP"
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	f, i := float64(n)/1000, 0
	for f >= 999.5 && i < len(units)-1 {
		f /= 1000
		i++
	}
	if f < 10 {
		return fmt.Sprintf("%.1f %cB", f, units[i])
	}
	return fmt.Sprintf("%.0f %cB", f, units[i])
}

// number writes an amount with a comma after each three digits.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	var parts []string
	for len(s) > 3 {
		parts = append([]string{s[len(s)-3:]}, parts...)
		s = s[:len(s)-3]
	}
	return sign + strings.Join(append([]string{s}, parts...), ",")
}

// span writes a duration for a person.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
	}
}

// writeFile writes a file whole or not at all.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(data)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error is the other one
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// writeLines writes a file of JSON lines, whole or not at all. Without a line
// there is no file afterwards; without a path the lines go nowhere.
func writeLines(path string, fill func(write func(any) error) error) (err error) {
	if path == "" {
		return fill(func(any) error { return nil })
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	lines := 0
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	err = fill(func(v any) error { lines++; return enc.Encode(v) })
	err = errors.Join(err, w.Flush(), f.Close())
	if err == nil && lines > 0 {
		return os.Rename(f.Name(), path)
	}
	if err == nil {
		if err = os.Remove(path); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	return errors.Join(err, os.Remove(f.Name()))
}
