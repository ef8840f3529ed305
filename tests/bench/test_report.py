#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The report of the benchmarks: test_report.py BENCH, the folder of report.py.

Goals are computed here once more, from figures of which the answer is plain.
"""
import contextlib
import copy
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
BENCH = pathlib.Path(sys.argv.pop(1)).resolve()
sys.dont_write_bytecode = True
sys.path.insert(0, str(BENCH))
import documents  # noqa: E402
import goals  # noqa: E402
import plots  # noqa: E402
import report  # noqa: E402
import tables  # noqa: E402


def result(subject, median, unit="ns", **more):
    return {"subject": subject, "metric": "hit", "unit": unit,
            "median": median, "min": median, "max": median, "repetitions": 1,
            **more}


def found(*results):
    return {"lookup": {"bench": "lookup", "question": "", "loop": "",
                       "results": list(results)}}


def goal(**more):
    return {"id": "g", "what": "", "bench": "lookup",
            "ours": {"subject": "pgcachewatch"}, **more}


class Division(unittest.TestCase):
    """By turns where there are such, so that a slow while counts for both."""
    ours = result("pgcachewatch", 20, turns=[10, 20, 80], repetitions=3)

    def test_it_is_the_median_of_the_turns(self):
        other = result("peer", 20, turns=[20, 20, 40], repetitions=3)
        self.assertEqual(documents.divide(self.ours, other), 1)
        other = result("peer", 30, turns=[5, 40, 30], repetitions=3)
        self.assertEqual(documents.divide(self.ours, other), 2)

    def test_it_is_that_of_the_medians_where_turns_are_of_other_cells(self):
        turns = [5, 40, 30]
        for other in (result("peer", 40, turns=turns, repetitions=3, threads=2),
                      result("peer", 40, turns=turns[:2], repetitions=2),
                      result("peer", 40, turns=[0, 40, 40], repetitions=3),
                      result("peer", 40, repetitions=3)):
            self.assertEqual(documents.divide(self.ours, other), 0.5)

    def test_variants_of_one_cell_were_measured_in_turns(self):
        other = result("peer", 30, turns=[5, 40, 30], repetitions=3,
                       variant="another")
        self.assertEqual(documents.divide(self.ours, other), 2)


class Goals(unittest.TestCase):
    def test_the_worst_cell_decides(self):
        verdict = goals.judge(
            goal(against={"subject": "peer"}, at_most=1.5),
            found(result("pgcachewatch", 10, entries=1),
                  result("peer", 10, entries=1),
                  result("pgcachewatch", 32, entries=2),
                  result("peer", 20, entries=2)))
        self.assertEqual(verdict["state"], "missed")
        self.assertEqual(verdict["value"], 1.6)
        self.assertEqual(verdict["best"], 1.0)
        self.assertEqual((verdict["good"], verdict["cells"]), (1, 2))
        self.assertEqual(verdict["ours"]["entries"], 2)

    def test_the_bound_itself_meets_a_goal_but_not_below(self):
        run = found(result("pgcachewatch", 10), result("peer", 10))
        for bound, state in (("at_most", "met"), ("at_least", "met"),
                             ("below", "missed")):
            verdict = goals.judge(
                goal(against={"subject": "peer"}, **{bound: 1}), run)
            self.assertEqual(verdict["state"], state, bound)

    def test_cells_of_other_parameters_are_not_compared(self):
        verdict = goals.judge(
            goal(against={"subject": "peer"}, at_most=100),
            found(result("pgcachewatch", 10, entries=1),
                  result("peer", 10, entries=2)))
        self.assertEqual(verdict["state"], "not measured")

    def test_a_floor_of_one_thread_counts_for_two(self):
        verdict = goals.judge(
            goal(against={"subject": "floor", "threads": 1}, at_most=2),
            found(result("pgcachewatch", 15, threads=2),
                  result("floor", 10, threads=1)))
        self.assertEqual((verdict["state"], verdict["value"]), ("met", 1.5))

    def test_every_peer_but_those_named(self):
        wanted = goal(against={"subject": "*"}, but=["floor"], below=1)
        run = found(result("pgcachewatch", 10), result("floor", 1),
                    result("slow", 100), result("fast", 8))
        verdict = goals.judge(wanted, run)
        self.assertEqual(verdict["value"], 1.25)
        self.assertEqual(verdict["other"]["subject"], "fast")
        self.assertEqual(verdict["cells"], 2)

    def test_two_threads_are_compared_with_one_by_their_rates(self):
        wanted = goal(ours={"subject": "pgcachewatch", "threads": 2},
                      against={"threads": 1}, at_least=1.9)
        for rate, value, state in ((195, 1.95, "met"), (160, 1.6, "missed")):
            verdict = goals.judge(wanted, found(
                result("pgcachewatch", 100, "hits/s", threads=1),
                result("pgcachewatch", rate, "hits/s", threads=2)))
            self.assertEqual((verdict["state"], verdict["value"]),
                             (state, value))

    def test_a_cell_that_is_missing_is_never_met(self):
        verdict = goals.judge(
            goal(unit="ns", at_most=20, cells=2),
            found(result("pgcachewatch", 10)))
        self.assertEqual(verdict["state"], "incomplete")
        verdict = goals.judge(
            goal(unit="ns", at_most=5, cells=2),
            found(result("pgcachewatch", 10)))
        self.assertEqual(verdict["state"], "missed")

    def test_times_are_turned_round_to_say_how_many_times_faster(self):
        wanted = goal(against={"subject": "peer"}, faster=True, at_least=4)
        for ours, peer, unit in ((10, 50, "ns"), (50, 10, "calls/s")):
            verdict = goals.judge(wanted, found(
                result("pgcachewatch", ours, unit), result("peer", peer, unit)))
            self.assertEqual((verdict["state"], verdict["value"]), ("met", 5))

    def test_of_what_is_not_above_zero_there_is_no_ratio(self):
        wanted = goal(against={"subject": "peer"}, at_most=1)
        run = found(result("pgcachewatch", -3, entries=1),
                    result("peer", 10, entries=1),
                    result("pgcachewatch", 5, entries=2),
                    result("peer", 10, entries=2))
        verdict = goals.judge(wanted, run)
        self.assertEqual((verdict["state"], verdict["value"]),
                         ("incomplete", 0.5))

    def test_a_variant_is_another_subject_unless_named(self):
        run = found(result("pgcachewatch", 10),
                    result("pgcachewatch", 99, variant="slow"),
                    result("peer", 20), result("peer", 5, variant="quick"))
        ours = {"subject": "pgcachewatch", "variant": None}
        plain = goal(ours=ours, against={"subject": "peer"}, at_most=1)
        every = goal(ours=ours, against={"subject": "*", "variant": "*"},
                     but=["pgcachewatch"], at_most=1)
        self.assertEqual(goals.judge(plain, run)["value"], 0.5)
        self.assertEqual(goals.judge(every, run)["value"], 2)
        every["but"].append("peer (quick)")
        self.assertEqual(goals.judge(every, run)["value"], 0.5)

    def test_an_unexpected_unit_is_refused(self):
        with self.assertRaises(documents.Invalid):
            goals.judge(goal(unit="us", at_most=1),
                        found(result("pgcachewatch", 10)))

    def test_each_goal_of_ours_is_well_formed(self):
        wanted = report.read_json(BENCH / "goals.json")
        notes = report.read_json(BENCH / "notes.json")
        names = [one["id"] for one in wanted]
        self.assertEqual(len(names), len(set(names)))
        self.assertLessEqual(set(notes), set(names))
        for one in wanted:
            self.assertTrue(report.bound(one))
            self.assertEqual(goals.judge(one, {})["state"], "not measured")


class Documents(unittest.TestCase):
    def setUp(self):
        text = (HERE / "example/results/lookup.json").read_text("utf-8")
        self.good = json.loads(text)

    def refused(self, change):
        document = copy.deepcopy(self.good)
        change(document)
        with self.assertRaises(documents.Invalid):
            documents.parse(json.dumps(document), "lookup")

    def test_what_is_not_agreed_is_refused(self):
        first = lambda document: document["results"][0]  # noqa: E731
        documents.parse(json.dumps(self.good), "lookup")
        self.refused(lambda document: document.update(bench="other"))
        self.refused(lambda document: document.update(results=[]))
        self.refused(lambda document: first(document).pop("median"))
        self.refused(lambda document: first(document).update(unit=1))
        self.refused(lambda document: first(document).update(min=21))
        self.refused(lambda document: first(document).update(more=[1]))
        self.refused(lambda document: document["results"].append(
            first(document)))
        with self.assertRaises(documents.Invalid):
            documents.parse("{", "lookup")

    def test_what_is_written_is_read_again(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "lookup.json"
            documents.write(self.good, path)
            self.assertEqual(documents.load_all(folder),
                             {"lookup": self.good})


class Report(unittest.TestCase):
    def test_the_example_gives_its_page(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(HERE / "example", folder, dirs_exist_ok=True)
            report.render(folder, False, HERE / "example")
            page = (pathlib.Path(folder) / "RESULTS.md").read_text("utf-8")
        self.maxDiff = None
        self.assertEqual(
            page, (HERE / "example/RESULTS.md").read_text("utf-8"))

    def test_the_example_gives_the_readme_its_table(self):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            report.readme(HERE / "example", HERE / "example")
        self.assertEqual(
            said.getvalue(), (HERE / "example/short.md").read_text("utf-8"))

    def test_what_a_document_says_of_all_of_it_is_in_its_part(self):
        document = found(result("pgcachewatch", 1))["lookup"]
        document["note"] = "a peer is not here"
        self.assertIn("a peer is not here", tables.bench(document))

    def test_numbers_have_three_digits_that_count(self):
        for value, text in ((0, "0"), (0.0123, "0.012"), (0.5, "0.50"),
                            (1.234, "1.23"), (12.34, "12.3"), (123.4, "123"),
                            (1234567, "1,234,567")):
            self.assertEqual(tables.number(value), text)

    def test_a_wrong_call_says_how(self):
        for arguments in ([], ["render"], ["collect", "a"], ["other"],
                          ["machine", "--no-plots", "a", "b", "c"]):
            with contextlib.redirect_stderr(io.StringIO()) as said:
                self.assertEqual(report.main(arguments), 2)
            self.assertIn("report.py render", said.getvalue())

    def test_without_gnuplot_there_is_a_page_and_a_word_of_it(self):
        plot = {"file": "hit", "title": "A hit", "bench": "lookup",
                "kind": "bars", "where": {"metric": "hit"}, "y label": "ns"}
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(HERE / "example", folder, dirs_exist_ok=True)
            folder = pathlib.Path(folder)
            (folder / "plots.json").write_text(json.dumps([plot]), "utf-8")
            (folder / "RESULTS.md").unlink()
            with unittest.mock.patch.dict("os.environ", PATH=str(folder)):
                with self.assertRaisesRegex(plots.Failed, "gnuplot"):
                    report.render(folder, True, folder)
            self.assertTrue((folder / "RESULTS.md").exists())

    @unittest.skipUnless(shutil.which("gnuplot"), "no gnuplot")
    def test_plots_are_drawn_with_all_their_subjects(self):
        run = documents.load_all(HERE / "example/results")
        plot = {"file": "hit", "title": "A hit", "bench": "lookup",
                "where": {"metric": "hit"}, "x label": "x", "y label": "ns"}
        kinds = ({"kind": "bars", "panels": ["entries"], "colour": "threads"},
                 {"kind": "lines", "x": "threads"})
        for kind in kinds:
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                self.assertTrue(plots.draw({**plot, **kind}, run, folder))
                svg = (folder / "hit.svg").read_text("utf-8")
            xml.etree.ElementTree.fromstring(svg)
            for subject in ("pgcachewatch", "floor", "mutex|LRU"):
                self.assertTrue(subject in svg, subject)
        self.assertFalse(plots.draw({**plot, **kinds[0], "bench": "drain"},
                                    run, folder))


class Run(unittest.TestCase):
    def run_sh(self, *arguments):
        return subprocess.run(["sh", str(BENCH / "run.sh"), *arguments],
                              capture_output=True, text=True, timeout=20,
                              check=False)

    def test_what_it_does_not_understand_it_does_not_do(self):
        for arguments in (["--fast"], ["--only", "nothing"], ["--only"],
                          ["--limit", "soon"]):
            done = self.run_sh(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn("run.sh:", done.stderr)

    def test_it_runs_each_bench_that_has_a_goal_or_a_plot(self):
        names = self.run_sh("--list").stdout.split()
        for file in ("goals.json", "plots.json"):
            for one in report.read_json(BENCH / file):
                self.assertIn(one["bench"], names)


if __name__ == "__main__":
    unittest.main()
