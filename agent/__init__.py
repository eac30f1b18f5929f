"""The program on the hosts: Python 3.6 or newer, and of its standard library what Debian's python3-minimal has."""
