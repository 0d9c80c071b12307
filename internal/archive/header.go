package archive

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"filippo.io/age"
	agetext "filippo.io/age/armor" //nolint:misspell // its name

	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	formatName = "godwit-archive"
	maxHeader  = 1 << 20
	maxKeys    = 32
	maxWraps   = 8 // passphrases: each costs most of a second to try
	// maxWorkFactor is what is tried at most: what age has by itself, and twice.
	maxWorkFactor = 19
)

// workFactor of a passphrase, half of what age has by itself: it takes 128 MB of
// memory and half a second, and OWASP recommends as much. Tests set it.
var workFactor = 17

// header is the only piece that anybody can read. Nothing in it is secret.
type header struct {
	Format    string        `json:"format"`
	Major     int           `json:"major"`
	Minor     int           `json:"minor"`
	ID        string        `json:"id"`
	Made      time.Time     `json:"made"`
	Writer    string        `json:"writer"`
	Recipient string        `json:"recipient,omitempty"` // of all pieces but secrets; none: they are plain
	Keys      []Key         `json:"keys,omitempty"`
	Secrets   *secretHeader `json:"secrets,omitempty"`
}

type secretHeader struct {
	Recipient string `json:"recipient"`
	Keys      []Key  `json:"keys"`
}

// Key is one way to open an archive.
type Key struct {
	Name      string    `json:"name"`
	Recipient string    `json:"recipient,omitempty"` // of age; none: a passphrase
	Added     time.Time `json:"added"`
	Wrapped   string    `json:"wrapped"` // the archive's identity, as an age file in its armour
}

// NewKey is a way to open an archive that is being added: a passphrase, or a
// recipient of age.
type NewKey struct {
	Name       string
	Passphrase []byte
	Recipient  string
}

// keyring holds what opens an archive.
type keyring struct {
	identity, secrets     *age.X25519Identity // nil: the archive is plain; it has no secrets, or their key is not at hand
	recipient, toSecrets  *age.X25519Recipient
	nameKey, manifestsKey []byte
}

func newHeader(c Creation) (*header, *keyring, error) {
	h := &header{Format: formatName, Major: Major, Minor: Minor, ID: rand.Text(), Made: time.Now().UTC().Truncate(time.Second), Writer: c.Writer}
	ring := &keyring{}
	if c.Plain {
		if len(c.Secrets) > 0 {
			return nil, nil, chat.Errorf(chat.Invalid, "a plain archive holds no secrets").WithHint("leave out --plain or --with-secrets")
		}
		return h, ring, nil
	}
	var err error
	if ring.identity, h.Recipient, h.Keys, err = newIdentity(c.Keys); err != nil {
		return nil, nil, err
	}
	if len(c.Secrets) > 0 {
		h.Secrets = &secretHeader{}
		if ring.secrets, h.Secrets.Recipient, h.Secrets.Keys, err = newIdentity(c.Secrets); err != nil {
			return nil, nil, err
		}
	}
	return h, ring, ring.derive(h)
}

func newIdentity(keys []NewKey) (id *age.X25519Identity, recipient string, wrapped []Key, err error) {
	if id, err = age.GenerateX25519Identity(); err != nil {
		return nil, "", nil, err
	}
	for _, k := range keys {
		w, err := k.wrap(id)
		if err != nil {
			return nil, "", nil, err
		}
		wrapped = append(wrapped, w)
	}
	return id, id.Recipient().String(), wrapped, nil
}

// wrap encrypts the identity for somebody.
func (k NewKey) wrap(id *age.X25519Identity) (Key, error) {
	to, err := k.recipient()
	if err != nil {
		return Key{}, err
	}
	var out bytes.Buffer
	a := agetext.NewWriter(&out)
	w, err := age.Encrypt(a, to)
	if err != nil {
		return Key{}, err
	}
	_, err = io.WriteString(w, id.String()+"\n")
	if err = errors.Join(err, w.Close(), a.Close()); err != nil {
		return Key{}, err
	}
	name := k.Name
	if name == "" {
		name = "password"
		if k.Recipient != "" {
			name = k.Recipient
		}
	}
	return Key{Name: name, Recipient: k.Recipient, Added: time.Now().UTC().Truncate(time.Second), Wrapped: out.String()}, nil
}

func (k NewKey) recipient() (age.Recipient, error) {
	if k.Recipient != "" {
		r, err := age.ParseX25519Recipient(k.Recipient)
		if err != nil {
			return nil, chat.Errorf(chat.Invalid, "%q is not a recipient: %w", k.Recipient, err).WithHint("it looks like age1…; age-keygen makes one, and prints it")
		}
		return r, nil
	}
	r, err := age.NewScryptRecipient(string(k.Passphrase))
	if err != nil {
		return nil, chat.Errorf(chat.Invalid, "the password is empty").WithHint("give one with --password-file FILE")
	}
	r.SetWorkFactor(workFactor)
	return r, nil
}

func (h *header) encode() ([]byte, error) {
	text, err := json.MarshalIndent(h, "", "  ")
	return append(text, '\n'), err
}

