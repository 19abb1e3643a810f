"""The workflow arms, a module a family: each function reads like a row of a table and returns the arm."""
