package supervisor

// Who may do what: a certificate authority, the API server's certificate, the
// key that signs service account tokens, and two tokens. All are made for one
// run and are elliptic curve keys, because making RSA keys takes a second.

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

const (
	serviceAccountIssuer = "https://kubernetes.default.svc"
	// A run lasts minutes; a forgotten one in somebody's terminal, days.
	certificateLifetime = 30 * 24 * time.Hour
	// Clocks of containers and virtual machines are not always together.
	clockSkew = time.Hour
)

// credentials are PEM texts and bearer tokens, in memory.
type credentials struct {
	ca, servingCertificate, servingKey, serviceAccountKey []byte
	administrator, controllerManager                      string
}

func newCredentials(now time.Time) (credentials, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return credentials{}, fmt.Errorf("make the authority's key: %w", err)
	}
	authority := certificateTemplate(1, "controlplane-ca", now)
	authority.IsCA = true
	authority.BasicConstraintsValid = true
	authority.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	caDER, err := x509.CreateCertificate(rand.Reader, authority, authority, caKey.Public(), caKey)
	if err != nil {
		return credentials{}, fmt.Errorf("make the authority's certificate: %w", err)
	}

	servingKey, servingKeyPEM, err := newKey()
	if err != nil {
		return credentials{}, fmt.Errorf("make the API server's key: %w", err)
	}
	serving := certificateTemplate(2, "kube-apiserver", now)
	serving.KeyUsage = x509.KeyUsageDigitalSignature
	serving.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	serving.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 0, 0, 1)}
	serving.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	servingDER, err := x509.CreateCertificate(rand.Reader, serving, authority, servingKey.Public(), caKey)
	if err != nil {
		return credentials{}, fmt.Errorf("make the API server's certificate: %w", err)
	}

	_, serviceAccountKey, err := newKey()
	if err != nil {
		return credentials{}, fmt.Errorf("make the service accounts' key: %w", err)
	}
	return credentials{
		ca:                 pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}),
		servingCertificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: servingDER}),
		servingKey:         servingKeyPEM,
		serviceAccountKey:  serviceAccountKey,
		administrator:      rand.Text(),
		controllerManager:  rand.Text(),
	}, nil
}

func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func certificateTemplate(serial int64, name string, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-clockSkew),
		NotAfter:     now.Add(certificateLifetime),
	}
}
