"""The floors table of ARCHITECTURE.md is true: read from the imports themselves."""

import ast
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
MOST_ENTRIES = 100
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60


def floors() -> dict[str, int]:
    """The floor of every module and package, by its name; a package's name stands with a slash in the table."""
    table: dict[str, int] = {}
    for line in (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines():
        if row := re.match(r"\| (\d+) [\w ]+ \|([^|]*)\|", line):
            for name in re.findall(r"`(\w+/?)`", row[2]):
                assert name not in table, f"{name} stands on two floors"
                table[name] = int(row[1])
    return table


def dotted(path: Path) -> str:
    """The name by which ``path`` is imported."""
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def nodes(module: str) -> list[ast.AST]:
    return list(ast.walk(ast.parse(SOURCES[module])))


@cache
def imports(module: str) -> set[str]:
    """The dotted names that ``module`` imports; of ``from package import module`` the module's."""
    found: set[str] = set()
    for node in nodes(module):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import in line {node.lineno}"
            assert node.module is not None
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & set(MODULES)
            found |= submodules or {node.module}
    return found


def own_imports(module: str) -> Iterator[str]:
    return iter(sorted(imports(module) & set(MODULES)))


def room(module: str) -> str:
    """What the table calls the place of ``module``: its package, or itself."""
    package, dot, _ = module.partition(".")
    return f"{package}/" if dot or (SRC / package).is_dir() else package


def floor(module: str) -> int:
    """The floor that ``module`` stands on."""
    assert room(module) in FLOORS, f"{room(module)} has no floor: write its floor into ARCHITECTURE.md"
    return FLOORS[room(module)]


@cache
def messengers() -> set[str]:
    """What implements the port ``messenger``: the adapters that import it."""
    return {
        room(module)
        for module in MODULES
        if "messenger" in imports(module) and FLOORS.get(room(module)) == FLOORS["telegram_client/"]
    }


FLOORS = floors()
SOURCES = {dotted(path): path.read_text(encoding="utf-8") for path in sorted(SRC.rglob("*.py"))}
MODULES = list(SOURCES)
FRONT_DOORS = sorted(
    module
    for module in set(MODULES) - {"telegram_handlers.effects"}
    if room(module) in {"handlers", "handlers_my_reports_v2", "telegram_handlers/", "web/"}
)
"""``effects`` holds what handlers hand in to a service's transaction."""
PACKAGES = sorted(path.name for path in SRC.iterdir() if path.is_dir() and path.name != "__pycache__")


def test_every_module_stands_on_a_floor_and_every_entry_exists() -> None:
    rooms = {room(module) for module in MODULES}
    missing, extra = sorted(rooms - set(FLOORS)), sorted(set(FLOORS) - rooms)
    assert not missing, f"no floor has {', '.join(missing)}: write its floor into ARCHITECTURE.md"
    assert not extra, f"{', '.join(extra)} of ARCHITECTURE.md is not in src: take it out there"


def test_src_is_a_listing_that_one_can_read() -> None:
    assert len([path for path in SRC.iterdir() if path.name != "__pycache__"]) <= MOST_ENTRIES


def test_modules_import_only_from_below_or_their_package() -> None:
    pairs = [(module, other) for module in MODULES for other in own_imports(module) if room(other) != room(module)]
    assert [
        f"{module} (floor {floor(module)}) imports {other} (floor {floor(other)})"
        for module, other in pairs
        if floor(other) >= floor(module)
    ] == []


@pytest.mark.parametrize("module", FRONT_DOORS)
def test_a_front_door_knows_services_and_no_store(module: str) -> None:
    stores = {name for name, floor in FLOORS.items() if floor == FLOORS["recordings_store"]} - {"prompt_pack/"}
    assert not {room(other) for other in own_imports(module)} & {*stores, "db"}


def test_which_messenger_it_is_only_the_wiring_knows() -> None:
    assert "telegram_client/" in messengers()
    for module in MODULES:
        known = set(map(room, own_imports(module))) & messengers() - {room(module)}
        assert not known or room(module) == "application/", (
            f"{module} imports {', '.join(sorted(known))}: it may know the port `messenger` alone"
        )


def test_imports_have_no_circle() -> None:
    graph = {module: set(own_imports(module)) for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as exc:
        pytest.fail(f"circle: {' → '.join(exc.args[1])}")


def test_every_import_resolves() -> None:
    imported = {name: module for module in MODULES for name in imports(module)}
    nowhere = [name for name in sorted(imported) if importlib.util.find_spec(name) is None]
    assert nowhere == [], [imported[name] for name in nowhere]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_a_docstring_and_nothing_else_in_its_init(package: str) -> None:
    tree = ast.parse((SRC / package / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert len(tree.body) == 1


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_bears_the_name_of_a_module_of_ours(package: str) -> None:
    assert not (SRC / f"{package}.py").exists()


@pytest.mark.parametrize("name", sorted({module.partition(".")[0] for module in MODULES}))
def test_nothing_hides_a_module_of_the_standard_library_or_of_an_installed_library(name: str) -> None:
    assert name not in sys.stdlib_module_names
    elsewhere = [entry for entry in sys.path if "site-packages" in entry]
    assert importlib.machinery.PathFinder.find_spec(name, elsewhere) is None


def test_modules_and_functions_stay_short() -> None:
    assert [module for module in MODULES if len(SOURCES[module].splitlines()) > LONGEST_MODULE] == []
    assert [
        f"{module}.{node.name}"
        for module in MODULES
        for node in nodes(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ] == []


def test_modules_log_events_with_values_by_a_logger_made_in_one_way() -> None:
    for module in set(MODULES) - {"log_setup"}:
        calls = [(node, ast.unparse(node.func)) for node in nodes(module) if isinstance(node, ast.Call)]
        made = [ast.unparse(node) for node, name in calls if name.endswith(("getLogger", "get_logger"))]
        assert made in ([], ["structlog.get_logger(__name__)"]), module
        assert not made or "\nlog = structlog.get_logger(__name__)\n" in SOURCES[module], module
        for node, name in calls:
            if re.match(r"(log|logger|_log|logging)\.", name):
                level, event = node.args[:-1], ast.unparse(node.args[-1])
                assert re.fullmatch(r"'[a-z0-9_]+'", event), f"{module}: {ast.unparse(node)}"
                assert not level or name == "log.log", f"{module}: {ast.unparse(node)}"


def test_only_config_reads_the_environment() -> None:
    reads = re.compile(r"os\.environ\[|os\.environ\.get|os\.getenv")
    assert [module for module in MODULES if reads.search(SOURCES[module])] in ([], ["config"])
