package chat

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
)

// Vouch is one place's word to the other of its pair for a request that it
// makes or passes on: for whom it is, and how they came. Nobody else can make
// one, and it holds for that request alone.
type Vouch struct {
	Move   string `json:"move"`
	At     Time   `json:"at"`
	By     Key    `json:"by"` // log of the place that vouches
	Method string `json:"method"`
	Path   string `json:"path"` // with its query
	From   string `json:"from,omitempty"`
	Host   string `json:"host,omitempty"` // the name by which they came
	Secure bool   `json:"secure,omitempty"`
	Hops   int    `json:"hops,omitempty"` // places that it was passed on by
	Mark   []byte `json:"mark,omitempty"`
}

// vouchFresh is how far the clocks of the two places may be apart.
const vouchFresh = Time(5 * 60 * 1_000_000)

const longestVouch = 16 << 10

// Vouch signs a word to the other place of the pair; its move and its place
// are set here. It returns what goes into a header.
func (h *Handover) Vouch(st *Standing, v Vouch) (string, error) {
	v.Move, v.By, v.Mark = st.Pair.Move, st.LogID, nil
	var err error
	if v.Mark, err = h.mark(&st.Pair, "vouch", v); err != nil {
		return "", err
	}
	text, err := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(text), err
}

// Vouched reads what Vouch wrote at the other place, and whether it is for this
// request. A time of zero takes a word of any age. It returns nil for the word
// of a place of another move, which says nothing here. It fails with Denied if it is forged, of another request, or
// too old.
func (h *Handover) Vouched(st *Standing, text, method, path string, now Time) (*Vouch, error) {
	var v Vouch
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) > longestVouch || json.Unmarshal(raw, &v) != nil {
		return nil, errNotVouched("it cannot be read")
	}
	if v.Move != st.Pair.Move || st.Pair.Key == "" {
		return nil, nil //nolint:nilnil // as the comment says
	}
	given := v.Mark
	v.Mark = nil
	mark, err := h.mark(&st.Pair, "vouch", v)
	if err != nil {
		return nil, err
	}
	switch {
	case !hmac.Equal(mark, given) || v.By != st.Pair.Log:
		return nil, errNotVouched("it was not made by the other place of this move")
	case v.Method != method || v.Path != path:
		return nil, errNotVouched("it is of another request")
	case now != 0 && (v.At < now-vouchFresh || v.At > now+vouchFresh):
		return nil, errNotVouched("it is too old, or the clocks of the two places are more than five minutes apart")
	}
	return &v, nil
}

func errNotVouched(why string) error {
	return Errorf(Denied, "another place's word for this request is not good: %s", why).
		WithHint("set the clocks of both places; who is not a place leaves the header out")
}
