"""The key of the brokers' repository: only the stated one is kept, and only if it is alone in its file."""

import binascii
import hashlib
import unittest

from agent import openpgp, sources
from agent.errors import NoAnswer

from .package_hosts import URL, AptHost, RpmHost

APT_KEY, RPM_KEY = sources.KEYS[True], sources.KEYS[False]


def packet(tag, body, new=False):
    if new:
        return bytes([0xC0 | tag]) + (bytes([len(body)]) if len(body) < 192 else _two(len(body))) + body
    return bytes([0x80 | tag << 2 | 1]) + len(body).to_bytes(2, "big") + body


def _two(size):
    return bytes([((size - 192) >> 8) + 192, (size - 192) & 0xFF])


def key(number, new=False):
    """Returns a key's packets and its fingerprint: the primary key, a user, a signature, a subkey."""
    primary = b"\x04" + bytes([number]) * 300
    others = packet(13, b"somebody", new) + packet(2, b"signed" * 90, new) + packet(14, b"\x04sub", new)
    wanted = hashlib.sha1(b"\x99" + len(primary).to_bytes(2, "big") + primary).hexdigest().upper()
    return packet(6, primary, new) + others, wanted


def armoured(data, headers="Comment: x\n"):
    text = binascii.b2a_base64(data, newline=False).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return "-----BEGIN PGP PUBLIC KEY BLOCK-----\n{}\n{}\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n".format(
        headers, lines
    )


KEY, RIGHT = key(1)


class Fingerprints(unittest.TestCase):
    def test_each_primary_key_is_found_in_both_formats_of_packets(self):
        for new in (False, True):
            first, second = key(1, new), key(2, new)
            self.assertEqual(openpgp.fingerprints(armoured(first[0])), [first[1]])
            self.assertEqual(openpgp.fingerprints(armoured(first[0], headers="")), [first[1]])
            self.assertEqual(openpgp.fingerprints(armoured(first[0] + second[0])), [first[1], second[1]])

    def test_what_cannot_be_read_whole_is_no_key(self):
        damaged = armoured(KEY).replace("\n", "\n!", 3)
        for text in ("", "<html>", armoured(KEY[:-1]), armoured(b"\x00"), armoured(KEY) * 2, damaged[:200]):
            with self.assertRaises(NoAnswer):
                openpgp.fingerprints(text)
        with self.assertRaises(NoAnswer):
            openpgp.fingerprints(armoured(packet(6, b"\x05abc")))


class AptKey(AptHost):
    step_words = ("repository-key", "--installer", "apt", "--url", URL + "key", "--fingerprint", RIGHT)

    def start(self):
        super().start()
        self.offered = {"curl": ["1"], "ca-certificates": ["1"]}

    def test_the_stated_key_is_kept_and_what_fetches_it_is_installed_first(self):
        self.offer("key", armoured(KEY))
        self.works(*self.step_words)
        self.assertEqual(self.read(APT_KEY), armoured(KEY))
        self.assertEqual(sorted(self.installed), ["ca-certificates", "curl"])

    def test_a_key_that_is_there_is_not_fetched_again(self):
        self.put(APT_KEY, armoured(KEY))
        self.works(*self.step_words)
        self.assertEqual(self.calls, [])

    def test_another_key_and_one_with_a_companion_are_refused(self):
        other, found = key(2)
        for text, said in ((armoured(other), found), (armoured(KEY + other), RIGHT + " and " + found)):
            self.offer("key", text)
            self.refuses(*self.step_words, because="has the fingerprint {} and {} is stated".format(said, RIGHT))
            self.assertFalse(self.has(APT_KEY))

    def test_a_page_that_is_no_key_and_a_failed_download_are_refused(self):
        self.refuses(*self.step_words, because="could not be fetched from " + URL + "key")
        self.offer("key", "<html>")
        self.refuses(*self.step_words, because="it is no armoured OpenPGP key")
        self.assertFalse(self.has(APT_KEY))


class RpmKey(RpmHost):
    def test_with_rpms_it_is_where_dnf_keeps_its_keys(self):
        self.offer("key", armoured(KEY))
        self.works("repository-key", "--installer", "dnf", "--url", URL + "key", "--fingerprint", RIGHT)
        self.assertEqual(self.read(RPM_KEY), armoured(KEY))


if __name__ == "__main__":
    unittest.main()
