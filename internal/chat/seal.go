package chat

import "context"

// Sealer keeps stored secrets from those who have the database and not the
// key. What was sealed for one purpose cannot be opened for another.
type Sealer interface {
	Seal(plain []byte, purpose string) string
	Open(sealed, purpose string) ([]byte, error) // Damaged
}

func (s *Service) seal(plain []byte, purpose string) (string, error) {
	if s.Sealer == nil {
		return "", Errorf(Unavailable, "this server has no key to seal secrets with").WithHint("start it with --key-file FILE")
	}
	return s.Sealer.Seal(plain, purpose), nil
}

func (s *Service) unseal(sealed, purpose string) ([]byte, error) {
	if s.Sealer == nil {
		return nil, Errorf(Unavailable, "this server has no key to open secrets with").WithHint("start it with --key-file FILE")
	}
	return s.Sealer.Open(sealed, purpose)
}

// putSealed keeps a secret setting; "" removes it.
func (s *Service) putSealed(tx Tx, name, value string) error {
	if value == "" {
		if _, err := tx.Get(KindSealed, SealedKey(name)); IsKind(err, NotFound) {
			return nil
		}
		return tx.Put(&Sealed{Name: name, Gone: true})
	}
	sealed, err := s.seal([]byte(value), "setting "+name)
	if err != nil {
		return err
	}
	return tx.Put(&Sealed{Name: name, Value: sealed})
}

// SecretSetting opens a secret setting for the server's own use; "" if it is
// not set.
func (s *Service) SecretSetting(ctx context.Context, name string) (value string, err error) {
	err = s.Store.View(ctx, func(r Reader) error {
		value, err = s.secretSetting(r, name)
		return err
	})
	return value, err
}

func (s *Service) secretSetting(r Reader, name string) (string, error) {
	o, err := r.Get(KindSealed, SealedKey(name))
	if IsKind(err, NotFound) || err == nil && o.Deleted() {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	plain, err := s.unseal(o.(*Sealed).Value, "setting "+name)
	return string(plain), err
}

// EnsureSecret returns a secret setting, and makes it first if there is none.
// All who call it at once get the same. It fails with Unavailable while
// nothing may be written.
func (s *Service) EnsureSecret(ctx context.Context, name string, fresh func() (string, error)) (value string, err error) {
	if value, err = s.SecretSetting(ctx, name); err != nil || value != "" {
		return value, err
	}
	made, err := fresh()
	if err != nil {
		return "", err
	}
	err = s.Store.Update(ctx, func(tx Tx) error {
		if value, err = s.secretSetting(tx, name); err != nil || value != "" {
			return err
		}
		value = made
		return s.putSealed(tx, name, made)
	})
	return value, err
}
