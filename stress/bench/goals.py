# SPDX-License-Identifier: MIT
"""Judges goals.json by the documents of one run.

A goal names its bench and "ours", the fields that its results have. Each of
them is compared with those "against" it: the same parameters and the same
metric, but for the fields that "against" names. Without "against" the value
itself counts, in "unit". The worst cell decides: it is to be "at_most",
"at_least" or "below" the goal. "*" stands for any value, or none; null for
none. "scaled": true takes times of one thread as
the work of all. Where "cells" says how many there are to be, fewer are
"incomplete", but never met.
"""
import documents


def ratio(ours, other, scaled):
    value = ours["median"] / other["median"]
    if not scaled:
        return value
    # How many times the work: from the time of each thread, or from a rate.
    if documents.is_rate(ours["unit"]):
        return value
    return ours["threads"] / other["threads"] / value


def counterparts(ours, document, goal):
    """The results that one of ours is compared with."""
    changed = goal["against"]
    wanted = {field: value for field, value in ours.items()
              if field not in ("median", "min", "max", "repetitions", "note")}
    wanted.update(changed)
    for field, value in changed.items():
        if value == "*":
            del wanted[field]
    found = documents.select(document, wanted)
    # A field that ours has not, and nobody names, is another comparison.
    fields = set(wanted) | set(changed)
    return [other for other in found if other is not ours
            and set(documents.parameters(other)) <= fields
            and other["subject"] not in goal.get("but", [])]


def cells(document, goal):
    """(value, result, the other or None) for each cell of the goal."""
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
            if other["unit"] != ours["unit"] or other["median"] == 0:
                raise documents.Invalid(
                    f"goal {goal['id']}: nothing to divide by in "
                    f"{document['bench']}, subject {other['subject']}")
            value = ratio(ours, other, goal.get("scaled", False))
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
    if not measured:
        return {"state": "not measured", "cells": 0}
    pick = min if "at_least" in goal else max
    worst = pick(measured, key=lambda one: one[0])
    good = sum(is_met(one[0], goal) for one in measured)
    best = (max if pick is min else min)(measured, key=lambda one: one[0])
    state = "met" if is_met(worst[0], goal) else "missed"
    if state == "met" and len(measured) < goal.get("cells", 0):
        state = "incomplete"
    return {"state": state,
            "value": worst[0], "best": best[0], "ours": worst[1],
            "other": worst[2], "cells": len(measured), "good": good}
