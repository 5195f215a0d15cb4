"""The gateway answers, and only for what is described."""

from __future__ import annotations

import unittest
from http import HTTPStatus
from urllib.error import URLError

from tests.utils.gateway import ask


class Gateway(unittest.TestCase):
    """Needs a running platform: `nexus up`."""

    def setUp(self) -> None:
        """Say what to do instead of failing with a refused connection."""
        try:
            ask("/")
        except URLError as error:
            self.skipTest(f"the platform does not run ({error.reason}); start it with `nexus up`")

    def test_unknown_path_is_not_found(self) -> None:
        """A path that no blueprint describes leads nowhere."""
        status, _ = ask("/no/such/path")
        self.assertEqual(status, HTTPStatus.NOT_FOUND)
