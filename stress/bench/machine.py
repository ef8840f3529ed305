# SPDX-License-Identifier: MIT
"""Which machine, kernel, compiler and versions a run was measured with."""
import datetime
import os
import pathlib
import platform
import re
import subprocess

# Ours, then whom we compare with, by the name of Debian's package.
LIBRARIES = ("libpq5", "liburcu8", "libck0", "postgresql-15", "libxxhash-dev")
PEERS = ("libcaffeine-java", "default-jdk-headless", "libtbb-dev",
         "libcuckoo-dev", "memcached", "libmemcached-dev", "redis-server",
         "libhiredis-dev", "pgpool2", "python3-asyncpg", "libmicrohttpd-dev",
         "wrk")


def said_by(*command):
    """The output of a command, or nothing if there is no such command."""
    try:
        done = subprocess.run(command, capture_output=True, text=True,
                              timeout=60, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def read(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def field(text, pattern):
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1).strip() if found else ""


def processor():
    info = read("/proc/cpuinfo")
    model = field(info, r"^model name\s*:\s*(.*)$") or platform.machine()
    is_virtual = " hypervisor" in field(info, r"^flags\s*:\s*(.*)$")
    return (f"{model}, {os.cpu_count()} processors seen"
            f"{', a virtual machine' if is_virtual else ''}")


def memory():
    kilobytes = int(field(read("/proc/meminfo"), r"^MemTotal:\s*(\d+)") or 0)
    return f"{kilobytes / 1024 / 1024:.1f} GiB"


def build(folder):
    """(compiler, flags) of a build folder."""
    cache = read(pathlib.Path(folder) / "CMakeCache.txt")
    compiler = field(cache, r"^CMAKE_C_COMPILER:[A-Z]*=(.*)$") or "cc"
    kind = field(cache, r"^CMAKE_BUILD_TYPE:[A-Z]*=(.*)$")
    flags = field(cache, rf"^CMAKE_C_FLAGS_{kind.upper()}:[A-Z]*=(.*)$")
    first = said_by(compiler, "--version").split("\n")[0]
    return first, f"{kind}: {flags}"


def packages(names):
    found = {}
    for name in names:
        version = said_by("dpkg-query", "-W", "-f", "${Version}", name)
        if version:
            found[name] = version
    return found


def commit(root):
    short = said_by("git", "-C", root, "rev-parse", "--short=12", "HEAD")
    changed = said_by("git", "-C", root, "status", "--porcelain",
                      "--untracked-files=no", "--", "src", "include",
                      "stress/bench/*.c", "stress/bench/*.cpp",
                      "stress/bench/*.h", "CMakeLists.txt", "cmake")
    return short + (", changed" if short and changed else "")


def describe(root, folder):
    compiler, flags = build(folder)
    now = datetime.datetime.now(datetime.timezone.utc)
    version = field(read(pathlib.Path(root) / "include/pgcachewatch/version.h"),
                    r"^#define PGCW_VERSION \"(.*)\"$")
    return {"date": now.strftime("%Y-%m-%d %H:%M UTC"),
            "processor": processor(),
            "memory": memory(),
            "system": field(read("/etc/os-release"),
                            r"^PRETTY_NAME=\"?([^\"]*)") or platform.system(),
            "kernel": platform.release(),
            "load before": f"{os.getloadavg()[0]:.2f} on average of a minute",
            "compiler": compiler,
            "flags": flags,
            "pgcachewatch": f"{version}, commit {commit(root)}",
            "PostgreSQL": said_by("psql", "-XAtc", "SHOW server_version"),
            "libraries": packages(LIBRARIES),
            "peers": packages(PEERS)}
