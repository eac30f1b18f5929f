"""Files of the host."""

import os

from agent import files

from .support import HostTest


class RemoveTree(HostTest):
    def test_takes_folders_within_folders_and_follows_no_link(self):
        self.put("/kept/file", "x")
        self.put("/tree/one/two/file", "x")
        self.put("/tree/file", "x")
        os.symlink(self.root + "/kept", self.root + "/tree/one/link")
        files.remove_tree("/tree")
        self.assertFalse(self.has("/tree"))
        self.assertTrue(self.has("/kept/file"))
        files.remove_tree("/tree")
