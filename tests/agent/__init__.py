"""Tests of the program on the hosts. They need no hosts: a folder is the host, and functions are its commands."""
