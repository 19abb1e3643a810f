import pytest

from tinyconf import InterpolationError, loads


def test_reference_within_a_section():
    assert loads("[s]\nhost = h\nurl = http://${host}/\n")["s"]["url"] == "http://h/"


def test_reference_to_another_section():
    assert loads("[a]\nx = 1\n[b]\ny = ${a.x}2\n")["b"]["y"] == "12"


def test_references_are_followed():
    assert loads("[a]\nx = ${y}\ny = ${z}\nz = end\n")["a"]["x"] == "end"


def test_one_key_may_be_used_twice():
    text = "[a]\nroot = /srv\nleft = ${root}/l\nright = ${root}/r\nboth = ${left}:${right}\n"
    assert loads(text)["a"]["both"] == "/srv/l:/srv/r"


def test_double_dollar_is_a_dollar():
    assert loads("[a]\nprice = $$5\nliteral = $${x}\n")["a"] == {"price": "$5", "literal": "${x}"}


def test_unknown_reference_is_refused():
    with pytest.raises(InterpolationError, match=r"\[a\] x: unknown reference '\$\{nope\}'"):
        loads("[a]\nx = ${nope}\n")
