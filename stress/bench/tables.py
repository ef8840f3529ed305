# SPDX-License-Identifier: MIT
"""Markdown: numbers as people read them, and the tables of RESULTS.md."""
import documents

WIDE = 5  # so many subjects still stand side by side
MANY = 8  # and so many cells


def number(value):
    """Three digits that count, and thousands apart."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    digits = 2 if size < 1 else 1 if size < 10 else 0
    if size < 0.1:
        return f"{value:.2g}"
    if size < 10:
        return f"{value:.{max(digits, 2)}f}"
    return f"{value:.1f}"


def text(value):
    if documents.is_number(value):
        return f"{value:,}"
    return str(value)


def line(fields):
    escaped = (field.replace("|", "\\|") for field in fields)
    return "| " + " | ".join(escaped) + " |"


def table(head, rows):
    lines = [line(head), "|" + "---|" * len(head)]
    lines += [line(row) for row in rows]
    return "\n".join(lines) + "\n"


def measured(result, ours):
    """Median, range, and the ratio to ours of the same cell."""
    if result is None:
        return ""
    shown = number(result["median"])
    if result["repetitions"] > 1:
        shown += f" ({number(result['min'])}–{number(result['max'])})"
    if ours is None or ours is result or (
            min(ours["median"], result["median"]) <= 0):
        return shown
    value = documents.divide(result, ours)
    # Beside us he is ahead: a loss of ours is to be seen at once.
    is_ahead = value > 1 if documents.is_rate(result["unit"]) else value < 1
    ratio = f"×{number(value)}"
    return f"{shown} {'**' + ratio + '**' if is_ahead else ratio}"


def named(parameters):
    return ", ".join(f"{field} {text(value)}"
                     for field, value in parameters.items())


def split_parameters(results):
    """What all have in common, and the fields in which they differ."""
    fields = documents.distinct(
        field for result in results for field in documents.parameters(result)
        if field != "variant")
    common = {}
    for field in list(fields):
        values = {repr(result.get(field)) for result in results}
        if len(values) == 1:
            common[field] = results[0][field]
            fields.remove(field)
    return common, fields


def by_cell(results, fields):
    """{cell: {subject: result}}; the cell is a tuple of (field, value)."""
    cells = {}
    for result in results:
        key = tuple((field, result[field]) for field in fields
                    if field in result)
        cells.setdefault(key, {})[documents.label(result)] = result
    return cells


def order(subjects):
    """Ours first, then as they came."""
    return sorted(documents.distinct(subjects),
                  key=lambda subject: subject != documents.OURS)


def metric_table(results):
    """The table of one metric: cells × subjects, or the other way round."""
    common, fields = split_parameters(results)
    cells = by_cell(results, fields)
    subjects = order(documents.label(result) for result in results)

    def value(cell, subject):
        return measured(cells[cell].get(subject),
                        cells[cell].get(documents.OURS))

    if len(subjects) > WIDE and len(cells) <= MANY:
        head = ["subject"] + [named(dict(cell)) or results[0]["unit"]
                              for cell in cells]
        rows = [[subject] + [value(cell, subject) for cell in cells]
                for subject in subjects]
    else:
        head = fields + subjects
        rows = [[text(dict(cell).get(field, "")) for field in fields]
                + [value(cell, subject) for subject in subjects]
                for cell in cells]
    return common, table(head, rows)


def notes(results):
    said = documents.distinct((documents.label(result), result["note"])
                              for result in results if "note" in result)
    return "".join(f"- {subject}: {note}\n" for subject, note in said)


def caption(what, common, results):
    repetitions = documents.distinct(result["repetitions"]
                                     for result in results)
    if len(repetitions) == 1:
        common = {**common, "repetitions": repetitions[0]}
    return f"**{what}**; {named(common)}:\n\n"


def by_metric(results):
    return {kind: [result for result in results
                   if (result["metric"], result["unit"]) == kind]
            for kind in documents.distinct((result["metric"], result["unit"])
                                           for result in results)}


def by_fields(results):
    """Those that have the same parameters, whatever their values."""
    found = {}
    for result in results:
        fields = frozenset(documents.parameters(result))
        found.setdefault(fields, []).append(result)
    return found.values()


def alone(results):
    """Of one subject: the metrics of the same cells stand side by side."""
    same = {}
    for alike in by_fields(results):
        for kind, those in by_metric(alike).items():
            cells = frozenset(documents.cell(result) for result in those)
            same.setdefault(cells, {})[kind] = those
    for kinds in same.values():
        together = [result for those in kinds.values() for result in those]
        common, fields = split_parameters(together)
        cells = {}
        for result in together:
            key = tuple((field, result.get(field, "")) for field in fields)
            cells.setdefault(key, {})[result["metric"]] = result
        rows = [[text(value) for _, value in cell]
                + [measured(found.get(metric), None) for metric, _ in kinds]
                for cell, found in cells.items()]
        head = fields + [", ".join(kind) for kind in kinds]
        yield (caption(documents.label(together[0]), common, together)
               + table(head, rows))


def beside(results):
    """Of several subjects: a table for each metric."""
    for kind, those in by_metric(results).items():
        common, body = metric_table(those)
        yield caption(", ".join(kind), common, those) + body


def bench(document):
    """The part of RESULTS.md about one bench."""
    results = document["results"]
    parts = [f"{document['question']} In the loop: {document['loop']}\n"]
    labels = {documents.label(result) for result in results}
    parts += alone(results) if len(labels) == 1 else beside(results)
    said = notes(results)
    if said:
        parts.append(said)
    if "note" in document:
        parts.append(f"Of all of it: {document['note']}.\n")
    return "\n".join(parts)
