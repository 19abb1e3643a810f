"""Rows in the shapes that public datasets have, small enough to read."""

from __future__ import annotations

from typing import Any

PATCH = "diff --git a/shop/cart.py b/shop/cart.py\n--- a/shop/cart.py\n+++ b/shop/cart.py\n@@ -1 +1 @@\n-a\n+b\n"


def classic_row(**changes: Any) -> dict[str, Any]:
    row = {
        "instance_id": "acme__shop-17",
        "repo": "acme/shop",
        "base_commit": "0123456789abcdef0123456789abcdef01234567",
        "problem_statement": "The cart forgets its last item.",
        "patch": PATCH,
        "test_patch": PATCH.replace("cart", "test_cart"),
        "FAIL_TO_PASS": '["test_cart.py::test_last"]',
        "PASS_TO_PASS": "[]",
        "hints_text": "See the loop.",
        "version": "1.4",
        "created_at": "2024-01-02T03:04:05Z",
    }
    return row | changes


def complete_row(**changes: Any) -> dict[str, Any]:
    return classic_row(
        image="swebench/sweb.eval.x86_64.acme_1776_shop-17:latest",
        eval_script="#!/bin/bash\nset -uxo pipefail\npytest\n",
        log_parser="parse_log_pytest",
        eval_type="pass_and_fail",
    ) | dict(changes)
