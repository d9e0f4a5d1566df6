package checks

import (
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// alertRules are the rules in the chart's file, by the alert's name.
func alertRules(t *testing.T) map[string]Object {
	t.Helper()
	var file struct{ Groups []struct{ Rules []Object } }
	if err := yaml.Unmarshal([]byte(read(t, chart+"/files/alerts.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	return byAlert(t, file.Groups[0].Rules)
}

func byAlert(t *testing.T, rules []Object) map[string]Object {
	t.Helper()
	found := map[string]Object{}
	for _, rule := range rules {
		found[rule["alert"].(string)] = rule
	}
	if len(found) != len(rules) || len(rules) == 0 {
		t.Fatalf("%d rules, %d names", len(rules), len(found))
	}
	return found
}

// rendered are the rules of the PrometheusRule that Helm makes with these values.
func rendered(t *testing.T, values string) map[string]Object {
	t.Helper()
	for key, object := range objects(t, template(t, valueSets(t)[values])) {
		if strings.HasPrefix(key, "PrometheusRule ") {
			groups := nested(object, "spec", "groups").([]any)
			var rules []Object
			for _, rule := range groups[0].(Object)["rules"].([]any) {
				rules = append(rules, rule.(Object))
			}
			return byAlert(t, rules)
		}
	}
	t.Fatalf("no PrometheusRule with the values %s", values)
	return nil
}

func TestThePrometheusRuleIsTheFile(t *testing.T) {
	if found, expected := rendered(t, "pod-monitor"), alertRules(t); !reflect.DeepEqual(found, expected) {
		t.Errorf("the PrometheusRule has\n%v\nthe file\n%v", found, expected)
	}
}

func TestAlertsCanBeLabelledLeftOutAndLinked(t *testing.T) {
	expected := alertRules(t)
	delete(expected, "ViisOperatorTenantsStalled")
	for _, rule := range expected {
		rule["labels"] = Object{"severity": "page", "team": "protection"}
		annotations := rule["annotations"].(Object)
		annotations["runbook_url"] = "https://docs.example.net/viis-operator/" + annotations["runbook_url"].(string)
	}
	if found := rendered(t, "everything"); !reflect.DeepEqual(found, expected) {
		t.Errorf("the PrometheusRule has\n%v\nexpected is\n%v", found, expected)
	}
}

func TestNeitherAlertsNorDashboardUnlessAskedFor(t *testing.T) {
	for key := range objects(t, template(t)) {
		if strings.HasPrefix(key, "PrometheusRule ") || strings.HasSuffix(key, "-dashboard") {
			t.Errorf("%s is there by default", key)
		}
	}
}

func TestNoRuleWithoutAlerts(t *testing.T) {
	arguments := append(templateArguments(valueSets(t)["pod-monitor"]), "--set")
	var names []string
	for name := range alertRules(t) {
		names = append(names, name)
	}
	one := "metrics.prometheusRule.disabledAlerts={" + strings.Join(names[1:], ",") + "}"
	if out := run(t, "helm", append(arguments, one)...); strings.Count(out, "- alert: ") != 1 {
		t.Errorf("one alert is left, not so in\n%s", out)
	}
	all := "metrics.prometheusRule.disabledAlerts={" + strings.Join(names, ",") + "}"
	if out := run(t, "helm", append(arguments, all)...); strings.Contains(out, "PrometheusRule") {
		t.Error("there is a PrometheusRule without alerts")
	}
}

func TestTheDashboardIsTheFile(t *testing.T) {
	maps := objects(t, template(t, valueSets(t)["everything"]))
	dashboard := maps["ConfigMap viis-system viis-dashboard"]
	found, _ := nested(dashboard, "data", "viis-operator.json").(string)
	expected := read(t, chart+"/dashboards/viis-operator.json")
	// What splits the stream takes the last line's end.
	if strings.TrimSpace(found) != strings.TrimSpace(expected) {
		t.Error("the ConfigMap does not hold dashboards/viis-operator.json")
	}
}

// The schema lets exactly the alerts of the file be left out.
func TestTheSchemaKnowsTheAlerts(t *testing.T) {
	var schema Object
	if err := yaml.Unmarshal([]byte(read(t, chart+"/values.schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	known := nested(schema, "properties", "metrics", "properties", "prometheusRule",
		"properties", "disabledAlerts", "items", "enum")
	var names []string
	for _, name := range known.([]any) {
		names = append(names, name.(string))
	}
	var alerts []string
	for name := range alertRules(t) {
		alerts = append(alerts, name)
	}
	sort.Strings(names)
	sort.Strings(alerts)
	if !reflect.DeepEqual(names, alerts) {
		t.Errorf("the schema knows %v, the file has %v", names, alerts)
	}
}

// Each alert has a runbook, which begins with its name, and no runbook is left over.
func TestEachAlertHasARunbook(t *testing.T) {
	pages := map[string]bool{}
	for name, rule := range alertRules(t) {
		page := nested(rule, "annotations", "runbook_url").(string)
		pages[filepath.Base(page)] = true
		text := read(t, filepath.Join(project, "docs", page))
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/%s does not name %s", page, name)
		}
	}
	entries, err := os.ReadDir(project + "/docs/runbooks")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !pages[entry.Name()] {
			t.Errorf("docs/runbooks/%s belongs to no alert", entry.Name())
		}
	}
}
