package chat

import "context"

// Limits of pictures that people give themselves and words.
const (
	MostPicture  = 8 << 20 // bytes of a picture as it is sent
	AvatarSide   = 256     // px
	EmoticonSide = 128     // px
)

// Picture is a picture that was made anew from what somebody sent, and whose
// bytes are kept.
type Picture struct {
	Hash          string
	Size          int64
	Type          string
	Width, Height int
}

func (p *Picture) check() error {
	switch p.Type {
	case "image/png", "image/jpeg", "image/gif":
	default:
		return Errorf(Invalid, "%q is no type of a picture", p.Type)
	}
	if len(p.Hash) != 64 || p.Size <= 0 || p.Width <= 0 || p.Height <= 0 || p.Size > MostPicture {
		return Errorf(Invalid, "this is no picture")
	}
	return nil
}

// PutPicture makes a picture a content that an avatar or an emoticon can name.
func PutPicture(tx Tx, p *Picture) (ContentID, error) {
	if err := p.check(); err != nil {
		return ContentID{}, err
	}
	c := &Content{ID: ContentID(tx.NewKey()), Hash: p.Hash, Size: p.Size, Type: p.Type, Width: p.Width, Height: p.Height}
	return c.ID, tx.Put(c)
}

// ForgetPicture ends a content that PutPicture made and that nothing names any
// more. Imported ones stay, as others may name them.
func ForgetPicture(tx Tx, id ContentID) error {
	if id.IsZero() || id[6]>>4 != 7 {
		return nil
	}
	c, err := Get[Content](tx, id)
	if IsKind(err, NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.Put(&Content{ID: c.ID, Gone: true})
}

// MaySetAvatar fails with Denied if the actor may not change somebody's picture.
func (a *Actor) MaySetAvatar(of UserID) error {
	if a.Is(of) {
		return nil
	}
	return a.mustAdmin()
}

// SetAvatar gives a person a picture, or takes it away if it is nil. Others'
// only administrators may change.
func (s *Service) SetAvatar(ctx context.Context, a *Actor, of UserID, p *Picture) (u *User, r *Roster, err error) {
	if err := a.MaySetAvatar(of); err != nil {
		return nil, nil, err
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		if u, err = Get[User](tx, of); err != nil {
			return err
		}
		if u.Gone {
			return Errorf(NotFound, "there is no such person")
		}
		before := u.Avatar
		u.Avatar = ContentID{}
		if p != nil {
			if u.Avatar, err = PutPicture(tx, p); err != nil {
				return err
			}
		}
		if err := ForgetPicture(tx, before); err != nil {
			return err
		}
		if !a.Is(of) {
			if err := tx.Put(audit(tx, a, "set avatar", of.String(), "")); err != nil {
				return err
			}
		}
		return tx.Put(u)
	})
	if err != nil {
		return nil, nil, err
	}
	r, err = s.Roster(ctx)
	return u, r, err
}
