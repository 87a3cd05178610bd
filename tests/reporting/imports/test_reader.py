"""Files that are not what they seem: refused in one sentence before anything is changed."""

import gzip
import zlib
from pathlib import Path

import pytest

from crewline_infra.errors import Invalid
from crewline_reporting.imports import reader
from crewline_reporting.imports.mapping import FileLayout
from tests.reporting.imports.rows import HEADER, bank, history, line

QUOTED = FileLayout(columns=["a", "b"], optional=["b"])


def refusal(path: Path, layout: FileLayout | None = None) -> str:
    with pytest.raises(Invalid) as problem:
        reader.inspect(path, layout or bank().file)
    assert "\n" not in problem.value.message
    return problem.value.message


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "history.txt"
    path.write_bytes(content)
    return path


def test_a_folder_a_missing_and_an_empty_file(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)
    assert "There is no file" in refusal(tmp_path / "none.txt")
    assert "is empty" in refusal(write(tmp_path, b""))


def test_a_nul_names_its_line(tmp_path: Path) -> None:
    assert "line 2 holds a NUL" in refusal(write(tmp_path, f"{HEADER}\nAA\0\n".encode()))


def test_another_encoding_names_its_line(tmp_path: Path) -> None:
    assert "is not utf-8 text: line 3" in refusal(write(tmp_path, f"{HEADER}\n{line()}\n".encode() + b"caf\xe9\n"))
    assert "is not utf-8 text" in refusal(write(tmp_path, HEADER.encode("utf-16")))


@pytest.mark.parametrize("parts", [1, 3])
def test_a_monstrous_line(tmp_path: Path, parts: int) -> None:
    endless = b"x" * (reader.LINE_BYTES_MAX * parts + 1)
    assert "line 2 is longer than" in refusal(write(tmp_path, HEADER.encode() + b"\n" + endless + b"\n"))


def test_a_cut_off_and_a_damaged_archive(tmp_path: Path) -> None:
    whole = gzip.compress("\n".join([HEADER, *[line(call_id=str(n)) for n in range(999)]]).encode())
    assert "cut-off gzip" in refusal(write(tmp_path, whole[: len(whole) // 2]))
    damaged = bytearray(whole)
    damaged[len(damaged) // 2] ^= 0xFF
    assert "gzip" in refusal(write(tmp_path, bytes(damaged))) or "text" in refusal(write(tmp_path, bytes(damaged)))
    assert "gzip" in refusal(write(tmp_path, whole[:-8] + b"\0" * 8))


def test_an_archive_that_expands_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "EXPANSION_FREE_BYTES", 1024 * 1024)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(HEADER.encode()) + packer.compress((b"\t" * 60_000 + b"\n") * 200) + packer.flush()
    assert "expands to more than" in refusal(write(tmp_path, bomb))


def test_a_header_that_is_another(tmp_path: Path) -> None:
    assert "does not name the column 'server'" in refusal(
        history(tmp_path / "h", [], header=HEADER[: -len("\tserver")])
    )
    assert "does not name the column" in refusal(history(tmp_path / "h", [line()], header=None))
    assert "names the column 'date' twice" in refusal(history(tmp_path / "h", [], header=f"{HEADER}\tdate"))


def test_a_quote_that_is_never_closed(tmp_path: Path) -> None:
    path = write(tmp_path, b'a,b\n1,"' + b"x,y\n" * 50_000)
    assert "is no CSV" in refusal(path, QUOTED)


def test_columns_are_found_by_name_in_any_order_and_case(tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbfExtra,B , A\n1,2,3\n")
    facts = reader.inspect(path, QUOTED)
    assert facts.columns[1:] == ("b", "a")


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    path = write(tmp_path, b'a,b\r\n1,"two\r\nlines"\r\n\r\n  ,\r\n3,x')
    assert [(number, row) for number, row, _ in reader.rows(path, QUOTED)] == [
        (3, ["1", "two\r\nlines"]),
        (6, ["3", "x"]),
    ]
    plain = history(tmp_path / "p", [line(), "", "\t\t", line(call_id="2")], end="\r\n")
    assert [number for number, _, _ in reader.rows(plain, bank().file)] == [2, 5]
    assert reader.inspect(plain, bank().file).lines == 5


def test_plain_and_gzip_give_the_same_rows(tmp_path: Path) -> None:
    plain = history(tmp_path / "p", [line(), line(call_id="2")])
    packed = write(tmp_path, gzip.compress(plain.read_bytes()))
    assert list(reader.rows(plain, bank().file)) == list(reader.rows(packed, bank().file))
