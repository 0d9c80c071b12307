package server

import (
	"context"
	"mime"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
	"github.com/godwit-chat/godwit/internal/markup"
)

const (
	cardWorkers   = 3
	cardsWaiting  = 200 // messages; when there are more, the next get no cards
	mostPage      = 1 << 20
	pageTime      = 8 * time.Second
	cardPicture   = 480 // px
	acceptPage    = "text/html, application/xhtml+xml, image/*;q=0.5"
	acceptPicture = "image/jpeg, image/png, image/webp, image/gif"
)

var cardUse = pictureUse{side: cardPicture}

// cardCalls are the calls about previews of links, and the files of a room.
func (s *Server) cardCalls() map[string]call {
	return map[string]call{
		"GET messages/{id}/cards/{card}":    s.card,
		"DELETE messages/{id}/cards/{card}": s.removeCard,
		"GET rooms/{id}/files":              s.roomFiles,
	}
}

// askCards has the links of a message looked at, behind the answer. What is
// not done when the server ends is not done.
func (s *Server) askCards(m *chat.Message) {
	if m.Gone || m.Format != chat.FormatMarkdown || !strings.Contains(m.Text, "://") {
		return
	}
	select {
	case s.links <- m:
	default:
	}
}

// makeCards looks at the links of messages until ctx ends.
func (s *Server) makeCards(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for range cardWorkers {
		g.Go(func() error {
			for {
				select {
				case <-ctx.Done():
					return nil
				case m := <-s.links:
					if err := s.cardsFor(ctx, m); err != nil && ctx.Err() == nil {
						s.Log.Debug("make a preview of a link", "err", err)
					}
				}
			}
		})
	}
	return g.Wait()
}

// linksOf lists the links of a message that may get cards, as they are drawn.
func linksOf(tree []markup.Node) (list []string) {
	for _, n := range tree {
		if n.Type == "link" && chat.CardWanted(n.URL) && !slices.Contains(list, n.URL) {
			list = append(list, n.URL)
		}
		for _, u := range linksOf(n.Children) {
			if !slices.Contains(list, u) {
				list = append(list, u)
			}
		}
	}
	return list[:min(len(list), chat.MostCards)]
}

func (s *Server) cardsFor(ctx context.Context, m *chat.Message) error {
	if !s.gate.open(ctx) {
		return nil
	}
	may, err := s.Service.MayFetch(ctx)
	if err != nil || !may {
		return err
	}
	for _, link := range linksOf(markup.Tree(m.Format, m.Text, markup.Options{})) {
		c, p, err := s.cardOf(ctx, link)
		if err != nil {
			s.Log.Debug("look at a link", "err", err)
			continue
		}
		c.Message, c.Room, c.URL = m.ID, m.Room, link
		if _, err := s.Service.PutCard(ctx, c, p); err != nil {
			return err
		}
	}
	return nil
}

// cardOf finds out what a page says of itself.
func (s *Server) cardOf(ctx context.Context, link string) (c chat.LinkCard, p *chat.Picture, err error) {
	u, err := url.Parse(link)
	if err != nil {
		return c, nil, err
	}
	if own := s.public(); own != nil && strings.EqualFold(u.Host, own.Host) {
		return c, nil, nil // our own pages show nothing to who is not signed in
	}
	known, err := s.Service.FreshCard(ctx, link)
	if err != nil {
		return c, nil, err
	}
	if known != nil {
		return *known, nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*pageTime)
	defer cancel()
	page, err := s.outward.fetch(ctx, link, acceptPage, mostPage, pageTime)
	if err != nil {
		return c, nil, err
	}
	c.At = chat.TimeOf(time.Now())
	typ, _, _ := mime.ParseMediaType(page.typ)
	var picture []byte
	switch {
	case strings.HasPrefix(typ, "image/"):
		if picture = page.data; page.more {
			picture = s.pictureAt(ctx, link)
		}
		c.Site = u.Hostname()
	case typ == "text/html" || typ == "application/xhtml+xml":
		head := readHead(page.data, page.typ)
		c.Title, c.Text, c.Site = head.title, head.text, head.site
		if c.Site == "" {
			c.Site = strings.TrimPrefix(page.url.Hostname(), "www.")
		}
		if at := head.pictureOf(page.url); at != "" {
			picture = s.pictureAt(ctx, at)
		}
	}
	if picture == nil {
		return c, nil, nil
	}
	// A page with a picture that cannot be used is a page without one.
	p, _ = s.keepPicture(ctx, picture, cardUse)
	return c, p, ctx.Err()
}

func (s *Server) pictureAt(ctx context.Context, address string) []byte {
	f, err := s.outward.fetch(ctx, address, acceptPicture, chat.MostPicture, pageTime)
	if err != nil || f.more {
		return nil
	}
	return f.data
}

// cardsOf draws the cards of a message, in the order of its links.
func cardsOf(tree []markup.Node, list []*chat.LinkCard) (out []api.Card) {
	if len(list) == 0 {
		return nil
	}
	for _, link := range linksOf(tree) {
		i := slices.IndexFunc(list, func(c *chat.LinkCard) bool { return c.URL == link && !c.Gone })
		if i < 0 {
			continue
		}
		c := list[i]
		card := api.Card{ID: c.Key().String(), URL: c.URL, Title: c.Title, Text: c.Text, Site: c.Site}
		if !c.Picture.IsZero() {
			card.Picture = "/api/v1/messages/" + c.Message.String() + "/cards/" + card.ID
		}
		out = append(out, card)
	}
	return out
}

func cardID(r *request) (m chat.MessageID, card chat.Key, err error) {
	if m, err = id[chat.Message](r); err != nil {
		return m, card, err
	}
	if card, err = chat.ParseKey(r.PathValue("card")); err != nil {
		return m, card, chat.Errorf(chat.NotFound, "there is no such thing")
	}
	return m, card, nil
}

// card sends the picture of a card: from here, so that who reads a message
// tells nobody else that they do.
func (s *Server) card(r *request) (any, error) {
	m, card, err := cardID(r)
	if err != nil {
		return nil, err
	}
	c, err := s.Service.CardPicture(r.Context(), r.actor, m, card)
	if err != nil {
		return nil, err
	}
	f, err := s.Files.Open(c.Hash)
	if err != nil {
		return nil, gone(err, "this picture")
	}
	defer f.Close() //nolint:errcheck // only read
	return nil, r.serveBytes(f, c.Hash, "", aWhile)
}

func (s *Server) removeCard(r *request) (any, error) {
	m, card, err := cardID(r)
	if err != nil {
		return nil, err
	}
	return one(s.Service.RemoveCard(r.Context(), r.actor, m, card))
}
