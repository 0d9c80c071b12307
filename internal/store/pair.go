package store

import "github.com/godwit-chat/godwit/internal/chat"

// paired is the pair that the place is in; zero if there never was one.
func (s *session) paired() (chat.Pair, error) { return s.db.testPair, nil }
