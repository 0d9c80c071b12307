package chat

// Revision is what a message said before it was edited. Found by A: message.
type Revision struct {
	ID      ID[Revision] `json:"id"`
	Message MessageID    `json:"message"`
	Since   Time         `json:"since,omitempty"` // when this was written
	Until   Time         `json:"until,omitempty"` // when it was replaced
	Format  Format       `json:"format,omitempty"`
	Text    string       `json:"text,omitempty"`
	Extra   *Extra       `json:"extra,omitempty"` // as it was; nil if it had none
	Gone    bool         `json:"gone,omitempty"`  // text and extra are empty
}

func (r *Revision) Kind() Kind    { return KindRevision }
func (r *Revision) Key() Key      { return Key(r.ID) }
func (r *Revision) Deleted() bool { return r.Gone }
func (r *Revision) Index() Index  { return Index{A: Key(r.Message)} }

// Saved is a message that a person keeps for later. Found by A: user,
// B: message.
type Saved struct {
	User    UserID    `json:"user"`
	Message MessageID `json:"message"`
	At      Time      `json:"at,omitempty"`
	Gone    bool      `json:"gone,omitempty"`
}

func (s *Saved) Kind() Kind    { return KindSaved }
func (s *Saved) Key() Key      { return PairKey(Key(s.User), Key(s.Message)) }
func (s *Saved) Deleted() bool { return s.Gone }
func (s *Saved) Index() Index  { return Index{A: Key(s.User), B: Key(s.Message)} }

// Follow says that a person hears of the replies to a message, and up to when
// they have read them. Found by A: the message, B: user.
type Follow struct {
	Thread MessageID `json:"thread"`
	User   UserID    `json:"user"`
	Room   RoomID    `json:"room"`
	Read   Time      `json:"read,omitempty"`
	Gone   bool      `json:"gone,omitempty"` // does not want to hear more
}

func (f *Follow) Kind() Kind    { return KindFollow }
func (f *Follow) Key() Key      { return PairKey(Key(f.Thread), Key(f.User)) }
func (f *Follow) Deleted() bool { return f.Gone }
func (f *Follow) Index() Index  { return Index{A: Key(f.Thread), B: Key(f.User)} }
