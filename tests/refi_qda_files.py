"""REFI-QDA projects, read and held against the rules of the format."""

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from lxml import etree

_SPACE = {"q": "urn:QDA-XML:project:1.0"}
_SCHEMA = etree.XMLSchema(etree.parse(str(Path(__file__).with_name("refi_qda.xsd"))))


class Opened(NamedTuple):
    """What a program finds: codings as (path of the code, the words under it), cases as name and known values."""

    codings: list[tuple[str, str]]
    cases: dict[str, dict[str, str]]
    texts: dict[str, str]


def opened(path: Path) -> Opened:
    """Read a project; raises AssertionError where the format's rules are broken or a reference leads nowhere."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        root = etree.fromstring(archive.read("project.qde"))
        _SCHEMA.assertValid(root)
        ids = [each.get("guid") for each in root.iter() if each.get("guid")]
        assert len(ids) == len(set(ids))
        assert {each.get("targetGUID") for each in root.iter() if each.get("targetGUID")} <= set(ids)
        sources = root.findall(".//q:TextSource", _SPACE)
        said = {each.get("name"): _text(archive, each) for each in sources}
    codes = {code.get("guid"): _path(code) for code in root.iterfind(".//q:Code", _SPACE)}
    variables = {each.get("guid"): each.get("name") for each in root.iterfind(".//q:Variable", _SPACE)}
    codings = [
        (
            codes[selection.find("q:Coding/q:CodeRef", _SPACE).get("targetGUID")],
            said[source.get("name")][int(selection.get("startPosition")) : int(selection.get("endPosition"))],
        )
        for source in sources
        for selection in source.iterfind("q:PlainTextSelection", _SPACE)
    ]
    cases = {
        case.get("name"): {variables[value[0].get("targetGUID")]: value[1].text for value in _values(case)}
        for case in root.iterfind(".//q:Case", _SPACE)
    }
    return Opened(codings, cases, said)


def _text(archive: zipfile.ZipFile, source: Any) -> str:
    scheme, _, name = source.get("plainTextPath").partition("://")
    assert scheme == "internal"
    content = archive.read(f"Sources/{name}")
    assert b"\r" not in content
    return content.decode()


def _path(code: Any) -> str:
    above = [code, *(each for each in code.iterancestors() if each.tag == code.tag)]
    return " / ".join(each.get("name") for each in reversed(above))


def _values(case: Any) -> Any:
    return case.iterfind("q:VariableValue", _SPACE)
