# SPDX-License-Identifier: MIT
"""The JSON documents of the benchmarks: what they must hold, and how to ask.

A document is what one program prints: {"bench", "question", "loop",
"results"}; each result has "subject", "metric", "unit", "median", "min",
"max" and "repetitions", and may have "turns", the figures in their order.
Whatever else it has is a parameter.
"""
import json
import pathlib
import statistics

OURS = "pgcachewatch"
MEASURED = ("median", "min", "max")
FIXED = ("subject", "metric", "unit", "repetitions", "turns",
         "note") + MEASURED


class Invalid(Exception):
    """A document is not as agreed; the text names the place."""


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def check_result(result, where):
    for field in ("subject", "metric", "unit"):
        if not isinstance(result.get(field), str) or not result[field]:
            raise Invalid(f"{where}: \"{field}\" is missing or no text")
    for field in MEASURED + ("repetitions",):
        if not is_number(result.get(field)):
            raise Invalid(f"{where}: \"{field}\" is missing or no number")
    if not result["min"] <= result["median"] <= result["max"]:
        raise Invalid(f"{where}: not min <= median <= max")
    turns = result.get("turns", [])
    if not isinstance(turns, list) or not all(map(is_number, turns)):
        raise Invalid(f"{where}: \"turns\" are no numbers")
    for field, value in parameters(result).items():
        if not is_number(value) and not isinstance(value, (str, bool)):
            raise Invalid(f"{where}: \"{field}\" is no number and no text")


def check(document, name):
    """Raises Invalid, unless the document is that of the bench `name`."""
    if not isinstance(document, dict) or document.get("bench") != name:
        raise Invalid(f"{name}: \"bench\" is not \"{name}\"")
    for field in ("question", "loop"):
        if not isinstance(document.get(field), str):
            raise Invalid(f"{name}: \"{field}\" is missing or no text")
    results = document.get("results")
    if not isinstance(results, list) or not results:
        raise Invalid(f"{name}: no results")
    seen = set()
    for number, result in enumerate(results):
        where = f"{name}: result {number}"
        if not isinstance(result, dict):
            raise Invalid(f"{where}: no object")
        check_result(result, where)
        key = (result["subject"], result["metric"], cell(result))
        if key in seen:
            raise Invalid(f"{where}: the same subject, metric and parameters "
                          "as one before")
        seen.add(key)


def parse(text, name):
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise Invalid(f"{name}: no JSON: {error}") from error
    check(document, name)
    return document


def write(document, path):
    """One result a line, so that two runs can be compared by their lines."""
    lines = ["    " + json.dumps(result, ensure_ascii=False)
             for result in document["results"]]
    head = {field: value for field, value in document.items()
            if field != "results"}
    text = json.dumps(head, indent=1, ensure_ascii=False)[:-2]
    text += ",\n \"results\": [\n" + ",\n".join(lines) + "\n ]}\n"
    pathlib.Path(path).write_text(text, encoding="utf-8")


def load_all(folder):
    """The documents of a folder, by name; machine.json is none."""
    found = {}
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        if path.name != "machine.json":
            found[path.stem] = parse(path.read_text(encoding="utf-8"),
                                     path.stem)
    return found


def parameters(result):
    return {field: value for field, value in result.items()
            if field not in FIXED}


def label(result):
    """Who it is, as tables and plots name him: also in which variant."""
    variant = result.get("variant")
    return f"{result['subject']} ({variant})" if variant else result["subject"]


def cell(result):
    """The parameters, as something to compare and to look up by."""
    return tuple(sorted((field, repr(value))
                        for field, value in parameters(result).items()))


def fits(result, wanted):
    """`wanted` has a value for each field, or a list of those allowed."""
    for field, value in wanted.items():
        allowed = value if isinstance(value, list) else [value]
        if result.get(field) not in allowed:
            return False
    return True


def select(document, wanted):
    return [result for result in document["results"] if fits(result, wanted)]


def divide(result, other):
    """What a result is by another, whose median is not 0. Those of one cell
    were measured in turns: there it is the median of what they are in each
    turn, so that what slows the machine down for a while slows both. Else
    their medians are compared."""
    pairs = list(zip(result.get("turns", []), other.get("turns", [])))
    if (len(pairs) == result["repetitions"] == other["repetitions"]
            and cell({**result, "variant": None}) ==
            cell({**other, "variant": None})
            and all(one > 0 for _, one in pairs)):
        return statistics.median(ours / one for ours, one in pairs)
    return result["median"] / other["median"]


def is_rate(unit):
    """More is better for what there is of in a second; else less."""
    return "/s" in unit


def distinct(values):
    """In the order of their first appearance."""
    return list(dict.fromkeys(values))
