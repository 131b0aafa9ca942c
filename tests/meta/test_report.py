"""The report: every outcome can be seen, the same run gives the same bytes, and nothing is half-written."""

import json
import math
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from sample_runs import EPS_HAT, NADAM, VERSIONS, broken, failing, header, large, record, render, run_of

from conformance.errors import BadInput
from conformance.judge.failure import explain, number
from conformance.judge.record import Outcome, Run, Worst, read_run, write_run
from conformance.report.headline import headline
from conformance.report.model import build
from conformance.report.render import write_report
from conformance.run.gate import judge

PAGES = ["index.html", "map.html", "map.md", "mutants.html", "mutants.md"]
FILES = ["badge.json", "badge.svg", *PAGES, "summary.json", "summary.md"]
VOID = {"meta", "input", "br", "hr", "link", "img"}


class Page(HTMLParser):
    """Checks that tags are balanced and ids unique; collects attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def values(self, name):
        return [value for _, found, value in self.attributes if found == name]


@pytest.fixture(scope="module")
def everything():
    """A run with every outcome, rendered."""
    return render(broken())


def test_the_same_run_gives_the_same_bytes(tmp_path):
    write_run(tmp_path / "a.jsonl", broken())
    again = read_run(tmp_path / "a.jsonl")
    shuffled = Run(again.header, again.records[::-1])
    assert render(broken()) == render(again) == render(shuffled)


def test_every_outcome_can_be_seen(everything):
    for outcome in Outcome:
        for name in ("index.html", "summary.json"):
            assert outcome.value in everything[name]
    for outcome in (Outcome.DIVERGES, Outcome.BLIND, Outcome.ERROR):
        assert outcome.value in everything["summary.md"]
    assert "59 known divergences, 442 unsupported" in everything["summary.md"]


def test_every_record_can_be_found_with_its_command(everything):
    page = "".join(Page(everything["index.html"]).text)
    for one in broken().records:
        assert one.id in page
        assert one.command in page
        assert one.constructor in page


@pytest.mark.parametrize(
    "run", [broken(), large(), run_of(record()), run_of()], ids=["all", "green", "one", "none"]
)
def test_the_page_is_sound_and_stands_alone(run):
    texts = render(run)
    html = texts["index.html"]
    page = Page(html)
    ids = set(page.values("id"))
    assert len(page.values("id")) == len(ids)
    for link in page.values("href"):
        assert link.removeprefix("#") in ids or link in texts or link.startswith("https://")
    # A link may lead away; nothing may be loaded from elsewhere.
    assert not page.values("src")
    assert not {"link", "img", "iframe", "object", "embed"} & set(page.tags)
    assert not re.search(r"@import|url\(", html)


def test_the_map_is_sound_and_stands_alone():
    page = Page(render(run_of())["map.html"])
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in page.values("href")} <= {*ids, "index.html"}
    assert not page.values("src")


def test_the_page_stays_light():
    run = large(scale=2)
    assert len(run.records) > 3000
    assert len(render(run)["index.html"].encode()) < 3_000_000


def test_html_in_a_record_is_text():
    evil = "<script>alert(1)</script> a < b && c"
    run = run_of(
        record(constructor=evil, why=evil, reason=evil, options={"x": evil}, **{"mode": "<i>"}),
        record(case="k", **{**EPS_HAT, "reason": evil, "link": "javascript:alert(1)"}),
        record(case="f", **failing(reason=evil)),
        selection=evil,
        uncovered={"torch": [evil]},
    )
    page = Page(render(run)["index.html"])
    assert page.tags.count("script") == 1
    assert evil in "".join(page.text)
    assert not [link for link in page.values("href") if link.startswith("javascript")]
    assert "<script>" not in render(run)["summary.md"]
    ElementTree.fromstring(render(run)["badge.svg"])


def test_a_table_of_markdown_survives_any_text():
    run = run_of(record(case="a|b", **failing()), record(case="k", **{**EPS_HAT, "reason": "a | b\nc `d`"}))
    text = render(run)["summary.md"]
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)
    assert r"a \| b c \`d\`" in text


def test_the_summary_for_a_pull_request_is_short(everything):
    assert len(everything["summary.md"].splitlines()) < 200
    many = [record(case=f"c{n}", **failing()) for n in range(500)]
    rows = [record(case=f"k{n}", **{**EPS_HAT, "ledger": f"row{n}"}) for n in range(500)]
    text = render(run_of(*many, *rows))["summary.md"]
    assert len(text.splitlines()) < 200
    assert "And 480 cases more" in text


def test_the_summary_for_programs(everything):
    run = broken()
    data = json.loads(everything["summary.json"])
    assert data["format"] == 1
    assert data["exit_code"] == judge(run).exit_code == 1
    assert data["counts"] == run.counts()
    assert data["cases"].keys() == {r.id for r in run.records}
    assert data["cases"]["torch-sgd-default-float32-compiled"] == {
        "ledger": None,
        "outcome": "DIVERGES",
        "ratio": "inf",
    }
    assert data["matrix"]["radam"]["keras"] is None
    assert data["matrix"]["radam"]["torch"]["outcome"] == "DIVERGES"
    assert data["stale"] == ["keras-lion-momentum"]
    assert data["uncovered"] == {"torch": ["Adam.decoupled_weight_decay", "SGD.dampening"]}
    assert list(data) == sorted(data)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (large(), "1,354 conform, 59 known"),
        (broken(), "17 of 1,856 fail"),
        (run_of(record(), total=4), "incomplete, 1 of 4"),
        (run_of(record(), stale=["x"]), "not all covered"),
    ],
)
def test_the_badge(run, message):
    texts = render(run)
    badge = json.loads(texts["badge.json"])
    assert badge.keys() == {"schemaVersion", "label", "message", "color"}
    assert badge["message"] == message
    assert message in "".join(ElementTree.fromstring(texts["badge.svg"]).itertext())


def test_headlines():
    def says(*records, **changes):
        run = run_of(*records, **changes)
        return headline(run, judge(run))

    setting = "TensorFlow 2.21.0 with Keras 3.15.1, PyTorch 2.13.0+cpu, on Linux x86_64, 2026-11-22."
    gap = record(mode="fused", outcome=Outcome.UNSUPPORTED, reason="none")
    assert says(record()) == f"The one check of 1 optimizer conforms: {setting}"
    assert says(record(), record("torch", "SGD"), gap, record(case="k", **EPS_HAT)) == (
        "All 4 checks of 2 optimizers conform or diverge exactly as recorded "
        f"(2 conform, 1 known divergence, 1 unsupported): {setting}"
    )
    assert says(record(), record(mode="x", **failing())).startswith("1 of 2 checks diverges (1 conform): ")
    assert says(record(), total=912).startswith("Incomplete, 1 of 912 checks were run; the one check")
    assert says(record(), record(mode="x"), stale=["a"]).startswith(
        "All 2 checks of 1 optimizer conform, but 1 ledger row is stale: "
    )
    assert says().startswith("Nothing was checked: ")
    assert says(record(), versions={"torch": "2.0.0"}).endswith(": PyTorch 2.0.0, on Linux x86_64, 2026-11-22.")


def test_what_needs_attention_stands_in_the_order_of_urgency(everything):
    text = "".join(Page(everything["index.html"]).text)
    marks = [
        "What needs attention",
        "Keras Lamb: eps",
        "Keras Ftrl: maximize",
        "PyTorch Muon: default",
        "UNCOVERED",
    ]
    marks += ["STALE", "numpy.longdouble", "Keras passes 0.96 through float32", "Epsilon is added before"]
    marks += ["Every optimizer in every framework", "Case by case"]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)


def test_an_option_that_is_uncovered_is_listed_for_any_version():
    for pinned, verdict in ((True, "the gate fails for it"), (False, "the gate lets it pass")):
        texts = render(run_of(record(), uncovered={"torch": ["Adam.fresh"]}, pinned={"torch": pinned}))
        assert "Adam.fresh" in texts["index.html"]
        assert verdict in texts["index.html"]
        assert "UNCOVERED" in texts["summary.md"]


def test_a_defect_stands_before_a_dialect_whatever_its_size():
    small = {**NADAM, "locked": Worst(2.0, 1, "params[0]", (0,), 1.0, 2.0, 1.0)}
    report = build(run_of(record(case="a", **EPS_HAT), record(case="b", **small)))
    assert [group.kind for group in report.known] == ["defect", "dialect"]


def test_a_known_divergence_is_measured_against_what_the_ledger_expects():
    report = build(run_of(record("keras", **EPS_HAT)))
    assert report.rows[0].cells[0].share == pytest.approx(0.61 / 1.25)
    assert report.known[0].size == pytest.approx(8.1e3 / 1.25)


def test_optimizers_keep_the_spelling_of_their_framework():
    rows = build(run_of(record("torch", "NAdam"), record("keras", "Nadam", mode="eager"))).rows
    assert [row.title for row in rows] == ["NAdam / Nadam"]
    assert [cell.title for cell in rows[0].cells] == ["Keras Nadam", "PyTorch NAdam"]


def test_explain_says_what_matters_first():
    one = record(constructor="torch.optim.Adam(params, eps=0.001)", **failing())
    text = explain(one, VERSIONS)
    marks = ["DIVERGES  torch-adam-eps-float64-for-loop", one.constructor, "PyTorch 2.13.0+cpu", one.why]
    marks += ["step 7 of 30", "first bad step 3", "params[1]", "[2, 3]", "exp_avg, exp_avg_sq, params[0]"]
    marks += ["got 0.12345678901234566", "expected 0.12345677", "2.7·10⁶ × what is allowed"]
    marks += ["foreach CONFORMS, fused DIVERGES", "eps_inside_root (fits", one.command]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)
    assert text.startswith(marks[0])
    assert text.endswith(one.command)


@pytest.mark.parametrize(
    "changes",
    [
        {"locked": None},
        {"outcome": Outcome.ERROR, "reason": "ValueError: one\n  two", "locked": None},
        {"outcome": Outcome.BLIND, "resolution": 0.4},
        {"locked": Worst(math.nan, 1, "params[0]", (), math.nan, 0.0, 0.0)},
        {"constructor": "", "why": "", "command": "", "nearest": [{"name": "x", "ratio": math.inf}]},
        EPS_HAT,
    ],
)
def test_explain_copes_with_whatever_is_missing(changes):
    one = record(**{**failing(), **changes})
    assert one.id in explain(one, {})
    assert one.reason.split("\n")[-1] in explain(one, {})


def test_the_free_run_explains_a_failure_that_is_its_own():
    far = Worst(9.0, 25, "exp_avg[0]", (1,), 1.0, 2.0, 0.1)
    assert "free-running" in explain(record(**failing(locked=record().locked, free=far)), VERSIONS)
    assert "step-locked" in explain(record(**failing(free=far)), VERSIONS)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.832, "0.83"), (12.4, "12"), (3400, "3,400"), (2.72e6, "2.7·10⁶"), (1e-9, "1.0·10⁻⁹")],
)
def test_numbers_are_legible(value, text):
    assert number(value) == text


def test_numbers_that_are_none():
    assert (number(math.inf), number(-math.inf), number(math.nan)) == ("∞", "-∞", "NaN")


def test_all_files_are_written_and_nothing_else(tmp_path):
    paths = write_report(build(large()), tmp_path / "reports")
    assert paths[0].name == "index.html"
    assert sorted(p.name for p in (tmp_path / "reports").iterdir()) == FILES


def test_a_report_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(BadInput, match=r"--reports: .* is a file, not a folder"):
        write_report(build(run_of(record())), tmp_path / "reports")
    assert (tmp_path / "reports").read_text() == "a file"


def test_a_report_that_cannot_be_renamed_leaves_the_old_one(tmp_path):
    write_report(build(run_of(record())), tmp_path)
    before = (tmp_path / "index.html").read_bytes()
    (tmp_path / "summary.md").unlink()
    (tmp_path / "summary.md").mkdir()
    with pytest.raises(BadInput, match=r"--reports: .*summary\.md is a folder"):
        write_report(build(broken()), tmp_path)
    assert (tmp_path / "index.html").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == FILES


def test_a_platform_without_long_doubles_is_said():
    texts = render(Run(header([record()], longdouble_is_wider=False), [record()]))
    assert "longdouble is not wider" in texts["index.html"]
    assert "longdouble is not wider" in texts["summary.md"]
    assert "longdouble" not in render(run_of(record()))["index.html"]
