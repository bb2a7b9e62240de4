"""What a connection to one host will be: everything ssh's options say, typed, with what only ssh itself can do named.

Pure: a target and the files' sections in, a ``Plan`` out. ``native`` carries it out; where ``unsupported`` isn't empty
the OpenSSH client does.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable

from msgspec import Struct, field
from msgspec.structs import replace

from weft.connection.api import Target
from weft.connection.ssh.arguments import CommandLine, parse_arguments
from weft.connection.ssh.resolve import Question, Values, expand, expand_path, hostname, matches, resolve, tokens
from weft.connection.ssh.syntax import BadConfig, Section, Setting, asks_a_program, read

DEFAULT_IDENTITIES = ("id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk")
DEFAULT_METHODS = ("gssapi-with-mic", "hostbased", "publickey", "keyboard-interactive", "password")
#: Seconds between signs of life that we ask for, and how many may fail, where the user says nothing.
KEEPALIVE = (15.0, 4)
_MAX_JUMPS = 8
_YES = ("yes", "true", "on")

#: What a run of ansible has no use for, or what changes nothing that it could see.
_HARMLESS = {
    "addkeystoagent", "batchmode", "canonicaldomains", "canonicalizefallbacklocal", "canonicalizemaxdots",
    "canonicalizepermittedcnames", "channeltimeout", "cipher", "clearallforwardings", "compressionlevel",
    "controlmaster", "controlpath", "controlpersist", "enableescapecommandline", "enablesshkeysign", "escapechar",
    "exitonforwardfailure", "fingerprinthash", "forkafterauthentication", "forwardx11timeout", "gatewayports",
    "hostbasedacceptedalgorithms", "ignoreunknown", "ipqos", "localcommand", "loglevel", "logverbose",
    "numberofpasswordprompts", "obscurekeystroketiming", "permitremoteopen", "protocol", "proxyusefdpass",
    "remotecommand", "requesttty", "rhostsrsaauthentication", "rsaauthentication", "sessiontype", "stdinnull",
    "streamlocalbindmask", "streamlocalbindunlink", "syslogfacility", "tunneldevice", "updatehostkeys", "usekeychain",
    "useprivilegedport", "useroaming", "versionaddendum", "visualhostkey", "warnweakcrypto", "xauthlocation",
}  # fmt: skip
#: For people at a terminal: of no use here when a file says so, meant when the arguments do.
_INTERACTIVE = {"dynamicforward", "forwardx11", "forwardx11trusted", "localforward", "remoteforward", "tunnel"}
#: Fine when they say no (or none); else only ssh itself can do it.
_MUST_BE_OFF = {
    "bindinterface", "canonicalizehostname", "checkhostip", "gssapiclientidentity", "gssapikeyexchange",
    "gssapirenewalforcesrekey", "gssapiserveridentity", "gssapitrustdns", "hostbasedauthentication",
    "knownhostscommand", "nohostauthenticationforlocalhost", "permitlocalcommand", "pkcs11provider",
    "refuseconnection", "requiredrsasize", "revokedhostkeys", "securitykeyprovider", "verifyhostkeydns",
}  # fmt: skip
_HANDLED = {
    "addressfamily", "bindaddress", "casignaturealgorithms", "certificatefile", "ciphers", "compression",
    "connectionattempts", "connecttimeout", "forwardagent", "globalknownhostsfile", "gssapiauthentication",
    "gssapidelegatecredentials", "hashknownhosts", "host", "hostkeyalgorithms", "hostkeyalias", "hostname",
    "identitiesonly", "identityagent", "identityfile", "kbdinteractiveauthentication", "kbdinteractivedevices",
    "kexalgorithms", "macs", "passwordauthentication", "port", "preferredauthentications", "proxycommand",
    "proxyjump", "pubkeyacceptedalgorithms", "pubkeyauthentication", "rekeylimit", "sendenv", "serveralivecountmax",
    "serveraliveinterval", "setenv", "stricthostkeychecking", "tag", "tcpkeepalive", "user", "userknownhostsfile",
}  # fmt: skip


class HostKeys(Struct, frozen=True, kw_only=True):
    """How the host's key is checked."""

    strict: str = "ask"  # yes | ask | accept-new | no
    name: str = ""  # as known_hosts has it: host, [host]:port, or the alias
    plain_name: str | None = None  # a second name to look for, without the port
    user_files: tuple[str, ...] = ()
    global_files: tuple[str, ...] = ()
    hash_new: bool = False


