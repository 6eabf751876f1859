-- SPDX-License-Identifier: Apache-2.0
-- wrk: posts the files of $POST_FILES, in turn, as $POST_TYPE; or asks with GET where there are none.
-- Ends with one line of JSON.
local bodies, at = {}, 0
for name in string.gmatch(os.getenv("POST_FILES") or "", "[^:]+") do
    local file = assert(io.open(name, "rb"))
    bodies[#bodies + 1] = file:read("*a")
    file:close()
end

function request()
    if #bodies == 0 then return wrk.format("GET") end
    at = at % #bodies + 1
    return wrk.format("POST", nil, {["Content-Type"] = os.getenv("POST_TYPE")}, bodies[at])
end

function done(summary, latency)
    local e = summary.errors
    print(string.format('{"requests":%d,"seconds":%.6f,"p50":%.6f,"p99":%.6f,"most":%.6f,"refused":%d,"failed":%d}',
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
        latency.max / 1e6, e.status, e.connect + e.read + e.write + e.timeout))
end
