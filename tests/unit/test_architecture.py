"""The floors table of ARCHITECTURE.md is true: read from the imports themselves."""

import ast
import importlib.util
import re
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60


def floors() -> dict[str, int]:
    table: dict[str, int] = {}
    for line in (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines():
        if row := re.match(r"\| (\d+) [\w ]+ \|([^|]*)\|", line):
            for module in re.findall(r"`(\w+)`", row[2]):
                assert module not in table, f"{module} stands on two floors"
                table[module] = int(row[1])
    return table


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import in line {node.lineno}"
            assert node.module is not None
            found.add(node.module.partition(".")[0])
    return found


def family(module: str) -> str:
    return module.partition("_")[0]


FLOORS = floors()
MODULES = {path.stem: path for path in sorted(SRC.glob("*.py"))}
IMPORTS = {module: imports(path) for module, path in MODULES.items()}


def test_every_module_stands_on_a_floor_and_every_entry_exists() -> None:
    assert set(FLOORS) == set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_only_from_below_or_its_family(module: str) -> None:
    for other in sorted(IMPORTS[module] & set(MODULES)):
        below = FLOORS[other] < FLOORS[module]
        beside = FLOORS[other] == FLOORS[module] and family(other) == family(module)
        assert below or beside, f"{module} (floor {FLOORS[module]}) imports {other} (floor {FLOORS[other]})"


def test_imports_have_no_circle() -> None:
    graph = {module: found & set(MODULES) for module, found in IMPORTS.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as exc:
        pytest.fail(f"circle: {' → '.join(exc.args[1])}")


@pytest.mark.parametrize("module", MODULES)
def test_every_import_resolves(module: str) -> None:
    optional = {"onnx_asr"} if module == "speech_to_text_onnx" else set()
    for name in sorted(IMPORTS[module] - set(MODULES) - optional):
        assert importlib.util.find_spec(name) is not None, f"{module} imports {name}, which is nowhere"


def test_no_module_hides_one_of_the_standard_library() -> None:
    assert not set(MODULES) & set(sys.stdlib_module_names)


@pytest.mark.parametrize("module", MODULES)
def test_modules_and_functions_stay_short(module: str) -> None:
    source = MODULES[module].read_text(encoding="utf-8")
    assert len(source.splitlines()) <= LONGEST_MODULE
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, f"{module}.{node.name} is too long"


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"config"}))
def test_only_config_reads_the_environment(module: str) -> None:
    source = MODULES[module].read_text(encoding="utf-8")
    assert not re.search(r"os\.environ\[|os\.environ\.get|os\.getenv", source)