class Plan(Struct, frozen=True, kw_only=True):
    """How to connect to one host. Times in seconds."""

    alias: str
    host: str
    port: int = 22
    user: str
    family: int = socket.AF_UNSPEC
    bind_address: str | None = None
    connect_timeout: float = 10.0
    attempts: int = 1
    proxy_command: str | None = None
    jump: Plan | None = None
    host_keys: HostKeys = HostKeys()
    methods: tuple[str, ...] = DEFAULT_METHODS
    identities: tuple[str, ...] = ()
    told_identities: bool = False  # they were asked for by name: one that is missing is worth a word
    certificates: tuple[str, ...] = ()
    identities_only: bool = False
    agent: str | None = None  # the agent's socket
    forward_agent: str | None = None
    gssapi: bool = False
    gssapi_delegate: bool = False
    ciphers: str | None = None
    macs: str | None = None
    kex: str | None = None
    host_key_algorithms: str | None = None
    pubkey_algorithms: str | None = None
    ca_algorithms: str | None = None
    compression: bool = False
    tcp_keepalive: bool = True
    keepalive: tuple[float, int] = KEEPALIVE
    rekey: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    unsupported: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        return f"{self.host} port {self.port}"


class Files(Struct):
    """The configuration files of a run, each read once."""

    user_path: str = "~/.ssh/config"
    system_path: str = "/etc/ssh/ssh_config"
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    _read: dict[str, tuple[Section, ...]] = field(default_factory=dict)

    def sections(self, named: str | None) -> list[tuple[Section, ...]]:
        """Those that count: the usual two, or the one that ``-F`` names. Raises BadConfig."""
        if named is not None:
            return [] if named == "none" else [self._one(named, user=True, must_exist=True)]
        return [self._one(self.user_path, user=True), self._one(self.system_path, user=False)]

    def at_hand(self, named: str | None) -> bool:
        """Whether ``sections`` has nothing to read, and no program is to be run to see which of them count."""
        return self.has_read(named) and not any(asks_a_program(one) for file in self.sections(named) for one in file)

    def has_read(self, named: str | None) -> bool:
        """Whether ``sections`` has nothing to read."""
        paths = (self.user_path, self.system_path) if named is None else (named,)
        return named == "none" or all(path in self._read for path in paths)

    def _one(self, path: str, *, user: bool, must_exist: bool = False) -> tuple[Section, ...]:
        if path not in self._read:
            try:
                self._read[path] = read(path, user=user, must_exist=must_exist)
            except OSError as error:
                raise BadConfig(f"Can't open user config file {path}: {error.strerror}") from None
        return self._read[path]


def make(target: Target, files: Files, local_user: str, line: CommandLine | None = None) -> Plan:
    """The plan for a target; ``line``: its command line, if that is known already. Raises BadConfig."""
    line = line or command_line(target)
    address = target.address or target.host
    plan = _plan(address, line.settings, files, local_user, line.file, 0)
    return replace(plan, unsupported=(*plan.unsupported, *line.unknown)) if line.unknown else plan


def command_line(target: Target) -> CommandLine:
    """All that would stand on ssh's command line, in the order in which ansible's ssh plugin writes it."""
    own: list[Setting] = []

    def say(keyword: str, *args: str) -> None:
        own.append(Setting(keyword, args, "<target>"))

    if not target.host_key_checking:
        say("stricthostkeychecking", "no")
    if target.port is not None:
        say("port", str(target.port))
    if target.private_key is not None:
        say("identitiesonly", "yes")
    elif target.private_key_file:
        say("identityfile", target.private_key_file)
    if target.password is None:
        say("kbdinteractiveauthentication", "no")
        say("preferredauthentications", "gssapi-with-mic,gssapi-keyex,hostbased,publickey")
        say("passwordauthentication", "no")
    if target.user:
        say("user", target.user)
    say("connecttimeout", str(target.timeout))
    pkcs11 = dict(target.extra).get("pkcs11_provider")
    if pkcs11:
        say("pkcs11provider", pkcs11)
    first = parse_arguments(target.ssh_args or "")
    common, extra = parse_arguments(target.ssh_common_args), parse_arguments(target.ssh_extra_args)
    named = next((part.file for part in (extra, common, first) if part.file is not None), None)
    return CommandLine(
        (*first.settings, *own, *common.settings, *extra.settings),
        named,
        (*first.unknown, *common.unknown, *extra.unknown),
    )


