// Command expressions reads rule files (YAML) and Grafana dashboards (JSON) and prints, for
// each metric that an expression of theirs selects, a line of three fields parted by
// tabs: the alert or panel, the metric, and the labels that this selection needs.
// Status 1 when an expression cannot be read.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

// expression is one PromQL expression and whose it is.
type expression struct{ owner, text string }

// Grafana puts its own values in place of these before it asks.
var variables = strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h", "$__interval", "1m")

func main() {
	failed := false
	for _, path := range os.Args[1:] {
		found, err := expressions(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, path+":", err)
			os.Exit(1)
		}
		if len(found) == 0 {
			fmt.Fprintln(os.Stderr, path+": no expression in it")
			failed = true
		}
		for _, expression := range found {
			if err := report(expression); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %s: %v\n  %s\n", path, expression.owner, err, expression.text)
				failed = true
			}
		}
	}
	if failed {
		os.Exit(1)
	}
}

func expressions(path string) ([]expression, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if filepath.Ext(path) == ".json" {
		return ofDashboard(text)
	}
	return ofRules(text)
}

func ofRules(text []byte) ([]expression, error) {
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Record, Expr string }
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	var found []expression
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			found = append(found, expression{rule.Alert + rule.Record, rule.Expr})
		}
	}
	return found, nil
}

// panel is a panel, or a row with panels in it.
type panel struct {
	Title   string
	Targets []struct{ Expr string }
	Panels  []panel
}

func ofDashboard(text []byte) ([]expression, error) {
	var dashboard struct {
		panel
		Templating struct {
			List []struct {
				Name, Type string
				Query      any
			}
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		return nil, err
	}
	found := ofPanel(dashboard.panel)
	for _, variable := range dashboard.Templating.List {
		if variable.Type == "query" {
			expr, err := ofVariable(variable.Query)
			if err != nil {
				return nil, fmt.Errorf("variable %s: %w", variable.Name, err)
			}
			found = append(found, expression{"$" + variable.Name, expr})
		}
	}
	return found, nil
}

func ofPanel(panel panel) []expression {
	var found []expression
	for _, target := range panel.Targets {
		found = append(found, expression{panel.Title, target.Expr})
	}
	for _, inner := range panel.Panels {
		found = append(found, ofPanel(inner)...)
	}
	return found
}

// ofVariable is the expression in label_values(metric{…}, label): the label is needed too.
func ofVariable(query any) (string, error) {
	if fields, isObject := query.(map[string]any); isObject {
		query = fields["query"]
	}
	text, _ := query.(string)
	inner, isLabels := strings.CutPrefix(text, "label_values(")
	comma := strings.LastIndex(inner, ",")
	if !isLabels || comma < 0 {
		return "", fmt.Errorf("%q is not label_values(metric, label)", text)
	}
	label := strings.TrimSpace(strings.TrimSuffix(inner[comma+1:], ")"))
	return fmt.Sprintf("sum by (%s) (%s)", label, inner[:comma]), nil
}

// report prints what one expression needs.
func report(expression expression) error {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(variables.Replace(expression.text))
	if err != nil {
		return err
	}
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		selector, isSelector := node.(*parser.VectorSelector)
		if !isSelector {
			return nil
		}
		needed := map[string]bool{}
		metric := selector.Name
		for _, matcher := range selector.LabelMatchers {
			if matcher.Name == labels.MetricName {
				metric = matcher.Value
			} else {
				needed[matcher.Name] = true
			}
		}
		for _, outer := range path {
			if aggregation, isAggregation := outer.(*parser.AggregateExpr); isAggregation && !aggregation.Without {
				for _, label := range aggregation.Grouping {
					needed[label] = true
				}
			}
		}
		var names []string
		for name := range needed {
			names = append(names, name)
		}
		slices.Sort(names)
		fmt.Printf("%s\t%s\t%s\n", expression.owner, metric, strings.Join(names, ","))
		return nil
	})
	return nil
}
