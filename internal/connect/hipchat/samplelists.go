package hipchat

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

func (g *sampler) writeLists(context.Context) error {
	users := []byte("[")
	for i := range g.users {
		users = append(users, g.userRecord(i)...)
		users = append(users, ',')
	}
	rooms := []byte("[")
	for _, r := range g.rooms {
		rooms = append(rooms, g.roomRecord(r)...)
		rooms = append(rooms, ',')
	}
	if g.o.Traps {
		users = append(users, trapUsers()...)
		rooms = append(rooms, trapRooms()...)
	}
	for _, f := range []struct {
		name string
		data []byte
	}{
		{"users.json", endArray(users)},
		{"rooms.json", endArray(rooms)},
		{"emoticons.json", g.emoticonList()},
		{"metadata.json", []byte(`{"version":"2.2.9"}`)},
	} {
		if err := g.out.add(f.name, f.data); err != nil {
			return err
		}
	}
	if g.o.Flavour == "C" {
		return g.writeSettings()
	}
	return nil
}

func endArray(b []byte) []byte {
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	return append(b, ']')
}

func record1(kind string, fields map[string]any) []byte {
	b, err := json.Marshal(map[string]any{kind: fields})
	if err != nil {
		panic(err) // strings and numbers
	}
	return b
}

func (g *sampler) userRecord(i int) []byte {
	u := g.users[i]
	f := map[string]any{
		"account_type": u.role, "created": sampleEpoch.AddDate(0, 0, i%900).Format("2006-01-02T15:04:05+00:00"),
		"email": u.email, "id": u.id, "is_deleted": u.off, "mention_name": u.mention, "name": u.name,
		"roles": []string{u.role}, "rooms": []int{}, "timezone": u.zone, "title": u.title, "avatar": nil,
	}
	if u.email == "" {
		f["email"] = nil
	}
	if g.o.Flavour == "C" {
		f["avatar"] = ""
	}
	switch {
	case u.avatar == 0:
	case g.o.Flavour == "C":
		f["avatar"] = fmt.Sprintf("users/avatars/%d/photo.png", u.id)
	default:
		s := base64.StdEncoding.EncodeToString(asPNG(portrait(u.avatar)))
		if i%2 == 1 { // some servers break the lines
			s = s[:76] + "\n" + s[76:]
		}
		f["avatar"] = s
	}
	return record1("User", f)
}

func (g *sampler) roomRecord(r *talk) []byte {
	f := map[string]any{
		"created": r.start.Format("2006-01-02T15:04:05+00:00"), "guest_access_url": nil, "id": r.id,
		"is_archived": r.archived, "members": []int{}, "name": r.name, "owner": g.users[r.people[0]].id,
		"participants": []int{}, "privacy": "public", "room_admins": []int{}, "topic": r.topic,
	}
	if r.private {
		f["privacy"] = "private"
		ids := []int{}
		for _, p := range r.people {
			ids = append(ids, g.users[p].id)
		}
		f["members"], f["room_admins"] = ids, ids[:1]
	}
	if r.id%11 == 3 {
		f["guest_access_url"] = fmt.Sprintf("https://chat.example.org/g%08x", uint32(r.seed))
	}
	if g.o.Flavour == "C" {
		f["canonical_name"] = slug(r.name)
		f["is_deleted"] = r.deleted
	}
	return record1("Room", f)
}

func sampleShortcuts() []string {
	return []string{"godwit", "shipit", "thumbsup", "partyparrot", "facepalm", "ohai", "lgtm", "wat", "coffee", "megusta"}
}

func (g *sampler) emoticonFile(i int) (name, path string, data []byte) {
	name = sampleShortcuts()[i] + ".png"
	data = asPNG(face(i))
	path = "emoticons/" + name
	if g.o.Flavour == "C" {
		name = fmt.Sprintf("%d/%s", i+1, name)
		path = "files/img/emoticons/" + name
	}
	return name, path, data
}

func (g *sampler) emoticonList() []byte {
	list := []byte("[")
	if g.o.Flavour == "C" {
		list = []byte(`{"Emoticons":[`)
	}
	for i, s := range sampleShortcuts() {
		name, path, _ := g.emoticonFile(i)
		if g.o.Flavour == "C" {
			list = fmt.Appendf(list, `{"id":%d,"path":"%s","shortcut":"%s"},`, i+1, name, s)
		} else {
			list = fmt.Appendf(list, `{"Emoticon":{"id":%d,"path":"%s","shortcut":"%s"}},`, i+1, path, s)
		}
	}
	if g.o.Traps && g.o.Flavour == "B" {
		list = append(list, trapEmoticons()...)
	}
	list = endArray(list)
	if g.o.Flavour == "C" {
		list = append(list, '}')
	}
	return list
}

func (g *sampler) writePictures(context.Context) error {
	for i := range sampleShortcuts() {
		_, path, data := g.emoticonFile(i)
		if err := g.out.add(path, data); err != nil {
			return err
		}
	}
	if g.o.Flavour != "C" {
		return nil
	}
	for _, u := range g.users {
		if u.avatar > 0 {
			if err := g.out.add(fmt.Sprintf("users/%d/avatars/photo.png", u.id), asPNG(portrait(u.avatar))); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeSettings writes preferences and auto-joins as the server keeps them.
func (g *sampler) writeSettings() error {
	for i, u := range g.users {
		if u.off || u.role == "guest" {
			continue
		}
		prefs := fmt.Sprintf(`{"chatView":"%s","density":"normal","nameDisplay":"names","theme":"%s","notifications":{"sound":true}}`,
			[]string{"classic", "left"}[i%2], []string{"light", "dark"}[i/2%2])
		if err := g.out.add(fmt.Sprintf("users/%d/autojoin.json", u.id), g.autojoins(i)); err != nil {
			return err
		}
		if err := g.out.add(fmt.Sprintf("users/%d/preferences.json", u.id), []byte(prefs)); err != nil {
			return err
		}
	}
	return nil
}

// autojoins lists what a user opens at start: rooms that are open or that they
// are in, and the 1-1 that they write most in.
func (g *sampler) autojoins(user int) []byte {
	var joins []string
	taken := map[int]bool{}
	for k := range 8 {
		r := g.rooms[int(mix(g.o.Seed, uint64(5e6+user*8+k))%uint64(min(len(g.rooms), 60)))]
		if taken[r.id] || len(joins) == 4 || r.private && !slices.Contains(r.people, user) {
			continue
		}
		taken[r.id] = true
		joins = append(joins, fmt.Sprintf(`{"jid":"1_%s@conf.btf.hipchat.com","name":"%s"}`, slug(r.name), r.name))
	}
	if len(g.ofUser[user]) > 0 {
		t := g.ofUser[user][0]
		other := g.users[t.people[0]+t.people[1]-user]
		joins = slices.Insert(joins, min(1, len(joins)), fmt.Sprintf(`{"jid":"1_%d@chat.btf.hipchat.com","name":"%s"}`, other.id, other.name))
	}
	return []byte("[" + strings.Join(joins, ",") + "]")
}