def _plan(
    address: str, settings: tuple[Setting, ...], files: Files, local_user: str, named: str | None, depth: int
) -> Plan:
    question = Question(address, settings, local_user)
    values = resolve(question, files.sections(named))
    known = tokens(values, question)
    host, port = hostname(values, address).lower(), int(values.get("port") or 22)
    if not 0 < port < 65536:
        raise BadConfig(f"Bad port '{port}'.")
    missing = [*_unsupported(values), *(f"Match {name}" for name in values.unknown_criteria)]
    jump = _jump(values, files, local_user, named, depth)
    if jump is not None and jump.unsupported:
        missing += jump.unsupported
    command = _none(values.get("proxycommand"))
    gssapi, why_not = _gssapi(values)
    paths = _Paths(values, known)
    return Plan(
        alias=address,
        host=host,
        port=port,
        user=values.get("user") or local_user,
        family={"inet": socket.AF_INET, "inet6": socket.AF_INET6}.get(values.get("addressfamily") or "", 0),
        bind_address=values.get("bindaddress"),
        connect_timeout=_seconds(values.get("connecttimeout"), 10.0),
        attempts=int(values.get("connectionattempts") or 1),
        proxy_command=expand(command, known) if command and jump is None else None,
        jump=jump,
        host_keys=_host_keys(values, paths, host, port),
        methods=_methods(values, gssapi),
        identities=paths.several("identityfile")
        or tuple(os.path.expanduser(f"~/.ssh/{name}") for name in DEFAULT_IDENTITIES),
        told_identities=bool(values.each("identityfile")),
        certificates=paths.several("certificatefile"),
        identities_only=_on(values, "identitiesonly"),
        agent=paths.socket(values.get("identityagent"), files.environment),
        forward_agent=paths.forwarded(values.get("forwardagent"), files.environment),
        gssapi=gssapi,
        gssapi_delegate=_on(values, "gssapidelegatecredentials"),
        ciphers=values.get("ciphers"),
        macs=values.get("macs"),
        kex=values.get("kexalgorithms"),
        host_key_algorithms=values.get("hostkeyalgorithms"),
        pubkey_algorithms=values.get("pubkeyacceptedalgorithms"),
        ca_algorithms=values.get("casignaturealgorithms"),
        compression=_on(values, "compression"),
        tcp_keepalive=_on(values, "tcpkeepalive", True),
        keepalive=_keepalive(values),
        rekey=values.all("rekeylimit"),
        environment=_environment(values, files.environment),
        unsupported=(*missing, *why_not),
    )


def _unsupported(values: Values) -> Iterable[str]:
    """Settings that only the OpenSSH client can carry out (or refuse)."""
    ignored = [pattern for arg in values.all("ignoreunknown") for pattern in arg.lower().split(",")]
    for setting in values.settings():
        keyword, value = setting.keyword, (setting.args[0].lower() if setting.args else "")
        if keyword in _HANDLED or keyword in _HARMLESS:
            continue
        if keyword in _INTERACTIVE and (setting.where != "<arguments>" or value in ("no", "none")):
            continue
        if keyword in _MUST_BE_OFF and value in ("no", "none", "false", "off", "0", ""):
            continue
        if keyword not in _MUST_BE_OFF | _INTERACTIVE and matches(ignored, keyword):
            continue
        yield f"{keyword} ({setting.where})"


def _gssapi(values: Values) -> tuple[bool, list[str]]:
    """Whether to offer Kerberos. A distribution's file that says yes for everybody doesn't mean that it is wanted."""
    setting = values.first.get("gssapiauthentication")
    if setting is None or setting.args[0].lower() not in _YES:
        return False, []
    import importlib.util

    if importlib.util.find_spec("gssapi") is not None:
        return True, []
    asked = not setting.where.startswith("/etc/ssh/")
    return False, [f"gssapiauthentication ({setting.where})"] if asked else []


def _methods(values: Values, gssapi: bool) -> tuple[str, ...]:
    preferred = values.get("preferredauthentications")
    wanted = preferred.split(",") if preferred else DEFAULT_METHODS
    allowed = {
        "publickey": (values.get("pubkeyauthentication") or "yes").lower() not in ("no", "false"),
        "password": _on(values, "passwordauthentication", True),
        "keyboard-interactive": _on(values, "kbdinteractiveauthentication", True),
        "gssapi-with-mic": gssapi,
    }
    return tuple(method for method in wanted if allowed.get(method, False))


