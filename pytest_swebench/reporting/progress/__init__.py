"""What a person sees while cells run: a status region on a terminal, a line a cell elsewhere.

`state` holds what is known, `words` and `region` show it, `plugin` feeds the one and moves the other.
"""
