package supervisor

// The command lines of the three. Every flag that is not needed to connect them
// says here what it is good for.

// etcdFlags: one member on the loopback interface.
func etcdFlags(dir directory, ports ports) []string {
	clients, peers := ports.etcdClients.url("http"), ports.etcdPeers.url("http")
	return []string{
		"--name=default",
		"--data-dir=" + dir.path("etcd"),
		"--listen-client-urls=" + clients,
		"--advertise-client-urls=" + clients,
		"--listen-peer-urls=" + peers,
		"--initial-advertise-peer-urls=" + peers,
		"--initial-cluster=default=" + peers,
		"--socket-reuse-port", // see ports.go
		// Nobody needs this data after a power failure, and waiting for the
		// disk is most of what a write costs.
		"--unsafe-no-fsync",
		// A single member elects itself; the usual second of silence before
		// that would be a fifth of the whole start.
		"--heartbeat-interval=20",
		"--election-timeout=200",
		"--enable-grpc-gateway=false",
		"--log-level=warn",
	}
}

// apiServerFlags keep what the tests are about: RBAC, admission with service
// accounts, CEL, the watch cache.
func apiServerFlags(dir directory, ports ports) []string {
	return []string{
		"--etcd-servers=" + ports.etcdClients.url("http"),
		"--bind-address=127.0.0.1",
		// Else it looks for an address of the machine, and fails without one.
		"--advertise-address=127.0.0.1",
		"--secure-port=" + ports.apiServer.number(),
		"--permit-port-sharing", // see ports.go
		"--cert-dir=" + dir.path("pki"),
		"--tls-cert-file=" + dir.path(servingCertificateFile),
		"--tls-private-key-file=" + dir.path(servingKeyFile),
		"--service-account-issuer=" + serviceAccountIssuer,
		"--service-account-key-file=" + dir.path(serviceAccountKeyFile),
		"--service-account-signing-key-file=" + dir.path(serviceAccountKeyFile),
		"--service-cluster-ip-range=10.0.0.0/24",
		"--authorization-mode=RBAC",
		"--token-auth-file=" + dir.path(tokensFile),
		// Nothing may talk to the API server through its own service: there is
		// no network for pods, and 127.0.0.1 is not allowed as an endpoint.
		"--endpoint-reconciler-type=none",
		"--profiling=false",
	}
}

// controllerManagerFlags name the few controllers without which objects would
// never disappear or service accounts never appear.
func controllerManagerFlags(dir directory) []string {
	return []string{
		"--kubeconfig=" + dir.path(controllerManagerKubeconfigFile),
		"--controllers=namespace-controller,garbage-collector-controller,serviceaccount-controller," +
			"root-ca-certificate-publisher-controller,clusterrole-aggregation-controller",
		"--service-account-private-key-file=" + dir.path(serviceAccountKeyFile),
		"--root-ca-file=" + dir.path(caFile),
		"--leader-elect=false",
		"--secure-port=0", // nobody asks it anything, and a port less can collide
		// A namespace is emptied with hundreds of calls; the default of 20 a
		// second would be what a test waits for.
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
		"--profiling=false",
	}
}
