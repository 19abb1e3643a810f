from tinyconf import dumps, loads


def test_dumps_writes_sections_and_keys():
    assert dumps({"a": {"x": "1"}, "b": {"y": "2"}}) == "[a]\nx = 1\n\n[b]\ny = 2\n"


def test_dumps_protects_dollars():
    data = {"a": {"x": "costs $5 or ${more}"}}
    assert loads(dumps(data)) == data


def test_dumps_leaves_plain_values_bare():
    assert dumps({"a": {"motto": "it's fine, all of it"}}) == "[a]\nmotto = it's fine, all of it\n"


def test_dumps_of_nothing_is_empty():
    assert dumps({}) == ""
