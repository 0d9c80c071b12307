package chat

// Credential is how a person proves who they are. One a person and type.
// Found by A: user.
type Credential struct {
	User   UserID `json:"user"`
	Type   string `json:"type"`   // "password"
	Secret string `json:"secret"` // a password's hash in PHC form
	Set    Time   `json:"set,omitempty"`
	Gone   bool   `json:"gone,omitempty"`
}

func (c *Credential) Kind() Kind    { return KindCredential }
func (c *Credential) Key() Key      { return CredentialKey(c.User, c.Type) }
func (c *Credential) Deleted() bool { return c.Gone }
func (c *Credential) Index() Index  { return Index{A: Key(c.User)} }

// CredentialKey is the key of a person's credential of a type.
func CredentialKey(u UserID, typ string) Key { return PairKey(Key(u), Key{}, "credential", typ) }

// Session is a browser that someone signed in with. Found by A: user,
// Name: the hash of the secret that the browser keeps.
type Session struct {
	ID      ID[Session] `json:"id"`
	User    UserID      `json:"user"`
	Hash    string      `json:"hash"` // SHA-256 of the secret, hex
	Created Time        `json:"created"`
	Expires Time        `json:"expires"`
	Used    Time        `json:"used,omitempty"`   // to the hour
	Factor  bool        `json:"factor,omitempty"` // a second factor was shown in it
	Agent   string      `json:"agent,omitempty"`
	Gone    bool        `json:"gone,omitempty"`
}

func (s *Session) Kind() Kind    { return KindSession }
func (s *Session) Key() Key      { return Key(s.ID) }
func (s *Session) Deleted() bool { return s.Gone }
func (s *Session) Index() Index  { return Index{A: Key(s.User), Name: s.Hash} }

// Scope is what a token may be used for.
type Scope string

const (
	ScopeMove  Scope = "move"  // a mover's access to this place
	ScopeAdmin Scope = "admin" // everything an administrator may do through the API
)

// Token is a program's access. Found by A: user, Name: the hash of its secret.
type Token struct {
	ID      ID[Token] `json:"id"`
	User    UserID    `json:"user,omitzero"`
	Name    string    `json:"name"`
	Hash    string    `json:"hash"` // SHA-256 of the secret, hex
	Scopes  []Scope   `json:"scopes"`
	Created Time      `json:"created"`
	Expires Time      `json:"expires,omitempty"`
	Gone    bool      `json:"gone,omitempty"`
}

func (t *Token) Kind() Kind    { return KindToken }
func (t *Token) Key() Key      { return Key(t.ID) }
func (t *Token) Deleted() bool { return t.Gone }
func (t *Token) Index() Index  { return Index{A: Key(t.User), Name: t.Hash} }

// Webhook is the secret half of an Integration. Found by A: integration,
// Name: the hash of its secret.
type Webhook struct {
	Integration IntegrationID `json:"integration"`
	Hash        string        `json:"hash,omitempty"`
	Secret      string        `json:"secret,omitempty"` // sealed
	Gone        bool          `json:"gone,omitempty"`
}

func (w *Webhook) Kind() Kind    { return KindWebhook }
func (w *Webhook) Key() Key      { return Key(w.Integration) }
func (w *Webhook) Deleted() bool { return w.Gone }
func (w *Webhook) Index() Index  { return Index{A: Key(w.Integration), Name: w.Hash} }

// PushKey is where a person's browser can be reached. Found by A: user, B: the
// session that it belongs to, whose end is its end too.
type PushKey struct {
	ID       ID[PushKey] `json:"id"`
	User     UserID      `json:"user"`
	Session  ID[Session] `json:"session,omitzero"`
	Endpoint string      `json:"endpoint"`
	Keys     string      `json:"keys"` // sealed
	Gone     bool        `json:"gone,omitempty"`
}

