# SPDX-License-Identifier: MIT
"""A strict reader of Prometheus' text exposition format 0.0.4.

    program | python3 exposition.py [--peer]

Says what is wrong, and exits 1. What the format leaves open is held as well
here: each metric has HELP and TYPE, in this order, and at least one sample; a
counter's name ends in _total, no other's does; times are in seconds. --peer:
Prometheus' own library for Python must read the same (77: it is not there).
"""

import math
import re
import sys

NAME = "[a-zA-Z_][a-zA-Z0-9_]*"
LABEL = re.compile('(%s)="((?:[^"\\\\\n]|\\\\["\\\\n])*)"' % NAME)
SAMPLE = re.compile("(%s)(?:{(.+)})? ([^ ]+)$" % NAME)
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
SUFFIXES = {
    "counter": [""],
    "gauge": [""],
    "histogram": ["_bucket", "_sum", "_count"],
}


class Family:
    def __init__(self, name, text):
        self.name, self.help, self.type = name, text, None
        self.samples = []  # (name, {label: value}, value)


def require(is_right, *what):
    if not is_right:
        raise ValueError(" ".join(map(str, what)))


def read_labels(text, line):
    labels, at = {}, 0
    while text is not None:
        match = LABEL.match(text, at)
        require(match, "no label at", at, "of", line)
        require(match[1] not in labels, "the same label twice:", line)
        labels[match[1]] = re.sub(
            r"\\.", lambda escape: ESCAPES[escape[0]], match[2])
        at = match.end()
        if at == len(text):
            break
        require(text[at] == ",", "no comma at", at, "of", line)
        at += 1
    return labels


def read_value(text, line):
    require(text in ("+Inf", "-Inf", "NaN")
            or re.fullmatch(r"-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?", text),
            "no value:", line)
    return float(text)


def check_histogram(family):
    series = {}
    for name, labels, value in family.samples:
        rest = dict(labels)
        bound = rest.pop("le", None)
        part = series.setdefault(tuple(sorted(rest.items())), {})
        key = name[len(family.name):]
        if key == "_bucket":
            require(bound is not None, "a bucket without le:", name)
            part.setdefault(key, []).append((float(bound), value))
        else:
            part[key] = value
    for part in series.values():
        require(set(part) == set(SUFFIXES["histogram"]), family.name,
                "has only", *part)
        bounds, counts = zip(*part["_bucket"])
        require(list(bounds) == sorted(set(bounds)), "unsorted:", bounds)
        require(bounds[-1] == math.inf, "no bucket for the rest")
        require(list(counts) == sorted(counts), "not cumulative:", counts)
        require(counts[-1] == part["_count"], "count is not that of +Inf")


def check_family(family):
    name, kind = family.name, family.type
    require(family.samples, name, "has no sample")
    require((kind == "counter") == name.endswith("_total"), name, "is a", kind)
    require(not re.search("_(ns|us|ms|kb|mb)(_|$)", name), "the unit of", name)
    for _, labels, value in family.samples:
        require(kind == "gauge" or (value >= 0 and value < math.inf),
                name, labels, "is", value)
    if kind == "histogram":
        check_histogram(family)


def read_comment(line, families):
    match = re.match("# (HELP|TYPE) (%s) (.+)$" % NAME, line)
    require(match, "neither HELP nor TYPE:", line)
    if match[1] == "HELP":
        require(match[2] not in families, "twice:", line)
        families[match[2]] = Family(match[2], match[3])
        return families[match[2]]
    family = families.get(match[2])
    require(family is not None and family.type is None, "out of place:", line)
    require(match[3] in SUFFIXES, "no such type:", line)
    family.type = match[3]
    return family


def read(text):
    """Metric families by name; ValueError: what is wrong."""
    families, current, seen = {}, None, set()
    require(text.endswith("\n"), "no newline at the end")
    for line in text[:-1].split("\n"):
        if line.startswith("#"):
            family = read_comment(line, families)
            require(family is current or family.type is None,
                    "out of place:", line)
            current = family
            continue
        match = SAMPLE.match(line)
        require(match, "no sample:", line)
        require(current is not None and current.type is not None
                and match[1] in [current.name + suffix
                                 for suffix in SUFFIXES[current.type]],
                "out of place:", line)
        labels = read_labels(match[2], line)
        series = (match[1], tuple(sorted(labels.items())))
        require(series not in seen, "twice:", line)
        seen.add(series)
        current.samples.append((match[1], labels, read_value(match[3], line)))
    for family in families.values():
        check_family(family)
    return families


def sample_names(families):
    return {sample[0] for family in families.values()
            for sample in family.samples}


def compare_with_peer(text, families):
    try:
        from prometheus_client.parser import text_string_to_metric_families
    except ImportError:
        print("no prometheus_client for Python: skipped")
        sys.exit(77)
    theirs = [(sample.name, sample.labels, sample.value)
              for family in text_string_to_metric_families(text)
              for sample in family.samples]
    ours = [sample for family in families.values()
            for sample in family.samples]
    require(ours == theirs, "prometheus_client reads it in another way")


def main():
    text = sys.stdin.buffer.read().decode("utf-8")
    try:
        families = read(text)
        if sys.argv[1:] == ["--peer"]:
            compare_with_peer(text, families)
    except ValueError as error:
        print("FAILED:", error)
        return 1
    print("%d metrics, %d samples" % (
        len(families), sum(len(f.samples) for f in families.values())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
