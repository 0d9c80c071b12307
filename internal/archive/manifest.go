package archive

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

const maxManifest = 256 << 20

// Manifest says what a snapshot consists of.
type Manifest struct {
	Archive  string    `json:"archive"`  // the archive's ID
	Snapshot int       `json:"snapshot"` // from 1
	Revision int       `json:"revision,omitempty"`
	Major    int       `json:"major"`
	Minor    int       `json:"minor"`
	Writer   string    `json:"writer"`
	Made     time.Time `json:"made"`
	Begun    bool      `json:"begun,omitempty"` // not complete yet: where the next export goes on
	Origin   string    `json:"origin"`          // what was exported, for a person
	Cursor   string    `json:"cursor"`          // in its log
	Missing  int64     `json:"missing,omitempty"`
	Pieces   []Piece   `json:"pieces"` // in the order in which they are read
}

// PieceType says what the lines of a piece are.
type PieceType string

// The types of pieces of lines.
const (
	Segment PieceType = "segment" // states of objects
	List    PieceType = "list"    // files
	Secrets PieceType = "secrets" // states of secret objects
)

// Piece is a piece of lines.
type Piece struct {
	Name   string              `json:"name"`
	Type   PieceType           `json:"type"`
	Sum    string              `json:"sum"`  // SHA-256 of the piece as it is stored
	Size   int64               `json:"size"` // of the same, in bytes
	Raw    int64               `json:"raw"`  // bytes of the lines
	Lines  int64               `json:"lines"`
	Counts map[Word]chat.Tally `json:"counts,omitempty"` // of the states in it, by the word for their kind
}

// Word is what a line says its kind is: a kind's name, or one of the words for
// what is no object.
type Word = string

// Size adds up the pieces, without the files.
func (m *Manifest) Size() (size int64) {
	for _, p := range m.Pieces {
		size += p.Size
	}
	return size
}

// Lines adds up the lines of a type of piece.
func (m *Manifest) Lines(t PieceType) (lines int64) {
	for _, p := range m.Pieces {
		if p.Type == t {
			lines += p.Lines
		}
	}
	return lines
}

// of returns the pieces of a type.
func (m *Manifest) of(types ...PieceType) []Piece {
	var list []Piece
	for _, p := range m.Pieces {
		if slices.Contains(types, p.Type) {
			list = append(list, p)
		}
	}
	return list
}

// sealed is a manifest as it is stored: the mark vouches for its very bytes.
type sealed struct {
	Manifest json.RawMessage `json:"manifest"`
	Mark     string          `json:"mark"`
}

// mark is an HMAC under a key of the archive's, or, in a plain archive, a
// SHA-256, which finds accidents only.
func (a *Archive) mark(text []byte) string {
	if a.keys.manifestsKey == nil {
		sum := sha256.Sum256(text)
		return hex.EncodeToString(sum[:])
	}
	mac := hmac.New(sha256.New, a.keys.manifestsKey)
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))
}

func (a *Archive) encodeManifest(m *Manifest) ([]byte, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	text, err = json.Marshal(sealed{text, a.mark(text)})
	if err != nil {
		return nil, err
	}
	return a.pack(append(text, '\n'), a.keys.recipient)
}

// decodeManifest reads a manifest that is stored under a name. It fails with
// Damaged, and with Invalid for one of a newer major version.
func (a *Archive) decodeManifest(data []byte, at manifestName) (*Manifest, error) {
	text, err := a.unpack(data, maxManifest, a.keys.identity)
	if err != nil {
		return nil, a.damaged(at.String(), err)
	}
	var s sealed
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, a.damaged(at.String(), err)
	}
	if !hmac.Equal([]byte(a.mark(s.Manifest)), []byte(s.Mark)) {
		return nil, a.damaged(at.String(), errors.New("its mark is not the archive's"))
	}
	var m Manifest
	if err := json.Unmarshal(s.Manifest, &m); err != nil {
		return nil, a.damaged(at.String(), err)
	}
	if m.Major > Major {
		return nil, chat.Errorf(chat.Invalid, "%s is of version %d of the format, and this program reads version %d", at, m.Major, Major).
			WithHint("use the version of Godwit that wrote it (%s), or a newer one", clip(m.Writer))
	}
	return &m, a.checkManifest(&m, at)
}

