#!/usr/bin/env python3
"""Draws the panels of the dashboard as an HTML page, without Grafana: each with what a
Prometheus answers to the panel's own expressions. Python's standard library alone.

  dashboard.py http://127.0.0.1:9090 MINUTES > page.html

docs/images/dashboard.png is a browser's picture of such a page.
"""
import html
import json
import math
import pathlib
import re
import sys
import time
import urllib.parse
import urllib.request

DASHBOARD = pathlib.Path(__file__).parents[2] / "charts/viis-operator/dashboards/viis-operator.json"
COLORS = ["#73bf69", "#5794f2", "#f2cc0c", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#96d98d",
          "#ffa6b0", "#ca95e5", "#fade2a", "#37872d"]
# Grafana's grid has 24 columns; here one is so many pixels wide, a row of it so many high.
COLUMN, ROW = 52, 30
# What is left of a graph, for the numbers.
LEFT = 70
STEPS = 240


def step_of(start, end):
    """The time between two values, in whole seconds."""
    return max(1, (end - start) // STEPS)


def ask(prometheus, expr, start, end):
    """The series of an expression over the whole time: (labels, [(time, value)])."""
    step = step_of(start, end)
    for name, value in {"$__rate_interval": "60s", "$job": ".*", "$server": ".*"}.items():
        expr = expr.replace(name, value)
    query = urllib.parse.urlencode({"query": expr, "start": start, "end": end, "step": step})
    with urllib.request.urlopen(f"{prometheus}/api/v1/query_range?{query}") as answer:
        result = json.load(answer)["data"]["result"]
    return [(one["metric"], [(t, float(v)) for t, v in one["values"] if not math.isnan(float(v))])
            for one in result]


def text(value, unit):
    """A value as Grafana would write it, nearly."""
    if unit == "s" and value >= 60:
        return f"{value / 60:.1f} min"
    if unit == "s" and value < 1:
        return f"{value * 1000:.0f} ms"
    suffix = {"s": " s", "reqps": " req/s", "ops": " ops/s"}.get(unit, "")
    return f"{value:.3g}{suffix}"


def legend(form, labels):
    return re.sub(r"{{(\w+)}}", lambda match: labels.get(match[1], ""), form).strip() or "value"


def stat(panel, series):
    values = [points[-1][1] for _, points in series if points]
    value = values[0] if values else None
    defaults = panel["fieldConfig"]["defaults"]
    color = {"red": "#c4162a", "green": "#37872d", "orange": "#e0752d"}
    name = "blue"
    for step in defaults.get("thresholds", {}).get("steps", []):
        if value is not None and (step["value"] is None or value >= step["value"]):
            name = step["color"]
    shown = "no data" if value is None else text(value, defaults["unit"])
    return f'<div class="stat" style="background:{color.get(name, "#1f60c4")}">{shown}</div>'


def graph(panel, series, start, end):
    defaults = panel["fieldConfig"]["defaults"]
    stacked = defaults["custom"]["stacking"]["mode"] == "normal"
    width, height = panel["gridPos"]["w"] * COLUMN - LEFT - 40, panel["gridPos"]["h"] * ROW - 100
    base = dict.fromkeys(range(start, end + 1, step_of(start, end)), 0)
    lines = []
    for name, points in series:
        if stacked:
            known = dict(points)
            lower = list(base.items())
            base = {t: v + known.get(t, 0) for t, v in base.items()}
            lines.append((name, list(base.items()), lower))
        else:
            lines.append((name, points, None))
    top = defaults.get("max") or max([v for _, points, _ in lines for _, v in points] + [0]) * 1.1 or 1
    x = lambda t: LEFT + (t - start) / (end - start) * width
    y = lambda v: 6 + (1 - min(v, top) / top) * height
    path = lambda points: " ".join(f"{x(t):.1f},{y(v):.1f}" for t, v in points)
    svg, names = [], []
    for number, (name, points, lower) in enumerate(lines):
        color = COLORS[number % len(COLORS)]
        if lower:
            svg.append(f'<polygon points="{path(points)} {path(lower[::-1])}" fill="{color}" fill-opacity=".35"/>')
        for part in unbroken(points, 2 * step_of(start, end)):
            svg.append(f'<polyline points="{path(part)}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        names.append(f'<span><i style="background:{color}"></i>{html.escape(name)}</span>')
    for part in range(5):
        value = top * part / 4
        svg.append(f'<line x1="{LEFT}" x2="{LEFT + width}" y1="{y(value)}" y2="{y(value)}" stroke="#3a3d44"/>'
                   f'<text x="{LEFT - 4}" y="{y(value) + 4}" text-anchor="end">{text(value, defaults["unit"])}</text>')
        moment = start + (end - start) * part / 4
        clock = time.strftime("%H:%M", time.gmtime(moment))
        svg.append(f'<text x="{x(moment)}" y="{height + 22}" text-anchor="middle">{clock}</text>')
    if not lines:
        svg.append(f'<text x="{LEFT + width / 2}" y="{height / 2}" text-anchor="middle">no data</text>')
    return (f'<svg width="{LEFT + width + 20}" height="{height + 26}">{"".join(svg)}</svg>'
            f'<div class="legend">{"".join(names)}</div>')


def unbroken(points, longest):
    """The points in parts, where there is no gap longer than that."""
    parts = []
    for point in points:
        if parts and point[0] - parts[-1][-1][0] <= longest:
            parts[-1].append(point)
        else:
            parts.append([point])
    return parts


def draw(prometheus, panel, start, end):
    place = panel["gridPos"]
    style = (f'left:{place["x"] * COLUMN}px;top:{place["y"] * ROW}px;'
             f'width:{place["w"] * COLUMN - 8}px;height:{place["h"] * ROW - 8}px')
    title = html.escape(panel["title"])
    if panel["type"] == "row":
        return f'<h2 style="{style}">{title}</h2>'
    series = []
    for target in panel["targets"]:
        for labels, points in ask(prometheus, target["expr"], start, end):
            series.append((legend(target["legendFormat"], labels), points))
    series.sort(key=lambda one: one[0])
    body = stat(panel, series) if panel["type"] == "stat" else graph(panel, series, start, end)
    return f'<section style="{style}"><h3>{title}</h3>{body}</section>'


def main():
    prometheus, seconds = sys.argv[1], int(float(sys.argv[2]) * 60)
    end = int(time.time())
    panels = json.loads(DASHBOARD.read_text())["panels"]
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    drawn = "\n".join(draw(prometheus, panel, end - seconds, end) for panel in panels)
    print(f"""<!doctype html><meta charset="utf-8"><title>viis-operator</title><style>
body {{ background:#111217; color:#d0d1d6; font:11px "DejaVu Sans",sans-serif; margin:12px; position:relative;
  width:{24 * COLUMN}px; height:{bottom * ROW}px }}
section, h2 {{ position:absolute; box-sizing:border-box; margin:0 }}
section {{ background:#181b1f; border:1px solid #2c2f36; padding:6px }}
h2 {{ font-size:14px; padding-top:6px }}  h3 {{ font-size:12px; margin:0 0 4px }}
.stat {{ height:70px; line-height:70px; text-align:center; font-size:28px; color:#fff }}
.legend {{ max-height:42px; overflow:hidden; font-size:10px }}
.legend span {{ margin-right:10px; white-space:nowrap; display:inline-block }}
.legend i {{ display:inline-block; width:12px; height:3px; margin-right:4px; vertical-align:middle }}
text {{ fill:#9fa1a8; font-size:10px }}
</style>{drawn}""")


main()
