#!/bin/sh
# The alert rules are valid and fire when they should, and not otherwise; the expressions
# of rules and dashboard can be read; the metrics keep Prometheus' conventions. That the
# metrics exist is checked on a running operator: tests/cluster/metrics.rs.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
chart=$here/../../charts/viis-operator
programs=$("$here/build.sh")

"$programs/promtool" check rules --lint=all --lint-fatal "$chart/files/alerts.yaml"
"$programs/promtool" test rules "$here"/rules/*.yaml
"$programs/expressions" "$chart/files/alerts.yaml" "$chart/dashboards/viis-operator.json" >/dev/null

# The sample is a snapshot: after its head it is what /metrics answers.
metrics=$(sed '1,/^---$/d' "$here"/../../src/telemetry/metrics/snapshots/*the_whole_text.snap)
# Of an empty page promtool has nothing to say.
case $metrics in
'# HELP viis_operator_'*) ;;
*) echo "the snapshot of the metrics is not where it was, or not as it was" >&2; exit 1 ;;
esac
printf '%s\n' "$metrics" | "$programs/promtool" check metrics

# Every alert is shown to fire, and not to fire.
alerts=$(sed -n 's/^ *- alert: //p' "$chart/files/alerts.yaml")
if [ -z "$alerts" ]; then
    echo "no alert was found in $chart/files/alerts.yaml" >&2
    exit 1
fi
for alert in $alerts; do
    cat "$here"/rules/*.yaml | awk -v alert="$alert" '
        $1 == "alertname:" { named = ($2 == alert) }
        named && $1 == "exp_alerts:" { if ($2 == "[]") quiet = 1; else fires = 1 }
        END { exit !(fires && quiet) }' || {
        echo "$alert: a test in tests/alerts/rules must expect it, and one must not" >&2
        exit 1
    }
done
