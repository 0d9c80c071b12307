package slack_test

import (
	"archive/zip"
	"fmt"
	"strings"
	"testing"

	"github.com/godwit-chat/godwit/internal/connect"
	"github.com/godwit-chat/godwit/internal/connect/slack"
)

// BenchmarkRead reads messages as people of today write them: with blocks that
// say what the text says.
func BenchmarkRead(b *testing.B) {
	const days, each = 20, 1000
	path := pack(b, func(z *zip.Writer) {
		add(b, z, &zip.FileHeader{Name: "users.json", Method: zip.Deflate}, oneUser)
		add(b, z, &zip.FileHeader{Name: "channels.json", Method: zip.Deflate}, `[{"id":"C0GENERAL","name":"general","created":1700000000}]`)
		for d := range days {
			var list []string
			for i := range each {
				text := fmt.Sprintf("number %d says that the deploy is done and will be looked at tomorrow", i)
				list = append(list, fmt.Sprintf(`{"client_msg_id":"%032d","type":"message","text":%q,"user":"U0ADA","ts":"17100%05d.%06d","blocks":[{"type":"rich_text","block_id":"b%d","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":%q}]}]}],
    "team":"T0","user_team":"T0","source_team":"T0","user_profile":{"avatar_hash":"g","image_72":"https://x","first_name":"x","real_name":"x","display_name":"x","team":"T0","name":"x"}}`, i, text, d*each+i, i, i, text))
			}
			add(b, z, &zip.FileHeader{Name: fmt.Sprintf("general/2024-03-%02d.json", d+1), Method: zip.Deflate}, "["+strings.Join(list, ",\n")+"]")
		}
	})
	s, err := slack.Open(b.Context(), path, connect.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // only read
	for b.Loop() {
		for _, err := range s.Changes(b.Context(), "") {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(days*each*b.N)/b.Elapsed().Seconds(), "messages/s")
}
