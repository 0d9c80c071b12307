package connect

import (
	"context"
	"io"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// Party is a place that can be moved while people write in it: a running
// Godwit, or one in this process. It is the source of a move in one direction
// and the target in the other. Its Changes run until a page has reached the
// head of the log as it was when that page was read; the last item may have
// nothing but a cursor. All items up to there are the place as of that moment.
type Party interface {
	Source
	Target

	// Whereabouts of the place in the move; NotFound if it is in none of that
	// name. The keys of the pair are not among them.
	Standing(ctx context.Context) (chat.Standing, error)

	// Pairing and hand-over: see chat.Handover. An answer that was lost is asked
	// for again by the same call.
	Offer(ctx context.Context, move, peer string) (chat.PairOffer, error)
	Answer(ctx context.Context, move, peer string, o chat.PairOffer) (chat.PairAnswer, error)
	Accept(ctx context.Context, move string, a chat.PairAnswer) error
	Freeze(ctx context.Context, move string, lease time.Duration) (chat.Standing, error)
	Retire(ctx context.Context, move string, at chat.Position) (chat.Certificate, error)
	Open(ctx context.Context, c chat.Certificate) (chat.Standing, error)
	End(ctx context.Context, move string) (chat.Standing, error)

	// Greet says how the place stands to the other one of its pair, after it has
	// heard what that one said, which may be nothing yet: see chat.Handover, and
	// Acquaint, which lets two places do so.
	Greet(ctx context.Context, move string, heard *chat.Greeting) (chat.Greeting, error)

	// Stand is chat.Exporter's; secrets by their keyed digests (see Mirror).
	Stand(ctx context.Context, kind chat.Kind, keys []chat.Key) (map[chat.Key]chat.Stand, error)

	// Mirror adds up what the place is (TallyQuery.Mirror), and its secrets by
	// digests that are keyed with the move's key, so that they say nothing to
	// the mover. One snapshot: At is its head. It takes the part of both
	// Inventory and Tally for a pair. L3 hashes the bytes of files again.
	Mirror(ctx context.Context, q chat.TallyQuery) (inv chat.Inventory, at chat.Cursor, err error)

	// Read opens the bytes of a content by hash, from an offset on; NotFound.
	Read(ctx context.Context, hash string, offset int64) (io.ReadCloser, error)
	// Lacks says of which hashes the bytes are not here, and how many bytes of
	// each came before it broke off.
	Lacks(ctx context.Context, hashes []string) (map[string]int64, error)
	// Write stores the bytes of a hash, from an offset on; what came before it
	// breaks off is kept for the next time. They are safe after an Apply.
	Write(ctx context.Context, hash string, size, offset int64, r io.Reader) error

	// Load says how the people of this place fare just now.
	Load(ctx context.Context) (Load, error)

	// Tell keeps how the move goes, for the place's console, and returns what
	// administrators have ordered there since order n.
	Tell(ctx context.Context, move string, status []byte, after int64) (orders []Order, err error)
}

// Acquaint lets two places of a pair meet, as they do by themselves if they
// reach each other. One that was started since takes no turn and goes on with
// none before: so a mover does it before it freezes, and before it opens. Again
// does no harm. A certificate that is on its way arrives with it.
func Acquaint(ctx context.Context, move string, a, b Party) error {
	g, err := a.Greet(ctx, move, nil)
	for _, p := range []Party{b, a, b} {
		if err == nil {
			g, err = p.Greet(ctx, move, &g)
		}
	}
	return err
}

// Packer is a Party that gives and takes the bytes of many small contents at
// once: a request for each would cost more than the bytes. What is not in a
// pack, or is damaged in it, is not stored: Lacks says so afterwards.
type Packer interface {
	// Pack gives the bytes of hashes; those that are not there, or larger than
	// PackLimit, are left out.
	Pack(ctx context.Context, hashes []string) (io.ReadCloser, error)
	// Unpack stores the bytes of what Pack gave. They are safe after an Apply.
	Unpack(ctx context.Context, r io.Reader) error
}

// PackLimit is up to how many bytes a content may have to go in a pack.
const PackLimit = 1 << 20

// Load is how the people of a place fare.
type Load struct {
	Posts   float64       `json:"posts"` // a second, lately
	P50     time.Duration `json:"p50"`   // from request to durable, of posts by people lately
	P95     time.Duration `json:"p95"`
	People  int           `json:"people"`  // sockets that are open
	Relayed int           `json:"relayed"` // who came by the retired place in the last minutes
	Held    int           `json:"held"`    // requests that wait for the place to open again
}

// Order is what an administrator wants of a mover: "cutover", "pause", "set
// throttle=20ms", "rollback".
type Order = chat.Order