// checkManifest refuses what cannot be so, though the mark fits: a plain
// archive's says nothing, and another archive's may have been put here.
func (a *Archive) checkManifest(m *Manifest, at manifestName) error {
	if m.Archive != a.head.ID || m.Snapshot != at.snapshot || m.Revision != at.revision {
		return a.damaged(at.String(), fmt.Errorf("it is snapshot %d.%d of the archive %s", m.Snapshot, m.Revision, clip(m.Archive)))
	}
	seen := map[string]bool{}
	for _, p := range m.Pieces {
		dir := map[PieceType]string{Segment: segmentsDir, List: listsDir, Secrets: secretsDir}[p.Type]
		switch {
		case dir == "" || !pieceName.MatchString(p.Name) || p.Name[:min(len(dir)+1, len(p.Name))] != dir+"/":
			return a.damaged(at.String(), fmt.Errorf("it names a piece %q of type %q", clip(p.Name), clip(string(p.Type))))
		case seen[p.Name]:
			return a.damaged(at.String(), fmt.Errorf("it names %s twice", p.Name))
		case p.Size < 0 || p.Size > maxPiece || p.Raw < 0 || p.Raw > maxRaw || p.Lines < 0 || p.Lines > p.Raw:
			return a.damaged(at.String(), fmt.Errorf("it says that %s has %d bytes", p.Name, p.Size))
		}
		seen[p.Name] = true
	}
	return nil
}

func (a *Archive) damaged(name string, err error) error {
	if e, ok := errors.AsType[*chat.Error](err); ok && e.Kind != chat.Damaged {
		return err
	}
	return chat.Errorf(chat.Damaged, "%s: %s cannot be read: %w", a.where, name, err).
		WithHint("the archive is damaged there: `godwit verify archive:%s` says what else is; take the piece from a copy, or use another snapshot", a.where)
}

// manifestName is what a manifest is stored under. The newest revision of a
// snapshot counts.
type manifestName struct {
	snapshot, revision int
	plain              bool
}

var manifestPattern = regexp.MustCompile(`^manifests/([0-9]{8})(?:\.([0-9]{1,4}))?\.json\.zst(\.age)?$`)

func parseManifestName(name string) (n manifestName, ok bool) {
	parts := manifestPattern.FindStringSubmatch(name)
	if parts == nil {
		return n, false
	}
	n.snapshot, _ = strconv.Atoi(parts[1]) //nolint:errcheck // digits, or none
	n.revision, _ = strconv.Atoi(parts[2]) //nolint:errcheck // digits, or none
	n.plain = parts[3] == ""
	return n, n.snapshot > 0
}

func (n manifestName) String() string {
	name := fmt.Sprintf("%s/%08d", manifestsDir, n.snapshot)
	if n.revision > 0 {
		name += fmt.Sprintf(".%d", n.revision)
	}
	return name + ".json" + suffix(n.plain)
}

// suffix is what names of pieces of lines end with.
func suffix(plain bool) string {
	if plain {
		return ".zst"
	}
	return ".zst.age"
}

// manifestNames lists the manifests, older ones first, and beside them those
// of which there is a newer revision.
func (a *Archive) manifestNames(ctx context.Context) (now, old []manifestName, err error) {
	list, err := a.store.list(ctx, manifestsDir)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range list {
		if n, ok := parseManifestName(name); ok && n.plain == a.Plain() {
			now = append(now, n)
		}
	}
	slices.SortFunc(now, func(x, y manifestName) int {
		return cmp.Or(cmp.Compare(x.snapshot, y.snapshot), cmp.Compare(x.revision, y.revision))
	})
	kept := now[:0]
	for i, n := range now {
		if i+1 < len(now) && now[i+1].snapshot == n.snapshot {
			old = append(old, n)
		} else {
			kept = append(kept, n)
		}
	}
	return kept, old, nil
}

func (a *Archive) manifest(ctx context.Context, n manifestName) (*Manifest, error) {
	r, err := a.store.open(ctx, n.String())
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // only read
	data, err := readAll(r, maxManifest, n.String())
	if err != nil {
		return nil, a.damaged(n.String(), err)
	}
	return a.decodeManifest(data, n)
}

// Snapshots reads the manifests of all snapshots, the oldest first. One that
// is not complete is not among them. Damaged lists those that cannot be read.
func (a *Archive) Snapshots(ctx context.Context) (list []*Manifest, damaged []error, err error) {
	names, _, err := a.manifestNames(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, n := range names {
		m, err := a.manifest(ctx, n)
		if chat.IsKind(err, chat.Damaged) || chat.IsKind(err, chat.Invalid) {
			damaged = append(damaged, err)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if !m.Begun {
			list = append(list, m)
		}
	}
	return list, damaged, nil
}

// Manifest reads that of a snapshot; 0 is the newest. It fails with NotFound.
func (a *Archive) Manifest(ctx context.Context, snapshot int) (*Manifest, error) {
	names, _, err := a.manifestNames(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range slices.Backward(names) {
		if snapshot != 0 && n.snapshot != snapshot {
			continue
		}
		m, err := a.manifest(ctx, n)
		if err != nil {
			return nil, err
		}
		if !m.Begun {
			return m, nil
		}
	}
	if snapshot == 0 {
		return nil, chat.Errorf(chat.NotFound, "there is no complete snapshot in the archive at %s", a.where).WithHint("`godwit export FROM archive:%s` makes one, or goes on with the one that it began", a.where)
	}
	return nil, chat.Errorf(chat.NotFound, "there is no snapshot %d in the archive at %s", snapshot, a.where).WithHint("`godwit inspect archive:%s` lists them", a.where)
}
