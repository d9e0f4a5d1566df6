package checks

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A running API server (tests/controlplane): no kubelet, so pods are stored, not run.
type cluster struct {
	Kubeconfig, Kubectl string

	process *exec.Cmd
	held    io.Closer
}

var running *cluster

// onCluster starts the cluster for the first test that needs it.
func onCluster(t *testing.T) *cluster {
	t.Helper()
	if os.Getenv("VIIS_CHART_CLUSTER") == "" {
		t.Skip("needs a cluster: make chart-cluster")
	}
	if running == nil {
		command := exec.Command("../../controlplane/up.sh", "--exit-with-stdin")
		command.Stderr = os.Stderr
		held, _ := command.StdinPipe()
		out, _ := command.StdoutPipe()
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		started := &cluster{process: command, held: held}
		line, err := bufio.NewReader(out).ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, started)
		}
		if err != nil {
			held.Close()
			t.Fatalf("the cluster did not start: %v", err)
		}
		running = started
	}
	return running
}

func stopCluster() {
	if running != nil {
		running.call("", running.Kubectl, "delete", "--ignore-not-found", "--wait=false", "--filename", project+"/crds")
		running.held.Close()
		running.process.Wait()
	}
}

func (c *cluster) call(input, program string, arguments ...string) (string, error) {
	command := exec.Command(program, append(arguments, "--kubeconfig", c.Kubeconfig)...)
	command.Stdin = strings.NewReader(input)
	var out, said bytes.Buffer
	command.Stdout, command.Stderr = &out, &said
	err := command.Run()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(program), strings.Join(arguments, " "), err, out.String(), said.String())
	}
	return out.String(), err
}

