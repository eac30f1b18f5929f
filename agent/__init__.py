"""The program that runs on the hosts.

It runs on Python 3.6 or newer and uses only the part of the standard library that Debian's python3-minimal has.
"""
