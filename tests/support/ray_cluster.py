"""A real Ray cluster of two nodes on this machine, one of which is killed during a batch. test_ray_cluster.py runs it.

python -m tests.support.ray_cluster COURSE STORE [RESULTS]    prints the summary of the batch as JSON

The node is killed after this many RESULTS; the default is 1.
"""

import json
import os
import sys
import threading
from pathlib import Path

# no usage reports, and a long timeout for a busy machine
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_raylet_start_wait_time_s": "240"}

from ray._private import services
from ray.cluster_utils import Cluster

from autograder.batch.ray_cluster import run_on_ray
from autograder.batch.submissions import find_submissions
from autograder.cli.progress import BatchProgress
from autograder.grading.options import Options, ReducedRun
from autograder.store import open_store

# Ray replaces the loopback address by that of the network, on which nothing listens here
services.resolve_ip_for_localhost = lambda host: host

OPTIONS = Options(reduced=ReducedRun(2, 2000, 500), seeds=1, device="cpu")
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000, "node_ip_address": "127.0.0.1"}


class KillsOneNode(BatchProgress):
    """Kills one node when `after` submissions are finished and others are being trained."""

    def __init__(self, total: int, cluster: Cluster, node, after: int):
        super().__init__(total)
        self._cluster, self._node, self._left = cluster, node, after

    def finished(self, worker, outcome):
        super().finished(worker, outcome)
        self._left -= 1
        if self._left == 0:
            threading.Thread(target=self._cluster.remove_node, args=(self._node, False)).start()


def main() -> None:
    course, url, *after = sys.argv[1:]
    after = int(after[0]) if after else 1
    cluster = Cluster(initialize_head=True, head_node_args=NODE | {"include_dashboard": False})
    try:
        second = cluster.add_node(**NODE)
        cluster.wait_for_nodes()
        submissions = find_submissions([Path(course)], None, "challenge").submissions
        with open_store(url) as store, KillsOneNode(len(submissions), cluster, second, after) as progress:
            summary = run_on_ray(cluster.address, submissions, OPTIONS, store, progress)
            tampered = list(store.verify())
        print(json.dumps(summary.to_dict() | {"nodes_left": len(cluster.list_all_nodes()), "tampered": tampered}))
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main()
