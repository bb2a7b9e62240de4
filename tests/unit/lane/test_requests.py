"""What goes to the process with ansible-core in it."""

from __future__ import annotations

import pickle

from weft.content.lane.request import LaneRequest, RoleAt
from weft.content.vault import Secret
from weft.model.values import Origin, Trusted, VaultText


def request() -> LaneRequest:
    return LaneRequest(
        host="h1",
        action="shout",
        fqcn="ansible.legacy.shout",
        args={"password": "hunter2"},
        variables={"secret": "hunter2", "deep": Trusted("{{ secret }}"), "sealed": VaultText("$ANSIBLE_VAULT;hunter2")},
        keywords={"environment": ["hunter2"]},
        options={"verbosity": 0},
        delegate_variables={"secret": "hunter2"},
        origin=Origin("play.yml", 3, 5),
        role=RoleAt(name="r", path="/r"),
        basedir="/",
        connection_password="hunter2",
        become_password="hunter2",
    )


def test_nothing_secret_is_shown() -> None:
    assert "hunter2" not in repr(request())
    assert "hunter2" not in repr(Secret("default", b"hunter2"))
    assert "action='shout'" in repr(request())


def test_it_arrives_as_it_was_sent() -> None:
    arrived = pickle.loads(pickle.dumps(request()))
    sent = request()
    assert (arrived.args, arrived.keywords, arrived.origin) == (sent.args, sent.keywords, sent.origin)
    assert (arrived.role, arrived.become_password) == (sent.role, "hunter2")
    assert isinstance(arrived.variables["deep"], Trusted)
    assert isinstance(arrived.variables["sealed"], VaultText)
