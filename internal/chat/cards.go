package chat

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
	"unicode"
)

// LinkCard is what a page that a message links to says of itself. Found by
// A: message, B: room, Name: the address, hashed.
type LinkCard struct {
	Message MessageID `json:"message"`
	Room    RoomID    `json:"room"`
	URL     string    `json:"url"` // as in the message
	Title   string    `json:"title,omitempty"`
	Text    string    `json:"text,omitempty"`
	Site    string    `json:"site,omitempty"`
	Picture ContentID `json:"picture,omitzero"`
	At      Time      `json:"at,omitempty"`   // when the page was looked at
	Gone    bool      `json:"gone,omitempty"` // taken away: none is made again
}

func (c *LinkCard) Kind() Kind    { return KindLinkCard }
func (c *LinkCard) Key() Key      { return PairKey(Key(c.Message), Key{}, "card", c.URL) }
func (c *LinkCard) Deleted() bool { return c.Gone }
func (c *LinkCard) Index() Index {
	return Index{A: Key(c.Message), B: Key(c.Room), Name: cardName(c.URL)}
}

// cardName is what an address is found by: addresses may be longer than what
// the databases can index.
func cardName(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:16])
}

const (
	// MostCards is how many links of a message get a card.
	MostCards    = 3
	longestURL   = 2000      // bytes of a link that gets a card
	cardsLast    = 24 * Hour // after which a page is looked at again
	longestTitle = 200       // characters
	longestAbout = 400       // of what a page says it is about
	longestSite  = 80        // of its site's name
	cardsOfURL   = 20        // are looked through for one that is fresh
)

// Hour is an hour.
const Hour = Time(time.Hour / time.Microsecond)

// CardWanted reports whether a link may get a card.
func CardWanted(url string) bool {
	return len(url) <= longestURL && (strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://"))
}

// oneLine is what a stranger's page says, on one line, cut to a length, with
// nothing in it that turns the text around it.
func oneLine(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) && r != '\u200d' && r != '\u200c' || unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > most {
		s = strings.TrimSpace(string(runes[:most-1])) + "…"
	}
	return s
}

// MayFetch reports whether pages may be looked at for cards now: the place is
// in use, and it is not switched off.
func (s *Service) MayFetch(ctx context.Context) (ok bool, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		h, err := r.Head()
		if err != nil {
			return err
		}
		p, err := s.roster(r)
		ok = err == nil && h.State == Open && p.Setting(SettingLinkPreviews) == prefOn
		return err
	})
	return ok, err
}

// FreshCard returns what another card of an address said, not long ago; nil
// if there is none.
func (s *Service) FreshCard(ctx context.Context, url string) (fresh *LinkCard, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		list, err := List[LinkCard](r, Query{Index: Index{Name: cardName(url)}, Limit: cardsOfURL})
		for _, c := range list {
			if c.URL == url && c.At > TimeOf(time.Now())-cardsLast && (fresh == nil || c.At > fresh.At) {
				fresh = c
			}
		}
		return err
	})
	return fresh, err
}

// PutCard gives a link of a message a card, with the picture if there is one.
// Nothing happens if the message is gone or changed, or the card was taken
// away before. It reports whether there is something new.
func (s *Service) PutCard(ctx context.Context, c LinkCard, p *Picture) (fresh bool, err error) {
	c.Title, c.Text, c.Site = oneLine(c.Title, longestTitle), oneLine(c.Text, longestAbout), oneLine(c.Site, longestSite)
	if c.Title == "" && p == nil && c.Picture.IsZero() || !CardWanted(c.URL) {
		return false, nil
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		fresh = false
		if h, err := tx.Head(); err != nil || h.State != Open {
			return err
		}
		m, err := Get[Message](tx, c.Message)
		if IsKind(err, NotFound) || err == nil && (m.Gone || m.Room != c.Room) {
			return nil
		}
		if err != nil {
			return err
		}
		before, err := Get[LinkCard](tx, ID[LinkCard](c.Key()))
		if err == nil && (before.Gone || before.At >= c.At) {
			return nil
		}
		if err != nil && !IsKind(err, NotFound) {
			return err
		}
		own := c
		if p != nil {
			if own.Picture, err = PutPicture(tx, p); err != nil {
				return err
			}
		}
		fresh = true
		return tx.Put(&own)
	})
	return fresh, err
}

// RemoveCard takes the card of a link away, for good: its message's author
// may, and whoever may delete the message. Again does nothing.
func (s *Service) RemoveCard(ctx context.Context, a *Actor, id MessageID, card Key) (*Page, error) {
	return s.changed(ctx, a, id, func(tx Tx) error {
		m, _, member, err := living(tx, a, id)
		if err != nil {
			return err
		}
		if !a.Is(m.Author) && !a.Admin() && (member == nil || !member.Admin) {
			return Errorf(Denied, "only who wrote a message can take a preview away, or an administrator")
		}
		c, err := Get[LinkCard](tx, ID[LinkCard](card))
		if IsKind(err, NotFound) || err == nil && c.Message != id {
			return Errorf(NotFound, "there is no such preview")
		}
		if err != nil || c.Gone {
			return err
		}
		return tx.Put(c.end())
	})
}

// end is what is left of a card that was taken away.
func (c *LinkCard) end() *LinkCard {
	return &LinkCard{Message: c.Message, Room: c.Room, URL: c.URL, Gone: true}
}

// CardPicture returns the picture of a card, for those who may read the
// message. It fails with NotFound for everybody and everything else.
func (s *Service) CardPicture(ctx context.Context, a *Actor, id MessageID, card Key) (c *Content, err error) {
	none := func() error { return Errorf(NotFound, "there is no such picture") }
	err = s.Store.View(ctx, func(r Reader) error {
		m, _, _, err := message(r, a, id)
		if IsKind(err, NotFound) || err == nil && m.Gone {
			return none()
		}
		if err != nil {
			return err
		}
		lc, err := Get[LinkCard](r, ID[LinkCard](card))
		if IsKind(err, NotFound) || err == nil && (lc.Gone || lc.Message != id || lc.Picture.IsZero()) {
			return none()
		}
		if err != nil {
			return err
		}
		c, err = Get[Content](r, lc.Picture)
		if IsKind(err, NotFound) || err == nil && (c.Gone || c.Hash == "") {
			return none()
		}
		return err
	})
	return c, err
}

// cards reads the cards of messages, those written in Markdown: cards are made
// for no others.
func cards(r Reader, messages []*Message) (map[MessageID][]*LinkCard, error) {
	var keys []Key
	for _, m := range messages {
		if !m.Gone && m.Format == FormatMarkdown && strings.Contains(m.Text, "://") {
			keys = append(keys, Key(m.ID))
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	list, err := List[LinkCard](r, Query{In: keys})
	all := map[MessageID][]*LinkCard{}
	for _, c := range list {
		all[c.Message] = append(all[c.Message], c)
	}
	for _, of := range all {
		slices.SortFunc(of, func(x, y *LinkCard) int { return strings.Compare(x.URL, y.URL) })
	}
	return all, err
}
