package hipchat

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5" // HipChat chose it; nothing here relies on its strength
	"crypto/sha256"
	"hash"
	"io"

	"github.com/godwit-chat/godwit/internal/chat"
)

const (
	saltMagic = "Salted__"
	saltSize  = 8
	// headSize is how much of an archive is needed to say what it is: a tar
	// header has its mark at 257.
	headSize = 512
)

// derivation is one way from a password to a key, as `openssl enc` does it.
type derivation struct {
	name string
	hash func() hash.Hash
}

// derivations are in the order of likelihood: OpenSSL's default was MD5 when
// HipChat wrote its exports.
func derivations() []derivation {
	return []derivation{{"MD5", md5.New}, {"SHA-256", sha256.New}}
}

// derive is OpenSSL's EVP_BytesToKey with one round, for AES-256-CBC.
func derive(newHash func() hash.Hash, password, salt []byte) (key, iv []byte) {
	var out, last []byte
	for len(out) < 48 {
		h := newHash()
		h.Write(last)
		h.Write(password)
		h.Write(salt)
		last = h.Sum(nil)
		out = append(out, last...)
	}
	return out[:32], out[32:48]
}

// secret opens one encrypted archive.
type secret struct {
	block  cipher.Block
	iv     []byte
	name   string // of the derivation
	zipped bool   // what is inside is gzip
}

// prove finds the derivation with which the password opens an archive, from
// its salt and the first bytes behind that. It fails with Unknown if there is
// none.
func prove(password, salt, first []byte) (*secret, error) {
	first = first[:len(first)/aes.BlockSize*aes.BlockSize]
	for _, d := range derivations() {
		key, iv := derive(d.hash, password, salt)
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		plain := make([]byte, len(first))
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, first)
		if isGzip(plain) || isTar(plain) {
			return &secret{block, iv, d.name, isGzip(plain)}, nil
		}
	}
	return nil, chat.Errorf(chat.Unknown, "the password does not open the export").
		WithHint("it is the one that was typed when the export was made; spaces and line ends at its ends count")
}

func isGzip(b []byte) bool { return bytes.HasPrefix(b, []byte{0x1f, 0x8b, 0x08}) }
func isTar(b []byte) bool  { return len(b) >= 262 && string(b[257:262]) == "ustar" }
func isZip(b []byte) bool  { return bytes.HasPrefix(b, []byte("PK\x03\x04")) }

// checkEnd looks at the last two blocks of an encrypted file, so that most
// files that were cut are known at once. It fails with Damaged.
func (s *secret) checkEnd(last []byte) error {
	plain := make([]byte, aes.BlockSize)
	cipher.NewCBCDecrypter(s.block, last[:aes.BlockSize]).CryptBlocks(plain, last[aes.BlockSize:])
	_, err := unpad(plain)
	return err
}

// unpad removes PKCS#7 padding.
func unpad(b []byte) ([]byte, error) {
	n := 0
	if len(b) > 0 {
		n = int(b[len(b)-1])
	}
	if n == 0 || n > aes.BlockSize || n > len(b) || !bytes.Equal(b[len(b)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, chat.Errorf(chat.Damaged, "the encryption's padding is wrong: the file is cut short or changed")
	}
	return b[:len(b)-n], nil
}

// decrypter reads the plain text behind the salt.
type decrypter struct {
	r    io.Reader
	mode cipher.BlockMode
	buf  []byte // of cipher text
	kept []byte // cipher text not yet decrypted, within buf
	out  []byte // plain text not yet read, within buf
	end  bool
}

func (s *secret) reader(r io.Reader) io.Reader {
	return &decrypter{r: r, mode: cipher.NewCBCDecrypter(s.block, s.iv), buf: make([]byte, 64<<10)}
}

func (d *decrypter) Read(p []byte) (int, error) {
	for len(d.out) == 0 {
		if d.end {
			return 0, io.EOF
		}
		if err := d.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

// fill decrypts what comes next, and keeps back the last block until it is
// known whether it is the one with the padding.
func (d *decrypter) fill() error {
	have := copy(d.buf, d.kept)
	n, err := io.ReadFull(d.r, d.buf[have:])
	data := d.buf[:have+n]
	switch err {
	case nil:
		whole := (len(data) - 1) / aes.BlockSize * aes.BlockSize
		d.mode.CryptBlocks(data[:whole], data[:whole])
		d.out, d.kept = data[:whole], data[whole:]
		return nil
	case io.EOF, io.ErrUnexpectedEOF:
		d.end = true
		if len(data)%aes.BlockSize != 0 {
			return chat.Errorf(chat.Damaged, "the encrypted part ends in the middle of a block: the file is cut short")
		}
		d.mode.CryptBlocks(data, data)
		d.out, err = unpad(data)
		return err
	}
	return err
}
