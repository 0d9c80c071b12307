package bus

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"github.com/godwit-chat/godwit/internal/chat"
)

// busName is the name that all certificates are for: what counts is who
// signed them, not where a node is.
const busName = "bus.godwit.internal"

// Times far away: nodes whose clocks are wrong can still talk about it.
var (
	validFrom  = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	validUntil = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// identity makes a certificate for a node. Its authority is made of the
// secret, the same by every node, so that who has another one is refused.
func identity(secret []byte, node chat.Key) (*tls.Config, error) {
	seed, err := hkdf.Key(sha256.New, secret, nil, "godwit bus authority", ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("make the key of the bus: %w", err)
	}
	authority := ed25519.NewKeyFromSeed(seed)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "godwit bus"}, NotBefore: validFrom, NotAfter: validUntil,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, authority.Public(), authority)
	if err != nil {
		return nil, fmt.Errorf("make the authority of the bus: %w", err)
	}
	if root, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("read the authority of the bus: %w", err)
	}
	public, own, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key for the bus: %w", err)
	}
	leaf := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(node[:]), Subject: pkix.Name{CommonName: node.String()}, DNSNames: []string{busName},
		NotBefore: validFrom, NotAfter: validUntil, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if der, err = x509.CreateCertificate(rand.Reader, leaf, root, public, authority); err != nil {
		return nil, fmt.Errorf("make a certificate for the bus: %w", err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(root)
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: busName, RootCAs: trusted, ClientCAs: trusted, ClientAuth: tls.RequireAndVerifyClientCert,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: own}},
	}, nil
}
