from tinyconf.lexer import logical_lines, strip_comment


def test_comment_at_the_margin_is_dropped():
    assert strip_comment("# all of it") == ""


def test_comment_after_a_blank_is_dropped():
    assert strip_comment("port = 8080   # the default") == "port = 8080"


def test_hash_within_a_word_is_kept():
    assert strip_comment("colour = blue#3") == "colour = blue#3"


def test_stray_quote_does_not_hide_a_comment():
    assert strip_comment('disk = 5" wide # an old one') == 'disk = 5" wide'


def test_empty_lines_are_skipped():
    assert [content for _, content in logical_lines("a = 1\n\n   \nb = 2\n")] == ["a = 1", "b = 2"]


def test_continued_lines_are_joined():
    assert [content for _, content in logical_lines("a = one, \\\n    two\nb = 2\n")] == ["a = one, two", "b = 2"]
