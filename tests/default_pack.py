"""The report pack that the product comes with, which is read once for all tests of a process and never changed."""

from config import ROOT
from prompt_pack.pack import load_pack

PACK = load_pack(ROOT / "prompts")
