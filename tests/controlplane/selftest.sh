#!/bin/bash
# Proves on the built program what the operator's tests rely on, and that no
# process outlives it. Takes about half a minute.
# No pipefail: a command that must be refused stands before a pipe.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
program=$("$here/build.sh")
work=$(mktemp -d)
supervisor=
finish() {
    if [ -n "$supervisor" ]; then
        kill -9 "$supervisor" || true
        wait "$supervisor" || true
    fi 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT

fail() { echo "FAILED: $*" >&2; exit 1; }
passed() { printf 'ok %5.1f s  %s\n' "$(seconds "$began")" "$1"; began=$(date +%s%N); }
seconds() { awk -v from="$1" -v to="$(date +%s%N)" 'BEGIN { print (to - from) / 1e9 }'; }
# Runs a command until it succeeds, for at most so many seconds.
within() {
    local limit=$((SECONDS + $1)); shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$limit" ] || return 1
        sleep 0.1
    done
}
# The child processes: they have the run's folder in their arguments.
children() { pgrep -f -- "$work/run/" || true; }
no_children() { [ -z "$(children)" ]; }
# A zombie is gone: not every container has an init that buries it.
gone() { ! grep '^State:[[:space:]]*[^Z[:space:]]' "/proc/$1/status"; }

# start [flags]: a cluster whose standard input is descriptor 7.
start() {
    rm -rf "$work/run" "$work/stdin" "$work/line"
    mkfifo "$work/stdin" "$work/line"
    "$program" run --dir "$work/run" "$@" <"$work/stdin" >"$work/line" 2>"$work/stderr" &
    supervisor=$!
    exec 7>"$work/stdin"
    read -r announcement <"$work/line" || fail "no announcement: $(cat "$work/stderr")"
    export KUBECONFIG=$work/run/kubeconfig
}
kubectl() { "$work/run/bin/kubectl" --cache-dir "$work/discovery" "$@"; }

began=$(date +%s%N)
start --exit-with-stdin
passed "start: $announcement"
[ "$(children | wc -l)" = 3 ] || fail "not three children"
[ -z "$(find "$work/run" -type f -perm /077)" ] || fail "files that others may read"

kubectl version | grep "Server Version: $(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' "$here/go.mod")" >/dev/null || fail "version"
kubectl get --raw /metrics | grep '^apiserver_request_total' >/dev/null || fail "metrics"
passed "version and metrics"

kubectl create namespace one >/dev/null
within 10 kubectl -n one get serviceaccount default || fail "service account"
within 10 kubectl -n one get configmap kube-root-ca.crt || fail "root certificate"
kubectl -n one create role reader --verb=get,list --resource=configmaps >/dev/null
kubectl -n one create rolebinding reader --role=reader --serviceaccount=one:default >/dev/null
token=$(kubectl -n one create token default)
as_account() { kubectl --kubeconfig /dev/null --server "$server" --certificate-authority "$work/run/pki/ca.crt" --token "$token" "$@"; }
server=$(kubectl config view -o 'jsonpath={.clusters[0].cluster.server}')
[ "$(as_account auth can-i list configmaps -n one)" = yes ] || fail "SelfSubjectAccessReview: allowed"
[ "$(as_account auth can-i list secrets -n one || true)" = no ] || fail "SelfSubjectAccessReview: denied"
as_account -n one get secrets 2>&1 | grep Forbidden >/dev/null || fail "RBAC"
passed "token, RBAC, SelfSubjectAccessReview"

kubectl apply -f "$here/selftest.yaml" >/dev/null
kubectl wait --for=condition=Established crd/things.selftest.viis-operator.io --timeout=5m >/dev/null
thing() { printf '{"apiVersion":"selftest.viis-operator.io/v1","kind":"Thing","metadata":{"name":"%s","namespace":"one"},"spec":{"address":"%s"}}' "$1" "$2"; }
within 10 kubectl get things -n one || fail "the kind is not served"
thing bad not-an-address | kubectl create -f - 2>&1 | grep 'must be an IP address' >/dev/null || fail "CEL of a field"
thing a 10.0.0.1 | kubectl create -f - >/dev/null
kubectl -n one get thing a -o json | "$program" kstatus - | grep '^Thing one/a InProgress ' >/dev/null || fail "the default of status, in kstatus"
kubectl -n one patch thing a --subresource=status --type=merge -p '{"status":{"observedGeneration":1,"id":"7"}}' >/dev/null
kubectl -n one get thing a -o json | "$program" kstatus - | grep '^Thing one/a Current ' >/dev/null || fail "the status subresource, in kstatus"
kubectl -n one patch thing a --type=merge -p '{"spec":{"address":"10.0.0.2"}}' 2>&1 | grep 'is locked' >/dev/null || fail "CEL over the old status"
kubectl -n one patch thing a --subresource=status --type=merge -p '{"metadata":{"resourceVersion":"1"},"status":{"id":"8"}}' 2>&1 |
    grep 'the object has been modified' >/dev/null || fail "a stale resourceVersion"
passed "CRD: CEL, status subresource, resourceVersion"

# A streaming list: the objects, then the bookmark that ends the initial ones.
kubectl get --raw '/apis/selftest.viis-operator.io/v1/namespaces/one/things?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1' >"$work/watch"
grep -q '"type":"ADDED"' "$work/watch" || fail "WatchList: objects"
grep -q 'k8s.io/initial-events-end' "$work/watch" || fail "WatchList: bookmark"
passed "WatchList"

uid=$(kubectl -n one create configmap owner -o 'jsonpath={.metadata.uid}')
kubectl -n one create configmap owned -o json --dry-run=client |
    sed "s/\"metadata\": {/&\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"owner\",\"uid\":\"$uid\"}],/" |
    kubectl create -f - >/dev/null
kubectl -n one delete configmap owner >/dev/null
kubectl -n one wait --for=delete configmap/owned --timeout=5m >/dev/null
passed "garbage collection"

kubectl delete namespace one --timeout=5m >/dev/null
kubectl delete crd things.selftest.viis-operator.io --timeout=5m >/dev/null
passed "a namespace and a CRD deleted to the end"

exec 7>&-
wait "$supervisor" || fail "status $? after the end of stdin"
no_children || fail "children after the end of stdin"
[ ! -e "$work/run" ] || fail "the folder is still there"
passed "end with stdin"

start
kill -9 "$supervisor"
wait "$supervisor" 2>/dev/null || true
within 5 no_children || fail "children after kill -9 of the supervisor"
passed "kill -9 of the supervisor"

start
kill -9 "$(pgrep -f -- "kube-controller-manager .*$work/run/")"
status=0; wait "$supervisor" || status=$?
[ "$status" = 1 ] || fail "status $status after a child died"
grep -q 'kube-controller-manager ended: signal: killed' "$work/stderr" || fail "which child died: $(cat "$work/stderr")"
no_children || fail "children after one died"
passed "a child that dies"

start
kill "$supervisor"
wait "$supervisor" || fail "status $? after SIGTERM"
no_children || fail "children after SIGTERM"
passed "SIGTERM"

# The parent is a shell in between, which says who its child is and is killed.
rm -rf "$work/line"; mkfifo "$work/line"
sh -c "\"$program\" run --dir \"$work/run\" >\"$work/line\" & echo \$! >\"$work/pid\"; wait" &
parent=$!
read -r announcement <"$work/line"
kill -9 "$parent"
wait "$parent" 2>/dev/null || true
supervisor=$(cat "$work/pid")
within 5 gone "$supervisor" || fail "the supervisor outlived its parent"
no_children || fail "children after the death of the parent"
[ ! -e "$work/run" ] || fail "the folder is still there"
passed "the parent's death"
supervisor=

status=0
"$program" run --dir "$work/run" --apiserver-flag=--no-such-flag 2>"$work/stderr" || status=$?
[ "$status" = 1 ] || fail "status $status after a start that failed"
grep -q 'kube-apiserver ended' "$work/stderr" || fail "no word of the API server"
grep -q 'unknown flag: --no-such-flag' "$work/stderr" || fail "no end of its log"
passed "a start that fails"