func readHeader(ctx context.Context, s storage, where string) (*header, error) {
	r, err := s.open(ctx, headerName)
	if chat.IsKind(err, chat.NotFound) {
		return nil, chat.Errorf(chat.NotFound, "there is no archive at %s", where).WithHint("`godwit export FROM archive:%s` makes one", where)
	}
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // only read
	text, err := readAll(r, maxHeader, headerName)
	if err != nil {
		return nil, err
	}
	return parseHeader(text)
}

// parseHeader reads a header. It fails with Damaged, and with Invalid for one
// of a newer major version.
func parseHeader(text []byte) (*header, error) {
	var h header
	if err := json.Unmarshal(text, &h); err != nil || h.Format != formatName {
		return nil, chat.Errorf(chat.Damaged, "%s is not the header of an archive: %w", headerName, err).WithHint("name the directory that holds header.json, or copy the archive again")
	}
	if h.Major > Major || h.Major < 1 {
		return nil, chat.Errorf(chat.Invalid, "the archive is of version %d of the format, and this program reads version %d", h.Major, Major).
			WithHint("use the version of Godwit that wrote it (%s), or a newer one", clip(h.Writer))
	}
	sets := [][]Key{h.Keys}
	if h.Secrets != nil {
		sets = append(sets, h.Secrets.Keys)
	}
	for _, keys := range sets {
		wraps := 0
		for _, k := range keys {
			if k.Recipient == "" {
				wraps++
			}
		}
		if len(keys) > maxKeys || wraps > maxWraps {
			return nil, chat.Errorf(chat.Damaged, "%s has %d keys; at most %d, and %d passwords, are possible", headerName, len(keys), maxKeys, maxWraps).WithHint("somebody changed it; take it from a copy")
		}
	}
	for _, recipient := range append([]string{h.Recipient}, secretRecipient(&h)...) {
		if _, err := age.ParseX25519Recipient(recipient); recipient != "" && err != nil {
			return nil, chat.Errorf(chat.Damaged, "%s names no recipient: %w", headerName, err).WithHint("take it from a copy of the archive")
		}
	}
	return &h, nil
}

func secretRecipient(h *header) []string {
	if h.Secrets == nil {
		return nil
	}
	return []string{h.Secrets.Recipient}
}

func clip(s string) string { return s[:min(len(s), 60)] }

// Opener is what somebody has to open an archive with.
type Opener struct {
	Password   func(context.Context) ([]byte, error) // asked if there is a password among the keys
	Identities []byte                                // identities of age, a line each; may be empty
}

// Unlock proves a key, in about a second. It fails with Unknown if nothing that
// the opener has opens the archive.
func (a *Archive) Unlock(ctx context.Context, o Opener) error {
	if a.keys != nil {
		return nil
	}
	ring := &keyring{}
	if a.head.Recipient != "" {
		id, err := unwrap(ctx, a.head.Keys, o, "the archive")
		if err != nil {
			return err
		}
		if id.Recipient().String() != a.head.Recipient {
			return chat.Errorf(chat.Damaged, "the key in %s is not the archive's", headerName).WithHint("take %s from a copy of the archive", headerName)
		}
		ring.identity = id
	}
	if err := ring.derive(a.head); err != nil {
		return err
	}
	a.keys = ring
	return nil
}

// UnlockSecrets proves a key of the secrets. It fails with NotFound if the
// archive holds none, and Unknown.
func (a *Archive) UnlockSecrets(ctx context.Context, o Opener) error {
	if a.head.Secrets == nil {
		return chat.Errorf(chat.NotFound, "there are no secrets in the archive").WithHint("it was made without --with-secrets")
	}
	id, err := unwrap(ctx, a.head.Secrets.Keys, o, "the secrets of the archive")
	if err != nil {
		return err
	}
	if id.Recipient().String() != a.head.Secrets.Recipient {
		return chat.Errorf(chat.Damaged, "the key of secrets in %s is not the archive's", headerName).WithHint("take %s from a copy of the archive", headerName)
	}
	a.keys.secrets = id
	return nil
}

// unwrap finds the identity in one of the keys.
func unwrap(ctx context.Context, keys []Key, o Opener, what string) (*age.X25519Identity, error) {
	var ids []age.Identity
	if len(o.Identities) > 0 {
		list, err := age.ParseIdentities(bytes.NewReader(o.Identities))
		if err != nil {
			return nil, chat.Errorf(chat.Invalid, "the identity cannot be read: %w", err).WithHint("it is a file of age-keygen, with a line AGE-SECRET-KEY-1…")
		}
		ids = list
	}
	passwords := false
	for _, k := range keys {
		if k.Recipient == "" {
			passwords = true
		} else if id := k.open(ids...); id != nil {
			return id, nil
		}
	}
	if !passwords {
		return nil, chat.Errorf(chat.Unknown, "%s is encrypted for recipients of age, and none of them is given", what).WithHint("add --identity FILE with the secret key of one of: %s", names(keys))
	}
	if o.Password == nil {
		return nil, chat.Errorf(chat.Unknown, "%s is encrypted", what).WithHint("add --password-file FILE, or set GODWIT_PASSWORD")
	}
	password, err := o.Password(ctx)
	if err != nil {
		return nil, err
	}
	with, err := age.NewScryptIdentity(string(password))
	if err != nil {
		return nil, chat.Errorf(chat.Invalid, "the password is empty").WithHint("give one with --password-file FILE")
	}
	with.SetMaxWorkFactor(maxWorkFactor)
	for _, k := range keys {
		if k.Recipient != "" {
			continue
		}
		if id := k.open(with); id != nil {
			return id, nil
		}
	}
	return nil, chat.Errorf(chat.Unknown, "the password does not open %s", what).WithHint("passwords are known for: %s", names(keys))
}

