# SPDX-License-Identifier: MIT
"""What a cached query costs in Python, where asyncio programs have a cache
that follows LISTEN: a decorator around a coroutine, a dict of futures, and
the events in a queue, which each call looks at before the dict.

    python_cache.py DATABASE

Says 0 when it listens, or -1 if there is no asyncpg. Then for each line "ROWS CALLS": so many calls, of
rows drawn beforehand; it answers with how many of them missed.
"""
import asyncio
import functools
import random
import sys

try:
    import asyncpg
except ImportError:
    print(-1)
    sys.exit()

CHANNEL = "ch_pgcachewatch_table_change"
DRAWN = 65536


class Greedy:
    """Any event that is waiting empties the cache."""

    def __init__(self, events):
        self._events = events

    def clear(self):
        is_any = False
        while True:
            try:
                self._events.get_nowait()
            except asyncio.QueueEmpty:
                return is_any
            is_any = True


class Counters:
    misses = 0


def cached(strategy, counters):
    def decorate(function):
        futures = {}

        @functools.wraps(function)
        async def call(*args):
            if strategy.clear():
                futures.clear()
            future = futures.get(args)
            if future is not None:
                return await future
            counters.misses += 1
            future = futures[args] = asyncio.get_running_loop().create_future()
            try:
                future.set_result(await function(*args))
            except BaseException as error:
                del futures[args]
                future.set_exception(error)
            return await future
        return call
    return decorate


async def check_event(connection, writer, row, counters):
    """A row that has changed is asked for again, or all this is nothing."""
    await row(1)
    await row(1)
    if counters.misses != 1:
        sys.exit("it does not cache")
    await writer.execute("UPDATE orders SET version = version WHERE id = 1")
    await connection.execute("SELECT 1")  # what was sent before has come then
    await asyncio.sleep(0)
    await row(1)
    if counters.misses != 2:
        sys.exit("it does not hear")


async def answer(row, counters):
    loop = asyncio.get_running_loop()
    numbers = random.Random(1)
    drawn = {}
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            return
        rows, calls = map(int, line.split())
        if rows not in drawn:
            drawn[rows] = [numbers.randint(1, rows) for _ in range(DRAWN)]
        wanted = drawn[rows]
        before = counters.misses
        while calls > 0:
            for number in wanted[:calls] if calls < DRAWN else wanted:
                await row(number)
            calls -= DRAWN
        print(counters.misses - before, flush=True)


async def main(database):
    events = asyncio.Queue()
    connection = await asyncpg.connect(database=database)
    writer = await asyncpg.connect(database=database)
    await connection.add_listener(
        CHANNEL, lambda _connection, _pid, _channel, payload:
        events.put_nowait(payload))
    counters = Counters()

    @cached(Greedy(events), counters)
    async def row(number):
        return await writer.fetchrow(
            "SELECT id, version FROM orders WHERE id = $1", number)

    await check_event(connection, writer, row, counters)
    print(0, flush=True)
    await answer(row, counters)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
