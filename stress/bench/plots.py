# SPDX-License-Identifier: MIT
"""SVG plots by gnuplot, of what plots.json lists.

"bars": one bar a subject, or a value of "rows", in a panel for each value of "panels"; the values
of "colour" lie side by side. "lines": the medians over "x", a line for each
value of "series". Whiskers reach from the least to the largest. The colours
are those of Okabe and Ito, which the colour-blind can tell apart, and each
line has a mark of its own; the paper is white wherever the picture stands.
"""
import math
import subprocess
import sys

import documents
import tables

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9",
           "#666666", "#000000")
MARKS = (7, 5, 9, 13, 11, 6, 4, 8)
OTHERS = "#8c959f"
INK, GRID = "#24292f", "#d0d7de"


class Failed(Exception):
    """gnuplot is missing, or did not understand."""


def quote(text):
    return "'" + str(text).replace("'", "''") + "'"


def head(path, width, height):
    return [f"set terminal svg size {width},{height} dynamic noenhanced "
            "font 'Helvetica,Arial,sans-serif,13' background '#ffffff'",
            f"set output {quote(path)}",
            f"set border 3 linecolor '{INK}'",
            f"set grid linecolor '{GRID}' linetype 1",
            "set tics nomirror", "set datafile separator '\t'",
            f"set key textcolor '{INK}'"]


def block(name, rows):
    lines = [f"${name} << END"]
    lines += ["\t".join(str(value) for value in row) for row in rows]
    return lines + ["END"]


def get(result, field):
    return documents.label(result) if field == "subject" else result.get(field)


def shown(plot, value):
    """A value in words, if plots.json has them: {"1": "one thread"}."""
    return plot.get("words", {}).get(str(value), tables.text(value))


def series_of(plot, results):
    """{name: results}, in order; ours first."""
    fields = plot.get("series", ["subject"])
    ordered = sorted(results, key=lambda one: one["subject"] != documents.OURS)
    found = {}
    for result in ordered:
        name = ", ".join(str(shown(plot, get(result, field)))
                         for field in fields if field in result)
        found.setdefault(name, []).append(result)
    return found


def short(value):
    for unit, sign in ((1_000_000, "M"), (1_000, "k")):
        if value >= unit and value % unit == 0:
            return f"{value // unit:.0f}{sign}"
    return f"{value:g}"


def lines(plot, results, path):
    x = plot["x"]
    script = head(path, 860, 480)
    script += [f"set title {quote(plot['title'])} textcolor '{INK}'",
               f"set xlabel {quote(plot['x label'])} textcolor '{INK}'",
               f"set ylabel {quote(plot['y label'])} textcolor '{INK}'",
               "set key outside right top"]
    values = sorted({one[x] for one in results})
    marks = ", ".join(f"'{short(value)}' {value}" for value in values)
    script.append(f"set xtics ({marks})")
    if "x" in plot.get("logarithmic", ""):
        script.append(f"set xrange [{values[0] / 1.3}:{values[-1] * 1.3}]")
    else:
        script.append("set offsets graph 0.02, graph 0.02, 0, 0")
    script += [f"set logscale {axis}" for axis in plot.get("logarithmic", "")]
    if "y" not in plot.get("logarithmic", ""):
        script.append("set yrange [0:*]")
    script += [f"set format {axis} '%.0s%c'"
               for axis in plot.get("prefixes", "")]
    drawn = []
    for place, (name, points) in enumerate(series_of(plot, results).items()):
        points = sorted(points, key=lambda one: one[x])
        script += block(f"series{place}",
                        [(one[x], one["median"], one["min"], one["max"])
                         for one in points])
        width = 3 if points[0]["subject"] == documents.OURS else 1.6
        drawn.append(f"$series{place} using 1:2:3:4 with yerrorlines "
                     f"linecolor '{COLOURS[place % len(COLOURS)]}' "
                     f"linewidth {width} pointtype "
                     f"{MARKS[place % len(MARKS)]} pointsize 0.7 "
                     f"title {quote(name)}")
    return script + ["plot " + ", \\\n  ".join(drawn)]


def groups(plot, results):
    """[(results, paint, title, place, count)] of bars side by side; without
    "colour" they lie in one place, and ours has a colour of its own."""
    field = plot.get("colour")
    if field is None:
        ours = [one for one in results
                if one["subject"].startswith(documents.OURS)]
        others = [one for one in results if one not in ours]
        return [(ours, COLOURS[0], None, 0, 1), (others, OTHERS, None, 0, 1)]
    values = documents.distinct(one.get(field) for one in results)
    return [([one for one in results if one.get(field) == value],
             COLOURS[index % len(COLOURS)], shown(plot, value), index,
             len(values)) for index, value in enumerate(values)]


