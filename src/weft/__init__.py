"""weft runs Ansible playbooks, many times faster, with concurrency as part of the language."""

__version__ = "0.1.0"
