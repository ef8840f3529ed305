#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What run.sh makes of the benchmarks' JSON.

    report.py machine ROOT BUILD HOW     prints the machine and versions; HOW
                                         is "full" or "--quick"
    report.py collect NAME SECONDS FILE  standard input is a document: checked,
                                         and written as FILE
    report.py render DIR [--no-plots]    DIR/results/*.json to DIR/RESULTS.md
                                         and DIR/plots/*.svg
    report.py readme DIR                 prints the goals as a short table of
                                         Markdown, for the README

It ends with 1 if a document is not as agreed, or gnuplot fails; with 2 if it
was called wrongly. notes.json, beside this file, has an explanation for each
goal that is missed, which RESULTS.md then shows.
"""
import datetime
import json
import pathlib
import sys

import documents
import goals
import machine
import plots
import tables

HERE = pathlib.Path(__file__).resolve().parent
UNEXPLAINED = "**not explained yet** (`notes.json`)"


def read_json(path):
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))


def print_machine(root, build, how):
    described = machine.describe(root, build)
    described["run"] = how.lstrip("-")
    json.dump(described, sys.stdout, indent=1, ensure_ascii=False)
    print()


def collect(name, seconds, path):
    document = documents.parse(sys.stdin.read(), name)
    now = datetime.datetime.now(datetime.timezone.utc)
    document["measured"] = {"date": now.strftime("%Y-%m-%d %H:%M UTC"),
                            "seconds": int(seconds)}
    documents.write(document, path)


def quantity(value, unit):
    return f"{tables.number(value)} {'×' if unit == 'ratio' else unit}"


def unit_of(goal):
    return goal.get("unit", "ratio")


def bound(goal):
    for field, sign in (("at_most", "≤"), ("below", "<"), ("at_least", "≥")):
        if field in goal:
            return f"{sign} {quantity(goal[field], unit_of(goal))}"
    raise documents.Invalid(f"goal {goal['id']} has no bound")


def figures(name, result):
    """Median, least and most, with the name of whose they are."""
    said = f"{name} {quantity(result['median'], result['unit'])}"
    if result["repetitions"] > 1:
        said += (f" ({tables.number(result['min'])}–"
                 f"{tables.number(result['max'])})")
    return said


def where(verdict):
    """The worst cell: its parameters, and the figures that are compared."""
    ours, other = verdict["ours"], verdict["other"]
    own = documents.parameters(ours)
    said = [figures(documents.label(ours), ours)]
    if other is not None:
        name = documents.label(other)
        if other["subject"] == documents.OURS:
            theirs = documents.parameters(other)
            name = tables.named({field: value for field, value in theirs.items()
                                 if own.get(field) != value}) + ":"
        said.append(figures(name, other))
    return ": ".join(part for part in (tables.named(own), ", ".join(said))
                     if part)


def state_of(verdict):
    if verdict["state"] == "incomplete":
        return f"incomplete: {verdict['cells']} of {verdict['wanted']} cells"
    return "**missed**" if verdict["state"] == "missed" else verdict["state"]


def goal_row(goal, found, notes):
    verdict = goals.judge(goal, found)
    if verdict["state"] == "not measured":
        return [goal["what"], bound(goal), "", state_of(verdict), ""]
    value = quantity(verdict["value"], unit_of(goal))
    if verdict["cells"] > 1:
        value += (f" (best {tables.number(verdict['best'])}; "
                  f"{verdict['good']} of {verdict['cells']} cells)")
    note = ""
    if verdict["state"] == "missed":
        note = notes.get(goal["id"], UNEXPLAINED)
    return [goal["what"], bound(goal), value, state_of(verdict),
            ". ".join(part for part in (where(verdict), note) if part)]


def short_row(goal, found):
    """As the README has it."""
    verdict = goals.judge(goal, found)
    if verdict["state"] == "not measured":
        return [goal["what"], "", bound(goal), state_of(verdict)]
    state = state_of(verdict)
    if verdict["state"] == "missed" and verdict["good"] > 0:
        state += f", met in {verdict['good']} of {verdict['cells']} cells"
    return [goal["what"], quantity(verdict["value"], unit_of(goal)),
            bound(goal), state]


def readme(folder, settings=HERE):
    results = pathlib.Path(folder) / "results"
    described = read_json(results / "machine.json")
    found = documents.load_all(results)
    machine_text = ", ".join(
        tables.text(described[field])
        for field in ("processor", "system", "date") if field in described)
    quick = (" **A quick run: its figures say nothing.**"
             if described.get("run") == "quick" else "")
    print(f"Medians of one run ({machine_text}); of several cells the worst."
          f"{quick}\n")
    print(tables.table(["", "measured", "goal", ""],
                       [short_row(goal, found)
                        for goal in read_json(settings / "goals.json")]),
          end="")


def head(described, found):
    parts = ["# Results of the benchmarks\n",
             "Written by `stress/bench/report.py` from the JSON in "
             "`results/`; do not edit. `sh stress/bench/run.sh` measures it "
             "all anew. A figure is the median of the repetitions, with the "
             "least and the largest. `pgcachewatch` is ours; a ratio, ×, is "
             "that of another to ours in the same cell, and **bold** where "
             "the other is ahead. Where both were measured in turns it is the "
             "median of the ratios of all turns, not the ratio of the two "
             "medians.\n"]
    if described.get("run") == "quick":
        parts.append("**A quick run: it shows that all of it works, and its "
                     "figures say nothing.**\n")
    rows = []
    for field, value in described.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {version}"
                              for name, version in value.items())
        rows.append([field, tables.text(value)])
    parts.append(tables.table(["", ""], rows))
    dates = [document["measured"]["date"] for document in found.values()
             if "measured" in document]
    if dates and min(dates) < described.get("date", ""):
        parts.append("Not all is of this run: the date of each stands with "
                     "it.\n")
    return parts


def bench_part(name, document, drawn):
    measured = document.get("measured", {})
    title = f"## {name}\n"
    if measured:
        title += f"\nMeasured {measured['date']}, in {measured['seconds']} s.\n"
    pictures = "".join(f"![{plot['title']}](plots/{plot['file']}.svg)\n\n"
                       for plot in drawn if plot["bench"] == name)
    return f"{title}\n{pictures}{tables.bench(document)}"


def render(folder, has_plots=True, settings=HERE):
    folder = pathlib.Path(folder)
    described = read_json(folder / "results" / "machine.json")
    found = documents.load_all(folder / "results")
    notes = read_json(settings / "notes.json")
    wanted = read_json(settings / "goals.json")
    drawn, failures = [], []
    for plot in read_json(settings / "plots.json") if has_plots else []:
        try:
            if plots.draw(plot, found, folder / "plots"):
                drawn.append(plot)
        except plots.Failed as error:
            failures.append(str(error))
    parts = head(described, found)
    parts.append("## Goals\n")
    parts.append("The worst cell decides; it is named on the right.\n")
    parts.append(tables.table(
        ["what", "goal", "measured", "", "worst cell, and why"],
        [goal_row(goal, found, notes) for goal in wanted]))
    for name in documents.distinct(["lookup", "lookup_many"] + list(found)):
        if name in found:
            parts.append(bench_part(name, found[name], drawn))
    text = "\n".join(parts)
    (folder / "RESULTS.md").write_text(text, encoding="utf-8")
    if failures:
        raise plots.Failed("; ".join(failures))


def main(arguments):
    commands = {"machine": (print_machine, 3), "collect": (collect, 3),
                "render": (render, 1), "readme": (readme, 1)}
    name = arguments.pop(0) if arguments else ""
    has_plots = "--no-plots" not in arguments
    if not has_plots:
        arguments.remove("--no-plots")
    command, count = commands.get(name, (None, 0))
    if command is None or len(arguments) != count or (
            command is not render and not has_plots):
        print(__doc__, file=sys.stderr)
        return 2
    if command is render:
        arguments.append(has_plots)
    try:
        command(*arguments)
    except (documents.Invalid, plots.Failed, OSError,
            json.JSONDecodeError) as error:
        print(f"report.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
