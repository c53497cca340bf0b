"""Which sequence hides behind which code: kept apart from what readers see and write."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from synthetic_imaging.errors import FileError, InputError
from synthetic_imaging.files.staging import Staging, why
from synthetic_imaging.sequences.counting import checked_code

COLUMNS = ("case", "code", "sequence")
# No vowels, so that no code is a word; nothing that looks like something else.
_LETTERS = "BCDFGHJKMPRTVWXZ"


@dataclass(frozen=True)
class CodeBook:
    """Case and code -> the sequence's name.

    Each image of each case has a code of its own, which occurs once in a study: a reader who has guessed one has learnt
    nothing about the next.
    """

    names: Mapping[tuple[str, str], str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", MappingProxyType(dict(self.names)))

    @classmethod
    def drawn(cls, cases: Sequence[str], sequences: Sequence[str], rng: np.random.Generator) -> CodeBook:
        """A code for every sequence of every case.

        Raises:
            InputError: for a case twice, a sequence twice, or none.
        """
        for what, given in (("case", cases), ("sequence", sequences)):
            if not given or len(set(given)) != len(given):
                raise InputError(f"A code book needs one or more {what}s, each once.")
        wanted = [(checked_code(case, "case"), name) for case in cases for name in sequences]
        if len(wanted) > 2000:
            raise InputError(f"{len(wanted)} images are more than a code book takes (2000).")
        size = len(_LETTERS)
        drawn = rng.choice(size**3, len(wanted), replace=False)
        codes = ["".join(_LETTERS[int(n) // size**p % size] for p in range(3)) for n in drawn]
        return cls({(case, code): name for (case, name), code in zip(wanted, codes, strict=True)})

    def reading_order(self, rng: np.random.Generator) -> tuple[tuple[str, str], ...]:
        """Case and code in a random order in which one case does not follow itself, where that can be."""
        left = [list(self.names)[int(n)] for n in rng.permutation(len(self.names))]
        found: list[tuple[str, str]] = []
        while left:
            count = {case: sum(c == case for c, _ in left) for case, _ in left}
            other = [image for image in left if not found or image[0] != found[-1][0]] or left
            # The case with most images left goes first where only that keeps it from following itself at the end.
            most = max(count[case] for case, _ in other)
            pick = next((i for i in other if count[i[0]] == most and 2 * most > len(left)), other[0])
            left.remove(pick)
            found.append(pick)
        return tuple(found)

    def name_of(self, case: str, code: str) -> str:
        """The sequence behind a code.

        Raises:
            InputError: if the code book does not hold it.
        """
        if (case, code) not in self.names:
            raise InputError(f"The code book holds no code '{code}' of case '{case}'. Is it of the same study?")
        return self.names[case, code]

    def write(self, path: Path, *, overwrite: bool = False) -> None:
        """As comma-separated text; keep it away from the readers.

        Raises:
            FileError: if it cannot be written, or is there already.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((case, code, name) for (case, code), name in self.names.items())
        staging = Staging(overwrite)
        try:
            staging.beside(path).write_text(text.getvalue(), encoding="utf-8")
            staging.commit()
        except OSError as error:
            raise why(error, path) from None
        finally:
            staging.discard()

    @classmethod
    def read(cls, path: Path) -> CodeBook:
        """From a file.

        Raises:
            FileError: if it is none.
        """
        try:
            rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
        except OSError as error:
            raise why(error, path, "read") from None
        except UnicodeDecodeError:
            raise FileError(f"'{path.name}' is no text file. A code book is comma-separated text (.csv).") from None
        if not rows or tuple(rows[0]) != COLUMNS:
            raise FileError(f"'{path.name}' is no code book. Its first line must be: {','.join(COLUMNS)}.")
        return cls(_entries(rows[1:], path.name))


def _entries(rows: Iterable[list[str]], name: str) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for line, row in enumerate(rows, 2):
        if not row:
            continue
        if len(row) != len(COLUMNS) or not all(row):
            raise FileError(f"'{name}', line {line}: a case, a code and a sequence are needed.")
        case, code, sequence = row
        if (case, code) in found:
            raise FileError(f"'{name}', line {line}: the code '{code}' of case '{case}' stands there twice.")
        found[case, code] = sequence
    if not found:
        raise FileError(f"'{name}' is an empty code book.")
    return found
