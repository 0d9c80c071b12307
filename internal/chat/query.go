package chat

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// token is a word of a query, or a phrase in quotes, with the word before its
// colon if there is one.
type token struct {
	key    string // from, in, before, …; "" for words to find
	text   string
	quoted bool
	raw    string
}

var keys = []string{"from", "in", "before", "after", "on", "has"}

// tokens cuts a query where blanks are that stand in no quotes.
func tokens(text string) []token {
	var list []token
	rest := strings.TrimSpace(text)
	for rest != "" {
		var t token
		start := rest
		if i := strings.IndexByte(rest, ':'); i > 0 && !strings.ContainsFunc(rest[:i], func(r rune) bool { return unicode.IsSpace(r) || r == '"' }) {
			if key := strings.ToLower(rest[:i]); slices.Contains(keys, key) || isWord(key) && !strings.HasPrefix(rest[i+1:], "/") {
				t.key, rest = key, rest[i+1:]
			}
		}
		if strings.HasPrefix(rest, `"`) {
			t.quoted = true
			inside, after, _ := strings.Cut(rest[1:], `"`)
			t.text, rest = inside, after
		} else {
			end := strings.IndexFunc(rest, unicode.IsSpace)
			if end < 0 {
				end = len(rest)
			}
			t.text, rest = rest[:end], rest[end:]
		}
		t.raw = strings.TrimSpace(start[:len(start)-len(rest)])
		list = append(list, t)
		rest = strings.TrimSpace(rest)
	}
	return list
}

func isWord(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < 'a' || r > 'z' })
}

// parse reads a query. What it does not understand is noted, and left out.
func parse(a *Actor, text string, may func(*Room) bool) *query {
	q := &query{may: may}
	q.Guest = a.User != nil && a.User.Role == RoleGuest
	q.Viewer, q.Also = a.id(), a.Also
	list := tokens(text)
	var words strings.Builder
	for i := 0; i < len(list); i++ {
		t := list[i]
		switch t.key {
		case "":
			words.WriteString(t.text + " ")
			if t.quoted {
				if p := strings.Join(strings.Fields(Fold(t.text)), " "); p != "" {
					q.phrases = append(q.phrases, p)
				}
			}
			q.Prefix = !t.quoted && i == len(list)-1 && !strings.HasSuffix(text, " ")
		case "from":
			i += q.from(a, list[i:])
		case "in":
			i += q.in(a, list[i:])
		case "has":
			q.has(t)
		case "before", "after", "on":
			q.when(a, t)
		default:
			q.note("%q is not something to search by; it was left out. Known are %s:", t.raw, strings.Join(keys, ": "))
		}
	}
	q.Terms = Terms(words.String(), true)
	q.terms = q.Terms
	// What begins with few letters is too much to be meant, and to be found quickly.
	q.Prefix = q.Prefix && len(q.Terms) > 0 && utf8.RuneCountInString(q.Terms[len(q.Terms)-1]) >= shortestPrefix
	if len(q.authors)*max(len(q.rooms), 1) > mostAsked || len(q.rooms) > mostAsked {
		q.authors, q.rooms = q.authors[:min(len(q.authors), 3)], q.rooms[:min(len(q.rooms), 4)]
		q.note("So many people and rooms cannot be searched at once; some were left out.")
	}
	return q
}

func (q *query) note(format string, args ...any) {
	q.notes = append(q.notes, fmt.Sprintf(format, args...))
}

// shortestPrefix is from how many letters on a last word may be the beginning
// of one.
const shortestPrefix = 4

// longestName is of how many words a name may be that stands in no quotes.
const longestName = 6

// named tries the longest run of words that names something: first the value
// of the key alone, and then with the words after it. It returns how many
// words after the key's own were used.
func named(list []token, known func(name string) bool) (name string, used int, ok bool) {
	if list[0].quoted {
		return list[0].text, 0, known(list[0].text)
	}
	best, text := -1, ""
	for n := 0; n < min(longestName, len(list)); n++ {
		if n > 0 && (list[n].key != "" || list[n].quoted) {
			break
		}
		text = strings.TrimSpace(text + " " + list[n].text)
		if known(text) {
			best, name = n, text
		}
	}
	if best < 0 {
		return list[0].text, 0, false
	}
	return name, best, true
}