func (c *cluster) kubectl(t *testing.T, input string, arguments ...string) string {
	t.Helper()
	out, err := c.call(input, c.Kubectl, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (c *cluster) helm(t *testing.T, arguments ...string) string {
	t.Helper()
	out, err := c.tryHelm(arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (c *cluster) tryHelm(arguments ...string) (string, error) {
	return c.call("", filepath.Join(programs, "helm"), append(arguments, "--namespace", "viis-system")...)
}

// undo runs what leaves the cluster to the next test as it was.
func (c *cluster) undo(t *testing.T, program string, arguments ...string) {
	t.Helper()
	if _, err := c.call("", program, arguments...); err != nil {
		t.Error(err)
	}
}

// install installs the chart; whatever is left of it goes with the test, but for the
// CRDs: an API server may take a minute to remove them, so the next test takes them over.
func (c *cluster) install(t *testing.T, arguments ...string) {
	t.Helper()
	c.helm(t, append([]string{"install", "viis-operator", chart, "--create-namespace", "--take-ownership"}, arguments...)...)
	t.Cleanup(func() {
		c.undo(t, filepath.Join(programs, "helm"), "uninstall", "viis-operator", "--no-hooks", "--ignore-not-found", "--namespace", "viis-system")
	})
}

const ours = `
apiVersion: viis-operator.io/v1alpha1
kind: IntegrationServer
metadata: {name: main, finalizers: [viis-operator.io/finalizer]}
spec:
  address: viis.example.net
  credentialsSecretRef: {name: viis-main}
  allowedNamespaces: {from: All}
---
apiVersion: viis-operator.io/v1alpha1
kind: Tenant
metadata: {name: acme, namespace: customers, finalizers: [viis-operator.io/finalizer]}
spec: {integrationServerRef: {name: main}, type: Simple}
`

// withResources makes a server and a tenant, as the operator leaves them.
func (c *cluster) withResources(t *testing.T, operator string) {
	t.Helper()
	c.kubectl(t, "{apiVersion: v1, kind: Namespace, metadata: {name: customers}}", "apply", "--filename", "-")
	c.kubectl(t, ours, "apply", "--filename", "-")
	status := `{"status":{"operator":"` + operator + `"}}`
	c.kubectl(t, "", "patch", "viis", "main", "--subresource=status", "--type=merge", "--patch", status)
	t.Cleanup(func() {
		for _, object := range [][]string{{"viistenant", "acme", "--namespace=customers"}, {"viis", "main"}} {
			free := `--patch={"metadata":{"finalizers":null}}`
			c.undo(t, c.Kubectl, append([]string{"patch", "--type=merge", free}, object...)...)
			c.undo(t, c.Kubectl, append([]string{"delete", "--ignore-not-found"}, object...)...)
		}
	})
}

func (c *cluster) uids(t *testing.T) string {
	t.Helper()
	return c.kubectl(t, "", "get", "viis,viistenant", "--all-namespaces", "--output=jsonpath={.items[*].metadata.uid}")
}

func TestOnClusterReleaseLivesAndEnds(t *testing.T) {
	c := onCluster(t)
	const server = "integrationServers.other.address=10.0.0.7,integrationServers.other.credentialsSecretRef.name=a," +
		"integrationServers.other.allowedNamespaces.from=All"
	if left := c.kubectl(t, "", "get", "crd", "--output=name"); strings.Contains(left, "viis-operator.io") {
		t.Fatal("this test begins without CRDs: delete them first")
	}
	_, err := c.tryHelm("install", "viis-operator", chart, "--create-namespace", "--set", server)
	if err == nil || !strings.Contains(err.Error(), "install without it first") {
		t.Fatalf("IntegrationServers before the CRDs: %v", err)
	}
	c.install(t)
	c.withResources(t, "viis-system/viis-operator")
	before := c.uids(t)

	c.helm(t, "upgrade", "viis-operator", chart, "--set", "replicas=2")
	if after := c.uids(t); after != before {
		t.Fatalf("an upgrade changed the resources: %s, then %s", before, after)
	}

	_, err = c.tryHelm("uninstall", "viis-operator")
	if err == nil || !strings.Contains(err.Error(), "IntegrationServer main is still served by viis-system/viis-operator") {
		t.Fatalf("uninstalled although a finalizer is on: %v", err)
	}
	c.kubectl(t, "", "get", "deployment", "viis-operator", "--namespace=viis-system")
	c.kubectl(t, "", "get", "clusterrole", "viis-operator-viis-system")
	// What the documentation says to do then.
	c.helm(t, "rollback", "viis-operator", "2")
	c.helm(t, "upgrade", "viis-operator", chart, "--set", server)
	c.kubectl(t, "", "get", "viis", "other")

	// Without values Helm would take those of the release before.
	c.helm(t, "upgrade", "viis-operator", chart, "--reset-values")
	c.kubectl(t, "", "wait", "--for=delete", "viis/other", "--timeout=5m")
	if _, err := c.tryHelm("uninstall", "viis-operator"); err == nil {
		t.Fatal("uninstalled although a finalizer is on")
	}
	c.helm(t, "uninstall", "viis-operator", "--no-hooks")
	if after := c.uids(t); after != before {
		t.Fatalf("uninstalling changed the resources: %s, then %s", before, after)
	}

	// The CRDs that were kept are taken over again, and the finalizer is no obstacle
	// any more when the server is another installation's, or when it is gone.
	c.helm(t, "install", "viis-operator", chart)
	another := `{"status":{"operator":"elsewhere/viis-operator"}}`
	c.kubectl(t, "", "patch", "viis", "main", "--subresource=status", "--type=merge", "--patch", another)
	c.helm(t, "uninstall", "viis-operator")
	c.helm(t, "install", "viis-operator", chart, "--set", "uninstallCheck.enabled=false")
	c.helm(t, "uninstall", "viis-operator")
	if left := c.kubectl(t, "", "get", "all,configmap,role", "--namespace=viis-system", "--output=name"); strings.Contains(left, "viis") {
		t.Errorf("left behind: %s", left)
	}
}

// With servers without finalizer, and without any, nothing is in the way.
func TestOnClusterUninstallsWhenNothingIsThere(t *testing.T) {
	c := onCluster(t)
	c.install(t)
	c.helm(t, "uninstall", "viis-operator")
	c.helm(t, "install", "viis-operator", chart)
	unserved := strings.Replace(strings.Split(ours, "---")[0], ", finalizers: [viis-operator.io/finalizer]", "", 1)
	c.kubectl(t, unserved, "apply", "--filename", "-")
	c.helm(t, "uninstall", "viis-operator")
	c.kubectl(t, "", "delete", "viis", "main")
}

// The API server takes the manifests, and the pod in a namespace for restricted ones.
func TestOnClusterManifestsAreAccepted(t *testing.T) {
	c := onCluster(t)
	install := read(t, project+"/deploy/install.yaml")
	t.Cleanup(func() {
		for key := range objects(t, install) {
			name := strings.Split(key, " ")
			if name[0] != "Namespace" && name[0] != "CustomResourceDefinition" {
				c.undo(t, c.Kubectl, "delete", name[0], name[2], "--namespace="+name[1])
			}
		}
	})
	c.kubectl(t, install, "apply", "--filename", "-")
	var deployment struct {
		Spec struct{ Template Object }
	}
	out := c.kubectl(t, "", "get", "deployment", "viis-operator", "--namespace=viis-system", "--output=json")
	if err := json.Unmarshal([]byte(out), &deployment); err != nil {
		t.Fatal(err)
	}
	pod := deployment.Spec.Template
	pod["apiVersion"], pod["kind"] = "v1", "Pod"
	pod["metadata"].(Object)["name"] = "operator"
	text, _ := json.Marshal(pod)
	c.kubectl(t, string(text), "create", "--namespace=viis-system", "--dry-run=server", "--filename", "-")
	c.kubectl(t, "{apiVersion: v1, kind: Namespace, metadata: {name: customers}}", "apply", "--filename", "-")
	for _, file := range monitoringCRDs(t) {
		c.kubectl(t, "", "create", "--filename", file)
		t.Cleanup(func() { c.undo(t, c.Kubectl, "delete", "--wait=false", "--filename", file) })
		c.kubectl(t, "", "wait", "--for=condition=Established", "--filename", file)
	}
	for folder := range overlays {
		c.kubectl(t, overlay(t, folder), "apply", "--dry-run=server", "--filename", "-")
	}
	for _, values := range valueSets(t) {
		c.kubectl(t, template(t, values), "apply", "--dry-run=server", "--filename", "-")
	}
}

// The patch that docs/gitops.md shows adds the health scripts to what Argo CD has.
func TestOnClusterHealthScriptsForArgoCD(t *testing.T) {
	c := onCluster(t)
	c.kubectl(t, "{apiVersion: v1, kind: Namespace, metadata: {name: argocd}}", "apply", "--filename", "-")
	c.kubectl(t, "", "create", "configmap", "argocd-cm", "--namespace=argocd", "--from-literal=url=https://argocd.example.net")
	t.Cleanup(func() { c.undo(t, c.Kubectl, "delete", "namespace", "argocd", "--wait=false") })
	c.kubectl(t, "", "patch", "configmap", "argocd-cm", "--namespace=argocd", "--type=merge", "--patch-file="+project+"/deploy/argocd/argocd-cm.yaml")
	var patched struct{ Data map[string]string }
	out := c.kubectl(t, "", "get", "configmap", "argocd-cm", "--namespace=argocd", "--output=json")
	if err := json.Unmarshal([]byte(out), &patched); err != nil {
		t.Fatal(err)
	}
	if len(patched.Data) != 4 || patched.Data["url"] == "" {
		t.Errorf("the ConfigMap has %d entries", len(patched.Data))
	}
}

// The authorizer allows the ServiceAccount what docs/permissions.md says, and no more.
func TestOnClusterPermissions(t *testing.T) {
	c := onCluster(t)
	c.kubectl(t, "{apiVersion: v1, kind: Namespace, metadata: {name: customers}}", "apply", "--filename", "-")
	for set, namespaces := range map[string]map[string][]string{
		"default": {
			"customers": {"served"}, "default": {"served"}, "elsewhere": {"served"},
			"viis-system": {"served", "own"},
		},
		"one-namespace": {
			"customers": {"served"}, "default": {"default"}, "elsewhere": {},
			"viis-system": {"own"},
		},
	} {
		t.Run(set, func(t *testing.T) {
			c.install(t, "--values", valueSets(t)[set])
			rows := table(t)
			for namespace, wheres := range namespaces {
				wheres = append(wheres, "cluster")
				said := c.allowed(t, "system:serviceaccount:viis-system:viis-operator", namespace)
				for _, question := range questions() {
					expected := slices.ContainsFunc(rows, func(row row) bool {
						where, limited := strings.CutSuffix(row.where, ", of its name")
						return qualified(row.resource) == question.resource && row.verb == question.verb &&
							slices.Contains(wheres, where) && (!limited || question.name == "viis-operator")
					})
					if said[question] != expected {
						t.Errorf("in %s: %s %s %s: allowed is %v", namespace, question.verb, question.resource, question.name, said[question])
					}
				}
			}
		})
	}
}

// Who may edit a namespace, or is its admin, may not change IntegrationServers.
func TestOnClusterAggregatedRoles(t *testing.T) {
	c := onCluster(t)
	c.kubectl(t, "{apiVersion: v1, kind: Namespace, metadata: {name: customers}}", "apply", "--filename", "-")
	c.install(t)
	for _, role := range []string{"view", "edit", "admin"} {
		for kind, arguments := range map[string][]string{
			"rolebinding": {"--user=" + role + "-here", "--namespace=customers"}, "clusterrolebinding": {"--user=" + role + "-all"},
		} {
			name := "chart-" + role
			c.kubectl(t, "", append([]string{"create", kind, name, "--clusterrole=" + role}, arguments...)...)
			t.Cleanup(func() { c.undo(t, c.Kubectl, "delete", kind, name, "--namespace=customers") })
		}
	}
	// The controller manager adds the rules a moment after the installation.
	added := question{"viis-operator.io/integrationservers", "patch", ""}
	for end := time.Now().Add(5 * time.Minute); !c.allowed(t, "admin-all", "customers")[added]; time.Sleep(time.Second) {
		if time.Now().After(end) {
			t.Fatal("the rules of the chart were not added to the role admin")
		}
	}
	for _, who := range []struct {
		user, verb, resource string
		allowed              bool
	}{
		{"view-here", "list", "tenants", true},
		{"view-here", "create", "tenants", false},
		{"view-all", "list", "integrationservers", true},
		{"edit-here", "create", "tenants", true},
		{"edit-here", "delete", "virtualmachines", true},
		{"edit-all", "patch", "tenants", true},
		{"edit-all", "patch", "integrationservers", false},
		{"edit-all", "patch", "tenants/status", false},
		{"admin-here", "create", "tenants", true},
		{"admin-here", "patch", "integrationservers", false},
		{"admin-all", "patch", "integrationservers", true},
		{"admin-all", "patch", "integrationservers/status", false},
	} {
		said := c.allowed(t, who.user, "customers")
		if said[question{"viis-operator.io/" + who.resource, who.verb, ""}] != who.allowed {
			t.Errorf("%s: %s %s: allowed is %v", who.user, who.verb, who.resource, !who.allowed)
		}
	}
}

// What may be asked of the authorizer.
type question struct{ resource, verb, name string }

func questions() []question {
	var all []question
	for _, resource := range []string{
		"viis-operator.io/integrationservers", "viis-operator.io/integrationservers/status",
		"viis-operator.io/integrationservers/finalizers", "viis-operator.io/tenants", "viis-operator.io/tenants/status",
		"viis-operator.io/tenants/finalizers", "viis-operator.io/virtualmachines",
		"viis-operator.io/virtualmachines/status", "/secrets", "/namespaces", "/configmaps", "/pods", "/events",
		"/serviceaccounts", "events.k8s.io/events", "coordination.k8s.io/leases", "apps/deployments",
		"apiextensions.k8s.io/customresourcedefinitions", "rbac.authorization.k8s.io/clusterroles",
	} {
		for _, verb := range []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"} {
			all = append(all, question{resource, verb, ""})
		}
	}
	for _, verb := range []string{"get", "update", "patch", "delete"} {
		all = append(all, question{"coordination.k8s.io/leases", verb, "viis-operator"},
			question{"coordination.k8s.io/leases", verb, "another"})
	}
	return all
}

var inNoNamespace = []string{"integrationservers", "namespaces", "customresourcedefinitions", "clusterroles"}

// allowed asks everything at once.
func (c *cluster) allowed(t *testing.T, user, namespace string) map[question]bool {
	t.Helper()
	all := questions()
	var reviews strings.Builder
	for _, question := range all {
		group, resource, _ := strings.Cut(question.resource, "/")
		resource, subresource, _ := strings.Cut(resource, "/")
		in := namespace
		if slices.Contains(inNoNamespace, resource) {
			in = ""
		}
		review, _ := json.Marshal(Object{
			"apiVersion": "authorization.k8s.io/v1",
			"kind":       "SubjectAccessReview",
			"spec": Object{"user": user, "resourceAttributes": Object{
				"group": group, "resource": resource, "subresource": subresource, "verb": question.verb,
				"name": question.name, "namespace": in,
			}},
		})
		reviews.WriteString("---\n" + string(review) + "\n")
	}
	template := "{{.status.allowed}}\n"
	lines := strings.Fields(c.kubectl(t, reviews.String(), "create", "--filename", "-", "--output=go-template="+template))
	if len(lines) != len(all) {
		t.Fatalf("%d answers to %d questions", len(lines), len(all))
	}
	said := map[question]bool{}
	for index, question := range all {
		said[question] = lines[index] == "true"
	}
	return said
}
