package api

// SignedIn is the answer of POST /session and POST /links/{secret}: who one
// is or, if Second is set, what else must be shown: then nobody is signed in
// yet, and the same request is sent again with a Code or a Passkey.
type SignedIn struct {
	Me
	Second *SecondFactor `json:"second,omitempty"`
	Again  bool          `json:"again,omitempty"` // the password is set; sign in with it, since a second factor is asked for
}

// SecondFactor says what may be shown beside a password.
type SecondFactor struct {
	Codes   bool              `json:"codes,omitempty"`
	Passkey *PasskeyChallenge `json:"passkey,omitempty"`
}

// PasskeyChallenge is what a browser needs to ask for a passkey: the answer
// of POST /session/passkey and, with Creation options, of POST
// /account/passkeys/new.
type PasskeyChallenge struct {
	Options any    `json:"options"` // PublicKeyCredential…OptionsJSON of WebAuthn
	Ticket  string `json:"ticket"`
}

// PasskeyAnswer is what a browser answers to a challenge: alone the body of
// PUT /session/passkey, which signs in and answers SignedIn.
type PasskeyAnswer struct {
	Ticket string `json:"ticket"`
	Answer any    `json:"answer"` // PublicKeyCredential as JSON
}

// NewPasskey is the body of POST /account/passkeys, which answers a Passkey.
type NewPasskey struct {
	PasskeyAnswer
	Name string `json:"name"`
}

// Passkey is a passkey of the one who asks. PATCH /account/passkeys/{id}
// with a Name names it, DELETE removes it (body: Confirm).
type Passkey struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Host    string `json:"host"`
	Created int64  `json:"created"`
	Used    int64  `json:"used,omitempty"`
}

// Named is the body of requests that give something a name.
type Named struct {
	Name string `json:"name"`
}

// Confirm is the body of requests that need the password once more.
type Confirm struct {
	Password string `json:"password"`
}

// Account is the answer of GET /account: what one has set up to sign in.
type Account struct {
	Me       Me        `json:"me"`
	Password bool      `json:"password"` // has one
	Codes    bool      `json:"codes"`
	Recovery int       `json:"recovery"` // codes that are left
	Passkeys []Passkey `json:"passkeys"`
	Required bool      `json:"required"`          // a second factor is required of this person
	Limited  bool      `json:"limited"`           // and must be set up before anything else
	Host     string    `json:"host"`              // that passkeys are made for
	Trouble  string    `json:"trouble,omitempty"` // why no passkey can be made: no-address, other-host, http
}

// Profile is the body of PATCH /account, which answers Me, and of PATCH
// /admin/people/{id}, which answers an AdminPerson. What is left out stays.
type Profile struct {
	Name    *string `json:"name,omitempty"`
	Mention *string `json:"mention,omitempty"`
	Title   *string `json:"title,omitempty"`
	Zone    *string `json:"zone,omitempty"`
	Email   *string `json:"email,omitempty"` // only by administrators
	Role    *string `json:"role,omitempty"`  // likewise
	Off     *bool   `json:"off,omitempty"`   // likewise
}

// ChangePassword is the body of PUT /account/password. Other sessions end.
type ChangePassword struct {
	Old      string `json:"old"`
	Password string `json:"password"`
}

// Preferences is the answer of GET and PATCH /account/preferences. Values has
// every preference that is known; PATCH takes some of them. Other is what was
// imported and means nothing here.
type Preferences struct {
	Values map[string]string `json:"values"`
	Other  map[string]string `json:"other,omitempty"`
}

// Session is a browser that one is signed in with. DELETE
// /account/sessions/{id} ends one, DELETE /account/sessions all others.
type Session struct {
	ID      string `json:"id"`
	Agent   string `json:"agent"` // as in Firefox on Linux
	Phone   bool   `json:"phone,omitempty"`
	Created int64  `json:"created"`
	Used    int64  `json:"used"`             // to the hour
	Here    bool   `json:"here,omitempty"`   // this one
	Factor  bool   `json:"factor,omitempty"` // with a second factor
}

// Sessions is the answer of GET /account/sessions and of GET
// /admin/people/{id}/sessions.
type Sessions struct {
	Sessions []Session `json:"sessions"`
}

// Ended says how many were ended.
type Ended struct {
	Ended int `json:"ended"`
}

