"""Helm's engine in this process: `engine.py CHART RUNS` prints the milliseconds of the best render, with loading and without,
and the most memory that was resident, in MiB. Needs `pip install helm-python-sdk`."""

import json
import resource
import sys
import time

from helm_python import Chart

path, runs = sys.argv[1], int(sys.argv[2])
loaded, rendered = float("inf"), float("inf")
for _ in range(runs):
    start = time.perf_counter()
    chart = Chart.load(path)
    middle = time.perf_counter()
    chart.render(values={}, name="rel")
    end = time.perf_counter()
    loaded, rendered = min(loaded, end - start), min(rendered, end - middle)
    chart.close()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"loadedMs": loaded * 1000, "renderedMs": rendered * 1000, "peakMiB": peak}))
