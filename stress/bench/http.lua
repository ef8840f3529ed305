-- SPDX-License-Identifier: MIT
-- For wrk: products 1 to 1000 in an order drawn beforehand. At the end a line
-- "result REQUESTS FAILED MICROSECONDS P50 P99", latencies in microseconds.
local requests = {}
local number = 0

function init(args)
    math.randomseed(20260)
    for i = 1, 4096 do
        requests[i] = wrk.format("GET", "/products/" .. math.random(1000))
    end
end

function request()
    number = number % #requests + 1
    return requests[number]
end

function done(summary, latency, all)
    local errors = summary.errors
    io.write(string.format("result %d %d %d %d %d\n", summary.requests,
        errors.connect + errors.read + errors.write + errors.status +
        errors.timeout, summary.duration, latency:percentile(50),
        latency:percentile(99)))
end
