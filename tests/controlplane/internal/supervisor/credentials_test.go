package supervisor

import (
	"crypto/tls"
	"encoding/csv"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// A server with the certificate we made must satisfy the client that trusts the
// authority we made, and the probe must send the administrator's token.
func TestTheProbeTrustsTheServingCertificate(t *testing.T) {
	made, err := newCredentials(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(made.servingCertificate, made.servingKey)
	if err != nil {
		t.Fatal(err)
	}
	var authorization string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		authorization = request.Header.Get("Authorization")
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	defer server.Close()

	client, err := newProbe(server.URL, made)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.ask(t.Context(), "/readyz"); err != nil {
		t.Fatal(err)
	}
	if authorization != "Bearer "+made.administrator {
		t.Errorf("Authorization: %q", authorization)
	}

	stranger, err := newCredentials(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	client, err = newProbe(server.URL, stranger)
	if err != nil {
		t.Fatal(err)
	}
	if client.ask(t.Context(), "/readyz") == nil {
		t.Error("another run's authority was accepted")
	}
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	dir, err := claimDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	made, err := newCredentials(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := writeFiles(dir, "https://127.0.0.1:1", made); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kubeconfig", tokensFile, servingKeyFile, serviceAccountKeyFile} {
		info, err := os.Stat(dir.path(name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

func TestTokensAreOneRecordForEachUser(t *testing.T) {
	text := tokens(credentials{administrator: "A", controllerManager: "C"})
	reader := csv.NewReader(strings.NewReader(string(text)))
	reader.FieldsPerRecord = 4
	records, err := reader.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != 2 || records[0][0] != "A" || records[0][3] != "system:masters" || records[1][0] != "C" {
		t.Errorf("%v", records)
	}
}