func names(keys []Key) string {
	var list []string
	for _, k := range keys {
		list = append(list, clip(k.Name))
	}
	return strings.Join(list, ", ")
}

// open returns the identity, or nil if none of ids opens the key.
func (k Key) open(ids ...age.Identity) *age.X25519Identity {
	if len(ids) == 0 {
		return nil
	}
	r, err := age.Decrypt(agetext.NewReader(strings.NewReader(k.Wrapped)), ids...)
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(r, 1000))
	if err != nil {
		return nil
	}
	id, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
	if err != nil {
		return nil
	}
	return id
}

// derive makes the keys that follow from the identity, and the recipients.
func (k *keyring) derive(h *header) (err error) {
	if h.Secrets != nil {
		if k.toSecrets, err = age.ParseX25519Recipient(h.Secrets.Recipient); err != nil {
			return chat.Errorf(chat.Damaged, "%s names no recipient of secrets: %w", headerName, err)
		}
	}
	if k.identity == nil {
		return nil
	}
	k.recipient = k.identity.Recipient()
	for purpose, to := range map[string]*[]byte{"names of files": &k.nameKey, "manifests": &k.manifestsKey} {
		if *to, err = hkdf.Key(sha256.New, []byte(k.identity.String()), []byte(h.ID), "godwit archive: "+purpose, 32); err != nil {
			return err
		}
	}
	return nil
}

// Keys lists the ways to open the archive, or its secrets.
func (a *Archive) Keys(secrets bool) []Key {
	if !secrets {
		return a.head.Keys
	}
	if a.head.Secrets == nil {
		return nil
	}
	return a.head.Secrets.Keys
}

// AddKey adds a way to open an archive that is unlocked. It fails with Conflict
// if there is one of the name.
func (a *Archive) AddKey(ctx context.Context, k NewKey, secrets bool) error {
	id := a.keys.identity
	if secrets {
		id = a.keys.secrets
	}
	if id == nil {
		return chat.Errorf(chat.Invalid, "the archive is plain, or its secrets are not open").WithHint("make a new archive that is encrypted")
	}
	w, err := k.wrap(id)
	if err != nil {
		return err
	}
	return a.changeKeys(ctx, secrets, func(keys []Key) ([]Key, error) {
		for _, old := range keys {
			if old.Name == w.Name {
				return nil, chat.Errorf(chat.Conflict, "there is a key named %q already", w.Name).WithHint("give the new one another name with --name")
			}
		}
		return append(keys, w), nil
	})
}

// RemoveKey removes a way to open an archive: who has copied its identity
// before can read on. It fails with NotFound, and with Invalid if it is the last.
func (a *Archive) RemoveKey(ctx context.Context, name string, secrets bool) error {
	return a.changeKeys(ctx, secrets, func(keys []Key) ([]Key, error) {
		var left []Key
		for _, k := range keys {
			if k.Name != name {
				left = append(left, k)
			}
		}
		if len(left) == len(keys) {
			return nil, chat.Errorf(chat.NotFound, "there is no key named %q", name).WithHint("keys are: %s", names(keys))
		}
		if len(left) == 0 {
			return nil, chat.Errorf(chat.Invalid, "%q is the last key: without it nobody could open the archive", name).WithHint("add another one first")
		}
		return left, nil
	})
}

func (a *Archive) changeKeys(ctx context.Context, secrets bool, change func([]Key) ([]Key, error)) (err error) {
	l, err := a.store.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.unlock(ctx, l.dirty())) }()
	h, err := readHeader(ctx, a.store, a.where) // as it is under the lock
	if err != nil {
		return err
	}
	keys := &h.Keys
	if secrets {
		if h.Secrets == nil {
			return chat.Errorf(chat.NotFound, "there are no secrets in the archive").WithHint("it was made without --with-secrets")
		}
		keys = &h.Secrets.Keys
	}
	if *keys, err = change(*keys); err != nil {
		return err
	}
	text, err := h.encode()
	if err != nil {
		return err
	}
	if _, err := parseHeader(text); err != nil {
		return err
	}
	if err := a.store.replace(ctx, headerName, text); err != nil {
		return err
	}
	a.head = h
	return nil
}
