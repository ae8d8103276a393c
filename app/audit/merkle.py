"""Merkle trees as RFC 6962 hashes them (2.1), grown leaf by leaf from their right edge alone."""

import hashlib
from dataclasses import dataclass, field
from typing import Self

_DIGITS = 64


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass(slots=True)
class Edge:
    """The roots of the perfect trees that a tree consists of, the largest first: as many as its size has binary ones,
    and all that is needed to go on."""

    size: int = 0
    nodes: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> None:
        self.nodes.append(leaf)
        self.size += 1
        pairs = self.size
        while pairs % 2 == 0:
            right, left = self.nodes.pop(), self.nodes.pop()
            self.nodes.append(node_hash(left, right))
            pairs //= 2

    @property
    def root(self) -> str:
        """64 hex digits; of no leaves, the hash of nothing."""
        if not self.nodes:
            return hashlib.sha256().hexdigest()
        root = self.nodes[-1]
        for left in reversed(self.nodes[:-1]):
            root = node_hash(left, root)
        return root.hex()

    @property
    def text(self) -> str:
        return b"".join(self.nodes).hex()

    def copy(self) -> "Edge":
        return Edge(self.size, list(self.nodes))

    @classmethod
    def read(cls, size: int, text: str) -> Self:
        """Raises ValueError where it is no edge of a tree of this size."""
        nodes = [bytes.fromhex(text[at : at + _DIGITS]) for at in range(0, len(text), _DIGITS)]
        if size < 0 or len(nodes) != size.bit_count():
            raise ValueError("is no edge of this size")
        return cls(size, nodes)
