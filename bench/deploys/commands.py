"""The commands workload for pyinfra; `--data count=N` says how many."""

from pyinfra import host
from pyinfra.operations import server

for number in range(int(host.data.count)):
    server.shell(name=f"command {number}", commands=["/bin/true"])
