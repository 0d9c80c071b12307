package hipchat

import (
	"strconv"
	"strings"
)

// cursor is where to go on.
type cursor struct {
	artefact string
	entry    int
	record   int
}

func (c cursor) String() string {
	return c.artefact + ":" + strconv.Itoa(c.entry) + ":" + strconv.Itoa(c.record)
}

// parseCursor reads a cursor of this artefact; all else is the start.
func parseCursor(s, artefact string) cursor {
	start := cursor{artefact: artefact}
	parts := strings.Split(s, ":")
	if len(parts) != 3 || parts[0] != artefact {
		return start
	}
	e, err1 := strconv.Atoi(parts[1])
	r, err2 := strconv.Atoi(parts[2])
	if err1 != nil || err2 != nil || e < 0 || r < 0 {
		return start
	}
	return cursor{artefact, e, r}
}