// NewCodes is the answer of POST /account/codes (body: Confirm): what an
// authenticator app needs. PUT /account/codes with SetCodes turns it on and
// answers Recovery; POST /account/recovery (body: Confirm) makes new recovery
// codes; DELETE /account/codes (body: Confirm) turns it off.
type NewCodes struct {
	Secret  string `json:"secret"`
	Address string `json:"address"` // otpauth://…
	Picture string `json:"picture"` // SVG of the address as a QR code, as a data: address
	Ticket  string `json:"ticket"`
}

// SetCodes proves that the app makes the right codes.
type SetCodes struct {
	Ticket string `json:"ticket"`
	Code   string `json:"code"`
}

// Recovery has codes that are shown this once.
type Recovery struct {
	Codes []string `json:"codes"`
}

// First is the answer of GET /first: whether nobody is here yet. POST /first
// with FirstOwner makes the owner, and answers SignedIn.
type First struct {
	Empty    bool   `json:"empty"`
	Place    string `json:"place,omitempty"`
	Arriving bool   `json:"arriving,omitempty"` // it is still being filled from another place
}

// Handover is the answer of POST /session/handover: where to go on after the
// place has got another name, and what to show there, once, within a minute.
type Handover struct {
	Address string `json:"address"`
	Code    string `json:"code"`
}

// UseHandover is the body of PUT /session/handover, at the new name. It
// answers SignedIn, with the same session.
type UseHandover struct {
	Code string `json:"code"`
}

// FirstOwner makes the first person of an empty place. Code is what the
// server printed on its terminal.
type FirstOwner struct {
	Code     string `json:"code"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	Mention  string `json:"mention,omitempty"`
	Place    string `json:"place,omitempty"` // what the place is called
	Password string `json:"password"`
}

// Settings is the answer of GET and PATCH /admin/settings. PATCH takes a
// SettingsChange.
type Settings struct {
	Settings []Setting `json:"settings"`
}

// Setting is one setting of the place.
type Setting struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`  // text number choice secret time
	Value   string   `json:"value"` // what holds; of a secret "set" or empty
	Default string   `json:"default,omitempty"`
	Choices []string `json:"choices,omitempty"`
	Min     int64    `json:"min,omitempty"`
	Max     int64    `json:"max,omitempty"`
}

// SettingsChange sets some settings; an empty value is the default.
type SettingsChange struct {
	Values map[string]string `json:"values"`
}

// MailTest is the answer of POST /admin/mail-test: what the mail server said
// to a mail to the one who asks.
type MailTest struct {
	OK   bool   `json:"ok"`
	To   string `json:"to"`
	Text string `json:"text"` // what the server answered
}

// AuditLog is the answer of GET /admin/audit?before=&q=, newest first. Next
// goes into before.
type AuditLog struct {
	Entries []AuditEntry `json:"entries"`
	Next    string       `json:"next,omitempty"`
}

// AuditEntry says who did what.
type AuditEntry struct {
	ID     string `json:"id"`
	At     int64  `json:"at"`
	Actor  string `json:"actor,omitempty"` // ID of a person; none: the operator
	Name   string `json:"name"`            // of the actor
	Action string `json:"action"`
	Target string `json:"target,omitempty"` // name of whom or what it was done to
	Note   string `json:"note,omitempty"`
}

// AdminAccount is the answer of GET /admin/people/{id}: how someone signs in.
type AdminAccount struct {
	Person   AdminPerson `json:"person"`
	Title    string      `json:"title,omitempty"`
	Zone     string      `json:"zone,omitempty"`
	Codes    bool        `json:"codes"`
	Passkeys int         `json:"passkeys"`
	Sessions []Session   `json:"sessions"`
}

// PushSubscription is the body of POST and DELETE /account/push: where a
// browser can be reached (PushSubscription of the Push API).
type PushSubscription struct {
	Endpoint string   `json:"endpoint"`
	Keys     PushKeys `json:"keys,omitzero"`
}

// PushKeys are what messages to a browser are encrypted with.
type PushKeys struct {
	P256dh string `json:"p256dh"`
	Auth   string `json:"auth"`
}

// Told is what somebody is told of a message: by the feed, and by push.
type Told struct {
	Room    string `json:"room"`
	Message string `json:"message"`
	Why     string `json:"why"` // direct, mention, everyone, thread, room
	Title   string `json:"title"`
	Text    string `json:"text,omitempty"`
	Sound   bool   `json:"sound,omitempty"`
}

// PushKey is the answer of GET /account/push: the server's public key.
type PushKey struct {
	Key     string `json:"key"`               // base64url; empty if push cannot work
	Trouble string `json:"trouble,omitempty"` // why not: http
}