func (p *PushKey) Kind() Kind    { return KindPushKey }
func (p *PushKey) Key() Key      { return Key(p.ID) }
func (p *PushKey) Deleted() bool { return p.Gone }
func (p *PushKey) Index() Index  { return Index{A: Key(p.User), B: Key(p.Session)} }

// Link is an address that lets a person set a password, once. Found by
// A: user, Name: the hash of its secret.
type Link struct {
	ID      ID[Link] `json:"id"`
	User    UserID   `json:"user"`
	Hash    string   `json:"hash"` // SHA-256 of the secret, hex
	Created Time     `json:"created"`
	Expires Time     `json:"expires"`
	Gone    bool     `json:"gone,omitempty"` // used
}

func (l *Link) Kind() Kind    { return KindLink }
func (l *Link) Key() Key      { return Key(l.ID) }
func (l *Link) Deleted() bool { return l.Gone }
func (l *Link) Index() Index  { return Index{A: Key(l.User), Name: l.Hash} }

// Codes let a person prove who they are with codes that change every half
// minute, made by an app that shares a secret, and with recovery codes. One a
// person. Found by A: user.
type Codes struct {
	User     UserID   `json:"user"`
	Secret   string   `json:"secret"`             // sealed
	Step     int64    `json:"step,omitempty"`     // of the last code that was taken: no code is taken twice
	Recovery []string `json:"recovery,omitempty"` // SHA-256 of codes that were not used, hex
	Wrong    int      `json:"wrong,omitempty"`    // codes in a row
	Tried    Time     `json:"tried,omitempty"`    // when the last of them came
	Set      Time     `json:"set,omitempty"`
	Gone     bool     `json:"gone,omitempty"`
}

func (c *Codes) Kind() Kind    { return KindCodes }
func (c *Codes) Key() Key      { return Key(c.User) }
func (c *Codes) Deleted() bool { return c.Gone }
func (c *Codes) Index() Index  { return Index{A: Key(c.User)} }

// Passkey is a key that a person's device keeps for this place. It works
// only under the name of a server that it was made for. Found by A: user,
// Name: how the device calls it.
type Passkey struct {
	ID         ID[Passkey] `json:"id"`
	User       UserID      `json:"user"`
	Name       string      `json:"name"`       // as the person calls it
	Host       string      `json:"host"`       // that it was made for
	Credential string      `json:"credential"` // base64url of the device's name for it
	Data       string      `json:"data"`       // sealed: the public key and what was said of it
	Created    Time        `json:"created,omitempty"`
	Used       Time        `json:"used,omitempty"`
	Gone       bool        `json:"gone,omitempty"`
}

func (p *Passkey) Kind() Kind    { return KindPasskey }
func (p *Passkey) Key() Key      { return Key(p.ID) }
func (p *Passkey) Deleted() bool { return p.Gone }
func (p *Passkey) Index() Index  { return Index{A: Key(p.User), Name: p.Credential} }

// Sealed is a setting of the place that is a secret.
type Sealed struct {
	Name  string `json:"name"`
	Value string `json:"value"` // sealed
	Gone  bool   `json:"gone,omitempty"`
}

func (s *Sealed) Kind() Kind    { return KindSealed }
func (s *Sealed) Key() Key      { return SealedKey(s.Name) }
func (s *Sealed) Deleted() bool { return s.Gone }
func (s *Sealed) Index() Index  { return Index{Name: s.Name} }

// SealedKey is the key of the secret setting of a name.
func SealedKey(name string) Key { return DeriveKey(0, "", "sealed setting", name) }

// Spent says that a challenge was answered, so that nobody can answer it
// again. It is swept once the challenge has expired.
type Spent struct {
	ID      ID[Spent] `json:"id"`
	Expires Time      `json:"expires"`
	Gone    bool      `json:"gone,omitempty"`
}

func (s *Spent) Kind() Kind    { return KindSpent }
func (s *Spent) Key() Key      { return Key(s.ID) }
func (s *Spent) Deleted() bool { return s.Gone }
func (s *Spent) Index() Index  { return Index{} }
