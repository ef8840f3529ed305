# SPDX-License-Identifier: MIT
"""python3 check_dashboard.py DASHBOARD METRICS

Each expression of the dashboard asks for what is in METRICS, the text that
pgcw_stats_prometheus() made: a name that is mistyped, or no longer there,
would be an empty panel that nobody notices. And each metric is on it.
"""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import exposition

METRIC = re.compile(r"\bpgcachewatch_\w+")
SELECTOR = re.compile(r"\b(pgcachewatch_\w+)(?:{([^}]*)})?")
OF_PROMETHEUS = {"job", "instance"}


def expressions(dashboard):
    """(where, text, legend)"""
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target["legendFormat"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"], ""


def labels_by_name(families):
    labels = {}
    for family in families.values():
        for name, of_sample, _ in family.samples:
            labels.setdefault(name, set()).update(of_sample)
    return labels


def mistakes(where, text, legend, labels):
    known = set(OF_PROMETHEUS)
    if text.count("(") != text.count(")"):
        yield "%s: unbalanced: %s" % (where, text)
    if not METRIC.search(text):
        yield "%s: no metric of ours: %s" % (where, text)
    for match in SELECTOR.finditer(text):
        name, selector = match[1], match[2] or ""
        if name not in labels:
            yield "%s: there is no %s" % (where, name)
            continue
        known |= labels[name]
        for label in re.findall(r"(\w+)=~?\"", selector):
            if label not in labels[name] | OF_PROMETHEUS:
                yield "%s: %s has no label %s" % (where, name, label)
        is_counter = re.search("_(total|bucket|sum|count)$", name)
        if is_counter and not re.search(
                r"(rate|increase)\($", text[:match.start()]):
            yield "%s: %s only grows: its rate?" % (where, name)
    for group in re.findall(r"by \(([^)]*)\)", text):
        for label in re.split(", *", group):
            if label not in known:
                yield "%s: by %s, which nothing has" % (where, label)
    for label in re.findall(r"{{(\w+)}}", legend):
        if label not in known:
            yield "%s: {{%s}}, which nothing has" % (where, label)


def main(dashboard_path, metrics_path):
    with open(dashboard_path, encoding="utf-8") as file:
        dashboard = json.load(file)
    with open(metrics_path, encoding="utf-8") as file:
        families = exposition.read(file.read())
    labels = labels_by_name(families)
    found = list(expressions(dashboard))
    wrong = [mistake for where, text, legend in found
             for mistake in mistakes(where, text, legend, labels)]
    asked = {name for _, text, _ in found for name in METRIC.findall(text)}
    wrong += ["%s is on no panel" % name for name in families
              if not any(other.startswith(name) for other in asked)]
    ids = [panel["id"] for panel in dashboard["panels"]]
    if len(ids) != len(set(ids)):
        wrong.append("two panels have one id")
    for mistake in wrong:
        print("FAILED:", mistake)
    print("%d expressions of %d panels, %d metrics"
          % (len(found), len(ids), len(families)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
