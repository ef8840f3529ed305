# SPDX-License-Identifier: MIT
"""Judges goals.json by the documents of one run.

A goal names its bench and "ours", the fields that its results have. Each of
them is compared with those "against" it: the same parameters and the same
metric, but for the fields that "against" names ("*" stands for any value, or
none; null for none), and without the subjects in "but". Without "against" the
value itself counts, in "unit". The worst cell decides: it is to be "at_most",
"at_least" or "below" the goal.

What is compared is ours divided by theirs; of times, with "faster": true,
theirs by ours. Where "cells" says how many there are to be, fewer are
"incomplete", but never met.
"""
import documents


def ratio(ours, other, goal):
    value = documents.divide(ours, other)
    if documents.is_rate(ours["unit"]):
        return value
    return 1 / value if goal.get("faster") else value


def counterparts(ours, document, goal):
    """The results that one of ours is compared with."""
    changed = goal["against"]
    wanted = {field: value for field, value in ours.items()
              if field in ("subject", "metric", "unit")
              or field in documents.parameters(ours)}
    wanted.update(changed)
    for field, value in changed.items():
        if value == "*":
            del wanted[field]
    found = documents.select(document, wanted)
    # A field that ours has not, and nobody names, is another comparison.
    fields = set(wanted) | set(changed)
    return [other for other in found if other is not ours
            and set(documents.parameters(other)) <= fields
            and not {other["subject"], documents.label(other)}
            & set(goal.get("but", []))]


def cells(document, goal):
    """(value, result, the other or None) for each cell of the goal. The value
    is None where a figure is 0 or less, of which there is no ratio."""
    found = []
    for ours in documents.select(document, goal["ours"]):
        if "against" not in goal:
            if ours["unit"] != goal["unit"]:
                raise documents.Invalid(
                    f"goal {goal['id']}: the unit of {document['bench']} is "
                    f"{ours['unit']}, not {goal['unit']}")
            found.append((ours["median"], ours, None))
            continue
        for other in counterparts(ours, document, goal):
            if other["unit"] != ours["unit"]:
                raise documents.Invalid(
                    f"goal {goal['id']}: {other['subject']} of "
                    f"{document['bench']} has another unit than ours")
            value = None
            if min(ours["median"], other["median"]) > 0:
                value = ratio(ours, other, goal)
            found.append((value, ours, other))
    return found


def is_met(value, goal):
    if "at_most" in goal:
        return value <= goal["at_most"]
    if "below" in goal:
        return value < goal["below"]
    return value >= goal["at_least"]


def judge(goal, found):
    """{"state": "met" | "missed" | "incomplete" | "not measured", ...}"""
    document = found.get(goal["bench"])
    measured = cells(document, goal) if document else []
    judged = [one for one in measured if one[0] is not None]
    if not judged:
        return {"state": "not measured", "cells": 0}
    ordered = sorted(judged, key=lambda one: one[0],
                     reverse="at_least" not in goal)
    value, ours, other = ordered[0]
    good = sum(is_met(one[0], goal) for one in judged)
    wanted = max(len(measured), goal.get("cells", 0))
    state = "met" if good == len(judged) else "missed"
    if state == "met" and len(judged) < wanted:
        state = "incomplete"
    return {"state": state, "value": value, "best": ordered[-1][0],
            "ours": ours, "other": other, "cells": len(judged), "good": good,
            "wanted": wanted}
