"""Gives the cluster the name that its clients and the management UI show."""

from .. import cluster, rabbitmq

TIMEOUT_SECONDS = 300


def arguments(parser):
    parser.add_argument("--name", required=True, help="the cluster's name")


def run(wanted):
    if cluster.look().name != wanted.name:
        rabbitmq.tell("set_cluster_name", wanted.name)
