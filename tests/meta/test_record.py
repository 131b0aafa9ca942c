"""The run file: what is written is read again, and what is not a run file is refused with a reason."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from sample_runs import failing, large, record, run_of

from conformance.errors import BadInput, Incomplete
from conformance.judge.record import Outcome, Worst, atomically, read_run, write_run


@pytest.fixture
def written(tmp_path):
    """A good run file and its lines."""
    path = tmp_path / "runs" / "conformance.jsonl"
    write_run(path, run_of(record(), record(dtype="float32")))
    return path


def test_what_is_written_is_read_again(tmp_path):
    infinite = Worst(math.inf, 2, "params[0]", (), -math.inf, 0.5, 1e-8)
    run = run_of(record(), record(mode="fused", **failing(free=infinite, resolution=math.inf)))
    write_run(tmp_path / "a.jsonl", run)
    again = read_run(tmp_path / "a.jsonl")
    assert again.header == run.header
    assert again.records == run.records


def test_numbers_of_numpy_that_are_not_finite_survive(tmp_path):
    worst = Worst(np.float64("inf"), 1, "params[0]", (0,), np.float64("-inf"), np.float64(0.5), 1.0)
    write_run(tmp_path / "a.jsonl", run_of(record(locked=worst)))
    assert read_run(tmp_path / "a.jsonl").records[0].locked == worst


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\u0085", "\x0b", "\n", "×"])
def test_a_reason_may_hold_any_character(tmp_path, character):
    run = run_of(record(reason=f"before{character}after"))
    write_run(tmp_path / "a.jsonl", run)
    assert read_run(tmp_path / "a.jsonl").records == run.records


def test_the_order_of_execution_leaves_no_trace(tmp_path):
    records = large().records
    write_run(tmp_path / "a.jsonl", run_of(*records))
    write_run(tmp_path / "b.jsonl", run_of(*reversed(records)))
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


@pytest.mark.parametrize("cut", [1, 40, 400])
def test_a_truncated_file_is_incomplete(written, cut):
    written.write_bytes(written.read_bytes()[:-cut])
    if cut == 1:  # only the last line feed: all is there
        assert len(read_run(written).records) == 2
    else:
        with pytest.raises(Incomplete, match=r"truncated.*conformance run"):
            read_run(written)


def test_a_file_that_lost_a_line_is_incomplete(written):
    lines = written.read_text().splitlines()
    written.write_text("\n".join([lines[0], *lines[2:]]) + "\n")
    with pytest.raises(Incomplete, match="counts 2 records, the file holds 1"):
        read_run(written)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "not a run file\n",
        "[1, 2]\n",
        "{}\n",
        '{"type": "header", "format": 99}\n',
        "id,outcome\nadam,CONFORMS\n",
        b"\xff\xfe\x00",
    ],
)
def test_an_empty_or_foreign_file_is_bad_input(tmp_path, text):
    path = tmp_path / "a.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadInput, match=r"a\.jsonl.*`python -m conformance run` writes one"):
        read_run(path)


def test_a_missing_file_says_how_to_get_one(tmp_path):
    with pytest.raises(BadInput, match=r"no such run file.*conformance run"):
        read_run(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "GREEN"},
        {"outcome": None},
        {"id": 7},
        {"options": []},
        {"locked": 5},
        {"locked": {"ratio": 1}},
        {"nearest": [1]},
        {"steps": "many"},
    ],
)
def test_a_record_of_another_form_is_bad_input(written, change):
    lines = written.read_text().splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), **change})
    written.write_text("\n".join(lines) + "\n")
    with pytest.raises(BadInput, match="form of a header or record"):
        read_run(written)


def test_a_header_of_another_form_is_bad_input(written):
    lines = written.read_text().splitlines()
    lines[0] = json.dumps({**json.loads(lines[0]), "total": "many"})
    written.write_text("\n".join(lines) + "\n")
    with pytest.raises(BadInput, match="total"):
        read_run(written)


def test_two_files_in_one_are_bad_input(written):
    written.write_text(written.read_text() * 2)
    with pytest.raises(BadInput):
        read_run(written)


def test_a_record_that_appears_twice_is_bad_input(written):
    write_run(written, run_of(record(), record()))
    with pytest.raises(BadInput, match="appear twice: torch-adam"):
        read_run(written)


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomically(path) as file:
        file.write(str(1 / 0))
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


def test_a_full_disk_is_reported_as_bad_input(tmp_path):
    with pytest.raises(BadInput, match=r"--reports: .*No space left"), atomically(tmp_path / "a.txt"):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_reported_as_bad_input(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(BadInput, match="--reports"), atomically(tmp_path / "a.txt") as file:
        file.write("x")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_outcomes_are_counted_by_name():
    counts = run_of(record(), replace(record(mode="fused"), outcome=Outcome.BLIND)).counts()
    assert list(counts) == [o.value for o in Outcome]
    assert (counts["CONFORMS"], counts["BLIND"], counts["ERROR"]) == (1, 1, 0)
