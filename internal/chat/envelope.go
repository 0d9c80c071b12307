package chat

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// sealedField is where a secret object keeps what was sealed for one place, and
// for which purpose; nil if it has nothing of that kind.
func sealedField(o Object) (field *string, purpose string) {
	switch o := o.(type) {
	case *Webhook:
		return &o.Secret, "webhook " + o.Integration.String()
	case *PushKey:
		return &o.Keys, "push " + o.Endpoint
	case *Codes:
		return &o.Secret, codesPurpose(o.User)
	case *Passkey:
		return &o.Data, passkeyPurpose(o.Credential)
	case *Sealed:
		return &o.Value, "setting " + o.Name
	}
	return nil, ""
}

// openMark is before what Reveal has opened. No Sealer begins its texts so.
const openMark = "open:"

// Reveal returns a secret object in a form that does not depend on the place
// that has it: what is sealed in it is opened. What cannot be opened here stays
// as it is, and whole is false. Conceal takes it back.
func Reveal(o Object, s Sealer) (plain Object, whole bool) {
	field, purpose := sealedField(o)
	if field == nil || *field == "" {
		return o, true
	}
	text, err := s.Open(*field, purpose)
	if err != nil {
		return o, false
	}
	plain = copySecret(o)
	field, _ = sealedField(plain)
	*field = openMark + base64.StdEncoding.EncodeToString(text)
	return plain, true
}

// Conceal seals for a place what Reveal has opened. It fails with Damaged.
func Conceal(o Object, s Sealer) (Object, error) {
	field, purpose := sealedField(o)
	if field == nil || len(*field) < len(openMark) || (*field)[:len(openMark)] != openMark {
		return o, nil
	}
	text, err := base64.StdEncoding.DecodeString((*field)[len(openMark):])
	if err != nil {
		return nil, Errorf(Damaged, "a %s that was opened for the way cannot be read: %w", o.Kind(), err)
	}
	sealed := copySecret(o)
	field, _ = sealedField(sealed)
	*field = s.Seal(text, purpose)
	return sealed, nil
}

// copySecret copies an object that has a sealed field: none of them shares
// more than a slice that is never changed.
func copySecret(o Object) Object {
	switch o := o.(type) {
	case *Webhook:
		c := *o
		return &c
	case *PushKey:
		c := *o
		return &c
	case *Codes:
		c := *o
		return &c
	case *Passkey:
		c := *o
		return &c
	case *Sealed:
		c := *o
		return &c
	}
	return o
}

// Courier carries secrets between the two places of a pair, so that who
// carries them cannot read them: under the pair's key.
type Courier struct {
	own    Sealer
	aead   cipher.AEAD
	digest []byte
}

// NewCourier makes a place's courier. It fails with Conflict if the key of the
// pair has not come yet.
func NewCourier(p *Pair, own Sealer) (*Courier, error) {
	if p.Key == "" || own == nil {
		return nil, Errorf(Conflict, "the two places of the move %s have no key in common yet", p.Move).WithHint("pair them first: godwit sync FROM TO")
	}
	key, err := own.Open(p.Key, pairPurpose(p.Move))
	if err != nil {
		return nil, err
	}
	derived := func(purpose string) []byte {
		k, err := hkdf.Key(sha256.New, key, nil, "godwit move "+purpose, 32)
		if err != nil {
			panic(err) // the length is one that HKDF can make
		}
		return k
	}
	block, err := aes.NewCipher(derived("secrets"))
	if err != nil {
		panic(err) // the length is one of AES
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the right block size
	}
	return &Courier{own: own, aead: aead, digest: derived("digests")}, nil
}

// labelSize is of the kind and the key, which are not secret.
const labelSize = 1 + len(Key{})

// Seal closes a secret object of this place; whole is false if something in it
// could not be opened, and goes as it is.
func (c *Courier) Seal(o Object) (sealed []byte, whole bool) {
	plain, whole := Reveal(o, c.own)
	key := o.Key()
	label := append([]byte{byte(o.Kind())}, key[:]...)
	return c.aead.Seal(label, nil, EncodeBody(plain), label), whole
}

// SealedRef says what a sealed object is, which is no secret. It fails with
// Invalid.
func SealedRef(sealed []byte) (Ref, error) {
	if len(sealed) <= labelSize || !Kind(sealed[0]).Secret() || Kind(sealed[0]).New() == nil {
		return Ref{}, Errorf(Invalid, "this is no sealed object")
	}
	return Ref{Kind: Kind(sealed[0]), Key: Key(sealed[1:labelSize])}, nil
}

// Open opens what the other place's courier has sealed, in the form of Reveal.
// It fails with Denied if it is not the pair's, or was changed.
func (c *Courier) Open(sealed []byte) (Object, error) {
	ref, err := SealedRef(sealed)
	if err != nil {
		return nil, err
	}
	body, err := c.aead.Open(nil, nil, sealed[labelSize:], sealed[:labelSize])
	if err != nil {
		return nil, Errorf(Denied, "the %s %s was not sealed by the other place of the move", ref.Kind, ref.Key)
	}
	o, err := DecodeBody(ref.Kind, body)
	if err == nil && o.Key() != ref.Key {
		err = Errorf(Denied, "what was sealed as %s %s is another", ref.Kind, ref.Key)
	}
	return o, err
}

// Accept makes of an object of Open what this place keeps: old, what it has
// already, if that says the same.
func (c *Courier) Accept(plain, old Object) (Object, error) {
	if old != nil {
		if held, _ := Reveal(old, c.own); bytes.Equal(EncodeBody(held), EncodeBody(plain)) {
			return old, nil
		}
	}
	return Conceal(plain, c.own)
}

// Digest is a secret object's, the same at both places, and says nothing to
// who has not got the pair's key.
func (c *Courier) Digest(o Object) uint64 {
	plain, _ := Reveal(o, c.own)
	mac := hmac.New(sha256.New, c.digest)
	mac.Write([]byte{byte(o.Kind())})
	mac.Write(EncodeBody(plain))
	return max(binary.BigEndian.Uint64(mac.Sum(nil)), 1)
}
