# SPDX-License-Identifier: MIT
"""test_top.py TOOL: `pgcachewatch top` on real terminals, files and sockets.

The terminal is a pseudo-terminal, and pyte shows what would be seen on it;
the pictures are printed. Ends with 77 where pyte is missing.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

from metrics_server import MetricsServer
from terminal import PATIENCE, UTF8, Terminal, show

TOOL = sys.argv.pop(1)
OFTEN = (TOOL, "top", "--interval", "0.1")


def run(*words, env=None):
    return subprocess.run([*OFTEN, *words],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=PATIENCE, env=env or UTF8, check=False)


class WithoutTerminal(unittest.TestCase):
    def test_frame_goes_to_a_file_as_plain_text(self):
        with MetricsServer() as server:
            done = run("127.0.0.1:%d" % server.port)
        text = done.stdout.decode()
        show("a file", text)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertNotIn("\033", text)
        self.assertIn("listener live       horizon 12.5 ms  round trip 250 us",
                      text)
        lines = text.splitlines()
        names = [line.split(" ")[0] for line in lines]
        self.assertLess(names.index("public.orders"),
                        names.index("public.K\u00e4se"))
        products = lines[names.index("products")].split()
        self.assertEqual((products[4], products[9]), ("90.0", "90.0"))
        self.assertRegex(products[1], "^[1-9]")

    def test_unix_sockets_are_read(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/metrics.sock"
            with MetricsServer(path):
                for address in ("unix:" + path, "http+unix://%s/metrics" %
                                path.replace("/", "%2F"),
                                "http+unix://" + path.replace("/", "%2F")):
                    done = run("--once", address)
                    self.assertEqual((done.returncode, done.stderr), (0, b""))
                    self.assertIn(b"public.orders", done.stdout)
            done = run("--once", "unix:" + path)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"metrics.sock: No such file or directory", done.stderr)

    def test_once_as_json_is_one_document(self):
        with MetricsServer() as server:
            done = run("--json", "--once",
                       "http://user:secret@127.0.0.1:%d" % server.port)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertNotIn(b"secret", done.stdout)
        told = json.loads(done.stdout)
        self.assertEqual(told["listeners"][0]["state"], "live")
        self.assertAlmostEqual(told["caches"][0]["hit_ratio"], 0.9)
        self.assertEqual(told["tables"][0]["table"], "public.orders")
        self.assertAlmostEqual(told["tables"][0]["events_per_second"],
                               600 / told["seconds"], delta=1)
        self.assertAlmostEqual(told["latency_now"]["p50_seconds"], 0.000427,
                               delta=0.00001)
        self.assertEqual(told["lines_not_understood"], 0)

    def test_json_lines_tell_of_loss_and_return(self):
        with MetricsServer() as server, subprocess.Popen(
                [TOOL, "top", "--json", "--interval", "0.1",
                 "127.0.0.1:%d" % server.port], stdout=subprocess.PIPE,
                env=UTF8) as tool:
            self.assertIn("caches", json.loads(tool.stdout.readline()))
            server.stop()
            told = json.loads(tool.stdout.readline())
            while "failure" not in told:
                told = json.loads(tool.stdout.readline())
            self.assertRegex(told["failure"], "connect|Connection|recv|reply")
            server.figures.step = 0  # another process, which began anew
            server.start()
            while "failure" in told:
                told = json.loads(tool.stdout.readline())
            for cache in told["caches"]:
                self.assertGreaterEqual(cache["hits_per_second"], 0)
            tool.send_signal(signal.SIGTERM)
            tool.stdout.read()
            self.assertEqual(tool.wait(PATIENCE), 0)

    def test_closed_pipe_is_an_end(self):
        with MetricsServer() as server, subprocess.Popen(
                [TOOL, "top", "--json", "--interval", "0.1",
                 "127.0.0.1:%d" % server.port], stdout=subprocess.PIPE,
                env=UTF8) as tool:
            tool.stdout.readline()
            tool.stdout.close()
            self.assertEqual(tool.wait(PATIENCE), 0)

    def test_what_is_no_page_of_metrics_is_said(self):
        with MetricsServer() as server:
            here = "127.0.0.1:%d" % server.port
            for page, why in (("/empty", "no metrics of pgcachewatch"),
                              ("/huge", "more than 4 MiB"),
                              ("/cut", "transfer closed"),
                              ("/elsewhere", "status 302"),
                              ("/nothing", "status 404")):
                done = run("--once", here + page)
                self.assertEqual((done.returncode, done.stdout), (1, b""))
                self.assertIn("http://%s%s: " % (here, page),
                              done.stderr.decode())
                self.assertIn(why, done.stderr.decode())
        done = run("--once", here)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Connection refused", done.stderr.decode())

    def test_wrong_command_lines_are_refused(self):
        for words in ((), ("a", "b"), ("ftp://x/y",), ("http://",), ("unix:",),
                      ("--interval", "0", "x"), ("--interval", "1s", "x"),
                      ("--interval", "nan", "x"), ("http+unix:///p",),
                      ("x" * 5000,), ("--iterations", "x")):
            done = run(*words)
            self.assertEqual((done.returncode, done.stdout), (2, b""), words)
            self.assertIn(b"see: pgcachewatch top --help", done.stderr)


class OnTerminal(unittest.TestCase):
    def colors(self, terminal):
        return {character.fg for row in terminal.screen.buffer.values()
                for character in row.values()} - {"default"}

    def test_screen_follows_size_and_loss_and_ends_on_q(self):
        with MetricsServer() as server, Terminal(
                80, 24, *OFTEN, "127.0.0.1:%d" % server.port) as terminal:
            text = terminal.wait_for(
                lambda text: "90.0" in text and "q quits" in text)
            show("80 x 24", text)
            self.assertEqual(len(text.splitlines()), 24)
            self.assertIn("public.K\u00e4se", text)
            self.assertIn("\u2588\u2588", text)
            self.assertIn("evil??[31m", text)
            self.assertIn("green", self.colors(terminal))
            server.figures.state = "down"
            terminal.wait_for(lambda text: "listener down" in text)
            self.assertIn("red", self.colors(terminal))
            server.figures.state = "live"

            terminal.resize(120, 40)
            text = terminal.wait_for(lambda text: "HIT % ALL" in text)
            show("120 x 40", terminal.wait_for(
                lambda text: text.splitlines()[-1] == "q quits"))
            terminal.resize(50, 10)
            text = terminal.wait_for(
                lambda text: "(0 of 3)" in text and "q quits" in text)
            show("50 x 10", text)

            server.stop()
            terminal.resize(80, 24)
            text = terminal.wait_for(lambda text: "no answer for" in text
                                     and "public.orders" in text)
            show("lost", text)
            server.start()
            terminal.wait_for(lambda text: "no answer for" not in text
                              and "90.0" in text)
            os.write(terminal.master, b"xq")
            self.assertEqual(terminal.end(), 0)
            self.assertTrue(terminal.is_restored())

    def test_signals_and_keys_give_the_terminal_back(self):
        with MetricsServer() as server:
            for end in (signal.SIGTERM, signal.SIGHUP, b"\003", b"Q"):
                with Terminal(80, 24, *OFTEN, "127.0.0.1:%d" %
                              server.port) as terminal:
                    terminal.wait_for(lambda text: "q quits" in text)
                    if isinstance(end, bytes):
                        os.write(terminal.master, end)
                    else:
                        terminal.process.send_signal(end)
                    self.assertEqual(terminal.end(), 0)
                    self.assertTrue(terminal.is_restored(), end)

    def test_it_waits_for_a_process_that_is_not_there_yet(self):
        server = MetricsServer()
        server.start()
        server.stop()
        with Terminal(80, 24, *OFTEN, "127.0.0.1:%d" % server.port) as terminal:
            text = terminal.wait_for(lambda text: "trying again" in text)
            show("not there", text)
            with server:
                terminal.wait_for(lambda text: "public.orders" in text)
            terminal.process.send_signal(signal.SIGINT)
            self.assertEqual(terminal.end(), 0)

    def test_no_color_and_no_utf8_are_respected(self):
        with MetricsServer() as server, Terminal(
                80, 24, *OFTEN, "127.0.0.1:%d" % server.port,
                # pyte does not know how xterm repeats a character
                env=dict(UTF8, LC_ALL="C", NO_COLOR="1",
                         TERM="screen-256color")) as terminal:
            text = terminal.wait_for(
                lambda text: "90.0" in text and "q quits" in text)
            show("NO_COLOR, LC_ALL=C", text)
            self.assertEqual(self.colors(terminal), set())
            self.assertIn("###", text)
            self.assertIn("public.K??se", text)

    def test_terminals_that_cannot_show_it(self):
        with MetricsServer() as server:
            here = "127.0.0.1:%d" % server.port
            with Terminal(80, 24, *OFTEN, here,
                          env=dict(UTF8, TERM="no-such-one")) as terminal:
                self.assertEqual(terminal.end(), 1)
                self.assertIn('the terminal "no-such-one" is not known',
                              terminal.text())
            with Terminal(80, 60, *OFTEN, here,
                          env=dict(UTF8, TERM="dumb")) as terminal:
                self.assertEqual(terminal.end(), 0)
                self.assertNotIn(b"\033", terminal.raw)
                self.assertIn("public.orders", terminal.text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