def _host_keys(values: Values, paths: _Paths, host: str, port: int) -> HostKeys:
    strict = (values.get("stricthostkeychecking") or "ask").lower()
    alias = values.get("hostkeyalias")
    with_port = host if port == 22 else f"[{host}]:{port}"
    return HostKeys(
        strict={"true": "yes", "false": "no", "off": "no"}.get(strict, strict),
        name=alias or with_port,
        plain_name=host if alias is None and port != 22 else None,
        user_files=paths.listed("userknownhostsfile", ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")),
        global_files=paths.listed("globalknownhostsfile", ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")),
        hash_new=_on(values, "hashknownhosts"),
    )


def _keepalive(values: Values) -> tuple[float, int]:
    interval, count = values.get("serveraliveinterval"), values.get("serveralivecountmax")
    return (
        KEEPALIVE[0] if interval is None else _seconds(interval, 0.0),
        int(count) if count else (KEEPALIVE[1] if interval is None else 3),
    )


def _environment(values: Values, here: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """What SendEnv and SetEnv have sent along."""
    patterns: list[str] = []
    for pattern in values.each("sendenv"):
        if pattern.startswith("-"):
            patterns = [known for known in patterns if not matches([pattern[1:]], known)]
        else:
            patterns.append(pattern)
    sent = {name: value for name, value in here.items() if patterns and matches(patterns, name)}
    sent.update((name, value) for name, found, value in (arg.partition("=") for arg in values.all("setenv")) if found)
    return tuple(sent.items())


def _jump(values: Values, files: Files, local_user: str, named: str | None, depth: int) -> Plan | None:
    """The plan for the host that the connection goes through; it may have one of its own."""
    spec = _none(values.get("proxyjump"))
    first = next((keyword for keyword in values.first if keyword in ("proxycommand", "proxyjump")), None)
    if spec is None or first == "proxycommand":  # the first of the two that is obtained counts
        return None
    if depth >= _MAX_JUMPS:
        raise BadConfig(f"too many jump hosts: {spec}")
    earlier, _, last = spec.rpartition(",")
    user, host, port = _endpoint(last.strip())
    settings = [Setting("user", (user,), "<arguments>")] if user else []
    settings += [Setting("port", (port,), "<arguments>")] if port else []
    settings += [Setting("proxyjump", (earlier,), "<arguments>")] if earlier else []
    return _plan(host, tuple(settings), files, local_user, named, depth + 1)


def _endpoint(spec: str) -> tuple[str, str, str]:
    """User, host and port of ``[ssh://][user@]host[:port]``."""
    spec = spec.removeprefix("ssh://")
    user, _, rest = spec.rpartition("@")
    if rest.startswith("["):
        host, _, port = rest[1:].partition("]")
        return user, host, port.lstrip(":")
    if rest.count(":") > 1:
        return user, rest, ""
    host, _, port = rest.partition(":")
    return user, host, port


class _Paths:
    """Values that are paths, expanded."""

    def __init__(self, values: Values, known: dict[str, str]) -> None:
        self._values = values
        self._known = known

    def several(self, keyword: str) -> tuple[str, ...]:
        named = [text for text in self._values.each(keyword) if text.lower() != "none"]
        return tuple(dict.fromkeys(expand_path(text, self._known) for text in named))

    def listed(self, keyword: str, default: tuple[str, ...]) -> tuple[str, ...]:
        named = self._values.all(keyword) or default
        return tuple(expand_path(text, self._known) for text in named if text.lower() != "none")

    def socket(self, text: str | None, environment: dict[str, str]) -> str | None:
        """The agent's socket: none, one by path, or what a variable says."""
        if text is None or text == "SSH_AUTH_SOCK":
            return environment.get("SSH_AUTH_SOCK") or None
        if text.lower() == "none":
            return None
        if text.startswith("$") and not text.startswith("${"):
            return environment.get(text[1:]) or None
        return expand_path(text, self._known)

    def forwarded(self, text: str | None, environment: dict[str, str]) -> str | None:
        if text is None or text.lower() in ("no", "false", "off"):
            return None
        return self.socket("SSH_AUTH_SOCK" if text.lower() in _YES else text, environment)


def _on(values: Values, keyword: str, default: bool = False) -> bool:
    value = values.get(keyword)
    return default if value is None else value.lower() in _YES


def _none(value: str | None) -> str | None:
    return None if value is None or value.lower() == "none" or not value else value


def _seconds(text: str | None, default: float) -> float:
    """A time as sshd_config(5) has it: ``90``, ``1m30s``. Raises BadConfig."""
    if text is None or text.lower() == "none":
        return default
    total, number = 0.0, ""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
    for char in text.lower():
        if char.isdigit() or char == ".":
            number += char
        elif char in units and number:
            total, number = total + float(number) * units[char], ""
        else:
            raise BadConfig(f"{text!r} is no time")
    return total + (float(number) if number else 0.0)