func (q *query) from(a *Actor, list []token) int {
	name, used, ok := named(list, func(n string) bool { return len(a.people(n)) > 0 })
	if !ok {
		q.note("Nobody here is called %q.", name)
		q.nothing = true
		return used
	}
	q.authors = append(q.authors, a.people(name)...)
	return used
}

// people finds all identities of those whom a name means: a mention name, an
// e-mail address or a whole name, in any case.
func (a *Actor) people(name string) []UserID {
	folded := strings.TrimPrefix(Fold(strings.TrimSpace(name)), "@")
	if folded == "" {
		return nil
	}
	if folded == "me" && a.User != nil {
		return a.IDs()
	}
	roots := map[UserID]bool{}
	for id := range a.Roster.logins[folded] {
		if u := a.Roster.Users[id]; Fold(u.Mention) == folded || a.Admin() || a.Is(id) {
			roots[a.Roster.Root(id)] = true // by e-mail address only for those who may see it
		}
	}
	if len(roots) == 0 {
		for id, u := range a.Roster.Users {
			if Fold(u.Name) == folded {
				roots[a.Roster.Root(id)] = true
			}
		}
	}
	var all []UserID
	for id := range roots {
		if !a.Sees(id) {
			continue
		}
		all = append(append(all, id), a.Roster.Identities(id)...)
	}
	slices.SortFunc(all, func(x, y UserID) int { return slices.Compare(x[:], y[:]) })
	return all
}

func (q *query) in(a *Actor, list []token) int {
	name, used, ok := named(list, func(n string) bool { return len(q.roomsOf(a, n)) > 0 })
	if !ok {
		q.note("You can read no room called %q.", name)
		q.nothing = true
		return used
	}
	q.rooms = append(q.rooms, q.roomsOf(a, name)...)
	return used
}

// roomsOf finds the rooms of a name that the actor may read: that there are
// others must not show.
func (q *query) roomsOf(a *Actor, name string) []RoomID {
	folded := Fold(strings.TrimPrefix(strings.TrimSpace(name), "#"))
	var all []RoomID
	for id, room := range a.Roster.Rooms {
		if folded != "" && Fold(room.Name) == folded && room.State != RoomDeleted && q.may(room) {
			all = append(all, id)
		}
	}
	slices.SortFunc(all, func(x, y RoomID) int { return slices.Compare(x[:], y[:]) })
	return all
}

func (q *query) has(t token) {
	switch strings.ToLower(t.text) {
	case "file", "files", "attachment":
		q.HasFile = true
	case "link", "links", "url":
		q.HasLink = true
	default:
		q.note("%q is not something a message can have; known are has:file and has:link.", t.raw)
	}
}

func (q *query) when(a *Actor, t token) {
	start, end, ok := days(t.text, time.Now().In(a.zone()))
	if !ok {
		q.note("%q has no date; write it like 2018-03-25, 2018-03, 2018, today or yesterday.", t.raw)
		return
	}
	if t.key != "before" {
		from := TimeOf(start)
		if t.key == "after" {
			from = TimeOf(end)
		}
		q.From = max(q.From, from)
	}
	if t.key != "after" {
		until := TimeOf(end)
		if t.key == "before" {
			until = TimeOf(start)
		}
		if q.Until == 0 || until < q.Until {
			q.Until = until
		}
	}
}

// days reads a day, a month or a year: from when to when it is.
func days(text string, now time.Time) (start, end time.Time, ok bool) {
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch strings.ToLower(text) {
	case "today":
		return today, today.AddDate(0, 0, 1), true
	case "yesterday":
		return today.AddDate(0, 0, -1), today, true
	}
	for _, f := range []struct {
		layout       string
		y, months, d int
	}{{time.DateOnly, 0, 0, 1}, {"2006-01", 0, 1, 0}, {"2006", 1, 0, 0}} {
		if t, err := time.ParseInLocation(f.layout, text, now.Location()); err == nil {
			return t, t.AddDate(f.y, f.months, f.d), true
		}
	}
	return start, end, false
}
