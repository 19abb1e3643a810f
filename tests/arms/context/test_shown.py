from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_swebench.arms.context.material import Material
from pytest_swebench.arms.context.prompt import Prompt, load_prompt
from pytest_swebench.arms.context.shown import show, show_smallest
from pytest_swebench.providers.tokens import estimate_tokens

FRAME = load_prompt().frame_tokens


def made(statement: str = "It fails.", candidates: dict[str, int] | None = None, wanted: str = "") -> Material:
    """Return material whose candidates have so many tokens of text each."""
    texts = {path: "x = 1\n" * (tokens // 2) for path, tokens in (candidates or {}).items()}
    return Material("acme/calc", statement, ("README.md", *texts), texts, frozenset(wanted.split()))


def test_files_go_in_whole_and_in_their_order_as_long_as_there_is_room() -> None:
    shown = show(made(candidates={"a.py": 500, "big.py": 3000, "c.py": 400, "d.py": 2500}), 3000, FRAME)
    assert list(shown.files) == ["a.py", "c.py"]
    assert shown.left_out == ("big.py", "d.py")
    assert shown.files["a.py"] == "x = 1\n" * 250
    assert shown.notice == "2 of 4 files that may matter are left out for lack of room: big.py, d.py"


def test_nothing_is_said_where_nothing_is_left_out() -> None:
    shown = show(made(candidates={"a.py": 500}), 3000, FRAME)
    assert (shown.notice, shown.left_out, shown.cut) == ("", (), False)


def test_many_left_out_files_are_counted_and_the_first_named() -> None:
    shown = show(made(candidates={f"f{number}.py": 9000 for number in range(12)}), 3000, FRAME)
    assert shown.notice.startswith("12 of 12 files ")
    assert shown.notice.endswith(": f0.py, f1.py, f2.py, f3.py, f4.py and 7 more")


def test_statement_is_whole_as_long_as_it_has_room() -> None:
    statement = "word " * 1000
    shown = show(made(statement, {"a.py": 500}), 3000, FRAME)
    assert shown.statement == statement
    assert not shown.cut


def test_statement_that_alone_has_no_room_keeps_its_beginning_and_end() -> None:
    statement = "begin " + "middle " * 5000 + "end"
    shown = show(made(statement, {"a.py": 500}), 3000, FRAME)
    assert shown.cut
    assert shown.statement.startswith("begin middle")
    assert shown.statement.endswith("middle end")
    head, _, rest = shown.statement.partition("\n\n[... ")
    number, _, tail = rest.partition(" characters of the issue are left out here ...]\n\n")
    assert len(head) + int(number) + len(tail) == len(statement)
    assert shown.files == {}


def test_size_grows_until_the_wanted_files_have_room() -> None:
    material = made(candidates={"a.py": 500, "wanted.py": 5000, "c.py": 400}, wanted="wanted.py")
    assert show_smallest(material, (3000, 9000, 20_000), FRAME).size_tokens == 9000


def test_size_stays_small_where_the_wanted_file_fits_or_never_does() -> None:
    small = made(candidates={"wanted.py": 500, "b.py": 9000}, wanted="wanted.py")
    assert show_smallest(small, (3000, 9000, 20_000), FRAME).size_tokens == 3000
    huge = made(candidates={"wanted.py": 90_000, "b.py": 9000}, wanted="wanted.py")
    assert show_smallest(huge, (3000, 9000, 20_000), FRAME).size_tokens == 3000
    both = made(candidates={"huge.py": 90_000, "wanted.py": 5000}, wanted="wanted.py huge.py")
    assert show_smallest(both, (3000, 9000, 20_000), FRAME).size_tokens == 9000


@given(
    st.text(max_size=9000),
    st.dictionaries(st.from_regex(r"[a-z]{1,8}/[a-z]{1,8}\.py", fullmatch=True), st.integers(0, 4000), max_size=12),
    st.integers(2000, 9000),
)
def test_request_never_exceeds_its_size(statement: str, candidates: dict[str, int], size: int) -> None:
    material = made(statement, candidates)
    prompt = load_prompt()
    shown = show(material, size, prompt.frame_tokens)
    text = prompt.text(material.repo, shown)
    assert estimate_tokens(text) <= size
    assert shown.files.keys() | set(shown.left_out) == candidates.keys()
    assert all(shown.files[path] == material.candidates[path] for path in shown.files)


def test_style_follows_the_size_of_the_issue() -> None:
    prompt = load_prompt()
    texts = [prompt.text("acme/calc", show(made("word " * words), 9000, FRAME)) for words in (10, 300, 3000)]
    for text, style in zip(texts, (prompt.brief, prompt.plain, prompt.long), strict=True):
        assert [known for known in (prompt.brief, prompt.plain, prompt.long) if known in text] == [style]


def test_statement_and_files_are_never_read_as_a_template() -> None:
    statement = "${statement} $contents $$ {x}"
    material = Material("a/b", statement, ("a.py",), {"a.py": "$notice ${style}"}, frozenset())
    text = load_prompt().text("a/b", show(material, 3000, FRAME))
    assert f"<issue>\n{statement}\n</issue>" in text
    assert '<file path="a.py">\n$notice ${style}\n</file>' in text


def test_digest_of_the_templates_changes_with_each_of_them() -> None:
    plain = ("frame", "brief", "plain", "long", "format")
    digests = {Prompt(*plain).digest}
    digests |= {Prompt(*plain[:at], "changed", *plain[at + 1 :]).digest for at in range(5)}
    assert len(digests) == 6
    assert Prompt(*plain).digest == Prompt(*plain).digest
