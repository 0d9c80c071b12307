package live_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

func randomBytes(n int) (data, hash string) {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(b) //nolint:errcheck // never fails
	sum := sha256.Sum256(b)
	return string(b), hex.EncodeToString(sum[:])
}

func TestBytesGoOverTheWire(t *testing.T) {
	a, b := newPlace(t, sqlite(t)), newPlace(t, sqlite(t))
	w := &wire{t: t}
	ra, rb := w.serve(a), w.serve(b)
	large, hash := randomBytes(3 << 20)
	if err := ra.Write(t.Context(), hash, int64(len(large)), 0, strings.NewReader(large)); err != nil {
		t.Fatal(err)
	}
	lacking := func() (int64, bool) {
		t.Helper()
		lacks, err := rb.Lacks(t.Context(), []string{hash})
		if err != nil {
			t.Fatal(err)
		}
		n, yes := lacks[hash]
		return n, yes
	}
	t.Run("what broke off goes on where it did", func(t *testing.T) {
		w.cutAt.Store(1 << 20)
		r, err := ra.Read(t.Context(), hash, 0)
		if err != nil {
			t.Fatal(err)
		}
		err = rb.Write(t.Context(), hash, int64(len(large)), 0, r)
		r.Close() //nolint:errcheck // only read
		if !chat.IsKind(err, chat.Unavailable) {
			t.Fatal(err)
		}
		// The server may still be writing what came.
		at, yes := lacking()
		if !yes || at >= int64(len(large)) {
			t.Fatal(at, yes)
		}
		for try := 0; ; try++ {
			at, _ = lacking()
			r, err := ra.Read(t.Context(), hash, at)
			if err != nil {
				t.Fatal(err)
			}
			err = rb.Write(t.Context(), hash, int64(len(large)), at, r)
			r.Close() //nolint:errcheck // only read
			if err == nil {
				break
			}
			if try == 100 || !chat.IsKind(err, chat.Unavailable) && !chat.IsKind(err, chat.Conflict) {
				t.Fatal(err)
			}
		}
		if _, yes := lacking(); yes {
			t.Error("still lacking")
		}
		got, err := rb.Read(t.Context(), hash, 1000)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Close()
		if text, err := io.ReadAll(got); err != nil || string(text) != large[1000:] {
			t.Error(len(text), err)
		}
	})
	t.Run("what is missing is not found, and what is shorter than it was is damaged", func(t *testing.T) {
		_, missing := randomBytes(77)
		if _, err := ra.Read(t.Context(), missing, 0); !chat.IsKind(err, chat.NotFound) {
			t.Error(err)
		}
		for _, size := range []int64{100, 2 << 20} {
			if err := rb.Write(t.Context(), missing, size, 0, strings.NewReader("short")); !chat.IsKind(err, chat.Damaged) {
				t.Error(err)
			}
			if err := rb.Write(t.Context(), missing, size, 0, iotest.ErrReader(errors.New("cable"))); !chat.IsKind(err, chat.Unavailable) {
				t.Error(err)
			}
		}
	})
	t.Run("small ones go in packs", func(t *testing.T) {
		var hashes []string
		for i := range 50 {
			data, h := randomBytes(100 + i)
			hashes = append(hashes, h)
			if err := ra.Write(t.Context(), h, int64(len(data)), 0, strings.NewReader(data)); err != nil {
				t.Fatal(err)
			}
		}
		if lacks, err := ra.Lacks(t.Context(), hashes); err != nil || len(lacks) != 0 {
			t.Fatal(lacks, err)
		}
		r, err := ra.Pack(t.Context(), hashes)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := rb.Unpack(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if lacks, err := rb.Lacks(t.Context(), hashes); err != nil || len(lacks) != 0 {
			t.Error(lacks, err)
		}
	})
}

func TestAMoverHearsOfThePlaceAndThePlaceOfIt(t *testing.T) {
	a := newPlace(t, sqlite(t))
	want := connect.Load{Posts: 3.5, P50: 1e6, P95: 5e7, People: 2, Relayed: 1, Held: 4}
	a.direct.Feels(func() connect.Load { return want })
	w := &wire{t: t}
	r := w.serve(a)
	if got, err := r.Load(t.Context()); err != nil || got != want {
		t.Error(got, err)
	}
	o, err := a.db.Order(t.Context(), "m", "Ann", "pause", "")
	if err != nil {
		t.Fatal(err)
	}
	orders, err := r.Tell(t.Context(), "m", []byte(`{"stage":"presync"}`), 0)
	if err != nil || len(orders) != 1 || orders[0] != o {
		t.Error(orders, err)
	}
	if orders, err := r.Tell(t.Context(), "m", nil, o.N); err != nil || len(orders) != 0 {
		t.Error(orders, err)
	}
	if st, err := a.db.Told(t.Context(), "m"); err != nil || string(st.Status) != "null" {
		t.Errorf("%s %v", st.Status, err)
	}
}
