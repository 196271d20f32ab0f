"""Compressed bodies, unpacked piece by piece: a few bytes may stand for gigabytes, and nobody needs those at once."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

PIECE = 262_144
"""Bytes that are unpacked at a time."""

ACCEPTED = "gzip, deflate"
"""What may be asked for, as the header `Accept-Encoding` says it."""


class Unpacker:
    """`feed` it what arrived; one may stop between two pieces. An encoding that it does not know stays as it is."""

    def __init__(self, encoding: str = "") -> None:
        self._named = [name for name in (part.strip().lower() for part in encoding.split(",")) if name != "identity"]
        self._named = [name for name in self._named if name]
        self._inside: zlib._Decompress | None = None
        self._tried = False
        if self._named in (["gzip"], ["x-gzip"]):
            self._inside = zlib.decompressobj(16 + zlib.MAX_WBITS)
        elif self._named == ["deflate"]:
            self._inside = zlib.decompressobj()

    def feed(self, packed: bytes) -> Iterator[bytes]:
        """Pieces of the body. Raises `ValueError` when it is not what its encoding says."""
        if self._inside is None:
            yield packed
            return
        while packed:
            try:
                piece = self._inside.decompress(packed, PIECE)
            except zlib.error as error:
                if self._named == ["deflate"] and not self._tried:  # some servers leave out the zlib header
                    self._tried, self._inside = True, zlib.decompressobj(-zlib.MAX_WBITS)
                    continue
                raise ValueError(f"the body is not {self._named[0]}: {error}") from None
            self._tried = True
            packed = self._inside.unconsumed_tail
            if piece:
                yield piece
            if self._inside.eof:
                packed = b""  # what follows the end belongs to nothing

    def finish(self) -> None:
        """The body has ended. Raises `ValueError` when it ends in the middle."""
        if self._inside is not None and self._tried and not self._inside.eof:
            raise ValueError(f"the body ends in the middle of its {self._named[0]}")
