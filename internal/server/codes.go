package server

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"image/png"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
)

// codes makes and checks the codes of authenticator apps, as all of them know
// them: six digits, SHA-1, half a minute.
type codes struct{}

const (
	codePeriod  = 30 // seconds
	codeSkew    = 1  // periods before and after
	pictureSize = 240
)

// New makes a secret and its address.
func (codes) New(place, account string) (secret, address string, err error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: place, AccountName: account, Period: codePeriod, SecretSize: 20})
	if err != nil {
		return "", "", fmt.Errorf("make a secret for codes: %w", err)
	}
	return key.Secret(), key.URL(), nil
}

// Step says which half minute a code is of.
func (codes) Step(secret, code string, now time.Time) int64 {
	if len(code) != int(otp.DigitsSix) {
		return 0
	}
	at := now.Unix() / codePeriod
	found := int64(0)
	for step := at - codeSkew; step <= at+codeSkew; step++ {
		want, err := hotp.GenerateCodeCustom(secret, uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}) //nolint:gosec // after 1970
		if err != nil {
			return 0
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			found = step
		}
	}
	return found
}

// codePicture draws the address of a secret as a QR code.
func codePicture(address string) (string, error) {
	key, err := otp.NewKeyFromURL(address)
	if err != nil {
		return "", fmt.Errorf("read the address of a secret: %w", err)
	}
	picture, err := key.Image(pictureSize, pictureSize)
	if err != nil {
		return "", fmt.Errorf("draw a QR code: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return "", fmt.Errorf("draw a QR code: %w", err)
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}
