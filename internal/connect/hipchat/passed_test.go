package hipchat

import (
	"io"
	"path/filepath"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// An import verifies right after it has read everything: if the source then
// read its archive again, verifying would take as long as importing.
func TestInventoryAfterAPassReadsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "export.tar")
	if err := Sample(t.Context(), path, SampleOptions{Seed: 1, Users: 10, Rooms: 5, Messages: 300, Files: 20}); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), "hipchat:"+path, connect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want, err := s.Inventory(t.Context(), chat.TallyQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for item, err := range s.Changes(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if item.Bytes != nil { // as many as there are, without a look behind the end
			if _, err := io.ReadFull(item.Bytes, make([]byte, item.Size)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s.passed == nil {
		t.Fatal("it did not keep what passed")
	}
	got, err := s.Inventory(t.Context(), chat.TallyQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for kind, tally := range want.Kinds {
		if got.Kinds[kind] != tally {
			t.Errorf("%s: %v, want %v", kind, got.Kinds[kind], tally)
		}
	}
	for room, tally := range want.Rooms {
		if got.Rooms[room] != tally {
			t.Errorf("room %s: %v, want %v", room, got.Rooms[room], tally)
		}
	}
}
