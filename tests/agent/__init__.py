"""Tests of the program on the hosts, without hosts: a host in a folder, whose commands are functions."""
