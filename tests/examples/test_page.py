# SPDX-License-Identifier: MIT
"""python3 test_page.py HTTP_SERVER FOLDER

Looks at the example's page in a Chromium without a screen, while ten thousand
events a second of several tables pass and products are read. The figures that
the page shows must be those of /metrics, and move. Leaves page-light.png and
page-dark.png in FOLDER, to be looked at.

The browser is driven through chromedriver, in real time: by Chromium's own
virtual time a second of the page is none of the server, and each rate wrong.
"""

import base64
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import exposition

PATIENCE_S = 60
EVENTS_A_SECOND = 10000
DATABASE = "pgcw_test_page"
WIDTH, HEIGHT = 1100, 1000
# Ten times a second; with a key each, as the same text twice is told once.
EVENTS_SQL = """
SELECT pg_notify('ch_pgcachewatch_table_change', json_build_object(
    'operation', 'update', 'schema', 'public',
    'table', (ARRAY['orders', 'orders', 'orders', 'orders', 'stock', 'stock',
                    'customers', 'products'])[1 + n %% 8],
    'sent_at', now(), 'keys', ARRAY[n::text])::text)
FROM generate_series(1, %d) n \\; SELECT clock_timestamp()
\\watch 0.1
""" % (EVENTS_A_SECOND // 10)
# What the page shows, as it is in the document.
SHOWN_JS = """
const text = id => document.getElementById(id).textContent;
return {
  title: document.title, state: text("state"), ratio: text("ratio"),
  hits: text("hits"), events: text("events"), horizon: text("horizon"),
  quantiles: text("quantiles"),
  tables: [...document.querySelectorAll("[data-table]")].map(
    row => [row.dataset.table, Number(row.dataset.rate)]),
  caches: [...document.querySelectorAll("[data-cache]")].map(
    row => row.dataset.cache),
  latencies: [...document.querySelectorAll("#latency rect")].map(
    bar => Number(bar.dataset.count)),
  line: (document.querySelector("#events-line polyline")
         ?.getAttribute("points") ?? "").split(" ").length,
};
"""


class Failed(Exception):
    pass


def within(what, look):
    """What `look` gives, as soon as it is true."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failed("not in time: " + what)
        time.sleep(0.05)


def require(is_right, *what):
    if not is_right:
        raise Failed(" ".join(map(str, what)))


class Browser:
    """A session of chromedriver, by the WebDriver protocol."""

    def __init__(self, driver, port, profile):
        self.driver = driver
        self.port = port
        self.session = None
        within("chromedriver is ready", self.is_ready)
        arguments = ["--headless=new", "--no-sandbox", "--hide-scrollbars",
                     "--disable-dev-shm-usage", "--disable-gpu",
                     "--window-size=%d,%d" % (WIDTH, HEIGHT),
                     "--user-data-dir=" + profile]
        made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.session = made["sessionId"]

    def is_ready(self):
        require(self.driver.poll() is None, "chromedriver has ended")
        try:
            return self.call("GET", "/status")["ready"]
        except OSError:
            return False

    def call(self, method, path, body=None):
        if self.session is not None:
            path = "/session/%s%s" % (self.session, path)
        link = http.client.HTTPConnection("127.0.0.1", self.port,
                                          timeout=PATIENCE_S)
        try:
            link.request(method, path,
                         None if body is None else json.dumps(body),
                         {"Content-Type": "application/json"})
            value = json.loads(link.getresponse().read())["value"]
        finally:
            link.close()
        if isinstance(value, dict) and "error" in value:
            raise Failed("chromedriver: " + value["message"])
        return value

    def command(self, name, **parameters):
        return self.call("POST", "/goog/cdp/execute",
                         {"cmd": name, "params": parameters})

    def shown(self):
        return self.call("POST", "/execute/sync",
                         {"script": SHOWN_JS, "args": []})

    def picture(self, path, scheme):
        self.command("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}])
        data = base64.b64decode(self.call("GET", "/screenshot"))
        require(data.startswith(b"\x89PNG") and len(data) > 20000,
                "no picture to look at:", len(data), "bytes")
        with open(path, "wb") as file:
            file.write(data)
        print("see", path)
        return data


def psql(*arguments, **options):
    return subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", *arguments],
                          check=True, stdout=subprocess.DEVNULL, **options)


def read_products(port, is_over):
    """Each of a thousand products, and then again."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    number = 0
    while not is_over.is_set():
        number = (number + 1) % 1000
        link.request("GET", "/products/%d" % (number + 1))
        link.getresponse().read()
    link.close()


def metrics(port):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    link.request("GET", "/metrics")
    text = link.getresponse().read().decode("utf-8")
    link.close()
    return exposition.read(text)


def events_applied(port):
    return metrics(port)[
        "pgcachewatch_listener_events_applied_total"].samples[0][2]


def as_number(text):
    number = text.replace(",", "").split(" ")
    return float(number[0]) * (1e6 if number[1:] == ["M"] else 1)


def check_figures(browser, port):
    """While events pass, for some ten seconds."""
    shown = within("the page is live", lambda: browser.shown()
                   if browser.shown()["state"] == "live" else None)
    began, before = time.monotonic(), events_applied(port)
    shown = within("ten seconds are drawn", lambda: browser.shown()
                   if browser.shown()["line"] >= 10 else None)
    passed = (events_applied(port) - before) / (time.monotonic() - began)
    print("%.0f events a second; the page shows %s" % (passed, shown))
    require(passed > EVENTS_A_SECOND / 4, "too few events:", passed)
    require(shown["title"] == "live – pgcachewatch", "title:", shown["title"])
    require(as_number(shown["events"]) > passed / 4, "events are not shown")
    require(as_number(shown["hits"]) > 0, "hits are not shown")
    require(shown["ratio"].endswith("%"), "ratio:", shown["ratio"])
    require(shown["horizon"].endswith("s"), "horizon:", shown["horizon"])
    require(shown["caches"] == ["products"], "caches:", shown["caches"])
    tables = dict(shown["tables"])
    require(shown["tables"][0][0] == "public.orders"
            and {"public.stock", "public.customers", "public.products"}
            <= set(tables), "tables:", tables)
    require(len(shown["latencies"]) == 21 and sum(shown["latencies"]) > 0,
            "latencies:", shown["latencies"])
    require("99 % within" in shown["quantiles"], shown["quantiles"])
    within("figures move", lambda: browser.shown()["events"] != shown["events"]
           and browser.shown()["latencies"] != shown["latencies"])


def check_messages(browser):
    severe = [entry["message"] for entry in
              browser.call("POST", "/se/log", {"type": "browser"})
              if entry["level"] == "SEVERE"]
    require(not severe, "the browser complains:", severe)


def look(program, folder, start):
    server = start([program, "--port", "0"], stdout=subprocess.PIPE, text=True)
    url = server.stdout.readline().strip()
    require(url.startswith("http://"), "the server does not start")
    port = int(url.rsplit(":", 1)[1])
    driver = start(["chromedriver", "--port=0"], stdout=subprocess.PIPE,
                   text=True)
    line = within("chromedriver tells its port", lambda: next(
        (l for l in driver.stdout if "on port " in l and "success" in l), None))
    driver_port = int(line.split("on port ")[1].strip(" .\n"))
    profile = os.path.join(folder, "profile")
    browser = Browser(driver, driver_port, profile)
    is_over = threading.Event()
    reader = threading.Thread(target=read_products, args=(port, is_over))
    reader.start()
    try:
        emitter = start(["psql", "-qAtX"], stdin=subprocess.PIPE,
                        stdout=subprocess.DEVNULL, text=True)
        emitter.stdin.write(EVENTS_SQL)
        emitter.stdin.close()
        browser.call("POST", "/url", {"url": url + "/"})
        check_figures(browser, port)
        light = browser.picture(os.path.join(folder, "page-light.png"),
                                "light")
        dark = browser.picture(os.path.join(folder, "page-dark.png"), "dark")
        require(light != dark, "dark is as light")
        check_messages(browser)
        is_over.set()
        reader.join()
        server.send_signal(signal.SIGTERM)
        require(server.wait(PATIENCE_S) == 0, "the server ends badly")
        within("the page says so", lambda:
               browser.shown()["state"] == "unreachable")
    finally:
        is_over.set()
        reader.join()
        browser.call("DELETE", "")


def main(program, folder):
    for needed in "chromium", "chromedriver", "psql":
        if shutil.which(needed) is None:
            print("no %s: skipped (packages.sh page)" % needed)
            return 77
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    admin, started = os.environ["PGDATABASE"], []
    os.environ["PGDATABASE"] = DATABASE
    drop = "DROP DATABASE IF EXISTS %s WITH (FORCE)" % DATABASE

    def start(command, **options):
        started.append(subprocess.Popen(command, **options))
        return started[-1]

    psql("-d", admin, "-c", drop, "-c", "CREATE DATABASE " + DATABASE)
    try:
        subprocess.run([program, "--create"], check=True)
        look(program, folder, start)
    except Failed as failure:
        print("FAILED:", failure)
        return 1
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()
        psql("-d", admin, "-c", drop)
        shutil.rmtree(os.path.join(folder, "profile"), ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
