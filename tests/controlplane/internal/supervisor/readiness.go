package supervisor

// Asking a part over HTTP until it answers as it should, or cannot any more.

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	probeInterval = 50 * time.Millisecond
	probeTimeout  = 5 * time.Second
)

// probe asks one server. The administrator's token goes along; etcd ignores it.
type probe struct {
	http     *http.Client
	endpoint string
	token    string
}

func newProbe(endpoint string, credentials credentials) (*probe, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(credentials.ca) {
		return nil, errors.New("read back the authority's certificate")
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		// No proxy: the address is our own machine.
		Proxy: nil,
	}
	return &probe{http: &http.Client{Transport: transport, Timeout: probeTimeout}, endpoint: endpoint, token: credentials.administrator}, nil
}

// await returns when path answers 200, and with an error when ctx ends or a
// child dies first.
func (p *probe) await(ctx context.Context, path string, deaths <-chan *child) error {
	ticker := time.NewTicker(probeInterval)
	defer ticker.Stop()
	for {
		last := p.ask(ctx, path)
		if last == nil {
			return nil
		}
		select {
		case dead := <-deaths:
			return dead.obituary()
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (last answer: %w)", path, ctx.Err(), last)
		case <-ticker.C:
		}
	}
}

func (p *probe) ask(ctx context.Context, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.endpoint+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+p.token)
	response, err := p.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, body)
	}
	return nil
}
