package hipchat

import "strings"

// role is what a file of an export is for.
type role int

const (
	roleUnknown role = iota
	roleUsers
	roleRooms
	roleEmoticons
	roleMetadata
	roleRoomHistory // id is the room
	roleUserHistory // id is the user
	rolePreferences // id is the user, or empty for everybody's
	roleAutojoins   // likewise
	roleAttachment
	roleAvatar // id is the user
	rolePicture
)

// classify says what the file of a path is for. Only whole paths count: an
// attachment may be called history.json.
func classify(p string) (r role, id string) {
	parts := strings.Split(p, "/")
	if len(parts) == 1 {
		switch p {
		case "users.json":
			return roleUsers, ""
		case "rooms.json":
			return roleRooms, ""
		case "emoticons.json":
			return roleEmoticons, ""
		case "metadata.json":
			return roleMetadata, ""
		}
		return classifySettings(p), ""
	}
	switch {
	case parts[0] == "emoticons", len(parts) > 3 && parts[0] == "files" && parts[1] == "img" && parts[2] == "emoticons":
		return rolePicture, ""
	case parts[0] == "users" && parts[1] == "files" && len(parts) > 2:
		return roleAttachment, ""
	case parts[0] != "users" && parts[0] != "rooms", len(parts) < 3:
		return roleUnknown, ""
	case len(parts) > 3 && parts[2] == "files":
		return roleAttachment, parts[1]
	case parts[0] == "users" && len(parts) == 4 && parts[2] == "avatars":
		return roleAvatar, parts[1]
	case len(parts) == 3 && parts[2] == "history.json" && parts[0] == "rooms":
		return roleRoomHistory, parts[1]
	case len(parts) == 3 && parts[2] == "history.json":
		return roleUserHistory, parts[1]
	case len(parts) == 3 && parts[0] == "users":
		return classifySettings(parts[2]), parts[1]
	}
	return roleUnknown, ""
}

// classifySettings knows the names under which the migration tool may keep
// auto-joins and preferences; no document says which.
func classifySettings(base string) role {
	name, isJSON := strings.CutSuffix(strings.ToLower(base), ".json")
	if !isJSON {
		return roleUnknown
	}
	switch strings.NewReplacer("_", "", "-", "").Replace(name) {
	case "autojoin", "autojoins":
		return roleAutojoins
	case "preference", "preferences", "prefs":
		return rolePreferences
	}
	return roleUnknown
}
