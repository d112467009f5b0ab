"""Imports every module of the product and prints, as JSON, which do not import and what of them has no bytecode.

Runs in the image, by its own Python.
"""

import importlib
import json
import sys
from pathlib import Path

SRC = Path("/app/src")
sys.path.insert(0, str(SRC))

failed: dict[str, str] = {}
for path in sorted(SRC.rglob("*.py")):
    parts = path.relative_to(SRC).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    try:
        importlib.import_module(name)
    except ImportError as exc:
        failed[name] = exc.name or str(exc)

cached = [getattr(module, "__cached__", None) for module in list(sys.modules.values())]
slow = [path for path in cached if path and not path.startswith("/usr/") and not Path(path).exists()]
print(json.dumps({"failed": failed, "modules": len(cached), "without_bytecode": sorted(slow)}))
