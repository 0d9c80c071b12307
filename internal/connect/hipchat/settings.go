package hipchat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/connect"
)

// The migration tool exports what people have set and which rooms they open
// at start. No document says in which form: these are the forms in which the
// server itself keeps them. Whatever has another one is listed, not lost.

type wireJoin struct {
	JID  string `json:"jid"`
	Name string `json:"name"`
}

func skipNote(kind chat.Kind, where, reason string, raw []byte) connect.Item {
	n := quarantine(kind, where, reason, raw)
	n.Kind = chat.NoteSkip
	return connect.Item{Note: n}
}

// byUser reads a file that is one user's, or an object by user.
func byUser(f file, raw []byte) (map[nativeID]jsontext.Value, error) {
	if f.id != "" {
		return map[nativeID]jsontext.Value{f.id: raw}, nil
	}
	var all map[string]jsontext.Value
	err := decode(raw, &all)
	out := map[nativeID]jsontext.Value{}
	for k, v := range all {
		out[nativeID(k[strings.LastIndexByte(k, ':')+1:])] = v // as in "pref:autoJoin:11"
	}
	return out, err
}

func sortedIDs[V any](m map[nativeID]V) []nativeID {
	ids := make([]nativeID, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, compareIDs)
	return ids
}

// autojoins makes people members of the open rooms that they open at start,
// and gives them the 1-1s among them.
func (p *people) autojoins(f file, raw []byte) (items []connect.Item) {
	all, err := byUser(f, raw)
	if err != nil {
		return []connect.Item{skipNote(chat.KindMember, f.path, "the auto-joins are in a form that is not known: "+explain(err), raw)}
	}
	for _, id := range sortedIDs(all) {
		where := fmt.Sprintf("%s, user %s", f.path, id)
		v := all[id]
		if text := strings.TrimSpace(string(v)); text == "None" || text == "null" || text == `"None"` {
			continue
		}
		var list []wireJoin
		if err := decode(v, &list); err != nil {
			items = append(items, skipNote(chat.KindMember, where, "the auto-joins are in a form that is not known: "+explain(err), v))
			continue
		}
		if p.users[id] == nil {
			items = append(items, skipNote(chat.KindMember, where, "the user is not in users.json", v))
			continue
		}
		if _, early := p.joins[id]; !early && len(list) > 1 {
			// Members may have been given already; a second state of one would
			// be a change with every reading.
			items = append(items, connect.Item{Note: &chat.Note{Kind: chat.NoteLoss, Object: chat.KindMember, Where: where, Reason: "the auto-joins stand behind the histories: their order in the sidebar is not carried"}})
		}
		for _, j := range list {
			items = append(items, p.autojoin(id, j, where)...)
		}
	}
	return items
}

// joined finds what an auto-join names: a room, or a person. Both are nil if
// it is neither, or more than one room.
func (p *people) joined(j wireJoin) (r *room, other *chat.User, id nativeID) {
	local, host, _ := strings.Cut(j.JID, "@")
	_, name, _ := strings.Cut(local, "_")
	if strings.HasPrefix(host, "chat.") {
		return nil, p.users[nativeID(name)], nativeID(name)
	}
	return p.bySlug[name], nil, ""
}

// arrange numbers what people have in their sidebars, when people and rooms
// are known.
func (p *people) arrange() {
	for user, list := range p.joins {
		for i, j := range list {
			var at chat.RoomID
			switch r, other, id := p.joined(j); {
			case r != nil:
				at = r.id
			case other != nil:
				at = p.directID(pair(user, id))
			default:
				continue
			}
			if _, there := p.sidebar[place{at, user}]; !there {
				p.sidebar[place{at, user}] = i + 1
			}
		}
		p.joins[user] = nil // only who is in it is asked from now on
	}
}

// remember keeps a file of auto-joins until people and rooms are known. What
// is wrong with it is said when it is read.
func (p *people) remember(f file, raw []byte) {
	all, err := byUser(f, raw)
	if err != nil {
		return
	}
	for id, v := range all {
		var list []wireJoin
		if _, there := p.joins[id]; !there && decode(v, &list) == nil {
			p.joins[id] = list
		}
	}
}

func (p *people) autojoin(user nativeID, j wireJoin, where string) []connect.Item {
	r, other, id := p.joined(j)
	switch {
	case other != nil:
		return p.direct(pair(user, id))
	case id != "":
		return []connect.Item{skipNote(chat.KindMember, where, "the auto-join names nobody who is known", []byte(j.JID))}
	case r == nil:
		return []connect.Item{skipNote(chat.KindMember, where, "the auto-join names no room that is known, or more than one", []byte(j.JID))}
	case r.members[user]:
		return nil // rooms.json says so
	case r.private:
		return []connect.Item{skipNote(chat.KindMember, where, "the auto-join names a private room that the user is not in", []byte(j.JID))}
	}
	return []connect.Item{{Incoming: chat.Incoming{Object: p.member(r.id, user)}}}
}

func (p *people) member(r chat.RoomID, user nativeID) *chat.Member {
	return &chat.Member{Room: r, User: p.userID(user), Order: p.sidebar[place{r, user}]}
}

// direct makes the room of a 1-1 and the two who are in it.
func (p *people) direct(who [2]nativeID) []connect.Item {
	id := p.directID(who)
	items := []connect.Item{
		{Incoming: chat.Incoming{Object: &chat.Room{ID: id, Type: chat.RoomDirect}}},
		{Incoming: chat.Incoming{Object: p.member(id, who[0])}},
	}
	if who[0] != who[1] {
		items = append(items, connect.Item{Incoming: chat.Incoming{Object: p.member(id, who[1])}})
	}
	return items
}

// preferences reads what people have set.
func (p *people) preferences(f file, raw []byte) (items []connect.Item) {
	all, err := byUser(f, raw)
	if err != nil {
		return []connect.Item{skipNote(chat.KindPreferences, f.path, "the preferences are in a form that is not known: "+explain(err), raw)}
	}
	for _, id := range sortedIDs(all) {
		where := fmt.Sprintf("%s, user %s", f.path, id)
		values := map[string]string{}
		if err := flatten(values, "", all[id]); err != nil {
			items = append(items, skipNote(chat.KindPreferences, where, "the preferences are in a form that is not known: "+explain(err), all[id]))
			continue
		}
		if p.users[id] == nil {
			items = append(items, skipNote(chat.KindPreferences, where, "the user is not in users.json", all[id]))
			continue
		}
		items = append(items, connect.Item{Incoming: chat.Incoming{Object: &chat.Preferences{User: p.users[id].ID, Values: values}}})
	}
	return items
}

// flatten puts the members of an object into values, those of inner objects
// under "outer.inner".
func flatten(values map[string]string, prefix string, v jsontext.Value) error {
	var o map[string]jsontext.Value
	if err := decode(v, &o); err != nil {
		return err
	}
	for k, inner := range o {
		k = strings.ReplaceAll(prefix+k, "\x00", "")
		switch inner.Kind() {
		case '{':
			if err := flatten(values, k+".", inner); err != nil {
				return err
			}
		case '"':
			var s string
			if err := decode(inner, &s); err != nil {
				return err
			}
			values[k] = strings.ReplaceAll(s, "\x00", "")
		default:
			inner = inner.Clone()
			if err := inner.Compact(); err != nil {
				return err
			}
			values[k] = string(inner)
		}
	}
	return nil
}