def panel(plot, place, results, names):
    """One panel of bars: names from top to bottom, colours within."""
    base = 0
    script = [f"set xtics {step(results)}", f"set xrange [{base}:*]"]
    if "y" in plot.get("logarithmic", ""):
        least = min(one["min"] for one in results)
        base = 10 ** math.floor(math.log10(least / 2)) if least > 0 else 1
        most = 5 * max(one["max"] for one in results)
        script = ["set logscale x", f"set xrange [{base}:{most}]"]
    drawn = []
    for index, (those, paint, title, turn, count) in enumerate(
            groups(plot, results)):
        thick = 0.8 / count
        rows = []
        for one in those:
            row = names.index(get(one, plot.get("rows", "subject")))
            top = row - 0.4 + thick * turn
            rows.append((one["median"], top + thick / 2, one["min"],
                         one["max"], top, top + thick,
                         tables.number(one["median"])))
        if not rows:
            continue
        data = f"panel{place}_{index}"
        script += block(data, rows)
        title = "notitle" if title is None else f"title {quote(title)}"
        drawn += [f"${data} using ({base}):2:({base}):1:5:6 with boxxyerror "
                  f"fillstyle solid 0.75 noborder linecolor '{paint}' {title}",
                  f"${data} using 1:2:3:4 with xerrorbars linecolor '{INK}' "
                  "linewidth 1 pointtype 0 notitle",
                  f"${data} using 4:2:7 with labels left offset 0.6,0 "
                  f"font ',11' textcolor '{INK}' notitle"]
    labels = ", ".join(f"{quote(shown(plot, name))} {row}"
                       for row, name in enumerate(names))
    return script + [f"set ytics ({labels})",
                     f"set yrange [{len(names) - 0.4}:-0.6]",
                     "plot " + ", \\\n  ".join(drawn)]


def step(results):
    """Between the marks of an axis: six at most, and round."""
    largest = max(one["max"] for one in results) or 1
    power = 10 ** math.floor(math.log10(largest))
    return next(power * part for part in (0.2, 0.5, 1, 2)
                if largest / (power * part) <= 6)


def bars(plot, results, path):
    fields = plot.get("panels", [])
    panels = documents.distinct(tuple((field, one.get(field))
                                      for field in fields) for one in results)
    names = tables.order(get(one, plot.get("rows", "subject"))
                         for one in results)
    columns = 2 if len(panels) > 1 else 1
    rows = (len(panels) + columns - 1) // columns
    beside = max(count for *_, count in groups(plot, results))
    row_height = max(165, 100 + 20 * len(names) * beside)
    script = head(path, 460 * columns + 80, rows * row_height + 50)
    script += [f"set format x '%.0s%c'"] if plot.get("prefixes") else []
    # The title and the key stand above the panels, side by side.
    script += [f"set multiplot layout {rows},{columns} title ' '",
               f"set label 1 {quote(plot['title'])} at screen 0.02, screen "
               f"1 offset 0,-1.2 font ',15' textcolor '{INK}'",
               "set key at screen 0.99, screen 1 right top horizontal "
               "samplen 2 width 1",
               "unset grid", f"set grid x linecolor '{GRID}' linetype 1",
               f"set xlabel {quote(plot['y label'])} textcolor '{INK}'",
               "set offsets 0, graph 0.12, 0, 0",
               "set xtics font ',11'"]
    for place, key in enumerate(panels):
        inside = [one for one in results
                  if all(one.get(field) == value for field, value in key)]
        title = ", ".join(f"{shown(plot, value)}"
                          f"{plot.get('units', {}).get(field, '')}"
                          for field, value in key)
        script.append(f"set title {quote(title)} textcolor '{INK}'")
        script += panel(plot, place, inside, names)
        script += ["unset key", "unset label 1"]
    return script + ["unset multiplot"]


def draw(plot, found, folder):
    """Writes folder/<file>.svg; False if the run has nothing of it."""
    document = found.get(plot["bench"])
    results = documents.select(document, plot["where"]) if document else []
    if plot["kind"] == "lines":
        results = [one for one in results
                   if documents.is_number(one.get(plot["x"]))]
        if len({one[plot["x"]] for one in results}) < 2:
            return False  # no line
    if not results:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    make = {"lines": lines, "bars": bars}[plot["kind"]]
    script = make(plot, results, folder / f"{plot['file']}.svg")
    try:
        done = subprocess.run(["gnuplot"], input="\n".join(script) + "\n",
                              text=True, capture_output=True, timeout=60,
                              check=False)
    except OSError as error:
        raise Failed("no gnuplot: cmake/packages.sh bench") from error
    if done.returncode != 0:
        raise Failed(f"{plot['file']}: {done.stderr}")
    if done.stderr:
        print(f"{plot['file']}: {done.stderr.strip()}", file=sys.stderr)
    return True
