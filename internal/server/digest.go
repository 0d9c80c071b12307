package server

import (
	"bytes"
	"fmt"
	"html/template"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/godwit-chat/godwit/internal/chat"
)

// missed is what a mail tells.
type missed struct {
	Place, Address, Stop string
	Missed               string // that they missed something, and how much
	Rooms                []missedRoom
	Words                *letterWords
}

type missedRoom struct {
	Name, URL string
	Lines     []missedLine
	More      int
}

type missedLine struct{ Author, At, Text, URL string }

const linesOfRoom = 5

var digestText = texttemplate.Must(texttemplate.New("text").Parse(`{{.Missed}}
{{range .Rooms}}
{{.Name}}
{{.URL}}
{{range .Lines}}  {{.At}}  {{.Author}}{{if .Text}}: {{.Text}}{{end}}
{{end}}{{if .More}}  {{$.Words.More .More}}
{{end}}{{end}}
--
{{.Words.Stop}}: {{.Stop}}
`))

var digestHTML = template.Must(template.New("html").Parse(`<!doctype html>
<html lang="{{.Words.Lang}}"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>{{.Place}}</title>
<body style="margin:0;padding:24px;font:15px/1.45 system-ui,sans-serif">
<div style="max-width:600px;margin:0 auto">
<p>{{.Missed}}</p>
{{range .Rooms}}<h2 style="font-size:16px;margin:24px 0 8px"><a href="{{.URL}}">{{.Name}}</a></h2>
{{range .Lines}}<p style="margin:0 0 8px"><a href="{{.URL}}" style="text-decoration:none">{{.At}}</a> <b>{{.Author}}</b>{{if .Text}}<br>{{.Text}}{{end}}</p>
{{end}}{{if .More}}<p style="margin:0 0 8px">{{$.Words.More .More}}</p>
{{end}}{{end}}<p style="margin-top:32px;font-size:13px;color:#777">{{.Words.Why}} <a href="{{.Stop}}">{{.Words.Stop}}</a></p>
</div></body></html>
`))

// digest makes the mail of what somebody missed.
func (s *Server) digest(p *chat.Roster, to *chat.User, chosen chat.Chosen, list []*chat.Message) (*gomail.Msg, error) {
	m, err := s.letter(p, to)
	if err != nil {
		return nil, err
	}
	token, err := s.Service.UnsubscribeToken(to.ID)
	if err != nil {
		return nil, err
	}
	base := s.publicText()
	words, place := lettersFor(chosen), s.place(p)
	count := words.messages(len(list))
	d := missed{Place: place, Address: base, Stop: base + "/unsubscribe/" + token, Missed: fmt.Sprintf(words.missed, to.Name, count, place), Rooms: s.missedRooms(p, to, chosen, list), Words: words}
	var text, html bytes.Buffer
	if err := digestText.Execute(&text, d); err != nil {
		return nil, fmt.Errorf("write a mail: %w", err)
	}
	if err := digestHTML.Execute(&html, d); err != nil {
		return nil, fmt.Errorf("write a mail: %w", err)
	}
	m.Subject(fmt.Sprintf(words.subject, count, place))
	m.SetBodyString(gomail.TypeTextPlain, text.String())
	m.AddAlternativeString(gomail.TypeTextHTML, html.String())
	stop := base + "/api/v1/unsubscribe/" + token
	if strings.HasPrefix(base, "https://") {
		if err := m.SetListUnsubscribeOneClick(stop); err != nil {
			return nil, fmt.Errorf("write a mail: %w", err)
		}
	} else if base != "" {
		m.SetListUnsubscribe(stop)
	}
	// Mail programs show the mails to one person as one conversation a month.
	thread := fmt.Sprintf("<missed.%s.%s@%s>", to.ID, time.Now().UTC().Format("2006-01"), s.mailHost())
	m.SetGenHeader("In-Reply-To", thread)
	m.SetGenHeader("References", thread)
	m.SetGenHeader("List-Id", fmt.Sprintf("<missed.%s>", s.mailHost()))
	return m, nil
}

// missedRooms gathers messages by room, the room with the oldest first.
func (s *Server) missedRooms(p *chat.Roster, to *chat.User, chosen chat.Chosen, list []*chat.Message) []missedRoom {
	slices.SortFunc(list, func(a, b *chat.Message) int {
		if a.Sent != b.Sent {
			return int(min(max(a.Sent-b.Sent, -1), 1))
		}
		return slices.Compare(a.ID[:], b.ID[:])
	})
	zone, base, words := chat.ZoneOf(to), s.publicText(), lettersFor(chosen)
	var rooms []missedRoom
	at := map[chat.RoomID]int{}
	for _, m := range list {
		i, ok := at[m.Room]
		if !ok {
			i = len(rooms)
			at[m.Room] = i
			rooms = append(rooms, missedRoom{Name: roomTitle(p, m, words), URL: base + "/room/" + m.Room.String()})
		}
		if len(rooms[i].Lines) == linesOfRoom {
			rooms[i].More++
			continue
		}
		line := missedLine{Author: authorOf(p, m, words), At: m.Sent.Std().In(zone).Format("15:04"), URL: base + "/room/" + m.Room.String() + "/" + m.ID.String()}
		if chosen.On(chat.PrefPreview) {
			line.Text = textOf(m)
		}
		rooms[i].Lines = append(rooms[i].Lines, line)
	}
	return rooms
}

// roomTitle is what a room is called in a mail: a 1-1 is called by who wrote.
func roomTitle(p *chat.Roster, m *chat.Message, words *letterWords) string {
	if room := p.Rooms[m.Room]; room != nil && room.Name != "" {
		return room.Name
	}
	return authorOf(p, m, words)
}
