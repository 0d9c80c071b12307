package server

import (
	"fmt"

	"github.com/godwit-chat/godwit/internal/chat"
)

// letterWords are what mails and pushes say, in one language.
type letterWords struct {
	Lang      string // for the mail
	one, many string // how many messages
	subject   string // how many, place
	missed    string // name, how many, place
	more      string // how many
	Why       string
	Stop      string
	somebody  string

	testSubject, testText string // place
}

var lettersOf = map[string]*letterWords{
	"en": {
		Lang: "en", one: "1 message", many: "%d messages",
		subject: "%[1]s for you in %[2]s", missed: "%[1]s, you missed %[2]s in %[3]s.", more: "and %d more",
		Why: "You get this because you were away for a while.", Stop: "Stop these mails", somebody: "Somebody",
		testSubject: "Test from %s", testText: "This mail was sent to see whether the mail server of %s works. It does.\n",
	},
	"de": {
		Lang: "de", one: "1 Nachricht", many: "%d Nachrichten",
		subject: "%[1]s für dich in %[2]s", missed: "%[1]s, du hast in %[3]s %[2]s verpasst.", more: "und %d weitere",
		Why: "Du bekommst das, weil du eine Weile weg warst.", Stop: "Diese Mails abbestellen", somebody: "Jemand",
		testSubject: "Test von %s", testText: "Diese Mail zeigt, ob der Mailserver von %s funktioniert. Er tut es.\n",
	},
}

// lettersFor returns the words for somebody: in the language that they chose,
// and in English if they chose none or one that has no words here.
func lettersFor(c chat.Chosen) *letterWords {
	if w := lettersOf[c[chat.PrefLanguage]]; w != nil {
		return w
	}
	return lettersOf["en"]
}

func (w *letterWords) messages(n int) string {
	if n == 1 {
		return w.one
	}
	return fmt.Sprintf(w.many, n)
}

// More says how many more there are.
func (w *letterWords) More(n int) string { return fmt.Sprintf(w.more, n) }
