package slack_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/slack"
	"github.com/godwit-chat/godwit/internal/testkit"
)

// realExport is a small workspace of 2016 that others published for tests. It
// is not ours to copy into every clone.
func realExport(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../../../shared/data/slack-testarchive.zip")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("a real export of 2016 is not beside this clone: get tests/testarchive.zip of hfaran/slack-export-viewer as ../shared/data/slack-testarchive.zip to run this test")
	}
	return path
}

func TestARealExportOf2016IsReadWhole(t *testing.T) {
	path := realExport(t)
	testkit.CheckSource(t, "slack:"+path, slack.Connector, connect.Options{})
	s, err := slack.Open(t.Context(), path, connect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // only read
	var messages, quarantined, skipped, notices, edited, reactions, files int
	for item, err := range s.Changes(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		switch o := item.Object.(type) {
		case *chat.Message:
			messages++
			if o.Type == chat.MessageNotification {
				notices++
			}
			if o.Edited != 0 {
				edited++
			}
		case *chat.Reaction:
			reactions++
		case *chat.File:
			files++
		}
		if n := item.Note; n != nil && n.Object == chat.KindMessage {
			switch n.Kind {
			case chat.NoteQuarantine:
				quarantined++
			case chat.NoteSkip:
				skipped++
			}
			t.Logf("%s: %s: %s", n.Kind, n.Where, n.Reason)
		}
	}
	if messages != 158 || quarantined+skipped != 0 {
		t.Errorf("%d messages, %d quarantined, %d skipped; 158 are in it", messages, quarantined, skipped)
	}
	if notices != 94 || edited != 1 || reactions == 0 || files != 3 {
		t.Errorf("%d notifications, %d edited, %d reactions, %d files", notices, edited, reactions, files)
	}
	inv, err := s.Inventory(t.Context(), chat.TallyQuery{Level: chat.L1})
	if err != nil {
		t.Fatal(err)
	}
	if n := inv.Raw["message"]; n != 158 {
		t.Errorf("%d raw records of messages, want 158", n)
	}
}
