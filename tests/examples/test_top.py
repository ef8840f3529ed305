# SPDX-License-Identifier: MIT
"""test_top.py HTTP_SERVER TOOL: `pgcachewatch top` of a process that works.

The example's server answers requests while another session sends 10,000 events
a second, as triggers would, for two tables. What `top` shows is looked at on a
terminal, and its sums are compared with what was sent. The server is that of
PGHOST and the like.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../cli"))
from terminal import PATIENCE, Terminal, show  # noqa: E402

SERVER, TOOL = sys.argv[1:3]
ADMIN = os.environ["PGDATABASE"]
DATABASE = "pgcw_test_example_top"
EACH_TIME = 500  # events; twenty times a second
TIMES = 80

# Fewer a second if the machine is slow. Of a channel, PostgreSQL tells a
# payload once a transaction: the key makes each another.
WRITER = """
DO $$
DECLARE began timestamptz := clock_timestamp();
BEGIN
    FOR n IN 1..%d LOOP
        PERFORM pg_notify('ch_pgcachewatch_table_change', json_build_object(
            'operation', 'update', 'schema', 'public', 'table',
            CASE WHEN i %% 5 = 0 THEN 'orders' ELSE 'products' END,
            'sent_at', clock_timestamp(), 'keys', json_build_array(i::text)
            )::text)
            FROM generate_series(1, %d) AS i;
        COMMIT;
        PERFORM pg_sleep(greatest(0, extract(epoch FROM
            began + n * interval '50 ms' - clock_timestamp())));
    END LOOP;
END $$""" % (TIMES, EACH_TIME)

failures = []


def expect(what, is_so):
    if not is_so:
        failures.append(what)
        print("FAILED: " + what, flush=True)


def psql(database, *statements):
    words = ["psql", "-qAtX", "-d", database]
    for statement in statements:
        words += ["-c", statement]
    subprocess.run(words, check=True, timeout=PATIENCE,
                   stdin=subprocess.DEVNULL)


def read_once(address):
    done = subprocess.run([TOOL, "top", "--once", "--json", "--interval",
                           "0.2", address], capture_output=True,
                          timeout=PATIENCE, check=True)
    return json.loads(done.stdout)


def events_of(told):
    return {table["table"]: table["events"] for table in told["tables"]}


def read_until(address, count):
    """Once so many events were applied, or after a time."""
    deadline = time.monotonic() + PATIENCE
    told = read_once(address)
    while (sum(events_of(told).values()) < count
           and time.monotonic() < deadline):
        told = read_once(address)
    return told


def look(address):
    """The screen while it happens; the busiest picture is kept."""
    with Terminal(100, 30, TOOL, "top", "--interval", "0.5",
                  address) as terminal:
        best = terminal.wait_for(lambda text: "q quits" in text
                                 and "listener live" in text)
        writer = subprocess.Popen(["psql", "-qX", "-d", DATABASE, "-c",
                                   WRITER])
        readers = subprocess.Popen(["wrk", "-t", "1", "-c", "4", "-d", "4",
                                    "http://%s/products/42" % address],
                                   stdout=subprocess.DEVNULL)
        while writer.poll() is None or readers.poll() is None:
            if terminal.feed(0.1):
                continue  # the picture may be half drawn
            text = terminal.text()
            if rate_of(text) > rate_of(best) and "q quits" in text:
                best = text
        show("while %d events are sent" % (TIMES * EACH_TIME), best)
        print("at most %.0f events/s were shown" % rate_of(best))
        expect("events were seen to come", rate_of(best) > 0)
        expect("the writer ended well", writer.returncode == 0)
        expect("wrk ended well", readers.returncode == 0)
        os.write(terminal.master, b"q")
        expect("it ends on q", terminal.end() == 0)
        expect("the terminal is as before", terminal.is_restored())


def rate_of(text):
    """Of all tables together."""
    for line in text.splitlines():
        if line.startswith("heard") and " events/s" in line:
            rate = line.split(" events/s")[0].split()[-1]
            return 0 if rate == "-" else float(rate.replace(",", ""))
    return 0


def run():
    subprocess.run([SERVER, "--create"], check=True, timeout=PATIENCE)
    server = subprocess.Popen([SERVER, "--port", "0", "--threads", "2"],
                              stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip().replace("http://", "")
        look(address)
        sent = TIMES * EACH_TIME
        told = read_until(address, sent)
        expect("all %d events are counted: %s" % (sent, events_of(told)),
               events_of(told).get("public.products") == sent * 4 / 5
               and events_of(told).get("public.orders") == sent / 5)
        expect("and each has a latency", told["latency"]["count"] >= sent)
        expect("p50 and p99 are known", told["latency"]["p50_seconds"] > 0
               and told["latency"]["p99_seconds"] >=
               told["latency"]["p50_seconds"])
        expect("no gap", told["listeners"][0]["gaps"] == 0)
        expect("the horizon moves",
               told["listeners"][0]["horizon_age_seconds"] < PATIENCE)
        expect("lines are understood", told["lines_not_understood"] == 0)
        expect("requests were hits",
               told["caches"][0]["hit_ratio_total"] > 0.5)
    finally:
        server.send_signal(signal.SIGTERM)
        expect("the server ends well", server.wait(PATIENCE) == 0)
    return 1 if failures else 0


def main():
    for program in ("psql", "wrk"):
        if not shutil.which(program):
            print("no %s: skipped" % program)
            return 77
    drop = "DROP DATABASE IF EXISTS %s WITH (FORCE)" % DATABASE
    os.environ["PGOPTIONS"] = "-c client_min_messages=warning"
    psql(ADMIN, drop, "CREATE DATABASE " + DATABASE)
    os.environ["PGDATABASE"] = DATABASE
    try:
        return run()
    finally:
        psql(ADMIN, drop)


if __name__ == "__main__":
    sys.exit(main())
