"""Spark's Python workers, forked from a process that has loaded the fold and Feast: seconds, once a machine.

Named by `spark.python.daemon.module`.
"""

from __future__ import annotations

import streaming.spark_rows  # noqa: F401  # what takes seconds

if __name__ == "__main__":
    from pyspark.daemon import manager

    manager()
