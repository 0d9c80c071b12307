package server

import (
	"context"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	meetEvery   = 2 * time.Second  // the other place is asked, while the pair is not over
	meetFor     = 5 * time.Second  // that it has to answer
	meetSilence = 10 * time.Minute // between two lines that it does not
)

// Wake is for before the server answers anybody. Within a move the place does
// nothing with its turn before it has met the other one: it may have been
// started from an old copy.
func (s *Server) Wake(ctx context.Context) error {
	if s.Handover == nil {
		return nil
	}
	st, err := s.Handover.Wake(ctx)
	if err == nil && st.Pair.Unmet {
		s.Log.Warn("started within a move: people wait until the other place says whose turn it is",
			"move", st.Pair.Move, "state", st.State, "turn", st.Pair.Turn, "peer", st.Pair.Peer)
		if st.Pair.Peer == "" {
			s.Log.Warn("this place has no address of the other one: only a mover that reaches both lets them meet", "move", st.Pair.Move)
		}
	}
	return err
}

// meeting is what was last said about how the places get on.
type meeting struct {
	s      *Server
	last   chat.Standing
	failed time.Time // when it was said that the other place does not answer
	why    string
}

// meet asks the other place every two seconds how it stands, and says how this
// one does, while the pair is not over. A turn that was given to this place
// comes with the answer, whatever became of the mover.
func (s *Server) meet(ctx context.Context) error {
	if s.Handover == nil {
		return nil
	}
	m := &meeting{s: s}
	for {
		bell := s.Service.Store.Doorbell()
		st, err := s.Handover.Store.Standing(ctx)
		if err != nil {
			bell = nil // it is found out by those who read
		} else if asks(&st) {
			m.once(ctx, st)
			bell = nil
		} else {
			m.tell(st)
		}
		if bell != nil {
			select {
			case <-ctx.Done():
			case <-bell:
			}
		}
		if !pause(ctx, meetEvery) {
			return nil
		}
	}
}

// asks reports whether there is anything that the other place may still say.
func asks(st *chat.Standing) bool {
	p := &st.Pair
	return p.Move != "" && p.Key != "" && p.Peer != "" && (!p.Over || p.Unmet)
}

func (m *meeting) once(ctx context.Context, st chat.Standing) {
	m.tell(st)
	limited, cancel := context.WithTimeout(ctx, meetFor)
	_, err := m.s.gate.greet(limited, &st)
	cancel()
	log := m.s.Log.With("move", st.Pair.Move, "peer", st.Pair.Peer)
	switch {
	case ctx.Err() != nil:
		return
	case err == nil && m.why != "":
		log.Info("the other place of the move answers")
		m.why = ""
	case err != nil && (m.why != err.Error() || time.Since(m.failed) > meetSilence):
		log.Warn("the other place of the move does not answer", "state", st.State, "waits", st.Pair.Unmet, "err", err)
		m.why, m.failed = err.Error(), time.Now()
	}
	if now, err := m.s.Handover.Store.Standing(ctx); err == nil {
		m.tell(now)
	}
}

// tell logs what has become otherwise since it was told last.
func (m *meeting) tell(st chat.Standing) {
	old, p := m.last, &st.Pair
	m.last = st
	log := m.s.Log.With("move", p.Move, "state", st.State, "turn", p.Turn)
	if old.State != st.State || old.Pair.Turn != p.Turn {
		m.s.gate.poke()
	}
	switch {
	case p.Move == "" || old.Pair.Move != p.Move:
	case p.Doubled && !old.Pair.Doubled:
		log.Error("another copy of this place was started after it, and goes on instead of it: end one of the two", "hint", "godwit admin pair")
	case p.Over && !old.Pair.Over:
		log.Info("the move is over")
	case p.Turn != old.Pair.Turn && p.Mine():
		log.Info("people write here now: the turn has come to this place")
	case p.Turn != old.Pair.Turn:
		log.Info("people write at the other place now: the turn has gone there")
	case old.Pair.Unmet && !p.Unmet:
		log.Info("the two places have met")
	}
}
