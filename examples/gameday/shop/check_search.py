"""Checks of the search, run before any release: python -m unittest check_search."""

from __future__ import annotations

import unittest

from catalog import words


class Search(unittest.TestCase):
    """What is typed and what is looked for."""

    def test_case(self) -> None:
        """Letters become small, words come apart."""
        assert words("Earl  Grey") == ["earl", "grey"]


if __name__ == "__main__":
    unittest.main()
