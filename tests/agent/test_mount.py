"""The volume of the broker's data: a new and empty one gets a file system, and one that holds something never does."""

import datetime
import io
import os
import sys
import unittest
from unittest import mock

from agent.steps import mount

from .support import Ended, Hangs, HostTest

VOLUME = "vol-0123456789abcdef0"
LINK = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0"
TARGET = "/var/lib/rabbitmq"
MARK = "/var/lib/rabbitmq-ha/volumes/" + VOLUME
WORDS = ("mount", "--target", TARGET, "--patience", "60")
NOW = datetime.datetime(2026, 3, 1, 12, 0, 0)
NEW, OLD = "2026-03-01T11:58:00Z", "2026-02-20T11:58:00Z"
LINE = "UUID=5c1e /var/lib/rabbitmq ext4 defaults,noatime,nofail,x-systemd.device-timeout=60 0 2"
ROOT_LINE = "UUID=root / ext4 defaults 0 1"
ROOT_MOUNT = "/dev/nvme0n1p1 / ext4 rw 0 0\n"
OURS = "DEVNAME=/dev/nvme1n1\nUUID=5c1e\nTYPE=ext4\nUSAGE=filesystem\n"
UNKNOWN = Ended(2)


class Mount(HostTest):
    def start(self):
        super().start()
        self.made = NEW
        self.owner = (0, 0)
        self.content = ""
        self.put("/etc/fstab", ROOT_LINE + "\n")
        self.put("/proc/self/mounts", ROOT_MOUNT)
        self.put("/dev/nvme1n1")
        os.truncate(self.root + "/dev/nvme1n1", 256 << 20)
        os.makedirs(os.path.dirname(self.root + LINK))
        os.symlink("../../nvme1n1", self.root + LINK)
        for key, value in [
            ("is_device", lambda link: os.path.exists(self.root + link)),
            ("utc_now", lambda: NOW),
            ("owner", lambda target: self.owner),
        ]:
            self._stack.callback(setattr, mount, key, getattr(mount, key))
            setattr(mount, key, value)
        self.on("blkid -p", lambda call: OURS if self.content == "ext4" else UNKNOWN)
        self.on("mkfs.ext4 -m 1 " + LINK, self.make)
        self.on("systemctl daemon-reload")
        self.on("mount " + TARGET, self.mounted)
        self.on("resize2fs " + LINK)
        self.on("xfs_growfs " + TARGET)
        self.on("getent", Ended(2))
        self.on("groupadd")
        self.on("useradd")

    def make(self, _call):
        self.assertEqual(self.read(MARK), "is given a file system\n")
        self.fill("ext4")

    def fill(self, content, at=1024):
        self.content = content
        with open(self.root + LINK, "r+b") as device:
            device.seek(at)
            device.write(b"something")

    def mounted(self, _call):
        self.put("/proc/self/mounts", ROOT_MOUNT + "/dev/nvme1n1 {} ext4 rw,noatime 0 0\n".format(TARGET))

    def step(self, *words):
        said = VOLUME if self.made is None else VOLUME + " " + self.made
        with mock.patch.object(sys, "stdin", io.StringIO(said)):
            return super().step(*words)

    def stays(self, because):
        """Checks that it is refused with a message, and neither formatted nor mounted."""
        self.refuses(*WORDS, because=because)
        self.assertEqual(self.done("mkfs", "mount "), [])
        self.assertEqual(self.read("/etc/fstab"), ROOT_LINE + "\n")

    def test_a_new_empty_volume_is_formatted_added_to_fstab_and_mounted(self):
        self.works(*WORDS)
        self.assertEqual(len(self.done("mkfs")), 1)
        self.assertEqual(self.read("/etc/fstab"), ROOT_LINE + "\n" + LINE + "\n")
        self.assertEqual(self.done("mount /"), ["mount " + TARGET])
        self.assertEqual(self.read(MARK), "has been given a file system\n")

    def test_a_second_run_changes_nothing(self):
        self.works(*WORDS)
        before = self.read("/etc/fstab")
        self.calls.clear()
        self.works(*WORDS)
        self.assertEqual(self.done("mkfs", "mount /", "daemon-reload"), [])
        self.assertEqual(self.read("/etc/fstab"), before)

    def test_the_file_system_of_a_grown_volume_grows_once_it_is_mounted(self):
        self.works(*WORDS, "--size", "100")
        self.assertEqual(
            [line.split("/")[0].split(" ")[0] for line in self.done("mount /", "resize2fs")], ["mount", "resize2fs"]
        )
        self.on("resize2fs", Ended(1, "", "resize2fs: Permission denied to resize filesystem"))
        self.refuses(*WORDS, "--size", "200", because="resize2fs")
        self.start()
        self.fill("ext4")
        self.on("blkid -p", OURS.replace("ext4", "xfs"))
        self.works(*WORDS)
        self.assertEqual(self.done("resize2fs", "xfs_growfs"), ["xfs_growfs " + TARGET])

    def test_another_machine_takes_an_old_file_system_as_it_is(self):
        for made in (OLD, None):
            self.start()
            self.made = made
            self.fill("ext4")
            self.works(*WORDS)
            self.assertEqual(self.done("mkfs"), [])
            self.assertEqual(len(self.done("mount /")), 1)

    def test_the_former_fstab_entry_of_the_folder_is_replaced(self):
        self.fill("ext4")
        self.put("/etc/fstab", ROOT_LINE + "\n# a /var/lib/rabbitmq b\nUUID=old /var/lib/rabbitmq ext4 defaults 0 2\n")
        self.works(*WORDS)
        self.assertEqual(self.read("/etc/fstab"), ROOT_LINE + "\n# a /var/lib/rabbitmq b\n" + LINE + "\n")

    def test_one_that_holds_something_else_is_left_as_it_is(self):
        self.fill("swap")
        for said in ("TYPE=swap\nUUID=1\nUSAGE=other\n", UNKNOWN, Ended(8), Ended(1)):
            self.on("blkid -p", said)
            self.stays(
                "the volume {} holds something that is no file system; empty it, or take another one".format(VOLUME)
            )

    def test_one_that_cannot_be_read_is_left_as_it_is_though_blkid_finds_nothing(self):
        def broken(_link, _place):
            raise OSError(5, "Input/output error")

        with mock.patch.object(mount, "read", broken):
            self.stays("the volume {} cannot be read, so nothing is done to it: Input/output error".format(VOLUME))

    def test_one_whose_beginning_alone_can_be_read_is_left_as_it_is(self):
        real = mount.read

        def broken(link, place):
            if place == mount.COPY:
                raise OSError(5, "Input/output error")
            return real(link, place)

        with mock.patch.object(mount, "read", broken):
            self.stays("cannot be read")

    def test_one_without_a_size_is_left_as_it_is(self):
        os.truncate(self.root + LINK, 0)
        self.stays("has no size")

    def test_one_whose_beginning_alone_is_empty_is_left_as_it_is(self):
        self.fill("", at=128 << 20)
        self.stays("the beginning of the volume {} is empty, and the rest is not".format(VOLUME))

    def test_an_empty_one_that_blkid_knows_is_left_as_it_is(self):
        self.on("blkid -p", OURS)
        self.stays("reads empty here, and blkid finds something")

    def test_an_empty_one_that_is_not_new_is_left_as_it_is(self):
        for made in (OLD, None, "yesterday", "2026-03-01T11:58:00", "2026-04-01T11:58:00Z"):
            self.start()
            self.made = made
            self.stays("has no file system; only one that was made in the last day gets one")
            self.assertIn("run mkfs.ext4 -m 1 " + LINK, self.errors)

    def test_a_time_with_fractions_of_a_second_is_valid(self):
        self.made = "2026-03-01T11:58:00.123Z"
        self.works(*WORDS)

    def test_one_that_this_host_has_formatted_and_that_is_empty_now_is_left_as_it_is(self):
        self.put(MARK, "has been given a file system\n")
        self.stays("has been given a file system by this host, and is empty now")

    def test_an_interrupted_format_is_repeated(self):
        for half in (False, True):
            self.start()
            self.made = OLD
            self.put(MARK, "is given a file system\n")
            if half:
                self.fill("")
            self.works(*WORDS)
            self.assertEqual(len(self.done("mkfs")), 1)

    def test_a_complete_file_system_is_not_formatted_again(self):
        self.put(MARK, "is given a file system\n")
        self.fill("ext4")
        self.works(*WORDS)
        self.assertEqual(self.done("mkfs"), [])

    def test_a_volume_that_was_mounted_once_is_never_formatted_again(self):
        # A run was killed between mkfs and its mark. The volume has had data since then, and is damaged now.
        for damage in ("", None):
            self.start()
            self.put(MARK, "is given a file system\n")
            self.fill("ext4")
            self.works(*WORDS)
            self.assertEqual(self.read(MARK), "has been given a file system\n")
            self.put("/etc/fstab", ROOT_LINE + "\n")
            self.calls.clear()
            self.content = ""
            if damage is None:
                os.truncate(self.root + LINK, 0)
                os.truncate(self.root + LINK, 256 << 20)
            self.stays("")

    def test_a_failed_mkfs_stays_recorded_as_begun(self):
        self.on("mkfs", Ended(1, "", "mkfs.ext4: No space left on device"))
        self.refuses(*WORDS, because="mkfs.ext4 -q -m 1")
        self.assertEqual(self.read(MARK), "is given a file system\n")
        self.assertEqual(self.done("mount /"), [])

    def test_nothing_is_formatted_without_an_answer(self):
        # The answer is an exit code, 2, without a text.
        for said in (Ended(75), Ended(1), Ended(8), Ended(127), Hangs()):
            self.start()
            self.on("blkid -p /dev", said)
            self.stays("blkid")

    def test_nothing_is_mounted_without_blkids_complete_answer(self):
        self.fill("ext4")
        for said in (Hangs(), "", OURS[:20], OURS.replace("UUID=5c1e\n", ""), OURS.replace("TYPE=ext4\n", "")):
            self.on("blkid -p -o", said)
            self.stays("")

    def test_data_on_the_machines_own_disk_is_not_hidden(self):
        self.fill("ext4")
        self.put(TARGET + "/messages")
        self.refuses(
            *WORDS, because="/var/lib/rabbitmq holds data on the machine's own disk, which the volume would hide"
        )
        self.assertEqual(self.done("mount /"), [])
        self.assertEqual(self.read("/etc/fstab"), ROOT_LINE + "\n", "the next boot would hide it")

    def test_a_host_that_does_not_say_what_is_mounted_mounts_nothing(self):
        self.fill("ext4")
        for text in ("", "proc /proc proc rw 0 0\n"):
            self.put("/proc/self/mounts", text)
            self.refuses(*WORDS, because="does not say what is mounted")
            self.assertEqual(self.done("mount /"), [])

    def test_another_device_in_its_place_is_refused(self):
        self.fill("ext4")
        self.put("/proc/self/mounts", ROOT_MOUNT + "/dev/nvme2n1 /var/lib/rabbitmq ext4 rw 0 0\n")
        self.refuses(*WORDS, because="/var/lib/rabbitmq is on /dev/nvme2n1, which is not the stack's volume")
        self.assertEqual(self.read("/etc/fstab"), ROOT_LINE + "\n", "the next boot would put it there")

    def test_a_volume_that_does_not_appear_is_named(self):
        os.unlink(self.root + LINK)
        self.stays("mq1: the volume {} has not appeared as {} after 60 s".format(VOLUME, LINK))

    def test_it_waits_for_a_volume_that_appears_late(self):
        os.rename(self.root + LINK, self.root + "/later")
        self.waiting = True
        self.works(*WORDS)
        self.assertEqual(self.time, 1010.0)

    waiting = False

    def wait(self, seconds):
        super().wait(seconds)
        if self.waiting and self.time >= 1010:
            os.rename(self.root + "/later", self.root + LINK)
            self.waiting = False

    def test_standard_input_that_names_no_volume_is_refused(self):
        for said in ("", "vol-../../x", "x"):
            with mock.patch.object(sys, "stdin", io.StringIO(said)):
                self.assertEqual(HostTest.step(self, *WORDS), 1)
            self.assertIn("standard input has no volume's ID", self.errors)

    def test_the_packages_user_gets_the_uid_of_the_data(self):
        self.fill("ext4")
        self.owner = (104, 105)
        self.works(*WORDS)
        self.assertEqual(
            self.done("groupadd", "useradd"),
            [
                "groupadd -r -g 105 rabbitmq",
                "useradd -r -u 104 -g 105 -d /var/lib/rabbitmq -M -s /usr/sbin/nologin rabbitmq",
            ],
        )

    def test_a_uid_of_another_user_is_refused(self):
        self.fill("ext4")
        self.owner = (104, 105)
        self.on("getent passwd 104", "postfix:x:104:\n")
        self.refuses(*WORDS, because="the data on {} belongs to user 104, who is somebody else".format(VOLUME))

    def test_no_user_is_made_if_one_exists_or_that_is_unknown(self):
        for said, code in (("rabbitmq:x:999:\n", 0), (Ended(1), 1), (Hangs(), 1)):
            self.start()
            self.fill("ext4")
            self.owner = (104, 105)
            self.on("getent passwd rabbitmq", said)
            self.assertEqual(self.step(*WORDS), code)
            self.assertEqual(self.done("groupadd", "useradd"), [])


class Device(unittest.TestCase):
    def test_a_file_is_no_device(self):
        self.assertFalse(mount.is_device(__file__))
        self.assertFalse(mount.is_device("/nowhere"))


if __name__ == "__main__":
    unittest.main()
