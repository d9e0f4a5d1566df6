#!/bin/sh
# The cluster for the tests and the demo, whichever there is: one line of JSON on
# standard output ({"kubeconfig","kubectl","server","metrics"}), then it stays.
# All arguments are those of `controlplane run`, see README.md.
#
#   VIIS_USE_EXISTING_CLUSTER=true   the cluster of KUBECONFIG, with the kubectl in PATH
#   KUBEBUILDER_ASSETS=FOLDER        etcd, kube-apiserver, kube-controller-manager and
#                                    kubectl of that folder, when it has all four
#   neither                          the program that build.sh makes
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

existing() {
    if [ -z "${KUBECONFIG-}" ]; then
        echo "controlplane: VIIS_USE_EXISTING_CLUSTER=true needs KUBECONFIG" >&2
        exit 1
    fi
    kubectl=$(command -v kubectl) || {
        echo "controlplane: VIIS_USE_EXISTING_CLUSTER=true needs kubectl in PATH" >&2
        exit 1
    }
    kubectl get --raw /readyz >/dev/null
    server=$(kubectl config view --minify -o 'jsonpath={.clusters[0].cluster.server}')
    printf '{"kubeconfig":"%s","kubectl":"%s","server":"%s","metrics":"%s/metrics"}\n' \
        "$KUBECONFIG" "$kubectl" "$server" "$server"
    # There is nothing to end, but the caller's hold on it works in the same way.
    for argument; do
        case $argument in
        -exit-with-stdin | --exit-with-stdin) exec cat >/dev/null ;;
        esac
    done
    exec sleep infinity
}

if [ "${VIIS_USE_EXISTING_CLUSTER-}" = true ]; then
    existing "$@"
fi

if [ -n "${KUBEBUILDER_ASSETS-}" ]; then
    missing=
    for part in etcd kube-apiserver kube-controller-manager kubectl; do
        [ -x "$KUBEBUILDER_ASSETS/$part" ] || missing="$missing $part"
    done
    if [ -z "$missing" ]; then
        program=$("$here/build.sh" light)
        exec "$program" run --assets "$KUBEBUILDER_ASSETS" "$@"
    fi
    # envtest's own folder has no controller manager, without which namespaces
    # are never deleted and service accounts never made.
    echo "controlplane: KUBEBUILDER_ASSETS is not used, it lacks$missing" >&2
fi

program=$("$here/build.sh")
exec "$program" run "$@"
