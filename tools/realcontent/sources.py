"""Which repositories are compared, and how their content is laid out for the two commands."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

GITHUB = "https://github.com"


@dataclass(frozen=True, slots=True)
class Source:
    """A repository: ``owner/name`` at GitHub, and which inventory its playbooks are listed with.

    ``inventory`` is relative to the repository; without one, every playbook gets the hosts `web1`, `web2` and `db1`.
    ``below`` limits the playbooks to these folders. ``role`` is the name by which playbooks ask for a repository that
    is a role.
    """

    name: str
    inventory: str | None = None
    below: tuple[str, ...] = ("",)
    role: str | None = None


def role(name: str, role_name: str) -> Source:
    return Source(name, role=role_name)


#: The roles of one author that the examples and many playbooks build on.
_GEERLINGGUY = """
    apache certbot docker elasticsearch elasticsearch-curator filebeat firewall git gitlab glusterfs
    haproxy java jenkins kibana kubernetes logstash memcached mysql nfs nginx nodejs ntp passenger
    php php-memcached php-mysql pip postfix postgresql redis repo-epel ruby samba security solr swap
    varnish
"""

SOURCES = (
    Source("kubernetes-sigs/kubespray", inventory="inventory/local/hosts.ini"),
    Source("geerlingguy/ansible-for-devops"),
    *(role(f"geerlingguy/ansible-role-{name}", f"geerlingguy.{name}") for name in _GEERLINGGUY.split()),
    role("DataDog/ansible-datadog", "datadog.datadog"),
    role("ansible-lockdown/RHEL9-CIS", "rhel9_cis"),
    role("cloudalchemy/ansible-node-exporter", "cloudalchemy.node_exporter"),
    role("elastic/ansible-elasticsearch", "elastic.elasticsearch"),
    role("jnv/ansible-role-unattended-upgrades", "jnv.unattended-upgrades"),
    role("konstruktoid/ansible-role-hardening", "konstruktoid.hardening"),
    role("linux-system-roles/network", "linux-system-roles.network"),
    role("linux-system-roles/timesync", "linux-system-roles.timesync"),
    role("nginxinc/ansible-role-nginx", "nginxinc.nginx"),
    role("nickjj/ansible-docker", "nickjj.docker"),
    role("robertdebock/ansible-role-bootstrap", "robertdebock.bootstrap"),
    role("robertdebock/ansible-role-cron", "robertdebock.cron"),
    role("willshersystems/ansible-sshd", "willshersystems.sshd"),
    Source("ansible/ansible-examples"),
    Source("ceph/ceph-ansible"),
    Source("dev-sec/ansible-collection-hardening"),
    Source("geerlingguy/mac-dev-playbook"),
    Source("k3s-io/k3s-ansible"),
    Source("openshift/openshift-ansible"),
    Source("openstack/kolla-ansible"),
    Source("openstack/openstack-ansible"),
    Source("prometheus-community/ansible"),
    Source("roots/trellis"),
    Source("sovereign/sovereign"),
    Source("spantaleev/matrix-docker-ansible-deploy", below=("setup.yml", "jitsi_jvb.yml")),
    Source("trailofbits/algo"),
    Source("debops/debops", below=("ansible/playbooks",)),
)

_MAY_BE_PLAYBOOK = re.compile(r"^[-{ ].*(hosts|import_playbook)['\"]?:", re.M)
PLAY_KEYS = {"hosts", "import_playbook", "ansible.builtin.import_playbook"}


class Content:
    """The checkouts below ``folder``, as ``owner/name``; what is missing is cloned there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def checkout(self, source: Source) -> Path:
        """Raises CalledProcessError where it is missing and can't be cloned."""
        path = self.folder / source.name
        if not path.is_dir() or not any(path.iterdir()):
            subprocess.run(
                ["git", "clone", "--quiet", "--depth", "1", f"{GITHUB}/{source.name}", str(path)], check=True
            )
        return path

    def playbooks(self, source: Source) -> list[Path]:
        """All of a repository's playbooks, and one that applies the role if it is one."""
        root = self.checkout(source)
        found = {path for below in source.below for path in _yaml_files(root / below) if _is_playbook(path)}
        return sorted(found)

    def lay_out(self, scratch: Path) -> dict[str, str]:
        """Links that make roles and collections findable by name, below ``scratch``; returns the environment for it."""
        roles = scratch / "roles"
        collections = scratch / "collections"
        for source in SOURCES:
            root = self.checkout(source)
            if source.role:
                _link(roles / source.role, root)
            for manifest in (root / "galaxy.yml", root / "ansible" / "galaxy.yml"):
                if manifest.is_file():
                    data = yaml.safe_load(manifest.read_text())
                    if isinstance(data, dict) and "namespace" in data:
                        home = collections / "ansible_collections" / data["namespace"]
                        _link(home / data["name"], manifest.parent)
        return {"ANSIBLE_ROLES_PATH": str(roles), "ANSIBLE_COLLECTIONS_PATH": str(collections)}

    def role_playbooks(self, scratch: Path) -> Iterator[tuple[Source, Path]]:
        """A playbook for each role that applies it and nothing else."""
        for source in SOURCES:
            if source.role:
                path = scratch / "plays" / f"{source.role}.yml"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"- hosts: all\n  become: true\n  roles:\n    - role: {source.role}\n")
                yield source, path


def working_folder(playbook: Path, root: Path) -> Path:
    """Where a user would stand to play it: the nearest folder with an ansible.cfg, or else the playbook's own."""
    for folder in playbook.parents:
        if (folder / "ansible.cfg").is_file():
            return folder
        if folder == root:
            break
    return playbook.parent


def roles_path(folder: Path, layout: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command in ``folder``: its ansible.cfg's roles come before those of the layout."""
    parser = configparser.RawConfigParser(strict=False)
    parser.read(folder / "ansible.cfg")
    own = parser.get("defaults", "roles_path", fallback="").split(":")
    places = [str(folder / os.path.expandvars(place)) for place in own if place]
    return {"ANSIBLE_ROLES_PATH": ":".join([*places, layout["ANSIBLE_ROLES_PATH"]])}


def _link(at: Path, target: Path) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    if not at.is_symlink():
        at.symlink_to(target)


def _yaml_files(start: Path) -> Iterator[Path]:
    if start.is_file():
        yield start
        return
    for folder, names, files in os.walk(start):
        names[:] = sorted(name for name in names if not name.startswith(".") or name == ".ci")
        for file in files:
            if file.endswith((".yml", ".yaml")):
                yield Path(folder, file)


class _AnyTag(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads every document: what a tag means doesn't matter for what is asked here."""


_AnyTag.add_multi_constructor("", lambda loader, suffix, node: None)  # type: ignore[no-untyped-call]


def _is_playbook(path: Path) -> bool:
    try:
        text = path.read_text()
        if not _MAY_BE_PLAYBOOK.search(text):
            return False
        data = yaml.load(text, _AnyTag)
    except (OSError, ValueError, yaml.YAMLError):
        return False
    return (
        isinstance(data, list) and bool(data) and all(isinstance(one, dict) and PLAY_KEYS & one.keys() for one in data)
    )
