package chat

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mtibben/confusables"
	"golang.org/x/text/unicode/norm"
)

// How long texts about rooms and their guests may be, in characters.
const (
	LongestRoomName  = 80
	LongestTopic     = 250
	LongestGuestName = 60
	mostMarks        = 3 // accents on one letter; more of them cover the lines around it
)

// CleanLine makes a line of what somebody typed as a name or a topic: one
// form of equal letters, single spaces, nothing that cannot be seen, nothing
// that turns the direction of what follows, and no towers of accents. Texts
// that are wholly of such things are empty afterwards.
func CleanLine(s string) string {
	var b strings.Builder
	b.Grow(min(len(s), 4*LongestTopic))
	runes := []rune(norm.NFC.String(strings.ToValidUTF8(s, "")))
	marks, space := 0, true
	for i, r := range runes {
		switch {
		case unicode.IsSpace(r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || blank(r):
			if !space {
				b.WriteByte(' ')
			}
			marks, space = 0, true
			continue
		case joins(r):
			// Some scripts and some emoji need them, between two of their own.
			if i == 0 || i+1 == len(runes) || !joinable(runes[i-1]) || !joinable(runes[i+1]) {
				continue
			}
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs) || unseen(r):
			continue
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks++; space || marks > mostMarks {
				continue
			}
		default:
			marks = 0
		}
		space = false
		b.WriteRune(r)
	}
	return strings.TrimRight(b.String(), " ")
}

// joins reports whether a character only says how its neighbours are drawn.
func joins(r rune) bool { return r == '\u200c' || r == '\u200d' }

func joinable(r rune) bool {
	return r > 0x300 && !joins(r) && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsSymbol(r))
}

// blank reports whether a letter is drawn as nothing but room.
func blank(r rune) bool { return slices.Contains([]rune{0x115f, 0x1160, 0x3164, 0xffa0, 0x2800}, r) }

// unseen reports whether a character is none of the letters that are drawn,
// though it counts as a mark or a letter, or is not assigned at all.
func unseen(r rune) bool {
	switch {
	case r == 0x034f, r == 0x17b4, r == 0x17b5, r >= 0x180b && r <= 0x180f, r >= 0xfe00 && r <= 0xfe0e, r >= 0xe0000 && r <= 0xe0fff, r == utf8.RuneError:
		return true
	}
	return !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S)
}

func spoken(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// cleanRoomName makes a name of what somebody typed, or says what is wrong
// with it.
func cleanRoomName(s string) (string, error) {
	name := strings.TrimSpace(strings.TrimLeft(CleanLine(s), "#"))
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return "", Errorf(Invalid, "the room needs a name")
	case n > LongestRoomName:
		return "", Errorf(Invalid, "the name has %d characters; at most %d are possible", n, LongestRoomName).WithHint("say the rest in the topic")
	case !spoken(name):
		return "", Errorf(Invalid, "the name %q has no letter and no digit", name).WithHint("add a word, so that people can say it and find it")
	}
	return name, nil
}

func cleanTopic(s string) (string, error) {
	topic := CleanLine(s)
	if n := utf8.RuneCountInString(topic); n > LongestTopic {
		return "", Errorf(Invalid, "the topic has %d characters; at most %d are possible", n, LongestTopic).WithHint("post the rest as a message")
	}
	return topic, nil
}

// roomLooks is what a name looks like: names that people take for one another
// look the same, whatever letters they are made of.
func roomLooks(name string) string {
	name = strings.Map(func(r rune) rune {
		if joins(r) || unicode.IsSpace(r) || strings.ContainsRune("-_.·", r) {
			return -1
		}
		return r
	}, Fold(CleanLine(name)))
	return Fold(confusables.Skeleton(name))
}

// LookKey is the key that names have in common which look the same; zero for
// none.
func LookKey(name string) Key {
	if name == "" {
		return Key{}
	}
	return DeriveKey(0, "", "room name", roomLooks(name))
}

// sameName reports whether two names that look the same cannot be told apart.
// Plain letters can: "modem" and "modern" are two words.
func sameName(a, b string) bool {
	plain := func(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) }
	squeeze := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) || strings.ContainsRune("-_.", r) {
				return -1
			}
			return r
		}, Fold(CleanLine(s)))
	}
	return squeeze(a) == squeeze(b) || !(plain(a) && plain(b))
}

// freeName fails with Conflict if a room in use, or an archived one, is called
// so, or so that nobody can tell the two apart. Imports may bring such.
func freeName(tx Tx, name string, but RoomID) error {
	same, err := List[Room](tx, Query{Index: Index{B: LookKey(name)}})
	if err != nil {
		return err
	}
	for _, room := range same {
		if room.ID == but || room.State == RoomDeleted || room.Type != RoomOpen && room.Type != RoomPrivate || !sameName(room.Name, name) {
			continue
		}
		// That there is a private room of the name has to be said: two of one
		// name would be worse. Nothing else of it is.
		return Errorf(Conflict, "there is a room called %q already, or one that looks the same", name).
			WithHint("choose another name; archived rooms keep theirs")
	}
	return nil
}
