package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/godwit-chat/godwit/internal/chat"
)

// pairCmd shows how the place stands in its move.
type pairCmd struct {
	place `embed:""`
}

// Run prints it in plain words.
func (c *pairCmd) Run(ctx context.Context, a *app) error {
	out, err := c.order(ctx, "pair", order{})
	if err != nil {
		return err
	}
	return a.result(out.Pair, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, strings.Join(out.Pair.Words, "\n"))
		return err
	})
}

// openCmd is the operator's word that the other place is gone for good.
type openCmd struct {
	place        `embed:""`
	SourceIsGone bool
	TargetIsGone bool
	Yes          bool
}

// Run opens the place, after it has said what may be lost.
func (c *openCmd) Run(ctx context.Context, a *app) error {
	if c.SourceIsGone == c.TargetIsGone {
		return chat.Errorf(chat.Invalid, "say which place is gone: --source-is-gone at the target, or --target-is-gone at the source")
	}
	out, err := c.order(ctx, "pair", order{})
	if err != nil {
		return err
	}
	p := out.Pair
	switch {
	case p.Move == "":
		return chat.Errorf(chat.Conflict, "this place is in no move: nothing keeps it from being written to")
	case p.Source == c.SourceIsGone:
		return chat.Errorf(chat.Conflict, "this place is the %s of the move %s, and it is there", map[bool]string{true: "source", false: "target"}[p.Source], p.Move).
			WithHint("at the source, the target may be gone, and at the target, the source")
	}
	if !c.Yes {
		fmt.Fprintf(a.err, "%s\n\n%s\n\nType the name of the move to go on (%s): ", strings.Join(p.Words, "\n"), strings.Join(p.Losses, "\n"), p.Move)
		line, _ := bufio.NewReader(a.in).ReadString('\n') //nolint:errcheck // what did not come does not agree
		if strings.TrimSpace(line) != p.Move {
			return chat.Errorf(chat.Invalid, "nothing was changed").WithHint("type the name of the move, or say --yes")
		}
	}
	why := "target is gone"
	if c.SourceIsGone {
		why = "source is gone"
	}
	out, err = c.order(ctx, "overrule", order{Name: p.Move, Why: why})
	if err != nil {
		return err
	}
	return a.result(out.Pair, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s\n%s\n", strings.Join(out.Pair.Words, "\n"), strings.Join(p.Losses, "\n"))
		return err
	})
}

// stands is how a place stands in its move.
type stands struct {
	Move    string     `json:"move,omitempty"`
	Source  bool       `json:"source"` // it had the history when the move began
	State   chat.State `json:"state"`
	Turn    chat.Turn  `json:"turn"`
	Mine    bool       `json:"mine"`
	Over    bool       `json:"over"`
	Unmet   bool       `json:"unmet"`
	Peer    string     `json:"peer,omitempty"`
	Reached string     `json:"reached,omitempty"`
	Note    string     `json:"note,omitempty"`
	Words   []string   `json:"words"`
	Losses  []string   `json:"losses,omitempty"` // if the other place is given up
}

func (o *office) pair(ctx context.Context, _ order) (outcome, error) {
	st, err := o.service.Store.Standing(ctx)
	return outcome{Pair: standsOf(&st)}, err
}

func (o *office) overrule(ctx context.Context, in order) (outcome, error) {
	h := chat.Handover{Store: o.service.Store, Sealer: o.service.Sealer}
	st, err := h.Overrule(ctx, in.Name, in.Why)
	if err != nil {
		return outcome{}, err
	}
	return outcome{Pair: standsOf(&st)}, nil
}

func standsOf(st *chat.Standing) *stands {
	p := &st.Pair
	s := &stands{Move: p.Move, Source: p.Even, State: st.State, Turn: p.Turn, Mine: p.Mine(), Over: p.Over, Unmet: p.Unmet, Peer: p.Peer, Reached: st.Reached, Note: p.Note}
	if p.Move == "" {
		s.Mine = true
		s.Words = []string{fmt.Sprintf("This place is in no move. It is %s.", st.State)}
		return s
	}
	role, other := "source", "target"
	if !p.Even {
		role, other = other, role
	}
	peer := p.Peer
	if peer == "" {
		peer = "an address that this place does not know"
	}
	s.Words = append(s.Words, fmt.Sprintf("This place is the %s of the move %s. The %s is at %s.", role, p.Move, other, peer), s.now(st, other))
	if p.Doubled {
		s.Words = append(s.Words, "Another copy of this place was started after it, and goes on instead of it. End one of the two.")
	}
	if p.Note != "" {
		s.Words = append(s.Words, "An operator has said: "+p.Note+".")
	}
	s.Losses = s.lost(st, other)
	return s
}

// now says what the place does, and what happens next.
func (s *stands) now(st *chat.Standing, other string) string {
	p := &st.Pair
	switch {
	case st.State == chat.Open && p.Over:
		return fmt.Sprintf("People write here. The move is over (turn %d).", p.Turn)
	case st.State == chat.Open:
		return fmt.Sprintf("People write here: it has turn %d.", p.Turn)
	case st.State == chat.Frozen && st.Lease == chat.Unasked:
		return fmt.Sprintf("People wait. This place was started within the move, with turn %d, and does not go on before the %s, or a mover that reaches both, has answered whether the turn is still its own.", p.Turn, other)
	case st.State == chat.Frozen && st.Lease == 0:
		return "People wait, until a mover lets them go on."
	case st.State == chat.Frozen:
		return fmt.Sprintf("People wait until %s UTC at the latest: the move is being cut over.", st.Lease.Std().UTC().Format("15:04:05"))
	case st.State == chat.Retired:
		return fmt.Sprintf("It has moved for good (turn %d): whoever comes here is passed on to the %s.", p.Turn, other)
	case st.State == chat.Standby && p.Theirs < p.Turn:
		return fmt.Sprintf("It has given turn %d to the %s, which has not said yet that it is open. Nobody writes here.", p.Turn, other)
	case st.State == chat.Standby:
		return fmt.Sprintf("It stands by: people write at the %s, which has turn %d, and whoever comes here is passed on.", other, p.Turn)
	}
	return fmt.Sprintf("It receives what the %s has, and nobody writes here (turn %d).", other, p.Turn)
}

// lost says what is lost if the other place is given up.
func (s *stands) lost(st *chat.Standing, other string) []string {
	p := &st.Pair
	list := []string{fmt.Sprintf("If the %s is given up, this place takes the turn without it. Should the %s ever come back, it gives way.", other, other)}
	switch c := p.Came; {
	case p.Mine():
		list = append(list, fmt.Sprintf("As far as this place knows, nothing is lost. If its database is an old copy, all that was written since is lost, here and at the %s.", other))
	case c != nil && c.From == st.LogID:
		list = append(list, fmt.Sprintf("Lost is what people wrote at the %s since %s UTC and has not come back here. It has come back up to %s.", other, c.At.Std().UTC().Format("2006-01-02 15:04:05"), reachedText(st)))
	default:
		list = append(list, fmt.Sprintf("Lost is what people wrote at the %s and has not come here. It has come up to %s.", other, reachedText(st)))
	}
	return list
}

func reachedText(st *chat.Standing) string {
	c, err := chat.ParseCursor(st.Reached)
	if err != nil || st.Reached == "" {
		return "nothing at all"
	}
	return fmt.Sprintf("position %d of its log", c.Pos)
}
