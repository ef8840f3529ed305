# SPDX-License-Identifier: MIT
"""A process that tells of metrics, for test_top.py: each page has more."""
import http.server
import os
import socket
import socketserver
import threading

BOUNDS = ("0.0001", "0.0005", "0.001", "0.005", "0.01", "0.05", "+Inf")
BELOW = (5, 60, 90, 97, 99, 100, 100)
STATES = ("off", "connecting", "probing", "live", "doubt", "down")
PREFIX = "pgcachewatch_"


class Figures:
    """What the page says; a step is what happens between two readings."""

    def __init__(self):
        self.step = 0
        self.state = "live"

    def page(self):
        self.step += 1
        step = self.step
        channel = 'channel="ch_test"'
        lines = ["# TYPE %slistener_state gauge" % PREFIX]
        for state in STATES:
            lines.append('listener_state{%s,state="%s"} %d' % (
                channel, state, state == self.state))
        lines += [
            "listener_horizon_age_seconds{%s} 0.0125" % channel,
            "listener_fence_round_trip_seconds{%s} 0.00025" % channel,
            "listener_gaps_total{%s} 0" % channel,
            "listener_messages_heard_total{%s} %d" % (channel, 1000 * step)]
        for place, table in enumerate(("public.orders", "public.K\u00e4se",
                                       "public.rare")):
            lines.append('listener_events_total{%s,table="%s"} %d' % (
                channel, table, 600 * step // (place * place + 1)))
        for bound, count in zip(BOUNDS, BELOW):
            lines.append('listener_event_latency_seconds_bucket{%s,le="%s"} %d'
                         % (channel, bound, count * step))
        for place, cache in enumerate(("products", "customers",
                                       "evil\\n\033[31m")):
            for name, value in (("hits_total", 9000), ("misses_total", 1000),
                                ("loads_total", 1000),
                                ("invalidations_total", 10)):
                lines.append('cache_%s{cache="%s"} %d' % (
                    name, cache, value * step // (place + 1)))
            lines.append('cache_entries{cache="%s"} 500' % cache)
            lines.append('cache_bytes{cache="%s"} 2048' % cache)
        text = "\n".join(line if line[0] == "#" else PREFIX + line
                         for line in lines)
        return text.encode() + b"\n"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        special = {"/empty": b"go_goroutines 7\n",
                   "/huge": b"# " + b"x" * (5 * 1024 * 1024) + b"\n"}
        if self.path == "/metrics":
            body = self.server.figures.page()
        elif self.path in special:
            body = special[self.path]
        elif self.path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(self.server.figures.page())
            self.close_connection = True
            return
        elif self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/metrics")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass  # it had enough

    def log_message(self, *_):
        pass

    def address_string(self):
        return "somebody"  # a Unix socket has no address


class Quiet:
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_):
        pass  # whoever asked has gone


class Tcp(Quiet, socketserver.ThreadingTCPServer):
    pass


class Unix(Quiet, socketserver.ThreadingUnixStreamServer):
    pass


class MetricsServer:
    """On a port of its own, or a socket; as a context it is running."""

    def __init__(self, path=None):
        self.figures = Figures()
        self.path = path
        self.port = 0
        self.server = None
        self.connections = []

    def start(self):
        if self.path:
            self.server = Unix(self.path, Handler)
        else:
            self.server = Tcp(("127.0.0.1", self.port), Handler)
            self.port = self.server.server_address[1]
        self.server.figures = self.figures
        self.connections = []
        accept = self.server.get_request

        def get_request():
            request = accept()
            self.connections.append(request[0])
            return request
        self.server.get_request = get_request
        threading.Thread(target=self.server.serve_forever,
                         kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        """As if the process had ended: its connections are closed too."""
        if self.server is None:
            return
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed already
        if self.path:
            os.unlink(self.path)
        self.server = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
