// Package pilot lets people drive a move: its file, its control socket, its
// hooks and notifications, and its metrics.
package pilot

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/move"
)

// Config is a move described in a file, godwit.toml. Secrets are not in it:
// they come from files that it names, or from the environment.
type Config struct {
	Name     string `toml:"name"`
	From     string `toml:"from"`
	To       string `toml:"to"`
	FromFile string `toml:"from_token_file"`
	ToFile   string `toml:"to_token_file"`
	State    string `toml:"state"` // directory in which NAME.godwit is kept
	// Addresses at which the two places reach each other, if not those above.
	FromAddress string `toml:"from_address"`
	ToAddress   string `toml:"to_address"`
	People      string `toml:"people"`
	Metrics     string `toml:"metrics"` // address for Prometheus

	Throttle  string   `toml:"throttle"` // these are the knobs of `godwit set`
	Bandwidth string   `toml:"bandwidth"`
	Parallel  int      `toml:"parallel"`
	MaxPause  Duration `toml:"max_pause"`
	Reverse   Duration `toml:"reverse"`

	Scope  Scope  `toml:"scope"`
	Hooks  Hooks  `toml:"hooks"`
	Notify Notify `toml:"notify"`
}

// Scope is what is carried. A move between two places in use carries the
// whole place, for one of the two takes the other's turn: parts of one are
// what imports and archives are for. So each of these is refused when set.
type Scope struct {
	Rooms []string `toml:"rooms"`
	Kinds []string `toml:"kinds"`
	Since string   `toml:"since"`
	Until string   `toml:"until"`
}

// Duration is a time.Duration as Go writes it: "10s".
type Duration time.Duration

// UnmarshalText reads what Go writes.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err == nil && v < 0 {
		err = errors.New("it is below zero")
	}
	if err != nil {
		return fmt.Errorf("%q is not a time like 20ms, 10s or 72h", text)
	}
	*d = Duration(v)
	return nil
}

// maxConfig bounds what is read as a file of a move.
const maxConfig = 1 << 20

// ReadConfig reads the file of a move. Paths in it are below the directory
// that it is in. It fails with Invalid, and names the line.
func ReadConfig(path string) (*Config, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, chat.Errorf(chat.Invalid, "the file of the move cannot be read: %w", err).WithHint("an example is in docs/moving.md")
	}
	c, err := ParseConfig(path, data)
	if err != nil {
		return nil, err
	}
	c.below(filepath.Dir(path))
	return c, nil
}

// ParseConfig reads the text of a file of a move; name is for the errors.
func ParseConfig(name string, data []byte) (*Config, error) {
	if len(data) > maxConfig {
		return nil, chat.Errorf(chat.Invalid, "%s has more than 1 MB: it is no file of a move", name)
	}
	c := &Config{}
	dec := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	if err := dec.Decode(c); err != nil {
		return nil, configError(name, err)
	}
	if err := c.check(); err != nil {
		if e, ok := errors.AsType[*chat.Error](err); ok {
			return nil, chat.Errorf(chat.Invalid, "%s: %s", name, e.Text).WithHint("%s", e.Hint)
		}
		return nil, err
	}
	return c, nil
}

func configError(name string, err error) error {
	if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok && len(strict.Errors) > 0 {
		first := strict.Errors[0]
		line, _ := first.Position()
		key := strings.Join(first.Key(), ".")
		e := chat.Errorf(chat.Invalid, "%s, line %d: there is no setting %s", name, line, key)
		if secretWord(key) {
			return e.WithHint("secrets are not written into this file: name a file that holds it, or set it in the environment; docs/moving.md lists both")
		}
		return e.WithHint("docs/moving.md lists all settings")
	}
	if at, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, _ := at.Position()
		return chat.Errorf(chat.Invalid, "%s, line %d: %s", name, line, strings.TrimPrefix(at.Error(), "toml: ")).WithHint("docs/moving.md has an example")
	}
	return chat.Errorf(chat.Invalid, "%s: %w", name, err)
}

func secretWord(key string) bool {
	return slices.ContainsFunc([]string{"token", "password", "secret"}, func(w string) bool { return strings.Contains(key, w) })
}

func (c *Config) check() error {
	for _, need := range []struct{ name, value, example string }{{"from", c.From, "https://chat-old.example.org"}, {"to", c.To, "https://chat.example.org"}} {
		if need.value == "" {
			return chat.Errorf(chat.Invalid, "%s is not set", need.name).WithHint(`it names a place: %s = "%s", or a data directory`, need.name, need.example)
		}
		if u, err := url.Parse(need.value); err == nil && u.User != nil {
			if _, has := u.User.Password(); has {
				return chat.Errorf(chat.Invalid, "%s has a password in it", need.name).WithHint("leave it out of the file: give it in PGPASSWORD or ~/.pgpass")
			}
		}
	}
	if err := c.Scope.check(); err != nil {
		return err
	}
	if c.Parallel < 0 || c.Parallel > 64 {
		return chat.Errorf(chat.Invalid, "parallel is %d; it is 1 to 64", c.Parallel)
	}
	if c.People != "" {
		return chat.Errorf(chat.Invalid, "people is set, and the target of a move between two places is empty").
			WithHint("there is nobody to match: people files are for imports into a place in use")
	}
	if err := c.knobs(); err != nil {
		return err
	}
	if c.Metrics != "" {
		if _, _, err := net.SplitHostPort(c.Metrics); err != nil {
			return chat.Errorf(chat.Invalid, "metrics is %q; it is an address like 127.0.0.1:9100", c.Metrics)
		}
	}
	return errors.Join(c.Hooks.check(), c.Notify.check())
}

// knobs reads the values that a flight reads again.
func (c *Config) knobs() error {
	if c.Throttle != "" {
		if _, err := move.ParseThrottle(c.Throttle); err != nil {
			return err
		}
	}
	if c.Bandwidth == "" || c.Bandwidth == "off" {
		return nil
	}
	_, err := move.ParseTimetable(c.Bandwidth)
	return err
}

func (s *Scope) check() error {
	for _, one := range []struct {
		name string
		set  bool
	}{{"rooms", len(s.Rooms) > 0}, {"kinds", len(s.Kinds) > 0}, {"since", s.Since != ""}, {"until", s.Until != ""}} {
		if one.set {
			return chat.Errorf(chat.Invalid, "scope.%s is set, and a move between two places in use carries the whole place", one.name).
				WithHint("leave scope out; a part is carried by an archive: godwit export, then godwit import")
		}
	}
	return nil
}

// below makes the paths relative to the directory of the file.
func (c *Config) below(dir string) {
	paths := []*string{&c.FromFile, &c.ToFile, &c.State, &c.Notify.SecretFile, &c.Notify.PasswordFile}
	for _, list := range c.Hooks.Before {
		for i := range list {
			paths = append(paths, &list[i])
		}
	}
	for _, list := range c.Hooks.After {
		for i := range list {
			paths = append(paths, &list[i])
		}
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	for _, place := range []*string{&c.From, &c.To} {
		if !strings.Contains(*place, ":") && !filepath.IsAbs(*place) {
			*place = filepath.Join(dir, *place)
		}
	}
}
