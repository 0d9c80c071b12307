package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/godwit-chat/godwit/internal/api"
	"github.com/godwit-chat/godwit/internal/chat"
)

// office does what `godwit admin` asks for: in the process of the command, or
// in that of the running server, which is asked through its socket.
type office struct {
	service *chat.Service
	address string // public, of this place; "" if not known
	listen  string // of the running server
}

// order is what the office is asked to do. Each verb reads what it needs.
type order struct {
	User     string        `json:"user,omitempty"` // e-mail address or mention name
	Name     string        `json:"name,omitempty"`
	Email    string        `json:"email,omitempty"`
	Mention  string        `json:"mention,omitempty"`
	Role     chat.Role     `json:"role,omitempty"`
	Password string        `json:"password,omitempty"`
	Scope    chat.Scope    `json:"scope,omitempty"`
	Life     time.Duration `json:"life,omitempty"`
	Address  string        `json:"address,omitempty"`
	Why      string        `json:"why,omitempty"`
}

// outcome is what came of an order.
type outcome struct {
	Person  *person    `json:"person,omitempty"`
	Links   []link     `json:"links,omitempty"`
	Token   string     `json:"token,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
	About   *about     `json:"about,omitempty"`
	Pair    *stands    `json:"pair,omitempty"`
}

type person struct {
	Name    string    `json:"name"`
	Email   string    `json:"email,omitempty"`
	Mention string    `json:"mention,omitempty"`
	Role    chat.Role `json:"role"`
}

// link lets a person set a password, once.
type link struct {
	person
	URL     string    `json:"url"`
	Expires time.Time `json:"expires"`
}

var verbs = map[string]func(*office, context.Context, order) (outcome, error){
	"about":       (*office).about,
	"create-user": (*office).createUser,
	"reset-link":  (*office).resetLink,
	"invite":      (*office).invite,
	"token":       (*office).token,
	"reindex":     (*office).reindex,
	"pair":        (*office).pair,
	"overrule":    (*office).overrule,
}

func (o *office) about(context.Context, order) (outcome, error) {
	return outcome{About: &about{Address: o.at(order{}), Version: version}}, nil
}

// at is the address that links begin with.
func (o *office) at(in order) string {
	for _, address := range []string{in.Address, o.address, o.listen} {
		if address != "" {
			return strings.TrimSuffix(address, "/")
		}
	}
	return "http://" + defaultListen
}

func (o *office) linkTo(in order, i *chat.Invite) link {
	return link{personOf(i.User), o.at(in) + "/link/" + i.Secret, i.Expires.Std()}
}

func personOf(u *chat.User) person { return person{u.Name, u.Email, u.Mention, u.Role} }

func (o *office) createUser(ctx context.Context, in order) (outcome, error) {
	if in.Mention == "" {
		in.Mention = mentionOf(in.Name)
	}
	user, err := o.service.CreateUser(ctx, chat.Operator(), chat.User{Name: in.Name, Email: in.Email, Mention: in.Mention, Role: in.Role})
	if err != nil {
		return outcome{}, err
	}
	made := personOf(user)
	if in.Password != "" {
		return outcome{Person: &made}, o.service.SetPassword(ctx, chat.Operator(), user.ID, in.Password)
	}
	invite, err := o.service.ResetLink(ctx, chat.Operator(), user.ID)
	if err != nil {
		return outcome{}, err
	}
	return outcome{Person: &made, Links: []link{o.linkTo(in, invite)}}, nil
}

// mentionOf makes a mention name of a person's name.
func mentionOf(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, name)
}

// find returns the one whom an e-mail address or a mention name means.
func (o *office) find(ctx context.Context, who string) (*chat.User, error) {
	roster, err := o.service.Roster(ctx)
	if err != nil {
		return nil, err
	}
	switch found := roster.Login(who); len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, chat.Errorf(chat.NotFound, "nobody who can sign in has the e-mail address or mention name %q", who).
			WithHint("in any case of letters; the overview of administrators finds people by parts of their names")
	default:
		return nil, chat.Errorf(chat.Conflict, "%d people are called %q", len(found), who).WithHint("give the e-mail address")
	}
}

func (o *office) resetLink(ctx context.Context, in order) (outcome, error) {
	user, err := o.find(ctx, in.User)
	if err != nil {
		return outcome{}, err
	}
	if in.Password != "" {
		found := personOf(user)
		return outcome{Person: &found}, o.service.SetPassword(ctx, chat.Operator(), user.ID, in.Password)
	}
	invite, err := o.service.ResetLink(ctx, chat.Operator(), user.ID)
	if err != nil {
		return outcome{}, err
	}
	return outcome{Links: []link{o.linkTo(in, invite)}}, nil
}

func (o *office) invite(ctx context.Context, in order) (outcome, error) {
	all, err := o.service.InviteAll(ctx, chat.Operator())
	out := outcome{Links: []link{}}
	for _, i := range all {
		out.Links = append(out.Links, o.linkTo(in, i))
	}
	return out, err
}

func (o *office) token(ctx context.Context, in order) (outcome, error) {
	secret, t, err := o.service.NewToken(ctx, chat.Operator(), in.Name, []chat.Scope{in.Scope}, in.Life)
	if err != nil {
		return outcome{}, err
	}
	out := outcome{Token: secret}
	if t.Expires != 0 {
		expires := t.Expires.Std()
		out.Expires = &expires
	}
	return out, nil
}

func (o *office) reindex(ctx context.Context, _ order) (outcome, error) {
	return outcome{}, o.service.Store.Reindex(ctx)
}

// ServeHTTP answers orders that come through the socket.
func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	do, ok := verbs[strings.TrimPrefix(r.URL.Path, "/")]
	var in order
	err := json.NewDecoder(r.Body).Decode(&in)
	switch {
	case !ok:
		err = chat.Errorf(chat.NotFound, "the running server does not know %s", r.URL.Path).WithHint("it is of another version than this command: %s", version)
	case err != nil:
		err = chat.Errorf(chat.Invalid, "the order cannot be read: %w", err)
	}
	var out outcome
	if err == nil {
		out, err = do(o, r.Context(), in)
	}
	if err != nil {
		e := api.Error{Kind: chat.KindOf(err).String(), Text: err.Error()}
		if known, ok := errors.AsType[*chat.Error](err); ok {
			e.Hint = known.Hint
		}
		w.WriteHeader(http.StatusUnprocessableEntity)
		_ = json.NewEncoder(w).Encode(e) // the command is gone; there is nobody to tell
		return
	}
	_ = json.NewEncoder(w).Encode(out)
}
