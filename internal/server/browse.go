package server

import (
	"net/http"

	"github.com/godwit-chat/godwit/internal/chat"
)

// stateText is the word for what the place is doing, as clients know it.
func (s *Server) stateText(state chat.State) string {
	if s.Archive {
		return "archive"
	}
	return string(state)
}

// Admit gives a browser the session of a secret, and leads it to the place: for
// who has the machine, and made a link for themselves.
func (s *Server) Admit(w http.ResponseWriter, r *http.Request, secret string) {
	in := &request{Request: r, w: w, server: s}
	in.setCookie(secret)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
