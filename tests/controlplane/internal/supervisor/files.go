package supervisor

// The credentials as files, in the forms that the programs read.

import (
	"encoding/base64"
	"fmt"
	"os"
)

const (
	caFile                          = "pki/ca.crt"
	servingCertificateFile          = "pki/kube-apiserver.crt"
	servingKeyFile                  = "pki/kube-apiserver.key"
	serviceAccountKeyFile           = "pki/service-account.key"
	tokensFile                      = "pki/tokens.csv"
	controllerManagerKubeconfigFile = "pki/kube-controller-manager.kubeconfig"
)

// writeFiles writes all of them for their owner alone.
func writeFiles(dir directory, endpoint string, credentials credentials) error {
	for name, content := range map[string][]byte{
		caFile:                          credentials.ca,
		servingCertificateFile:          credentials.servingCertificate,
		servingKeyFile:                  credentials.servingKey,
		serviceAccountKeyFile:           credentials.serviceAccountKey,
		tokensFile:                      tokens(credentials),
		controllerManagerKubeconfigFile: kubeconfig(endpoint, credentials.ca, "kube-controller-manager", credentials.controllerManager),
		"kubeconfig":                    kubeconfig(endpoint, credentials.ca, "administrator", credentials.administrator),
	} {
		if err := os.WriteFile(dir.path(name), content, 0o600); err != nil {
			return fmt.Errorf("write the credentials: %w", err)
		}
	}
	return nil
}

// tokens is the API server's token file: token, user, UID, groups. The
// controller manager is in system:masters too: its own role expects that every
// controller uses a service account, which would be one more thing to wait for.
func tokens(credentials credentials) []byte {
	return fmt.Appendf(nil, "%s,administrator,administrator,\"system:masters\"\n%s,system:kube-controller-manager,kube-controller-manager,\"system:masters\"\n",
		credentials.administrator, credentials.controllerManager)
}

// kubeconfig stands by itself: it can be copied to another folder.
func kubeconfig(endpoint string, ca []byte, user, token string) []byte {
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: controlplane
contexts:
- name: controlplane
  context: {cluster: controlplane, user: %[3]s}
clusters:
- name: controlplane
  cluster:
    server: %[1]s
    certificate-authority-data: %[2]s
users:
- name: %[3]s
  user: {token: %[4]s}
`, endpoint, base64.StdEncoding.EncodeToString(ca), user, token)
}
