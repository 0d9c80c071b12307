package archive

import (
	"context"
	"io"
	"regexp"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// storage is where the pieces of an archive are. Names are those of the
// format, with slashes; nothing else of an archive becomes a path.
type storage interface {
	// list returns the names of the pieces in one folder, in any order.
	list(ctx context.Context, folder string) ([]string, error)
	// open reads a piece. It fails with NotFound.
	open(ctx context.Context, name string) (io.ReadCloser, error)
	// put keeps a piece of a known size. It is whole or not there; after sync
	// it is there for good. The same name again replaces it. Several may be put
	// at once.
	put(ctx context.Context, name string, r io.Reader, size int64) error
	// sync makes durable what was put.
	sync(ctx context.Context) error
	// publish keeps a small piece for good, after all that was put before, if
	// there is none of the name; otherwise it fails with Conflict.
	publish(ctx context.Context, name string, data []byte) error
	// replace is publish whether there is one or not.
	replace(ctx context.Context, name string, data []byte) error
	// remove removes a piece. One that is not there is no error.
	remove(ctx context.Context, name string) error
	// lock keeps other writers out until unlock, or until this process ends. It
	// fails with Conflict. Dirty says that the last writer did not come to its
	// end: what it left may lie about.
	lock(ctx context.Context) (l lock, err error)
	close() error
}

// lock is held by the one who writes.
type lock interface {
	dirty() bool
	// check fails with Conflict if the lock was lost.
	check(ctx context.Context) error
	// unlock lets others write. Left says that something may lie about.
	unlock(ctx context.Context, left bool) error
}

const (
	headerName = "header.json"
	lockName   = "lock"
)

// folders of pieces.
const (
	segmentsDir  = "segments"
	listsDir     = "lists"
	secretsDir   = "secrets"
	manifestsDir = "manifests"
	filesDir     = "files"
)

var pieceName = regexp.MustCompile(`^(?:header\.json|lock|(?:segments|lists|secrets)/[0-9]{8}\.jsonl\.zst(?:\.age)?|manifests/[0-9]{8}(?:\.[0-9]{1,4})?\.json\.zst(?:\.age)?|files/[0-9a-f]{2}/[0-9a-f]{64}(?:\.age)?)$`)

// openStorage opens what a place names. Make says that it is made if it is not
// there.
func openStorage(ctx context.Context, where string, make bool) (storage, error) {
	switch {
	case strings.HasPrefix(where, "s3://"):
		return openBucket(ctx, where)
	case strings.HasSuffix(where, ".tar"):
		if make {
			return newTar(where)
		}
		return openTar(where)
	case where == "":
		return nil, chat.Errorf(chat.Invalid, "no place for the archive").WithHint("archive:DIR, archive:s3://BUCKET/PREFIX or archive:FILE.tar")
	}
	return openDisk(where, make)
}

func noPiece(name string) error {
	return chat.Errorf(chat.NotFound, "the piece %s is not there", name).WithHint("the archive is not complete; copy it again from where it is")
}
