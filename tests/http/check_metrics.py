#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the metrics with Prometheus' own Python parser: types, labels, histograms that add up.

usage: check_metrics.py TEST_METRICS

Exit code 77 where prometheus_client is absent (Debian: python3-prometheus-client).
"""
import os
import subprocess
import sys

try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    other = "/usr/bin/python3"
    if os.path.realpath(sys.executable) != os.path.realpath(other) and os.path.exists(other) \
            and "CHECK_METRICS_AGAIN" not in os.environ:
        os.environ["CHECK_METRICS_AGAIN"] = "1"
        os.execv(other, [other] + sys.argv)
    print("SKIP: no prometheus_client to read with (Debian: python3-prometheus-client)")
    sys.exit(77)

text = subprocess.run([sys.argv[1], "print"], check=True, capture_output=True).stdout.decode()
assert text.endswith("\n")
families = {f.name: f for f in text_string_to_metric_families(text)}
samples = {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families.values() for s in f.samples}
assert len(samples) == sum(len(f.samples) for f in families.values()), "a series comes twice"
for name, f in families.items():
    assert f.type in ("counter", "gauge", "histogram"), (name, f.type)
    assert f.documentation and name.startswith(("espy_", "process_")), name
    for s in f.samples:
        assert f.type != "counter" or s.name.endswith("_total"), s

first = {"route": "/v1/collections/{id}", "method": "GET", "status": "2xx"}
http = families["espy_http_request_duration_seconds"]
assert http.type == "histogram"
for key in {tuple(s.labels[k] for k in first) for s in http.samples}:
    labels = dict(zip(first, key))
    of = [s for s in http.samples if {k: s.labels[k] for k in first} == labels]
    buckets = [(float(s.labels["le"]), s.value) for s in of if s.name.endswith("_bucket")]
    count = [s.value for s in of if s.name.endswith("_count")]
    assert buckets == sorted(buckets) and buckets[-1] == (float("inf"), count[0]), buckets
    assert [v for _, v in buckets] == sorted(v for _, v in buckets), buckets


def value(name, **labels):
    return samples[name, tuple(sorted(labels.items()))]


assert value("espy_http_request_duration_seconds_count", **first) == 9
assert value("espy_http_request_duration_seconds_count", route='/odd"\\\n', method="POST", status="4xx") == 1
assert value("espy_decisions_total", modality="face", decision="known") == 2
assert value("espy_encode_seconds_total", modality="face") == 1.75
assert value("espy_requests_waiting", lane="infer") == 1
print(len(samples), "series in", len(families), "families")
