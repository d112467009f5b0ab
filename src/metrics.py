"""Prometheus metrics of the whole process, one name each."""

from prometheus_client import Counter, Histogram

OBJECT_OPERATIONS = Counter(
    "voxpersona_object_operations",
    "Operations on the object store, with their retries; outcome is ok or the error's code.",
    ["operation", "outcome"],
)
OBJECT_OPERATION_SECONDS = Histogram(
    "voxpersona_object_operation_seconds",
    "Seconds of an operation on the object store, with its retries.",
    ["operation"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300),
)
