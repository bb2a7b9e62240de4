"""The local workload for pyinfra: the least it can do on this machine."""

from pyinfra.operations import python


def say():
    print("hello")


python.call(name="say", function=say)
